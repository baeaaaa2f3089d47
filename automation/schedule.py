"""When a delayed rule is due: days of the company's calendar, within its working hours."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta

from automation.models import Rule, ScheduledRun
from crm import clock, norms, pipelines, preferences, working_time
from crm.working_time import WorkingTime
from deals import delayed_demand


def _step(code: str) -> Callable[[datetime, WorkingTime], datetime]:
    def due(start: datetime, work: WorkingTime) -> datetime:
        gaps = preferences.get("delayed_demand_days")
        steps = delayed_demand.plan(start, clock.company_zone(), gaps, work)
        return next(step.due_at for step in steps if step.code == code)

    return due


PLANS: dict[str, Callable[[datetime, WorkingTime], datetime]] = {
    f"delayed_demand.{code}": _step(code) for code in delayed_demand.STEP_CODES
}


# Rules that never act at once: their moment is the record's, not the event's.
OF_A_MOMENT = frozenset({Rule.Trigger.NORM_EXCEEDED, Rule.Trigger.DATE_REACHED, Rule.Trigger.INVOICE_OVERDUE})


def is_delayed(rule: Rule) -> bool:
    """Does the rule act later than at once?"""
    delays = rule.delay_plan or rule.delay_hours or rule.delay_days or rule.delay_working_days
    return bool(delays) or rule.trigger in OF_A_MOMENT


def due_at(rule: Rule, start: datetime, *, work: WorkingTime | None = None, stage: str = "") -> datetime:
    """The moment at which the rule is due for something that began at `start`; `work` is the company's unless given.

    `stage` is where the record stands: its norm says when a rule of the norm is due.
    """
    work = work or working_time.of_company()
    if rule.trigger == Rule.Trigger.NORM_EXCEEDED:
        return norms.due(pipelines.stage(stage), start) or start
    if rule.delay_plan:
        return PLANS[rule.delay_plan](start, work)
    zone = clock.company_zone()
    if rule.delay_hours:
        return work.next_moment(start + timedelta(hours=rule.delay_hours), zone)
    local = start.astimezone(zone)
    # Adding to a local day keeps the time on the clock when summer time begins or ends in between.
    day = local.date() + timedelta(days=rule.delay_days)
    for _number in range(rule.delay_working_days):
        day = work.working_day(day + timedelta(days=1))
    return work.place(day, local.time().replace(fold=0), zone)


def date_due(rule: Rule, day: date) -> datetime:
    """When a rule of a date is due: so many days from it, when work begins, on a day off the working day after it."""
    work = working_time.of_company()
    opens = work.hours[0] if work.hours else time.min
    return work.place(day + timedelta(days=rule.date_offset), opens, clock.company_zone())


def is_shifted(run: ScheduledRun) -> bool:
    """Do the working hours, and not the days alone, decide when the run is due?"""
    if run.is_moved or run.planned_from is None or not is_delayed(run.rule):
        return False
    # These are counted by the company's calendar to begin with.
    if run.rule.delay_working_days or run.rule.trigger in OF_A_MOMENT:
        return False
    return run.due_at != due_at(run.rule, run.planned_from, work=WorkingTime())


def working_moment(moment: datetime) -> datetime:
    """The moment itself within the company's working hours, else when they begin again."""
    return working_time.of_company().next_moment(moment, clock.company_zone())
