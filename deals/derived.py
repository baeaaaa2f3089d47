"""What follows from a deal's fields: title by template and amount from the lines, both until a hand sets them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from crm import preferences, titles
from deals.models import Deal, DealLine

TITLE_PARTS = ("object", "client", "area", "tonnage", "purpose", "city", "length", "width", "source")
TITLE_INPUTS = frozenset({*TITLE_PARTS, "contact", "company", "title", "__new__"})


def lines_total(deal: Deal) -> Decimal | None:
    """The sum of a deal's products and services; None while it has none."""
    if deal._state.adding:
        return None
    lines = list(DealLine.objects.filter(deal=deal))
    return sum((line.total for line in lines), Decimal(0)) if lines else None


def derive_amount(deal: Deal, changed: set[str]) -> set[str]:
    """An amount that the lines do not give is somebody's own; an emptied one follows the lines again."""
    if "amount" not in changed:
        return set()
    total = lines_total(deal)
    if deal.amount in {None, ""}:
        deal.amount = total
    given = Deal._meta.get_field("amount").to_python(deal.amount)
    deal.amount_is_manual = given is not None and given != total
    return {"amount", "amount_is_manual"}


def derive_title(deal: Deal, changed: set[str]) -> set[str]:
    """The title by the template of the settings, until it is changed by hand; an emptied one is automatic again."""
    if not changed & TITLE_INPUTS:
        return set()
    if "title" in changed:
        deal.title_is_manual = bool(str(deal.title or "").strip())
    if deal.title_is_manual:
        return {"title_is_manual"}
    template = preferences.get("deal_title_template")
    deal.title = titles.render_title(template, title_values(deal)) or _("New deal")
    return {"title", "title_is_manual"}


def title_values(deal: Deal) -> dict[str, Any]:
    """The values a title may use; where no object is linked yet, what is to be built stands for it."""
    sides = [titles.title_value(value) for value in (deal.width, deal.length)]
    building = " ".join(part for part in (str(deal.purpose or ""), "×".join(sides) if all(sides) else "") if part)
    return {
        "object": str(deal.object or building),
        "client": str(deal.client or ""),
        "area": deal.area,
        "tonnage": deal.tonnage,
        "purpose": str(deal.purpose or ""),
        "city": deal.city or deal.region,
        "length": deal.length,
        "width": deal.width,
        "source": str(deal.source or ""),
    }
