"""Rules of a date of the record ("3 days before the expected close"): the plan follows the date wherever it moves.

One run per date: a date that was served is not served again when it comes back, a plan for another one is let go.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _

from automation import schedule
from automation.models import Rule, ScheduledRun
from automation.planning import entry_occasion, plan, run_key
from automation.rulebook import is_of_stage
from crm import clock, conditions
from crm.models import StagedRecord

State = ScheduledRun.State


def follow_date(rule: Rule, record: StagedRecord) -> None:
    """Bring what the rule has planned for the record in step with the record's date as it is now."""
    day = _day(rule, record) if _is_about(rule, record) else None
    due = moment_of(rule, day) if day is not None else None
    key = _key(rule, record, day) if due is not None and day is not None else ""
    _let_go(rule, record, key)
    if due is None:
        return
    run, is_new = plan(rule, record, key, planned_from=clock.now(), due_at=due, of_stay=rule.stage_id is not None)
    if not is_new and run.due_at != due:
        ScheduledRun.objects.filter(pk=run.pk, state=State.SCHEDULED, is_moved=False).update(due_at=due)


def moment_of(rule: Rule, day: date) -> datetime | None:
    """When the rule is due for a date; now where its moment has passed and the date has not; None where both have."""
    due = schedule.date_due(rule, day)
    if due >= clock.now():
        return due
    return schedule.working_moment(clock.now()) if day >= clock.today() else None


def moment_for(rule: Rule, record: StagedRecord) -> datetime | None:
    """When the rule is due for a record by its date; None without one, or where it has gone by."""
    day = _day(rule, record)
    return moment_of(rule, day) if day is not None else None


def _day(rule: Rule, record: StagedRecord) -> date | None:
    value: Any = getattr(record, rule.date_field)
    return value.astimezone(clock.company_zone()).date() if isinstance(value, datetime) else value


def _is_about(rule: Rule, record: StagedRecord) -> bool:
    """Is the record one that the rule is about: at its stage, or open where it has none?"""
    if not rule.is_active or not is_of_stage(rule, record.stage) or (rule.stage_id is None and not record.is_open):
        return False
    return conditions.matches(rule.conditions, record)


def _key(rule: Rule, record: StagedRecord, day: date) -> str:
    entry = f":{entry_occasion(record)}" if rule.stage_id else ""
    return run_key(rule, record, f"d{day.isoformat()}{entry}")


def is_in_step(run: ScheduledRun, record: StagedRecord) -> bool:
    """Does a run stand exactly where the record's date puts it?"""
    rule = run.rule
    day = _day(rule, record) if _is_about(rule, record) else None
    return day is not None and run.key == _key(rule, record, day) and run.due_at == moment_of(rule, day)


def _let_go(rule: Rule, record: StagedRecord, key: str) -> None:
    """Call off what was planned for another date; its key is free again, for the date may come back."""
    others = ScheduledRun.objects.filter(
        rule=rule, record_type=record.RECORD_TYPE, record_id=record.pk, state=State.SCHEDULED, is_moved=False
    ).exclude(key=key)
    for run in others:
        run.key, run.state, run.finished_at = f"{run.key}:x{run.pk}", State.CANCELLED, clock.now()
        run.note = _("The date was moved.")
        run.save(update_fields=["key", "state", "finished_at", "note"])


def is_over(run: ScheduledRun, record: StagedRecord) -> bool:
    """Is the date for which a run was planned no longer the record's, or the record closed?"""
    rule = run.rule
    if rule.stage_id is None and not record.is_open:
        return True
    day = _day(rule, record)
    return day is None or run.key != _key(rule, record, day)
