"""Rows as lists and boards read them: of sixty columns those that are shown, of joined records their names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model, QuerySet

from crm.models import StagedRecord
from crm.rows import is_shared
from crm.screens.registry import Column, Screen

# What every row and every card of a board needs.
ALWAYS = (
    "pipeline", "stage", "stage_entered_at", "next_activity_at", "next_activity_title", "responsible", "created_at",
)  # fmt: skip
# What is shown of a joined record: its name, its phone. The guard of django-fsm wants the stage of every record.
OF_JOINED = {
    "accounts.User": ("last_name", "first_name", "patronymic", "email"),
    "crm.Company": ("name", "inn", "phone", "stage"),
    "crm.Contact": ("last_name", "first_name", "patronymic", "phone", "stage"),
}


def light(screen: Screen, rows: QuerySet[Any], columns: Sequence[Column] = ()) -> QuerySet[Any]:
    """With what a row of these columns shows and no more; without columns, what a card of the board shows.

    A column's key and what it sorts by are the fields that it reads; what else the functions of a screen read of a
    row stands in `Screen.reads`.
    """
    related = {name for column in columns for name in column.related} if columns else set(screen.related)
    many = {name for column in columns for name in column.prefetch}
    shown = {name for column in columns for name in (column.key, *column.sort)}
    names, joined = _fields(screen.model, frozenset({*ALWAYS, *screen.reads, *shown, *related}), frozenset(related))
    return rows.select_related(*joined).prefetch_related(*sorted(many)).only(*names)


@cache
def _fields(
    model: type[Model], wanted: frozenset[str], related: frozenset[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns to read, and the relations to join: not those whose rows are kept in the process anyway."""
    names, joined = [], []
    for name in sorted(wanted):
        field = _field(model, name)
        if field is None:
            continue
        if name not in related or is_shared(field):
            names.append(name)
            continue
        joined.append(name)
        names += [f"{name}__{part}" for part in _of_joined(field.related_model)]
    return tuple(names), tuple(joined)


def _field(model: type[Model], name: str) -> Any:
    """The column of that name; columns of a list that are made of several have none."""
    try:
        field = model._meta.get_field(name)
    except FieldDoesNotExist:
        return None
    return field if field.concrete and not field.many_to_many else None


def _of_joined(model: type[Model]) -> Iterable[str]:
    every = [field.name for field in model._meta.concrete_fields]
    known = OF_JOINED.get(model._meta.label)
    if known is None and issubclass(model, StagedRecord):
        known = ("stage", *(name for name in ("title", "name") if name in every))
    return known or every
