"""The engine of rules: events start them at once or plan them for later, a worker carries out what is due.

A planned run is a row. It is claimed by one conditional UPDATE, carried out in one transaction with its result, and
given up when the record has left the stage it was planned in. What a killed worker had begun is rolled back with its
transaction, so the row can simply be taken up again: nothing is done twice, letters leave through the outbox alone.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db.models import F, Q
from django.utils import translation
from django.utils.translation import gettext as _

from automation import schedule, silence
from automation.actions import ACTIONS, Context, Outcome, entry_of
from automation.models import Rule, RuleRun, ScheduledRun
from communications.services import messages_cancel
from crm import clock, conditions, scope, timeline
from crm.actors import Actor
from crm.claims import claim_one
from crm.errors import DomainError
from crm.models import Event, StagedRecord, record_model
from crm.prepared import MOMENT, NUMBER, TEXT, Kept, Prepared
from crm.rows import row
from crm.together import on_its_own

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=10)
TOO_LATE = timedelta(days=7)
# What is taken up this soon after its moment is on time, though the working hours may just have ended.
ON_TIME = timedelta(hours=1)
MAX_ATTEMPTS = 5
FIRST_PAUSE = timedelta(minutes=1)
RULES = "automation.rules"
# Actions that leave a letter in the outbox.
WRITES = frozenset({"send_message", "send_letter"})
State = ScheduledRun.State


class Lost(Exception):
    """The row was taken over meanwhile (the lease ran out): this attempt must leave no trace."""


# -- what events start ------------------------------------------------------------------------------------------------


def wants_created(record_type: str, _data: Mapping[str, Any]) -> bool:
    """Some rule waits for records of the kind to be made."""
    return bool(_rules(Rule.Trigger.CREATED, record_type))


def wants_stage(record_type: str, data: Mapping[str, Any]) -> bool:
    """A rule is bound to the stage entered, or anything may be planned in the one left."""
    return bool(_entry_rules(record_type, data)) or _may_hold(str(data.get("from") or ""))


def wants_fields(record_type: str, data: Mapping[str, Any]) -> bool:
    """Some rule watches one of the fields."""
    return bool(_field_rules(record_type, data))


def wants_contact(record_type: str, _data: Mapping[str, Any]) -> bool:
    """Something is planned or starts for records of the kind when their client makes contact."""
    return record_type in _ruled_types()


def _ruled_types() -> set[str]:
    """Kinds of record that have any rule, switched off ones too: they may have planned something before."""
    return {rule.pipeline.record_type for rule in _known_rules()}


def _may_hold(stage: str) -> bool:
    """May anything be planned, or a letter wait, for a record that stands at the stage? Switched off rules count too.

    A second attempt of a rule that failed is no plan: it finds by itself that the record has left the stage.
    """
    holds = [rule for rule in _known_rules() if schedule.is_delayed(rule) or rule.action in WRITES]
    return bool(stage) and any(_is_of_stage(rule, stage) for rule in holds)


def on_created(event: Event) -> None:
    """A record was made."""
    _start(event, _rules(Rule.Trigger.CREATED, event.record_type))


def on_stage_changed(event: Event) -> None:
    """A record left a stage and entered another: what was planned in the old one is off, the new one's rules start."""
    left = str(event.data.get("from") or "")
    if _may_hold(left):
        _call_off(event, _("The record left the stage."), left=left)
        _take_back_letters(event, left)
    _start(event, _entry_rules(event.record_type, event.data), stage=str(event.data["to"]))


def on_fields_changed(event: Event) -> None:
    """Fields of a record changed: rules that watch one of them start."""
    _start(event, _field_rules(event.record_type, event.data))


def on_client_contact(event: Event) -> None:
    """The client made contact: whatever would have reminded them is off, then the rules of contact start (DEAL-6)."""
    _call_off(event, _("The client made contact."))
    _start(event, _rules(Rule.Trigger.CLIENT_CONTACT, event.record_type))


