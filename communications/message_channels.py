"""By which channels a message can leave, and whether a person can be reached by them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from crm.exclusions import excluded_among, is_excluded
from crm.models import Contact, ContactPoint, RecordType


@dataclass(frozen=True)
class MessageChannel:
    """One way out; a channel that is not connected reaches nobody."""

    code: str
    is_connected: bool


CHANNELS: dict[str, MessageChannel] = {
    channel.code: channel
    for channel in (
        MessageChannel(ContactPoint.Kind.EMAIL, is_connected=True),
        MessageChannel(ContactPoint.Kind.WHATSAPP, is_connected=False),
        MessageChannel(ContactPoint.Kind.TELEGRAM, is_connected=False),
    )
}


def address_on(contact: Contact, channel: str) -> str:
    """The person's address on a channel, or an empty text: none known, or one we may not write to."""
    known: dict[str, str] | None = contact.__dict__.get("looked_up")
    if known is not None:
        return known.get(channel, "")
    if contact.stage_row.is_failure:
        return ""
    point = (
        ContactPoint.objects.filter(record_type=RecordType.CONTACT, record_id=contact.pk, kind=channel)
        .order_by("-is_primary", "id")
        .values_list("value", flat=True)
        .first()
    )
    address = point or (contact.email if channel == ContactPoint.Kind.EMAIL else "")
    return "" if not address or is_excluded(address) else address


def reachable(contact: Contact) -> dict[str, str]:
    """The connected channels by which a person can be reached, with the address on each."""
    found = {code: address_on(contact, code) for code, channel in CHANNELS.items() if channel.is_connected}
    return {code: address for code, address in found.items() if address}


def look_up(contacts: Iterable[Contact]) -> None:
    """Find the addresses of many people at once and keep them with these very instances, for a page that shows them.

    Two queries for all; whoever is about to write reads the person anew and asks `reachable`.
    """
    rows = list(contacts)
    people = {contact.pk: contact for contact in rows}
    connected = [code for code, channel in CHANNELS.items() if channel.is_connected]
    points = ContactPoint.objects.filter(record_type=RecordType.CONTACT, record_id__in=people, kind__in=connected)
    found: dict[int, dict[str, str]] = {pk: {} for pk in people}
    for pk, kind, value in points.order_by("-is_primary", "id").values_list("record_id", "kind", "value"):
        found[pk].setdefault(kind, value)
    for pk, contact in people.items():
        if contact.email:
            found[pk].setdefault(ContactPoint.Kind.EMAIL, contact.email)
    held = excluded_among(address for addresses in found.values() for address in addresses.values())
    for contact in rows:
        known = {} if contact.stage_row.is_failure else found[contact.pk]
        contact.__dict__["looked_up"] = {code: address for code, address in known.items() if address not in held}
