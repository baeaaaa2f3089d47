"""By which channels a message can leave, and whether a person can be reached by them."""

from __future__ import annotations

from dataclasses import dataclass

from crm.exclusions import is_excluded
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