_kept_rules = Kept(lambda: Rule.objects.select_related("pipeline"), list)


def _known_rules() -> list[Rule]:
    """All rules, switched off ones too; they are shared."""
    return scope.remember(RULES, _kept_rules.get)


def _rules(trigger: str, record_type: str) -> list[Rule]:
    known = [rule for rule in _known_rules() if rule.is_active]
    return [rule for rule in known if rule.trigger == trigger and rule.pipeline.record_type == record_type]


def _entry_rules(record_type: str, data: Mapping[str, Any]) -> list[Rule]:
    """The rules of the stage entered that have anything to do."""
    found = [r for r in _rules(Rule.Trigger.STAGE_ENTERED, record_type) if _is_of_stage(r, str(data["to"]))]
    return [rule for rule in found if not _is_idle(rule, data)]


def _field_rules(record_type: str, data: Mapping[str, Any]) -> list[Rule]:
    """The rules that watch one of the changed fields and have anything to do."""
    changed = set(data.get("fields", []))
    found = [rule for rule in _rules(Rule.Trigger.FIELD_CHANGED, record_type) if changed & set(rule.fields)]
    return [rule for rule in found if not _is_idle(rule, data)]


def _is_idle(rule: Rule, data: Mapping[str, Any]) -> bool:
    """Has the rule's action nothing to do, by the event's data alone? An unknown one is to fail where it is seen."""
    action = ACTIONS.get(rule.action)
    return action is not None and action.is_idle(data)


def _is_of_stage(rule: Rule, key: str) -> bool:
    """Rules bind to one stage, or to every stage of their pipeline."""
    return rule.stage_id == key or (rule.stage_id is None and key.startswith(f"{rule.pipeline_id}:"))


def _start(event: Event, rules: list[Rule], *, stage: str = "") -> None:
    """Run or plan the rules that fit the record as it is now; one that fails does not stop the others."""
    if not rules:
        return
    record, is_fresh = None, False
    for rule in rules:
        if not is_fresh:
            record, is_fresh = _locked(event.record_type, event.record_id), True
        if record is None or (stage and record.stage != stage):
            return  # it went on meanwhile: the stage it is in now has rules of its own
        if not _is_of_stage(rule, record.stage) or _is_stale(rule, record, event):
            continue
        if schedule.is_delayed(rule):
            if conditions.matches(rule.conditions, record):
                _plan(rule, record, event)
        else:
            is_fresh = not _run_at_once(rule, record, event)


def _is_stale(rule: Rule, record: StagedRecord, event: Event) -> bool:
    """Is what a stage's rule waits for older than the record's stay there?

    A contact made before it entered, but heard of only now, wakes nobody; fields filled in with the very move are the
    business of the rules that start on entry.
    """
    if rule.stage_id is None:
        return False
    if rule.trigger == Rule.Trigger.FIELD_CHANGED:
        return event.data.get("stage", record.stage) != record.stage
    return rule.trigger == Rule.Trigger.CLIENT_CONTACT and event.at < record.stage_entered_at


def _locked(record_type: str, record_id: int) -> Any:
    return row(record_model(record_type), record_id, alive=True, lock=True)


def _key(rule: Rule, record: StagedRecord, event: Event) -> str:
    """One per occasion: the entry into the stage where a stage starts the rule, else the event."""
    is_entry = rule.trigger == Rule.Trigger.STAGE_ENTERED
    occasion = f"s{entry_of(record)}" if is_entry else f"e{event.pk}"
    return f"{rule.pk}:{record.RECORD_TYPE}:{record.pk}:{occasion}"


def _plan(rule: Rule, record: StagedRecord, event: Event) -> None:
    is_entry = rule.trigger == Rule.Trigger.STAGE_ENTERED
    start = record.stage_entered_at if is_entry else event.at
    _schedule(rule, record, event, planned_from=start, due_at=schedule.due_at(rule, start))


