"""What is read of letters and messages."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from accounts.models import User
from communications.models import Message
from crm.models import StagedRecord
from crm.querysets import Action
from crm.visibility import visible_record


def unsent_of(record: StagedRecord, user: User) -> QuerySet[Message]:
    """A record's letters that did not leave, or of which it is unknown, and that wait for a person, oldest first."""
    rows = Message.objects.filter(
        record_type=record.RECORD_TYPE,
        record_id=record.pk,
        state=Message.State.FAILED,
        direction=Message.Direction.OUT,
    )
    return (rows.filter(is_internal=False) if user.is_partner else rows).order_by("created_at", "id")


def letter_in_sight(pk: int, user: User, action: Action = "view") -> tuple[Message, Any] | None:
    """An outgoing letter and its record, where the person may see both, or change the record."""
    message = Message.objects.filter(pk=pk, direction=Message.Direction.OUT).first()
    if message is None or (message.is_internal and user.is_partner):
        return None
    record = visible_record(message.record_type, message.record_id, user, action) if message.record_type else None
    return (message, record) if record is not None else None
