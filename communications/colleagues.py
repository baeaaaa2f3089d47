"""Letters to the company's own people: rows of the outbox that hang on no record and that no client ever sees."""

from __future__ import annotations

from email.utils import make_msgid

from django.conf import settings

from accounts.models import User
from communications.models import Message
from crm import clock
from crm.models import ContactPoint


def letter_to_person(person: User, *, subject: str, text: str, key: str, html: str = "") -> Message:
    """Put a letter into the outbox, in the caller's transaction; IntegrityError where one of that key is there.

    `html` is the product's own and goes out as it is.
    """
    now = clock.now()
    return Message.objects.create(
        record_type="",
        record_id=0,
        direction=Message.Direction.OUT,
        channel=ContactPoint.Kind.EMAIL,
        state=Message.State.QUEUED,
        address=person.email,
        sender=settings.DEFAULT_FROM_EMAIL,
        subject=subject[:255],
        text=text,
        html=html,
        is_internal=True,
        message_id=make_msgid(domain=settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">")),
        key=key,
        created_at=now,
        not_before=now,
    )


def may_leave(message: Message) -> bool:
    """A letter to one's own people goes to nobody who was switched off while it waited."""
    return bool(message.record_type) or User.objects.filter(email=message.address, is_active=True).exists()
