"""The card of a record: stage bar, key facts, and who may do what there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import User
from crm import clock, norms, pipelines, stages
from crm.models import Stage, StagedRecord
from crm.normalize import format_phone
from crm.screens import access, around, happening
from crm.screens.registry import Fact, Screen
from crm.templatetags.ui import day, duration, money, number


def card_context(request: HttpRequest, screen: Screen, record: Any) -> dict[str, Any]:
    """Everything the shared part of a card shows; the app adds its own panels."""
    user: Any = request.user
    may, may_move = access.may_change(record, user), access.may("move", record, user)
    name = screen.record_type
    return {
        "screen": screen,
        "record": record,
        "may_change": may,
        "stood": duration(clock.now() - record.stage_entered_at),
        "stale": is_stale(record),
        "fact_groups": fact_groups(screen, record, user),
        "edit_url": reverse(f"{name}-edit", args=[record.pk]) + around.carried(request, screen) if may else "",
        "assign_url": reverse(f"{name}-assign", args=[record.pk]) if may else "",
        "move_to_url": reverse(f"{name}-move", args=[record.pk]) if may_move else "",
        **stage_bar(record, user, may_move=may_move),
        **around.around_context(request, screen, record),
        **happening.happening_context(request, record),
    }


def is_stale(record: StagedRecord) -> bool:
    """Does the record stand longer in its stage than the norm says?"""
    return norms.is_over(record.stage_row, record.stage_entered_at)


# -- stage bar --------------------------------------------------------------------------------------------------------


def stage_bar(record: Any, user: User, *, may_move: bool) -> dict[str, Any]:
    """The stages of the main path with what a click would do, and the ways to finish; the menu has what lies aside."""
    current = record.stage_row
    targets = {stage.key for stage in stages.allowed_targets(record, user)} if may_move else set()
    row = pipelines.stages_of(record.pipeline_id)
    if current.is_hidden:
        every = pipelines.stages_of(record.pipeline_id, hidden=True)
        row = [stage for stage in every if stage in row or stage == current]
    steps = [
        {"stage": stage, "state": _state(stage, current, targets), "reason": _why_shut(stage, current)}
        for stage in row
        if stage.is_open and (not stage.is_detour or stage.key == current.key)
    ]
    closing = [s for s in row if s.key in targets and s.kind in {Stage.Kind.SUCCESS, Stage.Kind.NEUTRAL}]
    refusable = any(stage.key in targets for stage in row if stage.is_failure)
    name = record.RECORD_TYPE
    return {
        "stage": current,
        "stage_steps": steps,
        "move_url": reverse(f"{name}-move", args=[record.pk]),
        "close_stages": closing,
        "refuse_url": reverse(f"{name}-refuse", args=[record.pk]) if refusable else "",
        "may_move": bool(targets),
    }


def _state(stage: Stage, current: Stage, targets: set[str]) -> str:
    if stage.key == current.key:
        return "now"
    behind = stage.order < current.order
    if stage.key in targets and (current.is_open and (not behind or current.returns_anywhere)):
        return "next"
    return "done" if behind and current.is_open else "shut"


def _why_shut(stage: Stage, current: Stage) -> str:
    if not current.is_open:
        return _("the record is finished")
    return "" if stage.order < current.order else _("not from here")


# -- facts ------------------------------------------------------------------------------------------------------------


def fact_groups(screen: Screen, record: Any, user: User) -> list[dict[str, Any]]:
    """The panels of key facts."""
    return [
        {
            "title": group.title,
            "facts": [fact_row(record, fact, may_change=access.may(fact.action, record, user)) for fact in group.facts],
        }
        for group in screen.groups_for(user)
        if group.is_for(record)
    ]


def fact_row(record: Any, fact: Fact, *, may_change: bool) -> dict[str, Any]:
    """A fact as components/fact.html reads it."""
    shown = fact.show(record) if fact.show else shown_field(record, fact.fields[0])
    row = shown if isinstance(shown, dict) else {"value": shown}
    # Every key is there: in a template a dict's missing "copy" would be its method of that name.
    row = {"name": fact.name, "label": fact.label, "wide": fact.wide, "copy": "", **row}
    if may_change and fact.fields and not fact.locked:
        row["edit_url"] = reverse(f"{record.RECORD_TYPE}-field", args=[record.pk, fact.name])
    return row


def shown_field(record: Any, name: str) -> Any:
    """A field of a record as people read it, with its link where it has one."""
    column: Any = record._meta.get_field(name)
    value = getattr(record, name)
    if column.many_to_many:
        rows = list(value.all()) if getattr(record, "has_tags", True) else []
        return {"value": ", ".join(map(str, rows)), "tags": rows}
    if value is None or value == "":
        return ""
    if isinstance(value, StagedRecord):
        return {"value": str(value), "url": value.get_absolute_url()}
    if name == "phone":
        return {"value": format_phone(value), "tel": value, "copy": value}
    if name == "email":
        return {"value": value, "mail": value, "copy": value}
    if name in {"inn", "contract_number"}:
        return {"value": value, "copy": value}
    if name in {"amount", "competitor_price"}:
        return money(value, getattr(record, "currency", "RUB"))
    for kind, shown in SHOWN:
        if isinstance(value, kind):
            return shown(value)
    if column.choices:
        return str(dict(column.flatchoices).get(value, value))
    return str(value)


def _yes_no(value: Any) -> str:
    return _("yes") if value else _("no")


SHOWN: tuple[tuple[type, Callable[[Any], str]], ...] = (
    (bool, _yes_no),
    (datetime, day),
    (date, day),
    (Decimal, number),
    (models.Model, str),
)
