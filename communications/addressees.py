"""To which e-mail addresses a person may write about a record: those of its clients, and a lead's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from crm import normalize
from crm.errors import InvalidInput
from crm.exclusions import excluded_among, is_excluded
from crm.models import Company, Contact, ContactPoint, StagedRecord


@dataclass(frozen=True)
class Addressee:
    """An e-mail address, and the client whose it is; without one it is the lead's own."""

    address: str
    client: Contact | Company | None


def addressees(record: StagedRecord) -> list[Addressee]:
    """The contact's addresses, then the company's, then the record's own; main ones first, none excluded.

    A client who was closed as lost is not written to, as by robots.
    """
    found: dict[str, Addressee] = {}
    for client, address in _known([client for client in clients_of(record) if not client.stage_row.is_failure]):
        found.setdefault(address, Addressee(address, client))
    own = "" if isinstance(record, Contact | Company) else str(getattr(record, "email", "") or "")
    if own:
        found.setdefault(own, Addressee(own, None))
    excluded = excluded_among(found)
    return [item for address, item in found.items() if address not in excluded]


def clients_of(record: StagedRecord) -> list[Contact | Company]:
    """Whom a letter about the record may go to: the client itself, or the contact and the company of a lead or deal."""
    if isinstance(record, Contact | Company):
        return [record]
    found = (getattr(record, name, None) for name in ("contact", "company"))
    return [client for client in found if client is not None]


def no_address(record: StagedRecord) -> str:
    """Why there is nobody to write to, for a person."""
    if any(address for _client, address in _known(clients_of(record))) or str(getattr(record, "email", "") or ""):
        return _("The client is not to be written to: the address is on the exclusion list, or the client was closed.")
    return _("There is no address to write to: add an e-mail to the contact or the company first.")


def chosen_addressee(record: StagedRecord, given: str) -> Addressee:
    """The one of `addressees` that is meant; InvalidInput says why it is none of them."""
    offered = addressees(record)
    if not offered:
        raise InvalidInput.at("address", no_address(record))
    address = normalize.email(given) or given.strip()
    chosen = next((item for item in offered if item.address == address), None)
    if chosen is not None:
        return chosen
    if not address:
        raise InvalidInput.at("address", _("Choose the address."))
    if is_excluded(address):
        raise InvalidInput.at(
            "address", _("«%(address)s» is on the exclusion list: no letters go there.") % {"address": address}
        )
    text = _("«%(address)s» is no address of this client: add it to the contact or the company first.")
    raise InvalidInput.at("address", text % {"address": address[:254]})


def address_choices(record: StagedRecord) -> list[tuple[str, str]]:
    """The addresses for a form, each with whose it is."""
    return [
        (item.address, f"{item.address} – {item.client}" if item.client is not None else item.address)
        for item in addressees(record)
    ]


def _known(clients: list[Any]) -> list[tuple[Contact | Company, str]]:
    """All addresses of these clients, each client's main one first."""
    which = Q(pk__in=[])
    for client in clients:
        which |= Q(record_type=client.RECORD_TYPE, record_id=client.pk)
    points = list(ContactPoint.objects.filter(which, kind=ContactPoint.Kind.EMAIL).order_by("-is_primary", "id"))
    found = []
    for client in clients:
        own = [
            point.value for point in points if (point.record_type, point.record_id) == (client.RECORD_TYPE, client.pk)
        ]
        found += [(client, address) for address in [*own, client.email] if address]
    return found
