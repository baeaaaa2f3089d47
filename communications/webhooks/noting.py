"""Keeping what happens for webhooks, in the transaction in which it happens: what is rolled back is told to nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from communications.models import WebhookDelivery, WebhookEndpoint, WebhookEvent
from communications.webhooks.catalogue import VERBS, endpoints
from crm import clock
from crm.actors import Actor
from crm.models import StagedRecord

# Of what a service tells with an event, the parts that a program of others can use.
TOLD = ("how", "point", "message", "opened_at")
NUMBERED_AT_ONCE = 500


def note(
    name: str, record: StagedRecord, by: Any, data: Mapping[str, Any], changes: Sequence[Mapping[str, Any]]
) -> WebhookEvent | None:
    """Keep an event and a delivery for each endpoint that chose it; None as long as nobody has any webhook."""
    known = endpoints()
    # That a new record stands at its first stage says `created`.
    if not known or name not in VERBS or (name == "stage_changed" and data.get("from") is None):
        return None
    kind = f"{record.RECORD_TYPE}.{VERBS[name]}"
    actor = Actor.of(by)
    told: dict[str, Any] = {key: data[key] for key in TOLD if data.get(key) not in (None, "")}
    told["actor"] = {"kind": actor.kind, "id": actor.user.pk if actor.user else None, "name": actor.name}
    if name == "stage_changed":
        changes = [{"field": "stage", "old": data.get("from"), "new": data.get("to")}]
    event = event_write(kind, record, {**told, "changes": [dict(row) for row in changes]})
    deliveries_add(event, [endpoint for endpoint in known if endpoint.is_active and kind in endpoint.events])
    return event


def event_write(kind: str, record: StagedRecord | None, data: Mapping[str, Any], **columns: Any) -> WebhookEvent:
    """One event; without a record it is about none (a test)."""
    return WebhookEvent.objects.create(
        record_type=record.RECORD_TYPE if record is not None else "",
        record_id=record.pk if record is not None else 0,
        type=kind,
        at=clock.now(),
        data=dict(data),
        **columns,
    )


def deliveries_add(event: WebhookEvent, to: Sequence[WebhookEndpoint]) -> list[WebhookDelivery]:
    """Queue an event for endpoints."""
    now = clock.now()
    return WebhookDelivery.objects.bulk_create(
        [WebhookDelivery(endpoint=endpoint, event=event, created_at=now, not_before=now) for endpoint in to]
    )


@transaction.atomic
def number_events() -> int:
    """Give events that were committed their positions, in order and without gaps; answers how many.

    An id is given before the commit: who reads "all after 7" while 6 is still under way would never see 6. A position
    is given after it, by one worker at a time (the first row is locked, and a position is unique).
    """
    waiting = WebhookEvent.objects.filter(position__isnull=True).order_by("id")
    rows = list(waiting.select_for_update()[:NUMBERED_AT_ONCE])
    if not rows:
        return 0
    last = WebhookEvent.objects.filter(position__isnull=False).order_by("-position").first()
    known = last.position if last is not None and last.position else 0
    for number, row in enumerate(rows, known + 1):
        row.position = number
    WebhookEvent.objects.bulk_update(rows, ["position"])
    return len(rows)
