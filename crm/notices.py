"""How notifications are read: lines made from the timeline's sentences, shown only while their record may be seen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from crm import clock, timeline
from crm.models import ListJob, Notification, record_model
from crm.models.system import job_title
from crm.visibility import visible_record

MOST_SHOWN = 100


def bell(user: User) -> QuerySet[Notification]:
    """The lines of a person's bell; of a burst its first one."""
    return Notification.objects.filter(user=user.pk, in_bell=True, group__isnull=True)


def groups(heads: Iterable[Notification], user: User) -> list[dict[str, Any]]:
    """Lines of the bell, each with the others of its burst: {row, record, text, count, rows}.

    A record that has gone out of the person's sight leaves only the time.
    """
    firsts = list(heads)
    others: dict[int, list[Notification]] = defaultdict(list)
    for row in Notification.objects.filter(group__in=firsts).order_by("-created_at", "-id")[: 10 * MOST_SHOWN]:
        others[row.group_id or 0].append(row)
    shown = {line["row"].pk: line for line in rows([*firsts, *(row for many in others.values() for row in many)], user)}
    found = []
    for head in firsts:
        members = [shown[row.pk] for row in [*others[head.pk], head]]
        lines = {
            (line["row"].record_type, line["row"].record_id, line["text"]): line for line in members if line["record"]
        }
        found.append(
            shown[head.pk]
            | {
                "count": len(members),
                "rows": list(lines.values())[:MOST_SHOWN] if len(members) > 1 else [],
                "summary": summary(head.kind, len(members)),
            }
        )
    return found


def summary(kind: str, count: int) -> str:
    """A burst in one sentence."""
    sentences = {
        "responsible": ngettext("%(count)s record became yours", "%(count)s records became yours", count),
        "task": ngettext("You were given %(count)s task", "You were given %(count)s tasks", count),
        "client": ngettext("Clients made contact %(count)s time", "Clients made contact %(count)s times", count),
        "note": ngettext("%(count)s new note on your records", "%(count)s new notes on your records", count),
        "stage": ngettext("%(count)s move of your records", "%(count)s moves of your records", count),
        "robot": ngettext("%(count)s word of a robot", "%(count)s words of robots", count),
        "silence": ngettext("%(count)s record stands still", "%(count)s records stand still", count),
        "partner": ngettext("%(count)s deal was won by partners", "%(count)s deals were won by partners", count),
        "list_job": ngettext("%(count)s bulk action is done", "%(count)s bulk actions are done", count),
        "message": ngettext("%(count)s letter did not leave", "%(count)s letters did not leave", count),
        "webhook": ngettext("%(count)s webhook is switched off", "%(count)s webhooks are switched off", count),
    }
    return sentences[kind] % {"count": count}


def rows(notifications: Iterable[Notification], user: User) -> list[dict[str, Any]]:
    """Single lines: {row, record, text}; `record` is None when it may not be seen."""
    found = list(notifications)
    wanted: dict[str, set[int]] = {}
    for row in found:
        if row.record_type:
            wanted.setdefault(row.record_type, set()).add(row.record_id)
    records: dict[tuple[str, int], Any] = {}
    for record_type, ids in wanted.items():
        manager: Any = record_model(record_type)._default_manager
        for record in manager.visible_to(user).filter(pk__in=ids):
            records[record_type, record.pk] = record
    return [
        {"row": row, "record": record or _about_none(row), "text": _text(row) if record else ""}
        for row in found
        for record in [records.get((row.record_type, row.record_id))]
    ]


def _about_none(row: Notification) -> str | None:
    """What is said of a job over a list or a webhook, which are about no record; None for any other line."""
    if row.action == "webhook_off":
        return _text(row)
    if row.action != "list_job":
        return None
    if row.data.get("kind") == ListJob.Kind.EXPORT:
        return _("The file of the list is ready.")
    return _("Done with many records: %(what)s") % {
        "what": job_title(row.data["kind"], row.data.get("record_type", ""))
    }


def address(row: Notification, user: User) -> str:
    """Where a line of the bell leads; an empty text when that is out of the person's sight."""
    if row.action == "list_job":
        job = ListJob.objects.filter(pk=row.record_id, user=user).first()
        if job is None:
            return ""
        return reverse("job-list") if job.file else reverse("job", args=[job.pk])
    if row.action == "webhook_off":
        return reverse("settings-webhook", args=[row.record_id]) if user.is_head else ""
    record = visible_record(row.record_type, row.record_id, user)
    return record.get_absolute_url() if record else ""


def _text(row: Notification) -> str:
    if row.action in timeline.FORMATTERS:
        return timeline.FORMATTERS[row.action](row.data)
    return str(row.data.get("text", ""))


def read(row: Notification) -> None:
    """Mark one as read with the burst it belongs to; the first time counts."""
    head = row.group_id or row.pk
    Notification.objects.filter(Q(pk=head) | Q(group=head), read_at__isnull=True).update(read_at=clock.now())


def read_all(user: User) -> None:
    """Mark everything as read."""
    Notification.objects.filter(user=user, read_at__isnull=True, created_at__lte=clock.now()).update(
        read_at=clock.now()
    )
