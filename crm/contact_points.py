"""Phones, e-mails and messenger ids of a record: one normalised row each, one owner each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Value, When
from django.utils.translation import gettext as _

from crm import normalize
from crm.errors import InvalidInput
from crm.models import ContactPoint, RecordType, StagedRecord
from crm.prepared import NUMBER, TEXT, Prepared
from crm.prepared_writes import insert_rows
from crm.together import apart, together

OWNERS = frozenset({RecordType.LEAD, RecordType.CONTACT, RecordType.COMPANY})


_POINTS = Prepared(lambda kind, pk: ContactPoint.objects.filter(record_type=kind, record_id=pk), TEXT, NUMBER)


@dataclass(frozen=True)
class Point:
    """A normalised phone or address, with what was typed."""

    kind: str
    value: str
    original: str = ""
    extension: str = ""


def read_points(phones: str | Iterable[str] = "", emails: str | Iterable[str] = "") -> list[Point]:
    """All phones and e-mails in two free texts (or lists); what is no phone and no address is left out."""
    found = [Point("phone", item.e164, item.original, item.extension or "") for item in normalize.phones(_text(phones))]
    found += [Point("email", address, address) for address in normalize.emails(_text(emails))]
    return list({(point.kind, point.value): point for point in found}.values())


def checked_points(phones: str | Iterable[str] = "", emails: str | Iterable[str] = "") -> list[Point]:
    """The same for what a person or a program typed: InvalidInput names a text without a phone or address in it."""
    points = read_points(phones, emails)
    found = {point.kind for point in points}
    for kind, name, text in (("phone", "phones", _text(phones)), ("email", "emails", _text(emails))):
        if text.strip() and kind not in found:
            raise _unreadable(kind, name, text)
    return points


def derive_points(record: Any, changed: set[str]) -> set[str]:
    """Bring what was typed into `phone` and `email` into one form; given to crm.services.derive.

    InvalidInput names what is no phone and no address. A second number in the field is kept for take_columns.
    """
    kinds = [kind for kind in ("phone", "email") if kind in changed]
    typed: list[Point] = []
    for kind in kinds:
        text = str(getattr(record, kind) or "")
        points = read_points(**{f"{kind}s": text})
        if text.strip() and not points:
            raise _unreadable(kind, kind, text)
        setattr(record, kind, points[0].value if points else "")
        typed += points
    if kinds:
        record.__dict__["typed_points"] = typed
    return set()


def typed_points(record: Any) -> list[Point]:
    """What derive_points read out of the record's own columns and nobody has taken yet."""
    found: list[Point] = record.__dict__.get("typed_points", [])
    return found


def take_columns(record: Any, changed: set[str], *, is_new: bool = False) -> None:
    """Keep rows for what was written straight into `phone` and `email`: what stands there is the main one.

    Emptying the column takes the main one away, and the next of its kind becomes the main one.
    """
    typed = typed_points(record)
    record.__dict__.pop("typed_points", None)
    if is_new:
        insert_rows(_rows(record, typed, set()))
        return
    add_points(record, typed)
    for kind in {"phone", "email"} & changed:
        rows = ContactPoint.objects.filter(record_type=record.RECORD_TYPE, record_id=record.pk, kind=kind)
        if value := getattr(record, kind):
            rows.update(is_primary=Case(When(value=value, then=Value(True)), default=Value(False)))
        else:
            rows.filter(is_primary=True).delete()
            refresh_columns(record)


def _text(texts: str | Iterable[str]) -> str:
    return texts if isinstance(texts, str) else "\n".join(str(text) for text in texts)


def _unreadable(kind: str, name: str, text: str) -> InvalidInput:
    shown = {"value": normalize.one_line(text, 60)}
    message = (
        _("«%(value)s» is not a phone number.") if kind == "phone" else _("«%(value)s» is not an e-mail address.")
    ) % shown
    return InvalidInput(message, errors=[{"pointer": f"/{name}", "code": f"invalid_{kind}", "message": message}])


def points_of(record: StagedRecord) -> list[ContactPoint]:
    """A record's phones and addresses, the main ones first."""
    return _POINTS.all(record.RECORD_TYPE, record.pk)


def point_values(record: StagedRecord) -> list[str]:
    """The normalised values, for the search column."""
    if record.RECORD_TYPE not in OWNERS or record.pk is None:
        return []
    return [point.value for point in points_of(record)]


@together
def add_points(record: StagedRecord, points: Iterable[Point]) -> list[ContactPoint]:
    """Give a record phones and addresses that it lacks; the first of a kind becomes its main one.

    Fills the record's `phone` and `email` columns where they are empty and refreshes its search column.
    """
    known = {(point.kind, point.value) for point in points_of(record)}
    fresh = _rows(record, points, known)
    ContactPoint.objects.bulk_create(fresh, ignore_conflicts=True)
    if fresh:
        refresh_columns(record)
    return fresh


def _rows(record: StagedRecord, points: Iterable[Point], known: set[tuple[str, str]]) -> list[ContactPoint]:
    """The rows of what is not among the known, unsaved."""
    known, kinds = set(known), {kind for kind, _value in known}
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
    return fresh


@apart
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
