"""How an endpoint is: it rests while nobody answers, and is switched off when it is gone or fails for days."""

from __future__ import annotations

from datetime import timedelta

import structlog
from django.db.models import F

from accounts.models import Role, User
from communications.models import WebhookEndpoint
from communications.webhooks import catalogue
from crm import clock
from crm.actors import Actor
from crm.claims import back_off
from crm.models import Notification
from crm.settings_audit import audit

log = structlog.get_logger(__name__)

FAILS_FOR = timedelta(days=5)
FIRST_REST, LONGEST_REST = timedelta(seconds=15), timedelta(minutes=15)


def note_success(endpoint: WebhookEndpoint) -> None:
    """A message got through: whatever was wrong is over."""
    ill = WebhookEndpoint.objects.filter(pk=endpoint.pk, failing_since__isnull=False)
    if ill.update(failing_since=None, silent_tries=0, paused_until=None):
        catalogue.forget()


def note_failure(endpoint: WebhookEndpoint, *, is_gone: bool, is_silent: bool) -> None:
    """A message did not get through. Where nobody answered the endpoint rests, and with it all that waits for it.

    One that answers, only not well, does not rest: it may be this one message that it does not like.
    """
    now = clock.now()
    mine = WebhookEndpoint.objects.filter(pk=endpoint.pk)
    mine.filter(failing_since__isnull=True).update(failing_since=now)
    if is_silent:
        rest = back_off(min(endpoint.silent_tries, 10), first=FIRST_REST, longest=LONGEST_REST, jitter=0.2)
        mine.update(silent_tries=F("silent_tries") + 1, paused_until=now + rest)
    if is_gone:
        switch_off(endpoint, WebhookEndpoint.Off.GONE)
    elif mine.filter(failing_since__lt=now - FAILS_FOR).exists():
        switch_off(endpoint, WebhookEndpoint.Off.FAILING)
    catalogue.forget()


def switch_off(endpoint: WebhookEndpoint, why: str) -> None:
    """Switch an endpoint off by itself, and tell the administrators; what waits for it is kept."""
    if not WebhookEndpoint.objects.filter(pk=endpoint.pk, is_active=True).update(is_active=False, off_reason=why):
        return
    audit("webhook", endpoint, "is_active", True, False, Actor.system())
    now, data = clock.now(), {"name": endpoint.name, "why": why}
    people = User.objects.filter(role=Role.ADMINISTRATOR, is_active=True)
    Notification.objects.bulk_create(
        Notification(
            user=person, record_type="", record_id=endpoint.pk, kind="webhook", action="webhook_off", data=data,
            created_at=now, last_at=now,
        )
        for person in people
    )  # fmt: skip
    log.warning("webhook_switched_off", endpoint_id=endpoint.pk, why=why)
