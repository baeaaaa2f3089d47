"""What events start: the rules that fit the record act at once or are planned, and what was planned is called off."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db.models import Q
from django.utils import translation
from django.utils.translation import gettext as _

from automation import dates, schedule
from automation.acting import act, locked, note_failure, words
from automation.actions import ACTIONS
from automation.models import Rule, ScheduledRun
from automation.planning import entry_occasion, plan, run_key
from automation.rulebook import WRITES, is_of_stage, known_rules
from communications.services import messages_cancel
from crm import clock, conditions, norms, pipelines
from crm.actors import Actor
from crm.models import Event, StagedRecord, record_model
from crm.prepared import MOMENT, NUMBER, TEXT, Prepared
from crm.together import on_its_own

log = structlog.get_logger(__name__)

# A rule that failed within the event is tried again so soon.
FIRST_PAUSE = timedelta(minutes=1)
# What is counted from the entry into a stage, once per entry.
ENTRY = frozenset({Rule.Trigger.STAGE_ENTERED, Rule.Trigger.NORM_EXCEEDED})
State = ScheduledRun.State


def wants_created(record_type: str, _data: Mapping[str, Any]) -> bool:
    """Some rule waits for records of the kind to be made."""
    return bool(_rules(Rule.Trigger.CREATED, record_type) or date_rules(record_type))


def wants_stage(record_type: str, data: Mapping[str, Any]) -> bool:
    """A rule is bound to the stage entered, or anything may be planned in the one left."""
    left = str(data.get("from") or "")
    starting = _entry_rules(record_type, data) or _left_rules(record_type, left) or date_rules(record_type)
    return bool(starting) or _may_hold(left)


def wants_fields(record_type: str, data: Mapping[str, Any]) -> bool:
    """Some rule watches one of the fields, or is about a date or a condition that changes with them."""
    return bool(_field_rules(record_type, data) or _dated(record_type, data))


def wants_contact(record_type: str, data: Mapping[str, Any]) -> bool:
    """Contact calls something off for records of the kind, or a rule waits for this way of it."""
    mine = [rule for rule in known_rules() if rule.pipeline.record_type == record_type]
    return any(rule.stops_on_contact for rule in mine) or bool(_contact_rules(record_type, data))


def wants_opened(record_type: str, _data: Mapping[str, Any]) -> bool:
    """Some rule waits for letters to be opened."""
    return bool(_rules(Rule.Trigger.LETTER_OPENED, record_type))


def _may_hold(stage: str) -> bool:
    """May anything be planned, or a letter wait, for a record that stands at the stage? Switched off rules count too.

    A second attempt of a rule that failed is no plan: it finds by itself that the record has left the stage.
    """
    holds = [rule for rule in known_rules() if schedule.is_delayed(rule) or rule.action in WRITES]
    return bool(stage) and any(is_of_stage(rule, stage) for rule in holds)


def on_created(event: Event) -> None:
    """A record was made."""
    _follow_dates(event, date_rules(event.record_type))
    _start(event, _rules(Rule.Trigger.CREATED, event.record_type))


def on_stage_changed(event: Event) -> None:
    """A record went from a stage to another: what was planned in the old one is off, the rules of both start."""
    left = str(event.data.get("from") or "")
    if _may_hold(left):
        _call_off(event, _("The record left the stage."), left=left)
        _take_back_letters(event, left)
    _start(event, _left_rules(event.record_type, left), left=left)
    _start(event, _entry_rules(event.record_type, event.data), stage=str(event.data["to"]))
    _follow_dates(event, date_rules(event.record_type))


def on_fields_changed(event: Event) -> None:
    """Fields of a record changed: rules that watch one of them start."""
    _follow_dates(event, _dated(event.record_type, event.data))
    _start(event, _field_rules(event.record_type, event.data))


def on_client_contact(event: Event) -> None:
    """The client made contact: whatever would have reminded them is off, then the rules of contact start (DEAL-6)."""
    _call_off(event, _("The client made contact."))
    _start(event, _contact_rules(event.record_type, event.data))


def _contact_rules(record_type: str, data: Mapping[str, Any]) -> list[Rule]:
    """The rules that wait for the client to make contact in this way."""
    way = way_of(data)
    return [r for r in _rules(Rule.Trigger.CLIENT_CONTACT, record_type) if not r.ways or way in r.ways]


def way_of(data: Mapping[str, Any]) -> str:
    """How the client made contact, as rules ask: one of Rule.Way."""
    return str(Rule.Way.MISSED_CALL if data.get("is_missed") else data.get("how", ""))


def on_letter_opened(event: Event) -> None:
    """The client opened a letter for the first time: once for each letter."""
    _start(event, _rules(Rule.Trigger.LETTER_OPENED, event.record_type))


def _rules(trigger: str, record_type: str) -> list[Rule]:
    known = [rule for rule in known_rules() if rule.is_active]
    return [rule for rule in known if rule.trigger == trigger and rule.pipeline.record_type == record_type]


def _entry_rules(record_type: str, data: Mapping[str, Any]) -> list[Rule]:
    """The rules of the stage entered that have anything to do."""
    to = str(data["to"])
    found = [r for r in _rules(Rule.Trigger.STAGE_ENTERED, record_type) if is_of_stage(r, to)]
    of_norm = [r for r in _rules(Rule.Trigger.NORM_EXCEEDED, record_type) if is_of_stage(r, to)]
    has_norm = bool(of_norm) and norms.norm_of(pipelines.stage(to)) is not None
    return [rule for rule in found if not _is_idle(rule, data)] + (of_norm if has_norm else [])


def _left_rules(record_type: str, left: str) -> list[Rule]:
    """The rules of the stage that was left."""
    return [rule for rule in _rules(Rule.Trigger.STAGE_LEFT, record_type) if is_of_stage(rule, left)]


def _field_rules(record_type: str, data: Mapping[str, Any]) -> list[Rule]:
    """The rules that watch one of the changed fields and have anything to do."""
    changed = set(data.get("fields", []))
    found = [rule for rule in _rules(Rule.Trigger.FIELD_CHANGED, record_type) if changed & set(rule.fields)]
    return [rule for rule in found if not _is_idle(rule, data)]


def date_rules(record_type: str) -> list[Rule]:
    """The rules of a date of the record."""
    return _rules(Rule.Trigger.DATE_REACHED, record_type)


def _dated(record_type: str, data: Mapping[str, Any]) -> list[Rule]:
    """The rules whose date changed, or what their conditions ask for."""
    changed = set(data.get("fields", []))

    def asks(rule: Rule) -> bool:
        asked = {str(leaf.get("field", "")).partition("__")[0] for leaf in conditions.leaves(rule.conditions)}
        has_predicate = any("is" in leaf for leaf in conditions.leaves(rule.conditions))
        return has_predicate or bool(changed & {rule.date_field, *asked})

    return [rule for rule in date_rules(record_type) if asks(rule)]


def _follow_dates(event: Event, rules: list[Rule]) -> None:
    """Let the plans of rules follow the record's dates."""
    if rules and (record := locked(event.record_type, event.record_id)) is not None:
        for rule in rules:
            if rule.pipeline_id == record.pipeline_id:
                dates.follow_date(rule, record)


