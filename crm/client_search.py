"""Finding a client by what a caller says: a name, another phone or any tail of it, an INN, an e-mail (LEAD-12)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from crm import normalize
from crm.models import ContactPoint, RecordType, StagedRecord, record_model
from crm.phone_search import SHORTEST_TAIL

SHORTEST_QUERY = 2
MOST = 8
KINDS = (RecordType.CONTACT, RecordType.COMPANY)


@dataclass(frozen=True)
class FoundClient:
    """A contact or company, with what tells it from its namesakes: the phones and e-mails, those that matched first."""

    record: StagedRecord
    points: tuple[str, ...]
    notes: tuple[str, ...]
    # By what who only identifies clients chooses one of them (crm.identification); empty for who sees them.
    note: str = ""


def find_clients(query: str, user: Any, *, limit: int = MOST) -> list[FoundClient]:
    """Living contacts and companies that `user` may see; those whose number ends in the digits come first."""
    return search_clients(query, lambda rows: rows.visible_to(user), limit=limit)


def search_clients(query: str, seen: Callable[[Any], Any], *, limit: int) -> list[FoundClient]:
    """Living contacts and companies out of what `seen` leaves of all; those whose number ends in the digits first."""
    text = normalize.one_line(query, 200)
    if len(text) < SHORTEST_QUERY:
        return []
    by_tail = _owners_by_tail(text)
    found: list[tuple[bool, Any]] = []
    for kind in KINDS:
        rows: Any = record_model(kind)._default_manager
        visible = seen(rows.all()).alive().select_related("responsible")
        visible = visible.select_related("company") if kind == RecordType.CONTACT else visible
        exact = list(visible.filter(pk__in=by_tail.get(kind, []))[:limit]) if by_tail.get(kind) else []
        known = {row.pk for row in exact}
        others = [
            row for row in visible.search(text).order_by("-last_activity_at", "-id")[:limit] if row.pk not in known
        ]
        found += [(False, row) for row in exact] + [(True, row) for row in others]
    found.sort(key=lambda item: item[0])
    return _with_points([row for _rest, row in found[:limit]], normalize.digits(text))


def _owners_by_tail(text: str) -> dict[str, list[int]]:
    """Who has a phone that ends in the digits of the query; an 8 or 7 before a whole number does not count."""
    whole = normalize.phone(text)
    digits = normalize.digits(whole.e164) if whole is not None else normalize.digits(text)
    if len(digits) < SHORTEST_TAIL or normalize.inn(text):
        return {}
    points = ContactPoint.objects.filter(
        kind=ContactPoint.Kind.PHONE, reversed_value__startswith=digits[::-1], record_type__in=KINDS
    )
    owners: dict[str, list[int]] = {}
    for kind, pk in points.values_list("record_type", "record_id")[:50]:
        owners.setdefault(kind, []).append(pk)
    return owners


def _with_points(rows: list[Any], digits: str) -> list[FoundClient]:
    values: dict[tuple[str, int], list[str]] = {}
    for kind in KINDS:
        ids = [row.pk for row in rows if kind == row.RECORD_TYPE]
        points = (
            ContactPoint.objects.filter(record_type=kind, record_id__in=ids) if ids else ContactPoint.objects.none()
        )
        for pk, value in points.values_list("record_id", "value"):
            values.setdefault((kind, pk), []).append(value)
    return [_found(row, values.get((row.RECORD_TYPE, row.pk), []), digits) for row in rows]


def _found(row: Any, points: list[str], digits: str) -> FoundClient:
    ordered = sorted(points, key=lambda value: not (digits and value.endswith(digits)))[:3]
    shown = tuple(value if "@" in value else normalize.format_phone(value) for value in ordered)
    company = getattr(row, "company", None)
    notes = (str(company or ""), getattr(row, "inn", ""), row.city, str(row.responsible or ""))
    return FoundClient(row, shown, tuple(note for note in notes if note))
