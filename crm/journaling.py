"""Changes that can be taken back: which column of which rows was changed from what to what, kept as JSON.

Merges and conversions remember what they change; their undo gives rows their old value only where they still hold
what was written. What somebody changed or deleted meanwhile is their later decision and stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import F

from crm import clock, contact_points, scope
from crm.actors import Actor
from crm.models import Change, StagedRecord
from crm.normalize import search_text

CHUNK = 500
# Columns that a record keeps for itself or that are computed anew.
OWN_COLUMNS = frozenset({"version", "updated_at", "search_text", "next_activity_at", "next_activity_title", "stage_id"})


def through_models() -> dict[str, type[models.Model]]:
    """The automatic tables of many-to-many fields, which the app registry finds only when asked for them."""
    found = apps.get_models(include_auto_created=True)
    return {model._meta.label: model for model in found if model._meta.auto_created}


def model_of(label: str) -> type[models.Model]:
    """The model of a label, automatic tables included."""
    return through_models().get(label) or apps.get_model(label)


@dataclass
class Journal:
    """Groups of rows whose column was changed, as JSON keeps them, in the order of the changes."""

    groups: list[dict[str, Any]] = field(default_factory=list)

    def change(self, model: type[models.Model], column: str, pks: Iterable[int], old: Any, new: Any) -> list[int]:
        """Set the column of the rows and remember it; answers the rows' ids."""
        ids = list(pks)
        if ids:
            self.note(model, column, ids, old, new)
            _update(model, column, ids, new)
        return ids

    def note(self, model: type[models.Model], column: str, pks: list[int], old: Any, new: Any) -> None:
        """Remember a change that somebody else has written."""
        values = {"old": plain(old), "new": plain(new)}
        self.groups.append({"model": model._meta.label, "column": column, "pks": pks, **values})

    def compare(self, record: Any, before: Mapping[str, Any]) -> None:
        """Remember every column of a record that no longer holds what it held."""
        record.refresh_from_db()
        for column, new in columns_of(record).items():
            if new != before[column]:
                self.note(type(record), column, [record.pk], before[column], new)


def put_back(group: dict[str, Any]) -> list[int]:
    """Give rows their old value, only those that still hold what was written; answers their ids."""
    model, column = model_of(group["model"]), group["column"]
    target = model._meta.get_field(column)
    old, new = (target.to_python(group[side]) for side in ("old", "new"))  # type: ignore[union-attr]
    done: list[int] = []
    for ids in _chunks(group["pks"]):
        wanted = {f"{column}__isnull": True} if new is None else {column: new}
        still = list(model._base_manager.filter(pk__in=ids, **wanted).values_list("pk", flat=True))
        _update(model, column, still, old)
        done += still
    return done


def plain(value: Any) -> Any:
    """A column's value as JSON keeps it; the field's to_python reads it back."""
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() if isinstance(value, datetime | date) else value


def _update(model: type[models.Model], column: str, pks: list[int], value: Any) -> None:
    for ids in _chunks(pks):
        model._base_manager.filter(pk__in=ids).update(**{column: value})


def _chunks(ids: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), CHUNK):
        yield ids[start : start + CHUNK]


def columns_of(record: Any) -> dict[str, Any]:
    """A record's columns as they are, for Journal.compare()."""
    return {
        field.attname: field.value_from_object(record)
        for field in record._meta.concrete_fields
        if field.attname not in OWN_COLUMNS
    }


def audit_columns(label: str, column: str, pks: list[int], old: Any, new: Any, actor: Actor) -> None:
    """Audit trail, version and search column of records of which a column was changed (ACC-5)."""
    model: Any = model_of(label)
    if not (pks and issubclass(model, StagedRecord)):
        return
    columns = {
        "field": model._meta.get_field(column).name,
        "old": old,
        "new": new,
        "at": clock.now(),
        "request_id": scope.request_id.get(),
    }
    rows = [Change(record_type=model.RECORD_TYPE, record_id=pk, **columns, **actor.as_columns()) for pk in pks]
    Change.objects.bulk_create(rows)
    model._default_manager.filter(pk__in=pks).update(version=F("version") + 1, updated_at=clock.now())
    for record in model._default_manager.filter(pk__in=pks):
        refresh_search(record)


def refresh_search(record: Any) -> None:
    """Bring the search column in step with the record and its phones and addresses."""
    found = search_text(*record.search_parts(), *contact_points.point_values(record))
    if found != record.search_text:
        record.search_text = found
        type(record)._default_manager.filter(pk=record.pk).update(search_text=found)