def _schedule(rule: Rule, record: StagedRecord, event: Event, **columns: Any) -> None:
    """Make the row of a planned run, once per occasion."""
    ScheduledRun.objects.get_or_create(
        key=_key(rule, record, event),
        defaults={
            "rule": rule,
            "record_type": record.RECORD_TYPE,
            "record_id": record.pk,
            "stage_key": record.stage,
            "entry_id": entry_of(record),
            "created_at": clock.now(),
            **columns,
        },
    )


def _run_at_once(rule: Rule, record: StagedRecord, event: Event) -> bool:
    """Act within the event's transaction, behind a savepoint; a failure becomes a planned second attempt (AUTO-3).

    Answers whether the record may have changed.
    """
    try:
        if not conditions.matches(rule.conditions, record):
            return False
        with on_its_own(), translation.override(settings.LANGUAGE_CODE):
            return _act(rule, record, lambda: _key(rule, record, event)) is not None
    except Exception as error:
        log.warning("rule_failed", rule=rule.code, record_type=record.RECORD_TYPE, record_id=record.pk, exc_info=True)
        # What the action changed of the instance was rolled back in the database.
        record = _locked(record.RECORD_TYPE, record.pk)
        _note_failure(rule, record, error)
        again = clock.now() + FIRST_PAUSE
        _schedule(rule, record, event, planned_from=event.at, due_at=again, attempts=1, note=_words(error))
        return True


def _planned(kind: str, pk: int, until: datetime, **which: Any) -> Any:
    """The states of what was planned for a record up to a moment."""
    rows = ScheduledRun.objects.filter(record_type=kind, record_id=pk, planned_from__lte=until, **which)
    return rows.order_by().values_list("state")


_LEFT = Prepared(lambda left, *of_event: _planned(*of_event, stage_key=left), TEXT, TEXT, NUMBER, MOMENT)
_ON_CONTACT = Prepared(lambda *of_event: _planned(*of_event, rule__stops_on_contact=True), TEXT, NUMBER, MOMENT)


def _call_off(event: Event, why: str, *, left: str = "") -> None:
    """Cancel what was planned before the event, and take back letters that were queued but have not left.

    `left` is the stage whose plans are off; without one it is whatever stops on contact.
    """
    of_event = (event.record_type, event.record_id, event.at)
    states = {state for (state,) in (_LEFT.raw(left, *of_event) if left else _ON_CONTACT.raw(*of_event))}
    if not states:
        return
    which = Q(stage_key=left) if left else Q(rule__stops_on_contact=True)
    planned = ScheduledRun.objects.filter(
        which, record_type=event.record_type, record_id=event.record_id, planned_from__lte=event.at
    )
    if State.SCHEDULED in states:
        planned.filter(state=State.SCHEDULED).update(state=State.CANCELLED, finished_at=clock.now(), note=why)
    if State.DONE not in states:
        return
    sent = planned.filter(state=State.DONE, rule__action__in=WRITES)
    keys = [f"auto:{key}" for key in sent.values_list("key", flat=True)]
    if keys and (record := record_model(event.record_type)._default_manager.filter(pk=event.record_id).first()):
        messages_cancel(record, which=Q(key__in=keys), by=Actor.system())


def _take_back_letters(event: Event, left: str) -> None:
    """Letters that the entry into the stage wrote at once, and that have not left: the move was perhaps a mistake."""
    at_entry = [
        rule.pk
        for rule in _known_rules()
        if rule.action in WRITES and rule.trigger == Rule.Trigger.STAGE_ENTERED and _is_of_stage(rule, left)
    ]
    if at_entry and (record := record_model(event.record_type)._default_manager.filter(pk=event.record_id).first()):
        begins = Q()
        for pk in at_entry:
            begins |= Q(key__startswith=f"auto:{pk}:{event.record_type}:{event.record_id}:")
        messages_cancel(record, which=begins & Q(created_at__lte=event.at), by=Actor.system())


