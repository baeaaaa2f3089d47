"""When a delayed rule is due: days of the company's calendar, at the same time on its clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from automation.models import Rule
from crm import clock, preferences
from deals import delayed_demand


def _step(code: str) -> Callable[[datetime], datetime]:
    def due(start: datetime) -> datetime:
        gaps = preferences.get("delayed_demand_days")
        steps = delayed_demand.plan(start, clock.company_zone(), gaps)
        return next(step.due_at for step in steps if step.code == code)

    return due


PLANS: dict[str, Callable[[datetime], datetime]] = {
    f"delayed_demand.{code}": _step(code) for code in delayed_demand.STEP_CODES
}


def is_delayed(rule: Rule) -> bool:
    """Does the rule act later than at once?"""
    return bool(rule.delay_plan or rule.delay_days)


def due_at(rule: Rule, start: datetime) -> datetime:
    """The moment at which the rule is due for something that began at `start`."""
    if rule.delay_plan:
        return PLANS[rule.delay_plan](start)
    local = start.astimezone(clock.company_zone())
    # Adding to a local time keeps the time on the clock when summer time begins or ends in between.
    return (local.replace(fold=0) + timedelta(days=rule.delay_days)).astimezone(UTC)
