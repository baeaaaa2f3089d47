"""Phones, e-mails and messenger ids of a record: one normalised row each, one owner each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from crm import normalize
from crm.models import ContactPoint, RecordType, StagedRecord

OWNERS = frozenset({RecordType.LEAD, RecordType.CONTACT, RecordType.COMPANY})


@dataclass(frozen=True)
class Point:
    """A normalised phone or address, with what was typed."""

    kind: str
    value: str
    original: str = ""
    extension: str = ""


def read_points(phones: str = "", emails: str = "") -> list[Point]:
    """All phones and e-mails in two free texts; what is no phone and no address is left out."""
    found = [Point("phone", item.e164, item.original, item.extension or "") for item in normalize.phones(phones)]
    found += [Point("email", address, address) for address in normalize.emails(emails)]
    return list({(point.kind, point.value): point for point in found}.values())


def points_of(record: StagedRecord) -> list[ContactPoint]:
    """A record's phones and addresses, the main ones first."""
    return list(ContactPoint.objects.filter(record_type=record.RECORD_TYPE, record_id=record.pk))


def point_values(record: StagedRecord) -> list[str]:
    """The normalised values, for the search column."""
    if record.RECORD_TYPE not in OWNERS or record.pk is None:
        return []
    return list(
        ContactPoint.objects.filter(record_type=record.RECORD_TYPE, record_id=record.pk).values_list("value", flat=True)
    )


@transaction.atomic
def add_points(record: StagedRecord, points: Iterable[Point]) -> list[ContactPoint]:
    """Give a record phones and addresses that it lacks; the first of a kind becomes its main one.

    Fills the record's `phone` and `email` columns where they are empty and refreshes its search column.
    """
    known = {(point.kind, point.value) for point in points_of(record)} if record.pk else set()
    kinds = {kind for kind, _value in known}
    fresh: list[ContactPoint] = []
    for point in points:
        if (point.kind, point.value) in known:
            continue
        known.add((point.kind, point.value))
        fresh.append(
            ContactPoint(
                record_type=record.RECORD_TYPE,
                record_id=record.pk,
                kind=point.kind,
                value=point.value[:254],
                reversed_value=point.value[:254][::-1],
                original=point.original[:254],
                extension=point.extension[:20],
                is_primary=point.kind not in kinds,
            )
        )
        kinds.add(point.kind)
    ContactPoint.objects.bulk_create(fresh, ignore_conflicts=True)
    if fresh:
        refresh_columns(record)
    return fresh


@transaction.atomic
def remove_point(record: StagedRecord, point_id: int) -> None:
    """Take one phone or address from a record."""
    ContactPoint.objects.filter(record_type=record.RECORD_TYPE, record_id=record.pk, pk=point_id).delete()
    refresh_columns(record, overwrite=True)


def refresh_columns(record: Any, *, overwrite: bool = False) -> None:
    """Keep `phone`, `email` and the search column of the record in step with its rows."""
    points = points_of(record)
    columns = {}
    for kind in ("phone", "email"):
        first = next((point.value for point in points if point.kind == kind), "")
        if overwrite or not getattr(record, kind):
            columns[kind] = first
    for name, value in columns.items():
        setattr(record, name, value)
    columns["search_text"] = normalize.search_text(*record.search_parts(), *(point.value for point in points))
    changed = {
        name: value for name, value in columns.items() if record.__dict__.get(name) != value or name != "search_text"
    }
    record.search_text = columns["search_text"]
    type(record)._default_manager.filter(pk=record.pk).update(**(changed | {"search_text": record.search_text}))
