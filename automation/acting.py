"""Carrying a rule out on a record, and telling of it: in the list of the rule and on the record's timeline."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from django.utils.translation import gettext as _

from automation.actions import ACTIONS, Context, Outcome
from automation.models import Rule, RuleRun
from crm import clock, events, timeline
from crm.actors import Actor
from crm.errors import DomainError
from crm.models import StagedRecord, record_model
from crm.rows import row

_acting: ContextVar[Rule | None] = ContextVar("automation_acting", default=None)


def note_cut(_event_name: str, record: StagedRecord) -> None:
    """A chain of rules was cut: the rule at which it was cut shows it in the settings as well (AUTO-4)."""
    if (rule := _acting.get()) is not None:
        text = _("Robots set each other off: the chain was cut after %(limit)s steps.") % {"limit": events.MAX_DEPTH}
        _keep(rule, record, is_ok=False, outcome="cut", error=text)


def locked(record_type: str, record_id: int) -> Any:
    """The record under its lock; None when it is gone."""
    return row(record_model(record_type), record_id, alive=True, lock=True)


def act(rule: Rule, record: StagedRecord, make_key: Callable[[], str]) -> Outcome | None:
    """Do what the rule says, in its name, and leave the run on the record; None when there was nothing to do."""
    context = Context(rule, record, Actor.robot(rule.name), make_key)
    token = _acting.set(rule)
    try:
        outcome = ACTIONS[rule.action].run(context)
    finally:
        _acting.reset(token)
    if outcome is not None:
        note(rule, record, outcome)
    return outcome


def note(rule: Rule, record: StagedRecord, outcome: Outcome, *, by: Actor | None = None) -> None:
    """Leave the run in the list of the rule and, where nothing says it yet, on the record's timeline.

    `by` is who did something to a planned run, where it was not the robot itself.
    """
    _keep(rule, record, outcome=outcome.code, data=dict(outcome.data))
    if not outcome.is_told:
        data = {"rule": rule.name, "outcome": outcome.code, **outcome.data}
        timeline.record(record, "rule_done", by or Actor.robot(rule.name), data, internal=True)


def note_failure(rule: Rule, record: StagedRecord, error: Exception, *, is_told: bool = True) -> None:
    """Leave a failed run in the list of the rule and, `is_told`, on the record's timeline."""
    details = "" if isinstance(error, DomainError) else "".join(traceback.format_exception(error, limit=5))
    _keep(rule, record, is_ok=False, error=f"{words(error)}\n{details}".strip()[:8000])
    if is_told:
        data = {"rule": rule.name, "error": words(error)}
        timeline.record(record, "rule_failed", Actor.robot(rule.name), data, internal=True)


def _keep(rule: Rule, record: StagedRecord, **columns: Any) -> None:
    RuleRun.objects.create(rule=rule, record_type=record.RECORD_TYPE, record_id=record.pk, at=clock.now(), **columns)


def words(error: Exception) -> str:
    """The error for a person: the domain's own sentence, else its kind."""
    return error.message if isinstance(error, DomainError) else f"{type(error).__name__}: {error}"[:500]
