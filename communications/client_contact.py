"""The client made contact: every open lead and deal tied to them hears of it, whichever way they came (DEAL-6)."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from accounts import identity
from crm import events, notify, timeline
from crm.models import Company, Contact, RecordType, StagedRecord, record_model
from crm.services import touch
from crm.together import apart


@apart
def client_contacted(
    who: StagedRecord, how: str, by: Any, *, point: str = "", is_automatic: bool = False, is_missed: bool = False
) -> list[StagedRecord]:
    """Publish `client_contact` on the client and on each open lead and deal tied to them; answers those records.

    `who` is the contact or company, or the lead or deal where it happened; `how` is letter, call, message, form or
    meeting; `point` the phone or address; `is_missed` a call that nobody answered. Auto-replies and bounces
    (`is_automatic`) are nobody's contact.
    """
    if is_automatic:
        return []
    data: dict[str, Any] = {"how": how, "point": point, **({"is_missed": True} if is_missed else {})}
    # A partner's client is the manufacturer's too, and both sides hear of them (PART-8).
    with identity.as_system():
        clients = _clients_of(who)
        records = _open_records(who, clients)
        for record in [*clients, *records]:
            touch(record)
            if record != who:
                timeline.record(record, "client_contact", by, data)
        # Where the work goes on comes first: of several robots that ask for one task the first one makes it.
        for record in [*reversed(records), *clients]:
            events.publish("client_contact", record, by, data)
        for record in records:
            notify.tell(record.responsible_id, record, "client", "client_contact", data, by=by)
    return records


def _clients_of(who: StagedRecord) -> list[Contact | Company]:
    """The person and the company behind a record; a person speaks for the company they work at."""
    if isinstance(who, Company):
        return [who]
    contact = who if isinstance(who, Contact) else getattr(who, "contact", None)
    company = getattr(who, "company", None) or (contact.company if contact is not None else None)
    return [client for client in (contact, company) if client is not None]


def _open_records(who: StagedRecord, clients: list[Contact | Company]) -> list[StagedRecord]:
    tied = Q(pk__in=[])
    for client in clients:
        if isinstance(client, Contact):
            tied |= Q(contact=client)
        else:
            tied |= Q(company=client)
            if client == who:
                tied |= Q(contact__company=client)
    found: list[StagedRecord] = []
    for record_type in (RecordType.LEAD, RecordType.DEAL):
        wanted = tied | Q(pk=who.pk) if record_type == who.RECORD_TYPE else tied
        found += record_model(record_type)._default_manager.alive().open().filter(wanted).order_by("pk")
    return found