# -- what is due ------------------------------------------------------------------------------------------------------


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
    for rule in _known_rules():
        if rule.is_active and rule.trigger == Rule.Trigger.INACTIVE:
            made += sum(_plan_silence(rule, record) for record in silence.silent_records(rule))
    return made


def _plan_silence(rule: Rule, record: Any) -> bool:
    if not conditions.matches(rule.conditions, record):
        return False
    since = record.silent_since
    _run, is_new = ScheduledRun.objects.get_or_create(
        key=f"{rule.pk}:{record.RECORD_TYPE}:{record.pk}:q{int(since.timestamp())}",
        defaults={
            "rule": rule,
            "record_type": record.RECORD_TYPE,
            "record_id": record.pk,
            "stage_key": record.stage,
            "entry_id": entry_of(record),
            "planned_from": since,
            "due_at": schedule.working_moment(clock.now()),
            "created_at": clock.now(),
        },
    )
    return is_new


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
        with on_its_own(), translation.override(settings.LANGUAGE_CODE):
            _carry_out(run, by_hand=by_hand)
    except Lost:
        log.warning("run_taken_over", run_id=pk)
    except Exception as error:
        log.warning("rule_failed", run_id=pk, rule=run.rule.code, exc_info=True)
        _put_off(run, error)
    run.refresh_from_db()
    return run


def _carry_out(run: ScheduledRun, *, by_hand: bool) -> None:
    record = _locked(run.record_type, run.record_id)
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
        _note(run.rule, record, Outcome("missed", data))
        return
    outcome = _act(run.rule, record, lambda: run.key)
    _close(run, State.DONE, outcome.code if outcome else "")


def _objection(run: ScheduledRun, record: Any) -> str:
    """Why a planned run is not carried out any more; empty when it is."""
    if record is None:
        return _("The record is gone.")
    if not run.rule.is_active:
        return _("The rule is switched off.")
    if run.rule.trigger == Rule.Trigger.INACTIVE and silence.broken(run, record):
        return _("Something happened meanwhile.")
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
    if mine.update(note=_words(error), **columns):
        record = record_model(run.record_type)._default_manager.filter(pk=run.record_id).first()
        if record is not None:
            _note_failure(run.rule, record, error, is_told=run.attempts == 1 or is_last)


# -- acting and telling -----------------------------------------------------------------------------------------------


def _act(rule: Rule, record: StagedRecord, make_key: Callable[[], str]) -> Outcome | None:
    context = Context(rule, record, Actor.robot(rule.name), make_key)
    outcome = ACTIONS[rule.action].run(context)
    if outcome is not None:
        _note(rule, record, outcome)
    return outcome


def _note(rule: Rule, record: StagedRecord, outcome: Outcome) -> None:
    """Leave the run in the list of the rule and, where nothing says it yet, on the record's timeline."""
    RuleRun.objects.create(
        rule=rule,
        record_type=record.RECORD_TYPE,
        record_id=record.pk,
        at=clock.now(),
        outcome=outcome.code,
        data=dict(outcome.data),
    )
    if not outcome.is_told:
        data = {"rule": rule.name, "outcome": outcome.code, **outcome.data}
        timeline.record(record, "rule_done", Actor.robot(rule.name), data, internal=True)


def _note_failure(rule: Rule, record: StagedRecord, error: Exception, *, is_told: bool = True) -> None:
    details = "" if isinstance(error, DomainError) else "".join(traceback.format_exception(error, limit=5))
    RuleRun.objects.create(
        rule=rule,
        record_type=record.RECORD_TYPE,
        record_id=record.pk,
        at=clock.now(),
        is_ok=False,
        error=f"{_words(error)}\n{details}".strip()[:8000],
    )
    if is_told:
        data = {"rule": rule.name, "error": _words(error)}
        timeline.record(record, "rule_failed", Actor.robot(rule.name), data, internal=True)


def _words(error: Exception) -> str:
    """The error for a person: the domain's own sentence, else its kind."""
    return error.message if isinstance(error, DomainError) else f"{type(error).__name__}: {error}"[:500]
