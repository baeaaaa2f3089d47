"""Search by phone for those who see no client base: the client's name and who is responsible, nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm import normalize
from crm.models import ContactPoint, RecordType, record_model

SHORTEST_TAIL = 4
MOST = 20


@dataclass(frozen=True)
class KnownCaller:
    """What a call-centre operator may learn of a client: a name to greet by and a person to connect with."""

    name: str
    responsible: Any
    phone_tail: str


def callers_by_tail(query: str) -> list[KnownCaller]:
    """Clients one of whose phones ends in the digits of the query; nothing for fewer than four digits."""
    digits = normalize.digits(query)
    if len(digits) == 11 and digits[0] in "78":
        digits = digits[1:]
    if len(digits) < SHORTEST_TAIL:
        return []
    points = ContactPoint.objects.filter(
        kind=ContactPoint.Kind.PHONE,
        reversed_value__startswith=digits[::-1],
        record_type__in=[RecordType.CONTACT, RecordType.COMPANY],
    ).order_by("record_type", "record_id")
    found: dict[tuple[str, int], str] = {}
    for record_type, record_id, value in points.values_list("record_type", "record_id", "value")[:MOST]:
        found.setdefault((record_type, record_id), value[-4:])
    callers = []
    for record_type in (RecordType.CONTACT, RecordType.COMPANY):
        ids = [pk for kind, pk in found if kind == record_type]
        if ids:
            rows: Any = record_model(record_type)._default_manager
            callers += [
                KnownCaller(str(row), row.responsible, found[record_type, row.pk])
                for row in rows.alive().filter(pk__in=ids).select_related("responsible")
            ]
    return callers
