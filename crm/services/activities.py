"""Tasks, calls and meetings of a record: planned, done, opened again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from crm import clock, notify, timeline
from crm.actors import Actor
from crm.errors import InvalidInput
from crm.models import Activity, StagedRecord
from crm.prepared import NUMBER, TEXT, Prepared
from crm.querysets import ActivityQuerySet
from crm.services.notes import touch
from crm.together import together

_NEAREST = Prepared(
    lambda kind, pk: Activity.objects.undone().filter(record_type=kind, record_id=pk).order_by("due_at", "id")[:1],
    TEXT,
    NUMBER,
)


@together
def activity_create(
    record: StagedRecord,
    *,
    title: str,
    due_at: datetime,
    responsible: Any,
    by: Any,
    kind: str = Activity.Kind.TASK,
    text: str = "",
    key: str | None = None,
) -> Activity:
    """Plan a task, call or meeting. With `key` the same activity is made once, however often it is asked for."""
    if key and (known := Activity.objects.filter(key=key).first()):
        return known
    activity = Activity(
        record_type=record.RECORD_TYPE,
        record_id=record.pk,
        kind=kind,
        title=title,
        text=text,
        responsible=responsible,
        due_at=due_at,
        created_by=Actor.of(by).user,
        created_at=clock.now(),
        key=key,
    )
    try:
        activity.full_clean(exclude=["responsible", "created_by", "key"])
    except ValidationError as error:
        raise InvalidInput.from_validation(error) from error
    activity.save()
    refresh_next_activity(record)
    told = {"title": title, "id": activity.pk, "due_at": due_at.isoformat()}
    timeline.record(record, "task_created", by, told)
    notify.tell(activity.responsible_id, record, "task", "task_created", told, by=by)
    return activity


@together
def activity_complete(activity: Activity, *, by: Any, result: str = "") -> Activity:
    """Mark an activity done, with its result; doing it twice changes nothing."""
    locked = Activity.objects.select_for_update().get(pk=activity.pk)
    if locked.done_at is None:
        locked.done_at, locked.result = clock.now(), result.strip()
        locked.save(update_fields=["done_at", "result"])
        if (record := locked.record) is not None:
            refresh_next_activity(record)
            touch(record)
            timeline.record(record, "task_done", by, {"title": locked.title, "result": locked.result})
    activity.done_at, activity.result = locked.done_at, locked.result
    return activity


@together
def activities_cancel(record: StagedRecord, *, by: Any, result: str) -> int:
    """Close everything that was still to be done on a record, with the word why; answers how many there were."""
    rows = Activity.objects.filter(record_type=record.RECORD_TYPE, record_id=record.pk).undone().select_for_update()
    found = list(rows.order_by("pk"))
    for activity in found:
        activity.done_at, activity.result = clock.now(), result
        activity.save(update_fields=["done_at", "result"])
        timeline.record(record, "task_cancelled", by, {"title": activity.title, "result": result})
    if found:
        refresh_next_activity(record)
    return len(found)


def activities_close_automatic(record: StagedRecord, *, by: Any) -> int:
    """Close what robots and the product planned on a record that has just been closed; what people planned stays.

    Done at the very moment of `record.closed_at`: by that `activities_bring_back` knows them. Within a move's
    transaction; answers how many there were.
    """
    found = list(_automatic(record).undone().select_for_update().order_by("pk"))
    for activity in found:
        why = _("«%(stage)s»: nothing is left to do here.") % {"stage": record.stage_row.name}
        activity.done_at, activity.result = record.closed_at, why
        activity.save(update_fields=["done_at", "result"])
        timeline.record(record, "task_cancelled", by, {"title": activity.title, "why": why})
    if found:
        refresh_next_activity(record)
    return len(found)


def activities_bring_back(record: StagedRecord, *, closed_at: datetime, by: Any) -> int:
    """Open again what the closing of a record had closed, and call off what robots planned because it was closed.

    Within the transaction of the move that reopens it; answers how many are open again.
    """
    for activity in _automatic(record).undone().filter(created_at__gte=closed_at).select_for_update().order_by("pk"):
        why = _("The record is open again.")
        activity.done_at, activity.result = clock.now(), why
        activity.save(update_fields=["done_at", "result"])
        timeline.record(record, "task_cancelled", by, {"title": activity.title, "why": why})
    found = list(_automatic(record).filter(done_at=closed_at, created_at__lt=closed_at).select_for_update())
    for activity in found:
        activity.done_at, activity.result = None, ""
        activity.save(update_fields=["done_at", "result"])
        timeline.record(record, "task_back", by, {"title": activity.title})
    refresh_next_activity(record)
    return len(found)


def _automatic(record: StagedRecord) -> ActivityQuerySet:
    """What was planned with a key, and not by a person: by a robot, a hand-over, a partner's refusal."""
    return Activity.objects.filter(record_type=record.RECORD_TYPE, record_id=record.pk, key__isnull=False)


@together
def activity_reopen(activity: Activity, *, by: Any) -> Activity:
    """Undo of activity_complete."""
    activity.done_at, activity.result = None, ""
    activity.save(update_fields=["done_at", "result"])
    if (record := activity.record) is not None:
        refresh_next_activity(record)
    return activity


def refresh_next_activity(record: StagedRecord) -> None:
    """Keep the record's next-step columns in step with its open activities; boards read them without a join."""
    nearest: Activity | None = _NEAREST.first(record.RECORD_TYPE, record.pk)
    record.next_activity_at = nearest.due_at if nearest else None
    record.next_activity_title = nearest.title[:255] if nearest else ""
    type(record)._default_manager.filter(pk=record.pk).update(
        next_activity_at=record.next_activity_at, next_activity_title=record.next_activity_title
    )
