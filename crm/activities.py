"""What can happen to a task beyond being made and done: it is moved to another day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from accounts.models import User
from crm import clock, timeline
from crm.models import Activity, StagedRecord
from crm.services import refresh_next_activity
from crm.together import apart
from crm.working_time import of_company


def open_tasks(record: StagedRecord, user: User) -> QuerySet[Activity]:
    """What is still to be done on a record that the user has been let in to, the nearest first.

    Colleagues see each other's tasks on a record they share; a partner sees its own people's alone.
    """
    rows = Activity.objects.filter(record_type=record.RECORD_TYPE, record_id=record.pk, done_at__isnull=True)
    if user.is_partner:
        rows = rows.visible_to(user)
    return rows.select_related("responsible").order_by("due_at", "id")


LATER = {"tomorrow": 1, "monday": 0, "week": 7}


def later(due: datetime, word: str) -> datetime:
    """The same time of day tomorrow, on Monday or in a week (words of LATER); a day off gives way, but for the week."""
    zone = timezone.get_current_timezone()
    today, at = clock.now().astimezone(zone), due.astimezone(zone)
    days = LATER.get(word, 1)
    day = today.date() + timedelta(days=days or (7 - today.weekday()))
    if word != "week":
        day = of_company().working_day(day)
    return at.replace(year=day.year, month=day.month, day=day.day)


@apart
def activity_postpone(activity: Activity, *, due_at: datetime, by: Any) -> Activity:
    """Give an open activity another due time; the record's next step follows, the timeline says so."""
    locked = Activity.objects.select_for_update().get(pk=activity.pk)
    if locked.done_at is None and locked.due_at != due_at:
        locked.due_at = due_at
        locked.save(update_fields=["due_at"])
        if (record := locked.record) is not None:
            refresh_next_activity(record)
            timeline.record(record, "task_moved", by, {"title": locked.title, "due_at": due_at.isoformat()})
    activity.due_at = locked.due_at
    return activity


@apart
def activity_change(activity: Activity, *, by: Any, data: Mapping[str, Any]) -> Activity:
    """Change what an open activity says, whose it is or when it is due; the record's next step follows."""
    moved = data.get("due_at", activity.due_at) != activity.due_at
    locked = Activity.objects.select_for_update().get(pk=activity.pk)
    for name in ("kind", "title", "text", "responsible"):
        if name in data:
            setattr(locked, name, data[name])
    locked.save(update_fields=["kind", "title", "text", "responsible"])
    if moved:
        return activity_postpone(locked, due_at=data["due_at"], by=by)
    if (record := locked.record) is not None:
        refresh_next_activity(record)
    return locked


@timeline.formatter("task_moved", "task")
def _task_moved(data: Mapping[str, Any]) -> str:
    moment = parse_datetime(str(data.get("due_at", "")))
    when = f"{timezone.localtime(moment):%d.%m.%Y %H:%M}" if moment else ""
    return _("Task moved to %(when)s: %(title)s") % {"when": when, "title": data.get("title", "")}
