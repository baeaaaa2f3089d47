"""What a webhook says: the event, what changed, and the record as the API shows it to the owner of the endpoint."""

from __future__ import annotations

import json
import zoneinfo
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any
from urllib.parse import urljoin

from django.apps import apps
from django.conf import settings
from django.db import models
from django.http import HttpRequest
from django.urls import resolve, reverse
from django.utils import timezone, translation
from rest_framework.request import Request
from rest_framework.utils.encoders import JSONEncoder

from accounts.models import User
from communications.models import WebhookEvent
from crm import clock
from crm.models import StagedRecord, record_model
from crm.visibility import visible_references

# Columns that the API shows by another name.
SHOWN_AS = {"phone": "phones", "email": "emails"}


def events_in_sight(user: User) -> models.QuerySet[WebhookEvent]:
    """Events of records that the person may see now, deleted ones too; a partner those of its own work alone."""
    return visible_references(WebhookEvent.objects.filter(rule_name="").exclude(record_type=""), user)


def is_in_sight(event: WebhookEvent, user: User) -> bool:
    """May the person be told of it, at this moment? What is about no record is a test."""
    if not user.is_active:
        return False
    found = WebhookEvent.objects.filter(pk=event.pk)
    return not event.record_type or visible_references(found, user).exists()


def described(events: Iterable[WebhookEvent], user: User) -> list[dict[str, Any]]:
    """Events as they are sent to that person; the caller has seen to it that they may be told of them.

    Records of one kind are read together. One that is deleted, or a robot's own, is null.
    """
    rows = list(events)
    wanted: dict[str, set[int]] = defaultdict(set)
    for event in rows:
        if event.record_type:
            wanted[event.record_type].add(event.record_id)
    with _as_read_by(user):
        shown = {kind: snapshots(kind, ids, user) for kind, ids in wanted.items()}
    hidden = _hidden_references(rows, user)
    return [_described(event, shown.get(event.record_type, {}).get(event.record_id), user, hidden) for event in rows]


def body_of(event: WebhookEvent, user: User) -> str:
    """The body of a message: JSON, once made it is sent as it is however often it is tried."""
    return json.dumps(described([event], user)[0], ensure_ascii=False, cls=JSONEncoder)


def snapshots(record_type: str, ids: Iterable[int], user: User) -> dict[int, dict[str, Any]]:
    """Records by id as `GET /api/v1/<kind>/<id>/` answers that person; those out of sight are left out."""
    shown = resolve(reverse(f"api-{record_type}-detail", args=[1])).func
    view = shown.cls(**shown.initkwargs)  # type: ignore[attr-defined]
    request = Request(HttpRequest())
    request.user, request.auth = user, None
    view.request, view.args, view.kwargs, view.format_kwarg, view.action = request, (), {}, None, "list"
    rows = view.render_rows(view.get_queryset().filter(pk__in=list(ids)))
    return {row["id"]: dict(row) for row in rows}


@contextmanager
def _as_read_by(user: User) -> Iterator[None]:
    """Names of stages in the person's language, moments in their time zone, as the API gives them."""
    try:
        zone = zoneinfo.ZoneInfo(user.time_zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        zone = clock.company_zone()
    with translation.override(user.language), timezone.override(zone):
        yield


def _described(
    event: WebhookEvent, shown: dict[str, Any] | None, user: User, hidden: set[tuple[str, int]]
) -> dict[str, Any]:
    told = {key: value for key, value in event.data.items() if key not in {"changes", "actor"}}
    data: dict[str, Any] = {**told, "record_type": event.record_type or None, "record_id": event.record_id or None}
    if event.record_type:
        path = record_model(event.record_type)(pk=event.record_id).get_absolute_url()
        data["url"] = urljoin(settings.PUBLIC_URL, path)
    if not user.is_partner and "actor" in event.data:
        data["actor"] = event.data["actor"]
    changes = event.data.get("changes", [])
    data["changes"] = [row for row in changes if _is_shown(event, row, shown, user)]
    data["changes"] = [_without_hidden(event, row, hidden) for row in data["changes"]]
    data["record"] = shown
    return {"id": event.uid, "type": event.type, "timestamp": event.at.isoformat(), "data": data}


def _is_shown(event: WebhookEvent, row: Mapping[str, Any], shown: dict[str, Any] | None, user: User) -> bool:
    """Is the changed field one that the API shows the person? Of a record that is gone nothing more is told."""
    return shown is not None and SHOWN_AS.get(str(row["field"]), row["field"]) in shown


@cache
def _references(record_type: str) -> dict[str, str]:
    """The columns of a kind of record that point at other records, with the models' names."""
    return {
        field.name: field.related_model._meta.label
        for field in record_model(record_type)._meta.concrete_fields
        if isinstance(field, models.ForeignKey) and issubclass(field.related_model, StagedRecord)
    }


def _hidden_references(events: list[WebhookEvent], user: User) -> set[tuple[str, int]]:
    """Of the records that changes name as old or new, those that the person may not see: (model, id)."""
    named: dict[str, set[int]] = defaultdict(set)
    for label, pk in (pair for event in events for row in event.data.get("changes", []) for pair in _named(event, row)):
        named[label].add(pk)
    hidden: set[tuple[str, int]] = set()
    for label, ids in named.items():
        manager: Any = apps.get_model(label)._default_manager
        seen = set(manager.visible_to(user).filter(pk__in=ids).values_list("pk", flat=True))
        hidden |= {(label, pk) for pk in ids - seen}
    return hidden


def _named(event: WebhookEvent, row: Mapping[str, Any]) -> list[tuple[str, int]]:
    label = _references(event.record_type).get(str(row["field"])) if event.record_type else None
    return [(label, row[side]) for side in ("old", "new") if isinstance(row.get(side), int)] if label else []


def _without_hidden(event: WebhookEvent, row: Mapping[str, Any], hidden: set[tuple[str, int]]) -> dict[str, Any]:
    label = _references(event.record_type).get(str(row["field"]), "")
    sides = [side for side in ("old", "new") if isinstance(row.get(side), int) and (label, row[side]) in hidden]
    return {**row, **dict.fromkeys(sides)}
