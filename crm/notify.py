"""Lines in people's bells: a record became theirs, and it was not they who did it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm import clock
from crm.models import Event, Notification, RecordType


def is_worth_telling(record_type: str, data: Mapping[str, Any]) -> bool:
    """Leads and deals are work to be done; clients and objects only follow them."""
    return record_type in {RecordType.LEAD, RecordType.DEAL}


def tell_new_responsible(event: Event) -> None:
    """Handler: whoever has become responsible for a record is told, unless they took it themselves."""
    record = event.record
    if record is None or record.responsible_id is None or record.deleted_at is not None:
        return
    if record.responsible_id == event.actor_user_id:
        return
    Notification.objects.create(
        user_id=record.responsible_id,
        record_type=event.record_type,
        record_id=event.record_id,
        action="responsible",
        data=event.data,
        created_at=clock.now(),
    )
