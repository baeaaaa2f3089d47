"""Who is this? One indexed query over the phones and addresses of contacts, companies and open leads (LEAD-5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.db.models import Q

from accounts import identity
from crm import pipelines
from crm.contact_points import Point
from crm.models import Company, Contact, ContactPoint, RecordType, record_model
from crm.prepared import NUMBER, TEXT, Prepared
from crm.rows import row


@dataclass(frozen=True)
class Recognised:
    """Who owns the given phones and addresses; at most one contact and one company are taken as the client."""

    contact: Contact | None = None
    company: Company | None = None
    lead_ids: tuple[int, ...] = ()
    matches: dict[str, list[int]] = field(default_factory=dict)

    @property
    def is_known(self) -> bool:
        """A contact or company is known; an open lead alone is no client yet."""
        return self.contact is not None or self.company is not None

    @property
    def responsible(self) -> Any:
        """Who is responsible for the client: the company is the master, then the contact."""
        owners = (owner for owner in (self.company, self.contact) if owner is not None)
        return next((owner.responsible for owner in owners if owner.responsible_id), None)


def owners_of(points: Iterable[Point]) -> dict[str, list[int]]:
    """Ids by kind of record of everybody who has one of the phones or addresses: one indexed query."""
    wanted = sorted({(point.kind, point.value) for point in points})
    if not wanted:
        return {}
    owners: dict[str, list[int]] = {}
    kinds = tuple(kind for kind, _value in wanted)
    for record_type, record_id in _owners(kinds).raw(*(value for _kind, value in wanted)):
        ids = owners.setdefault(record_type, [])
        if record_id not in ids:
            ids.append(record_id)
    return owners


@cache
def _owners(kinds: tuple[str, ...]) -> Prepared[Any]:
    """Asks for the owners of so many phones and addresses, told by their kinds."""

    def build(*values: str) -> Any:
        found = Q()
        for kind, group in groupby(zip(kinds, values, strict=True), key=itemgetter(0)):
            found |= Q(kind=kind, value__in=[value for _kind, value in group])
        rows = ContactPoint.objects.filter(found).order_by("record_type", "record_id")
        return rows.values_list("record_type", "record_id")

    return Prepared(build, *(TEXT for _kind in kinds))


@cache
def _open_leads(count: int, stages: tuple[str, ...]) -> Prepared[Any]:
    """Asks which of so many leads of the manufacturer are at one of the stages."""

    def build(*ids: int) -> Any:
        rows: Any = record_model(RecordType.LEAD)._default_manager.filter(pk__in=ids, stage__in=stages)
        return rows.alive().filter(partner__isnull=True).values_list("pk")

    return Prepared(build, *([NUMBER] * count))


# Whose client it is is found among all clients, whoever takes the call or enters the lead.
@identity.as_system()
def recognise(points: Iterable[Point], *, leads: bool = True) -> Recognised:
    """The client behind phones and addresses, over living contacts, companies and open leads.

    Of several contacts the one most recently active is taken; a contact's company comes with it. Without `leads` it
    is not asked which leads are open.
    """
    owners = owners_of(points)
    if not owners:
        return Recognised()
    contact = _latest(Contact, owners.get(RecordType.CONTACT, []))
    company = _latest(Company, owners.get(RecordType.COMPANY, []))
    if contact is not None and company is None:
        company = contact.company
    lead_ids: tuple[int, ...] = ()
    if leads and (ids := owners.get(RecordType.LEAD)):
        lead_ids = tuple(pk for (pk,) in _open_leads(len(ids), pipelines.open_keys()).raw(*ids))
    return Recognised(contact, company, lead_ids, owners)


def _latest(model: Any, ids: list[int]) -> Any:
    """The living one of them that was active last; nearly always there is one at most."""
    if len(ids) < 2:
        return row(model, ids[0], alive=True) if ids else None
    return model.objects.filter(pk__in=ids).alive().order_by("-last_activity_at", "-id").first()
