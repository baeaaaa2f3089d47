"""What an action of a rule is: how it is registered, what it is given and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from automation.actions.params import Maker
from automation.models import Rule
from crm.actors import Actor
from crm.models import Pipeline, StagedRecord, StageHistory
from crm.prepared import NUMBER, TEXT, Prepared


@dataclass
class Context:
    """What an action is given: the rule, the locked record, who acts, and a key that is one for this occasion."""

    rule: Rule
    record: Any
    actor: Actor
    make_key: Callable[[], str]

    @cached_property
    def key(self) -> str:
        """One for this occasion; put together when first asked for, which most actions never do."""
        return self.make_key()

    @property
    def params(self) -> Mapping[str, Any]:
        return self.rule.params


@dataclass(frozen=True)
class Outcome:
    """What an action did; `is_told` where the record's timeline says it already in the robot's name."""

    code: str
    data: Mapping[str, Any] = field(default_factory=dict)
    is_told: bool = False


Act = Callable[[Context], Outcome | None]


def _never(_data: Mapping[str, Any]) -> bool:
    return False


def _no_objection(_rule: Rule, _params: Mapping[str, Any]) -> tuple[str, str] | None:
    return None


@dataclass(frozen=True)
class Action:
    """A registered action. One that writes to the client is not done when it is long overdue."""

    code: str
    label: Any
    run: Callable[[Context], Outcome | None]
    # What a rule must tell it, with the form fields that ask for it.
    params: Mapping[str, Maker] = field(default_factory=dict)
    is_late_ok: bool = True
    # Tells by an event's data alone that there is nothing to do.
    is_idle: Callable[[Mapping[str, Any]], bool] = _never
    # Kinds of record, and pipelines, that it is for; all without any.
    types: tuple[str, ...] = ()
    pipelines: tuple[str, ...] = ()
    # Why a rule cannot be kept so: the parameter and the sentence.
    objection: Callable[[Rule, Mapping[str, Any]], tuple[str, str] | None] = _no_objection

    def fits(self, pipeline: Pipeline) -> bool:
        """Can it be done with the records of the pipeline?"""
        return (not self.types or pipeline.record_type in self.types) and (
            not self.pipelines or pipeline.pk in self.pipelines
        )


ACTIONS: dict[str, Action] = {}


def action(code: str, label: Any, **about: Any) -> Callable[[Act], Act]:
    """Register an action; `about` are the further columns of Action."""

    def register(function: Act) -> Act:
        ACTIONS[code] = Action(code, label, function, **about)
        return function

    return register


def _entries(record_type: str, pk: int) -> Any:
    rows = StageHistory.objects.filter(record_type=record_type, record_id=pk).order_by("-at", "-id")
    return rows.values_list("pk")[:1]


_ENTRY: Prepared[Any] = Prepared(_entries, TEXT, NUMBER)


def entry_of(record: StagedRecord) -> int | None:
    """The row of the stage history by which the record stands where it stands."""
    return next((pk for (pk,) in _ENTRY.raw(record.RECORD_TYPE, record.pk)), None)
