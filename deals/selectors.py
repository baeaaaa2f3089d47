"""Questions about deals that more than one place asks."""

from __future__ import annotations

from crm import clock, preferences
from deals.delayed_demand import is_far
from deals.models import Deal


def starts_far(deal: Deal) -> bool:
    """Is construction to begin so late that the deal waits (DEAL-4)? Days and months of the company's calendar."""
    if deal.construction_start is None:
        return False
    return is_far(deal.construction_start, clock.today(), int(preferences.get("delayed_demand_months")))
