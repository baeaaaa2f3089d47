"""The feed of a person's own tasks for the calendar of a phone: the last 30 days and the next 180."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from rest_framework.throttling import SimpleRateThrottle

from accounts.models import User
from accounts.services import token_hash
from crm import clock, ics
from crm.models import Activity
from crm.normalize import format_phone
from crm.task_rows import rows_with_records
from crm.throttling import seconds_to_wait

BACK, AHEAD = timedelta(days=30), timedelta(days=180)
LASTS = {Activity.Kind.MEETING: timedelta(hours=1)}
USUALLY = timedelta(minutes=30)
MOST = 2000


class FeedThrottle(SimpleRateThrottle):
    """So many readings an hour of one address; calendars ask a few times an hour."""

    scope = "calendar"

    def get_cache_key(self, request: object, view: object) -> str:
        """The address, given in the place of the view."""
        return self.cache_format % {"scope": self.scope, "ident": token_hash(str(view))}


def too_often(secret: str) -> int:
    """For how many seconds an address may not be read; 0 when it may."""
    return seconds_to_wait(FeedThrottle(), secret)


def feed_of(user: User) -> bytes:
    """The person's own tasks as an iCalendar file, in their language; done ones are ticked and take up no time."""
    now = clock.now()
    rows = Activity.objects.all().visible_to(user).filter(responsible=user, due_at__range=(now - BACK, now + AHEAD))
    tasks = list(rows.select_related("responsible").order_by("due_at", "id")[:MOST])
    with translation.override(user.language):
        told = {row["id"]: row for row in rows_with_records(tasks, user)}
        name = _("Tasks: %(person)s") % {"person": user.short_name}
        return ics.calendar(name, [_entry(task, told[task.pk]) for task in tasks], now)


def _entry(task: Activity, row: dict[str, Any]) -> ics.Entry:
    is_done = task.done_at is not None
    lines = [
        row.get("record", ""), row.get("client", ""), format_phone(row["phone"]) if row.get("phone") else "",
        task.text, task.result,
    ]  # fmt: skip
    path = row.get("record_url") or reverse("task-calendar")
    return ics.Entry(
        uid=f"task-{task.pk}@{urlsplit(settings.PUBLIC_URL).hostname}",
        title=f"\u2713 {task.title}" if is_done else task.title,
        starts=task.due_at,
        lasts=LASTS.get(Activity.Kind(task.kind), USUALLY),
        made=task.created_at,
        text="\n".join(line for line in lines if line),
        url=f"{settings.PUBLIC_URL}{path}",
        is_done=is_done,
    )
