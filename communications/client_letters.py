"""A letter that a person writes to the client from a card: proposed from a template, sent by the outbox (COM-1)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from communications import templates_render
from communications.addressees import chosen_addressee
from communications.models import Message, MessageTemplate
from communications.services import message_queue
from crm import clock
from crm.actors import Actor
from crm.errors import InvalidInput
from crm.models import Contact, ContactPoint, StagedRecord
from crm.rows import locked_for
from crm.together import together

# Two presses of one button, or a call that was tried again because its answer was lost.
SAME_PRESS = timedelta(minutes=1)
ON_ITS_WAY = (Message.State.QUEUED, Message.State.SENDING, Message.State.SENT)


def just_written(**alike: Any) -> QuerySet[Message]:
    """Letters that are alike and were written a moment ago; one that failed does not count."""
    return Message.objects.filter(**alike, state__in=ON_ITS_WAY, created_at__gt=clock.now() - SAME_PRESS)


def letter_proposed(
    record: StagedRecord, template: MessageTemplate, *, address: str = ""
) -> tuple[templates_render.Letter, str]:
    """Subject and text for the client behind an address, and what is to be filled in by hand (empty: nothing)."""
    client = chosen_addressee(record, address).client if address else None
    person = client if isinstance(client, Contact) else getattr(record, "contact", None)
    return templates_render.draft(template, record, person)


@together
def letter_write(record: StagedRecord, *, address: str, subject: str, text: str, by: Any) -> Message:
    """Queue a letter to one of the record's addresses; the same one twice within a minute is one letter.

    DoesNotExist where the record may not be commented on; InvalidInput says what is wrong with address, subject or
    text, or which placeholder stands in it still: the client must never read it.
    """
    actor = Actor.of(by)
    record = locked_for(type(record), record.pk, actor, action="comment")
    to = chosen_addressee(record, address)
    subject, text = subject.strip(), text.replace("\r\n", "\n")
    if not subject:
        raise InvalidInput.at("subject", _("A letter needs a subject."))
    templates_render.require_filled(subject=subject, text=text)
    same = {"record_type": record.RECORD_TYPE, "record_id": record.pk, "address": to.address, "subject": subject[:255]}
    if (known := just_written(**same, text=text).first()) is not None:
        return known
    return message_queue(
        record=record,
        contact=to.client if isinstance(to.client, Contact) else None,
        channel=ContactPoint.Kind.EMAIL,
        address=to.address,
        subject=subject,
        text=text,
        by=by,
    )
