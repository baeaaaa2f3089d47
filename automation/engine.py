"""The engine of rules: a worker carries out what is due; what events start is in automation.occasions.

A planned run is a row. It is claimed by one conditional UPDATE, carried out in one transaction with its result, and
given up when the record has left the stage it was planned in. What a killed worker had begun is rolled back with its
transaction, so the row can simply be taken up again: nothing is done twice, letters leave through the outbox alone.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db.models import F, Q
from django.utils import translation
from django.utils.translation import gettext as _

from automation import dates, invoices, schedule, silence
from automation.acting import act, locked, note, note_failure, words
from automation.actions import ACTIONS, Outcome, entry_of
from automation.models import Rule, ScheduledRun
from automation.occasions import FIRST_PAUSE
from automation.planning import plan, run_key
from automation.rulebook import known_rules
from crm import clock, conditions, events
from crm.claims import claim_one
from crm.models import record_model
from crm.together import on_its_own

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=10)
TOO_LATE = timedelta(days=7)
# What is taken up this soon after its moment is on time, though the working hours may just have ended.
ON_TIME = timedelta(hours=1)
MAX_ATTEMPTS = 5
State = ScheduledRun.State


class Lost(Exception):
    """The row was taken over meanwhile (the lease ran out): this attempt must leave no trace."""


def run_due(limit: int = 200, *, only: Q | None = None) -> int:
    """Carry out what is due; answers how many rows were taken up. Safe to run in many workers at once."""
    sweep()
    done = 0
    for _number in range(limit):
        now = clock.now()
        free = ScheduledRun.objects.filter(only or Q(), state=State.SCHEDULED, due_at__lte=now).order_by("due_at", "id")
        pk = claim_one(free, state=State.RUNNING, claimed_at=now, attempts=F("attempts") + 1)
        if pk is None:
            break
        carry_out(pk)
        done += 1
    return done


def plan_inactive() -> int:
    """Plan the rules for records where nothing has happened for so many days; answers how many runs were made.

    Each rule takes a record once per silence, and only so many a day: old data must not set off a flood.
    """
    made = 0
    for rule in known_rules():
        if rule.is_active and rule.trigger == Rule.Trigger.INACTIVE:
            made += sum(_plan_silence(rule, record) for record in silence.silent_records(rule))
    return made


def _plan_silence(rule: Rule, record: Any) -> bool:
    if not conditions.matches(rule.conditions, record):
        return False
    since = record.silent_since
    key = run_key(rule, record, f"q{int(since.timestamp())}")
    return plan(rule, record, key, planned_from=since, due_at=schedule.working_moment(clock.now()))[1]


def plan_overdue() -> int:
    """Plan the rules of invoices that were not paid in time, once for each; answers how many runs were made."""
    made = 0
    for rule in known_rules():
        if rule.is_active and rule.trigger == Rule.Trigger.INVOICE_OVERDUE:
            made += sum(plan_invoice(rule, document) for document in invoices.to_take(rule))
    return made


def plan_invoice(rule: Rule, document: Any) -> bool:
    """Plan the rule for an overdue invoice, for the next working moment; was it planned just now?"""
    key = run_key(rule, document.deal, invoices.occasion(document.pk))
    due = schedule.working_moment(clock.now())
    of_stay = rule.stage_id is not None
    return plan(rule, document.deal, key, planned_from=clock.now(), due_at=due, of_stay=of_stay)[1]


def sweep() -> int:
    """Rows whose worker died: their transaction was rolled back, so they are simply due again; answers how many."""
    return ScheduledRun.objects.filter(state=State.RUNNING, claimed_at__lt=clock.now() - LEASE).update(
        state=State.SCHEDULED
    )


def carry_out(pk: int, *, by_hand: bool = False) -> ScheduledRun:
    """Carry out one claimed run: act, or say why not; a failure is shown and put off.

    Outside working hours what was left undone waits for the morning, unless a person wants it now.
    """
    run = ScheduledRun.objects.select_related("rule__pipeline").get(pk=pk)
    try:
        with events.chained(run.depth), on_its_own(), translation.override(settings.LANGUAGE_CODE):
            _carry_out(run, by_hand=by_hand)
    except Lost:
        log.warning("run_taken_over", run_id=pk)
    except Exception as error:
        log.warning("rule_failed", run_id=pk, rule=run.rule.code, exc_info=True)
        _put_off(run, error)
    run.refresh_from_db()
    return run


def _carry_out(run: ScheduledRun, *, by_hand: bool) -> None:
    record = locked(run.record_type, run.record_id)
    if objection := _objection(run, record):
        _close(run, State.CANCELLED, objection)
        return
    if not by_hand and (morning := _next_opening(run)):
        _give_back(run, morning)
        return
    is_late = run.due_at < clock.now() - TOO_LATE and not ACTIONS[run.rule.action].is_late_ok
    if is_late:
        _close(run, State.MISSED, _("Its day passed while nothing was running."))
        data = {"rule": run.rule.name, "day": run.due_at.astimezone(clock.company_zone()).date().isoformat()}
        note(run.rule, record, Outcome("missed", data))
        return
    outcome = act(run.rule, record, lambda: run.key)
    _close(run, State.DONE, outcome.code if outcome else "")


def _objection(run: ScheduledRun, record: Any) -> str:
    """Why a planned run is not carried out any more; empty when it is."""
    if record is None:
        return _("The record is gone.")
    if record.pipeline_id != run.rule.pipeline_id:
        return _("The record is in another pipeline now.")
    if not run.rule.is_active:
        return _("The rule is switched off.")
    if run.rule.trigger == Rule.Trigger.DATE_REACHED and not run.is_moved and dates.is_over(run, record):
        return _("The date was moved, or the record is closed.")
    if run.rule.trigger == Rule.Trigger.INACTIVE and silence.broken(run, record):
        return _("Something happened meanwhile.")
    if run.rule.trigger == Rule.Trigger.INVOICE_OVERDUE and invoices.is_settled(run):
        return _("The invoice is paid, void or replaced.")
    if run.stage_key and (record.stage != run.stage_key or entry_of(record) != run.entry_id):
        return _("The record left the stage.")
    if not conditions.matches(run.rule.conditions, record):
        return _("The conditions do not hold any more.")
    return ""


def _next_opening(run: ScheduledRun) -> datetime | None:
    """When work begins again, for a delayed run that is late and found the company asleep; None to do it now."""
    now = clock.now()
    if run.is_moved or not schedule.is_delayed(run.rule) or now - run.due_at < ON_TIME:
        return None
    opening = schedule.working_moment(now)
    return opening if opening > now else None


def _give_back(run: ScheduledRun, due_at: datetime) -> None:
    """Leave a claimed run for later, as if this attempt had not been."""
    mine = ScheduledRun.objects.filter(pk=run.pk, state=State.RUNNING, attempts=run.attempts)
    if not mine.update(state=State.SCHEDULED, due_at=due_at, attempts=run.attempts - 1):
        raise Lost


def _close(run: ScheduledRun, state: str, note: str) -> None:
    mine = ScheduledRun.objects.filter(pk=run.pk, state=State.RUNNING, attempts=run.attempts)
    if not mine.update(state=state, finished_at=clock.now(), note=note):
        raise Lost


def _put_off(run: ScheduledRun, error: Exception) -> None:
    """Try again later, longer each time; after the last attempt the run is failed and stays on the record."""
    is_last = run.attempts >= MAX_ATTEMPTS
    columns: dict[str, Any] = (
        {"state": State.FAILED, "finished_at": clock.now()}
        if is_last
        else {
            "state": State.SCHEDULED,
            "due_at": clock.now() + FIRST_PAUSE * 5 ** (run.attempts - 1),
        }
    )
    mine = ScheduledRun.objects.filter(pk=run.pk, state=State.RUNNING, attempts=run.attempts)
    if mine.update(note=words(error), **columns):
        record = record_model(run.record_type)._default_manager.filter(pk=run.record_id).first()
        if record is not None:
            note_failure(run.rule, record, error, is_told=run.attempts == 1 or is_last)
