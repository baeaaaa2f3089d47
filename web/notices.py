"""The bell: lines made from the timeline's sentences, shown only while their record may be seen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from accounts.models import User
from crm import clock, timeline
from crm.models import Notification, record_model


def rows(notifications: Iterable[Notification], user: User) -> list[dict[str, Any]]:
    """Lines of the bell; a record that has gone out of the person's sight leaves only the time."""
    found = list(notifications)
    wanted: dict[str, set[int]] = {}
    for row in found:
        wanted.setdefault(row.record_type, set()).add(row.record_id)
    records: dict[tuple[str, int], Any] = {}
    for record_type, ids in wanted.items():
        manager: Any = record_model(record_type)._default_manager
        for record in manager.visible_to(user).filter(pk__in=ids):
            records[record_type, record.pk] = record
    return [
        {"row": row, "record": record, "text": _text(row) if record else ""}
        for row in found
        for record in [records.get((row.record_type, row.record_id))]
    ]


def _text(row: Notification) -> str:
    if row.action in timeline.FORMATTERS:
        return timeline.FORMATTERS[row.action](row.data)
    return str(row.data.get("text", ""))


def read(row: Notification) -> None:
    """Mark one as read; the first time counts."""
    Notification.objects.filter(pk=row.pk, read_at__isnull=True).update(read_at=clock.now())


def read_all(user: User) -> None:
    """Mark everything as read."""
    Notification.objects.filter(user=user, read_at__isnull=True, created_at__lte=clock.now()).update(
        read_at=clock.now()
    )
