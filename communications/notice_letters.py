"""Letters about what people are told of: one for all that has come together, not in quiet hours, by the outbox."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.models import User
from communications.colleagues import letter_to_person
from crm import clock, notices, notify
from crm.claims import claim_one
from crm.models import Notification

MOST_LINES = 30


def queue_due(limit: int = 200) -> int:
    """Put the letters that are due into the outbox, one a person; answers how many. Safe to run in many workers."""
    queued = 0
    for _number in range(limit):
        with transaction.atomic():
            pk = claim_one(_due().order_by("mail_at", "id"), mail_at=None)
            if pk is None:
                return queued
            first = Notification.objects.select_related("user").get(pk=pk)
            queued += _write(first.user, first)
    return queued


def _due() -> QuerySet[Notification]:
    return Notification.objects.filter(mail_at__lte=clock.now())


def _write(person: User, first: Notification) -> int:
    """Gather what is due for the person with `first`; in their quiet hours put it all off to the end of them."""
    more = [
        row
        for row in _due().filter(user=person)
        if Notification.objects.filter(pk=row.pk, mail_at__isnull=False).update(mail_at=None)
    ]
    heads = [first, *more]
    if (later := notify.quiet_until(person, clock.now())) is not None:
        Notification.objects.filter(pk__in=[row.pk for row in heads]).update(mail_at=later)
        return 0
    wanted = notify.channels_of(person)
    # What was read in the bell meanwhile needs no letter.
    left = [row for row in heads if "email" in wanted[row.kind] and row.read_at is None]
    if not left or not person.is_active:
        return 0
    with translation.override(person.language):
        found = [group for group in notices.groups(left, person) if group["record"] or group["rows"]]
        if found:
            _queue(person, first, found)
    return int(bool(found))


def _queue(person: User, first: Notification, found: list[dict[str, Any]]) -> None:
    parts = [_("Hello, %(name)s!") % {"name": person.first_name or person.full_name}]
    for group in found:
        lines = group["rows"] or [group]
        parts.append("\n".join([group["summary"], *(_line(line) for line in lines[:MOST_LINES])]))
        if len(lines) > MOST_LINES:
            parts.append(
                _("and %(count)s more: %(url)s") % {"count": len(lines) - MOST_LINES, "url": _url("web:notifications")}
            )
    parts.append(_("What you are told of by letter is chosen here: %(url)s") % {"url": _url("accounts:notifications")})
    subject = found[0]["summary"] if len(found) == 1 else _("What is new for you in the CRM")
    letter_to_person(
        person,
        subject=subject,
        text="\n\n".join(parts),
        key=f"notice:{first.pk}:{first.last_at:%Y%m%d%H%M%S%f}",
    )


def _line(line: dict[str, Any]) -> str:
    """The record, what happened to it, and the address of exactly it."""
    return f"— {line['record']}: {line['text']}\n  {urljoin(settings.PUBLIC_URL, line['record'].get_absolute_url())}"


def _url(name: str) -> str:
    return urljoin(settings.PUBLIC_URL, reverse(name))
