"""Writing messages and calls: an outgoing message is a row first and leaves after commit (communications.outbox)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.utils import make_msgid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from communications import message_channels, templates_render
from communications.client_contact import client_contacted
from communications.models import Call, Message, MessageTemplate
from crm import clock, timeline
from crm.actors import Actor
from crm.errors import InvalidInput
from crm.exclusions import is_excluded
from crm.models import Attachment, Contact, ContactPoint, StagedRecord
from crm.normalize import one_line
from crm.services import touch
from crm.settings_audit import require_head, save_audited
from crm.together import apart, together


@apart
def message_queue(
    *,
    record: StagedRecord,
    contact: Contact | None,
    channel: str,
    by: Any,
    template: str = "",
    subject: str = "",
    text: str = "",
    address: str = "",
    key: str | None = None,
    wait: timedelta = timedelta(0),
    attachment: Attachment | None = None,
) -> Message:
    """Put a message into the outbox in the caller's transaction; a worker sends it after commit.

    Either `template` (a code) or `text`. With `key` the same message is queued once, however often it is asked for;
    it leaves after `wait` at the earliest, so that a mistake can still be taken back. `attachment`, a file of the
    record, is read when the letter leaves; a letter with an internal file is as internal as the file.
    InvalidInput where there is no address, no text, or the template needs what the record does not have.
    """
    if key and (known := Message.objects.filter(key=key).first()):
        return known
    chosen = MessageTemplate.objects.get(code=template) if template else None
    if chosen is not None:
        letter = templates_render.render(chosen, record, contact)
        subject, text = letter.subject, letter.text
    to = _address(contact, channel, address)
    _require_text(text)
    now = clock.now()
    message = Message.objects.create(
        record_type=record.RECORD_TYPE,
        record_id=record.pk,
        direction=Message.Direction.OUT,
        channel=channel,
        state=Message.State.QUEUED,
        address=to,
        sender=sender_for(record),
        subject=one_line(subject)[:255],
        text=text.replace("\x00", "")[:100_000],
        template=chosen,
        contact=contact,
        attachment=attachment,
        is_internal=attachment is not None and attachment.is_internal,
        # Known before the first attempt, so that a letter that left twice is one letter to the reader's programme.
        message_id=make_msgid(domain=settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">")),
        key=key,
        created_at=now,
        created_by=Actor.of(by).user,
        not_before=now + wait,
    )
    timeline.record(record, "message_out", by, told(message), internal=message.is_internal)
    return message


def _require_text(text: str) -> None:
    if not text.strip():
        message = _("Write something first.")
        raise InvalidInput(message, errors=[{"pointer": "/text", "code": "required", "message": message}])


def _address(contact: Contact | None, channel: str, address: str) -> str:
    if channel not in message_channels.CHANNELS or not message_channels.CHANNELS[channel].is_connected:
        raise InvalidInput(_("The channel «%(channel)s» is not connected.") % {"channel": channel})
    to = address or (message_channels.address_on(contact, channel) if contact is not None else "")
    if not to or is_excluded(to):
        raise InvalidInput(
            _("There is no address to write to."),
            errors=[{"pointer": "/address", "code": "required", "message": _("There is no address to write to.")}],
        )
    return to


def sender_for(record: StagedRecord) -> str:
    """The From line of a record's letters: its responsible, else the company's own address (COM-1)."""
    person = record.responsible
    if person is not None and person.is_active and person.email:
        # Readable as it is kept; the mail library encodes it when the letter leaves.
        return str(Address(person.full_name, addr_spec=person.email))
    return settings.DEFAULT_FROM_EMAIL


def told(message: Message, **more: Any) -> dict[str, Any]:
    """What the timeline keeps of a message."""
    data = {"id": message.pk, "address": message.address, "subject": message.subject or message.text[:100]}
    if message.attachment is not None:
        data["file"] = message.attachment.name
    return data | more


@apart
def message_resend(*, message_id: int, by: Any) -> Message:
    """Send a failed message again, by a person's decision; the letter keeps its Message-ID.

    Doing it twice queues it once. A person's right to the record is checked by whoever calls.
    """
    message = Message.objects.select_for_update().get(pk=message_id, direction=Message.Direction.OUT)
    if message.state not in {Message.State.FAILED, Message.State.CANCELLED}:
        return message
    message.state, message.is_unsure, message.error = Message.State.QUEUED, False, ""
    message.attempts, message.not_before = 0, clock.now()
    message.save(update_fields=["state", "is_unsure", "error", "attempts", "not_before"])
    if (record := message.record) is not None:
        timeline.record(record, "message_out", by, told(message), internal=message.is_internal)
    return message


@apart
def message_settle(*, message_id: int, by: Any) -> Message:
    """End the wait of a letter that did not leave, by a person's decision; doing it twice changes nothing.

    One of which it was unknown counts as sent from now on (the client has it), any other is not sent any more.
    A person's right to the record is checked by whoever calls.
    """
    message = Message.objects.select_for_update().get(pk=message_id, direction=Message.Direction.OUT)
    if message.state != Message.State.FAILED:
        return message
    arrived = message.is_unsure
    message.state, message.is_unsure = Message.State.SENT if arrived else Message.State.CANCELLED, False
    message.sent_at = message.handed_at if arrived else None
    message.save(update_fields=["state", "is_unsure", "sent_at"])
    if (record := message.record) is not None:
        action = "message_arrived" if arrived else "message_cancelled"
        timeline.record(record, action, by, told(message), internal=message.is_internal)
    return message


@apart
def messages_cancel(record: StagedRecord, *, which: Q, by: Any) -> int:
    """Take back what robots queued for a record and no worker has begun to send; answers how many.

    What a person wrote stays, whatever `which` says.
    """
    waiting = Message.objects.filter(
        which,
        record_type=record.RECORD_TYPE,
        record_id=record.pk,
        state=Message.State.QUEUED,
        created_by__isnull=True,
    )
    cancelled = 0
    for message in waiting:
        # Conditional: the sender may have claimed it between the two queries.
        if Message.objects.filter(pk=message.pk, state=Message.State.QUEUED).update(state=Message.State.CANCELLED):
            timeline.record(record, "message_cancelled", by, told(message), internal=message.is_internal)
            cancelled += 1
    return cancelled


@apart
def message_received(
    *,
    record: StagedRecord,
    channel: str,
    address: str,
    by: Any,
    subject: str = "",
    text: str = "",
    contact: Contact | None = None,
    message_id: str = "",
    is_automatic: bool = False,
) -> Message:
    """Keep an incoming letter or message and tell everybody tied to the client, unless a machine wrote it."""
    if message_id and (known := Message.objects.filter(message_id=message_id, direction="in").first()):
        return known
    message = Message.objects.create(
        record_type=record.RECORD_TYPE,
        record_id=record.pk,
        direction=Message.Direction.IN,
        channel=channel,
        state=Message.State.RECEIVED,
        address=address[:254],
        subject=one_line(subject)[:255],
        text=text.replace("\x00", "")[:100_000],
        contact=contact,
        message_id=message_id[:255],
        is_automatic=is_automatic,
        created_at=clock.now(),
        sent_at=clock.now(),
    )
    timeline.record(record, "message_in", by, told(message, is_automatic=is_automatic))
    how = "letter" if channel == ContactPoint.Kind.EMAIL else "message"
    client_contacted(record, how, by, point=address, is_automatic=is_automatic)
    return message


@apart
def call_add(
    record: StagedRecord,
    *,
    direction: str,
    by: Any,
    phone: str = "",
    at: datetime | None = None,
    seconds: int = 0,
    is_missed: bool = False,
    note: str = "",
) -> Call:
    """Note a phone call; an incoming one, missed too, is the client making contact."""
    call = Call.objects.create(
        record_type=record.RECORD_TYPE,
        record_id=record.pk,
        direction=direction,
        phone=phone[:20],
        at=at or clock.now(),
        seconds=seconds,
        is_missed=is_missed,
        note=note.replace("\x00", "").strip()[:20_000],
        user=Actor.of(by).user,
    )
    touch(record)
    timeline.record(
        record,
        "call",
        by,
        {
            "direction": direction,
            "phone": call.phone,
            "seconds": seconds,
            "is_missed": is_missed,
            "note": call.note,
            "id": call.pk,
        },
    )
    if direction == Call.Direction.IN:
        client_contacted(record, "call", by, point=phone, is_missed=is_missed)
    return call


class ContactWay(models.TextChoices):
    """How a client and one of our people came together, as a person tells it."""

    CALL_IN = "call_in", gettext_lazy("The client called")
    CALL_MISSED = "call_missed", gettext_lazy("The client called, nobody answered")
    CALL_OUT = "call_out", gettext_lazy("We called and talked")
    CALL_OUT_MISSED = "call_out_missed", gettext_lazy("We called, no answer")
    MESSAGE = "message", gettext_lazy("The client wrote in a messenger")
    LETTER = "letter", gettext_lazy("The client wrote a letter")
    MEETING = "meeting", gettext_lazy("We met")


CALLS = {
    ContactWay.CALL_IN: (Call.Direction.IN, False),
    ContactWay.CALL_MISSED: (Call.Direction.IN, True),
    ContactWay.CALL_OUT: (Call.Direction.OUT, False),
    ContactWay.CALL_OUT_MISSED: (Call.Direction.OUT, True),
}


@together
def contact_note(record: StagedRecord, *, way: str, by: Any, text: str = "", phone: str = "") -> None:
    """Note by hand what came past the product's own channels: a call, a meeting, a messenger, a private mailbox.

    What the client did stops and starts robots as if it had come by a channel (DEAL-6); our own call does not.
    InvalidInput for a way that is none, or where nothing is said of what was talked about.
    """
    if way not in ContactWay.values:
        raise InvalidInput.at("way", _("Say how it was."))
    text = text.replace("\x00", "").strip()[:20_000]
    call = CALLS.get(ContactWay(way))
    if not text and (call is None or not call[1]):
        raise InvalidInput.at("text", _("Say what it was about."))
    if call is not None:
        call_add(record, direction=call[0], is_missed=call[1], by=by, phone=phone, note=text)
        return
    touch(record)
    timeline.record(record, "client_contact", by, {"how": way, "note": text})
    client_contacted(record, way, by)


__all__ = [
    "call_add",
    "client_contacted",
    "contact_note",
    "message_queue",
    "message_received",
    "message_resend",
    "message_settle",
    "messages_cancel",
    "sender_for",
    "told",
]


@apart
def template_take(template: MessageTemplate, data: Mapping[str, Any], by: Any) -> None:
    """Bring a template to what a file of settings says of it; InvalidInput where a placeholder is none."""
    require_head(by)
    for name in templates_render.TEXTS:
        if name in data:
            templates_render.check_text(str(data[name]))
    save_audited("template", template, data, by=by)