def _is_idle(rule: Rule, data: Mapping[str, Any]) -> bool:
    """Has the rule's action nothing to do, by the event's data alone? An unknown one is to fail where it is seen."""
    action = ACTIONS.get(rule.action)
    return action is not None and action.is_idle(data)


def _start(event: Event, rules: list[Rule], *, stage: str = "", left: str = "") -> None:
    """Run or plan the rules that fit the record as it is now; one that fails does not stop the others.

    `stage` is the one entered: the rules end with the stay there. `left` is the one that was left, wherever the record
    stands now.
    """
    if not rules:
        return
    record, is_fresh = None, False
    for rule in rules:
        if not is_fresh:
            record, is_fresh = locked(event.record_type, event.record_id), True
        if record is None or (stage and record.stage != stage):
            return  # it went on meanwhile: the stage it is in now has rules of its own
        if not is_of_stage(rule, left or record.stage) or _is_stale(rule, record, event):
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


def _key(rule: Rule, record: StagedRecord, event: Event) -> str:
    """One per occasion: the entry into the stage where a stage starts the rule, else the event."""
    return run_key(rule, record, entry_occasion(record) if rule.trigger in ENTRY else f"e{event.pk}")


def _plan(rule: Rule, record: StagedRecord, event: Event) -> None:
    is_entry = rule.trigger in ENTRY
    start = record.stage_entered_at if is_entry else event.at
    _schedule(rule, record, event, planned_from=start, due_at=schedule.due_at(rule, start, stage=record.stage))


def _schedule(rule: Rule, record: StagedRecord, event: Event, **columns: Any) -> None:
    """Plan the run once per occasion; what a stage left behind is not ended by the next move."""
    plan(rule, record, _key(rule, record, event), of_stay=rule.trigger != Rule.Trigger.STAGE_LEFT, **columns)


def _run_at_once(rule: Rule, record: StagedRecord, event: Event) -> bool:
    """Act within the event's transaction, behind a savepoint; a failure becomes a planned second attempt (AUTO-3).

    Answers whether the record may have changed.
    """
    try:
        if not conditions.matches(rule.conditions, record):
            return False
        with on_its_own(), translation.override(settings.LANGUAGE_CODE):
            return act(rule, record, lambda: _key(rule, record, event)) is not None
    except Exception as error:
        log.warning("rule_failed", rule=rule.code, record_type=record.RECORD_TYPE, record_id=record.pk, exc_info=True)
        # What the action changed of the instance was rolled back in the database.
        record = locked(record.RECORD_TYPE, record.pk)
        note_failure(rule, record, error)
        again = clock.now() + FIRST_PAUSE
        _schedule(rule, record, event, planned_from=event.at, due_at=again, attempts=1, note=words(error))
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
        for rule in known_rules()
        if rule.action in WRITES and rule.trigger == Rule.Trigger.STAGE_ENTERED and is_of_stage(rule, left)
    ]
    if at_entry and (record := record_model(event.record_type)._default_manager.filter(pk=event.record_id).first()):
        begins = Q()
        for pk in at_entry:
            begins |= Q(key__startswith=f"auto:{pk}:{event.record_type}:{event.record_id}:")
        messages_cancel(record, which=begins & Q(created_at__lte=event.at), by=Actor.system())
