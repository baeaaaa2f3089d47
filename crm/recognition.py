"""Who is this? One indexed query over the phones and addresses of contacts, companies and open leads (LEAD-5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q

from crm.contact_points import Point
from crm.models import Company, Contact, ContactPoint, RecordType, record_model


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
    wanted: dict[str, set[str]] = {}
    for point in points:
        wanted.setdefault(point.kind, set()).add(point.value)
    if not wanted:
        return {}
    found = Q()
    for kind, values in wanted.items():
        found |= Q(kind=kind, value__in=values)
    owners: dict[str, list[int]] = {}
    for record_type, record_id in (
        ContactPoint.objects.filter(found).order_by("record_type", "record_id").values_list("record_type", "record_id")
    ):
        ids = owners.setdefault(record_type, [])
        if record_id not in ids:
            ids.append(record_id)
    return owners


def recognise(points: Iterable[Point]) -> Recognised:
    """The client behind phones and addresses, over living contacts, companies and open leads.

    Of several contacts the one most recently active is taken; a contact's company comes with it.
    """
    owners = owners_of(points)
    if not owners:
        return Recognised()
    contact = _latest(Contact.objects.filter(pk__in=owners.get(RecordType.CONTACT, [])))
    company = _latest(Company.objects.filter(pk__in=owners.get(RecordType.COMPANY, [])))
    if contact is not None and company is None:
        company = contact.company
    leads: tuple[int, ...] = ()
    if ids := owners.get(RecordType.LEAD):
        rows = record_model(RecordType.LEAD)._default_manager.filter(pk__in=ids)
        leads = tuple(rows.alive().open().filter(partner__isnull=True).values_list("pk", flat=True))
    return Recognised(contact, company, leads, owners)


def _latest(rows: Any) -> Any:
    return rows.alive().select_related("responsible").order_by("-last_activity_at", "-id").first()
