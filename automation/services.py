"""What people do to robots: switch rules, and skip, move or hasten what is planned for a record."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from automation import dates, engine, schedule
from automation.acting import note
from automation.actions import Outcome
from automation.models import Rule, ScheduledRun
from automation.rulebook import RULES
from crm import clock, scope
from crm.actors import Actor
from crm.errors import InvalidInput, StageConflict
from crm.models import StagedRecord, record_model
from crm.settings_audit import require_head, save_audited
from crm.together import apart
from crm.visibility import visible_record

State = ScheduledRun.State
CHANGEABLE = (State.SCHEDULED, State.FAILED)


@apart
def rule_switch(rule: Rule, *, is_active: bool, by: Any) -> Rule:
    """Switch a rule on or off; what it has planned is not carried out while it is off."""
    require_head(by)
    if is_active and not rule.is_active:
        rule.switched_on_at = clock.now()
    save_audited("rule", rule, {"is_active": is_active}, by=by)
    scope.forget(RULES)
    return rule


@apart
def skip(run_id: int, by: Any) -> ScheduledRun:
    """Do not do it this time; skipping twice changes nothing."""
    run, record = _reachable(run_id, by)
    if run.state in CHANGEABLE:
        run.state, run.finished_at = State.CANCELLED, clock.now()
        run.note = _("Skipped by %(name)s") % {"name": Actor.of(by).name}
        run.save(update_fields=["state", "finished_at", "note"])
        note(run.rule, record, Outcome("skipped", {"name": Actor.of(by).name}), by=Actor.of(by))
    return run


@apart
def postpone(run_id: int, by: Any, *, due_at: datetime) -> ScheduledRun:
    """Do it at another moment, chosen by hand; settings changed later do not move it any more."""
    if due_at < clock.now():
        raise InvalidInput(
            _("Choose a day that is still to come."),
            errors=[{"pointer": "/due_at", "code": "past", "message": _("Choose a day that is still to come.")}],
        )
    run, record = _reachable(run_id, by)
    if run.state not in CHANGEABLE:
        raise StageConflict(_("This has been done or called off meanwhile."))
    run.state, run.due_at, run.is_moved = State.SCHEDULED, due_at, True
    run.save(update_fields=["state", "due_at", "is_moved"])
    day = f"{due_at.astimezone(clock.company_zone()):%d.%m.%Y}"
    note(run.rule, record, Outcome("postponed", {"name": Actor.of(by).name, "day": day}), by=Actor.of(by))
    return run


def run_now(run_id: int, by: Any) -> ScheduledRun:
    """Do it at once instead of on its day; answers the run with how it ended."""
    now = clock.now()
    run, _record = _reachable(run_id, by)
    # The same claim as a worker's: whoever of the two is first does it.
    mine = ScheduledRun.objects.filter(pk=run.pk, state__in=CHANGEABLE)
    if not mine.update(state=State.RUNNING, claimed_at=now, attempts=run.attempts + 1, due_at=now):
        raise StageConflict(_("This has been done or called off meanwhile."))
    return engine.carry_out(run.pk, by_hand=True)


REPLANNED_AT_ONCE = 500


def batched(rows: Iterable[ScheduledRun], size: int) -> Iterator[tuple[ScheduledRun, ...]]:
    """The rows in tuples of at most so many."""
    left = iter(rows)
    while batch := tuple(islice(left, size)):
        yield batch


def replan(rule: Rule | None = None) -> int:
    """Bring what is planned (of one rule, or of all) in step with days that were changed; answers how many moved.

    Read in batches; what stands as it should costs no query of its own.
    """
    mine = {} if rule is None else {"rule": rule}
    waiting = ScheduledRun.objects.filter(
        state=State.SCHEDULED, is_moved=False, attempts=0, planned_from__isnull=False, **mine
    )
    rows = waiting.select_related("rule__pipeline").order_by("pk").iterator(chunk_size=REPLANNED_AT_ONCE)
    return sum(_replan(list(batch), of_all=rule is None) for batch in batched(rows, REPLANNED_AT_ONCE))


# The settings do not say when these are due: a date of the record does, or the day of an invoice.
BY_THEIR_DAY = frozenset({Rule.Trigger.DATE_REACHED, Rule.Trigger.INVOICE_OVERDUE})


def _replan(runs: list[ScheduledRun], *, of_all: bool) -> int:
    dated = [run for run in runs if run.rule.trigger == Rule.Trigger.DATE_REACHED]
    later: dict[datetime, list[int]] = defaultdict(list)
    for run in runs:
        if run.rule.trigger in BY_THEIR_DAY or run.planned_from is None:
            continue
        if of_all and not schedule.is_delayed(run.rule):
            continue
        due = schedule.due_at(run.rule, run.planned_from, stage=run.stage_key)
        if due != run.due_at:
            later[due].append(run.pk)
    moved = sum(
        ScheduledRun.objects.filter(pk__in=pks, state=State.SCHEDULED, is_moved=False).update(due_at=due)
        for due, pks in later.items()
    )
    return moved + _follow_dates(dated)


def _follow_dates(runs: list[ScheduledRun]) -> int:
    """Bring the plans of rules of a date in step with the records' dates; answers how many moved."""
    moved = 0
    for record_type in {run.record_type for run in runs}:
        manager: Any = record_model(record_type)._default_manager
        mine = [run for run in runs if run.record_type == record_type]
        known = manager.alive().in_bulk([run.record_id for run in mine])
        for run in mine:
            record = known.get(run.record_id)
            if record is None or dates.is_in_step(run, record):
                continue
            dates.follow_date(run.rule, record)
            moved += not ScheduledRun.objects.filter(pk=run.pk, state=State.SCHEDULED, due_at=run.due_at).exists()
    return moved


PLANNED_BY = {"delayed_demand_days", "company_time_zone", "working_hours", "working_days", "calendar"}


def follow_settings(changed: Mapping[str, Any], by: Any) -> None:
    """Days, hours or the time zone were changed in the settings: what is planned moves with them."""
    del by
    if changed.keys() & PLANNED_BY:
        replan()


def _reachable(run_id: int, by: Any) -> tuple[ScheduledRun, StagedRecord]:
    """The run, locked, and its record; DoesNotExist for whoever may not change the record, and for partners."""
    run = ScheduledRun.objects.select_related("rule").get(pk=run_id)
    user = Actor.of(by).user
    if user is None or user.is_partner:
        raise ScheduledRun.DoesNotExist
    record = visible_record(run.record_type, run.record_id, user, "change")
    if record is None:
        raise ScheduledRun.DoesNotExist
    if transaction.get_connection().in_atomic_block:
        run = ScheduledRun.objects.select_for_update(of=("self",)).select_related("rule").get(pk=run_id)
    return run, record
