"""What webhooks can tell of, and who wants to hear it."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy

from communications.models import WebhookEndpoint
from crm import scope
from crm.models import RecordType
from crm.prepared import Kept

# What a service publishes, and how a webhook calls it.
VERBS: dict[str, str] = {
    "record_created": "created",
    "fields_changed": "updated",
    "stage_changed": "stage_changed",
    "responsible_changed": "responsible_changed",
    "client_contact": "client_contact",
    "letter_opened": "letter_opened",
    "record_deleted": "deleted",
    "record_restored": "restored",
}
LABELS: dict[str, Any] = {
    "created": gettext_lazy("created"),
    "updated": gettext_lazy("fields changed"),
    "stage_changed": gettext_lazy("moved to a stage"),
    "responsible_changed": gettext_lazy("another responsible"),
    "client_contact": gettext_lazy("the client made contact"),
    "letter_opened": gettext_lazy("the client opened a letter"),
    "deleted": gettext_lazy("deleted"),
    "restored": gettext_lazy("taken out of the trash"),
}
TEST, ROBOT = "test", "robot.called"
OTHER_LABELS: dict[str, Any] = {TEST: gettext_lazy("a test"), ROBOT: gettext_lazy("called by a robot")}
# Letters go to clients from leads and deals; nobody writes to an object.
_NOT = {(RecordType.OBJECT, "client_contact"), (RecordType.OBJECT, "letter_opened")}
TYPES: dict[str, list[str]] = {
    str(kind.value): [f"{kind.value}.{verb}" for verb in LABELS if (kind, verb) not in _NOT] for kind in RecordType
}
ALL_TYPES = [name for names in TYPES.values() for name in names]
ENDPOINTS = "communications.webhooks"

_kept = Kept(lambda: WebhookEndpoint.objects.select_related("owner").order_by("pk"), list)


def endpoints() -> list[WebhookEndpoint]:
    """All endpoints, switched off ones too; they are shared and not to be changed. One query a request."""
    return scope.remember(ENDPOINTS, _kept.get)


def forget() -> None:
    """After an endpoint was changed."""
    scope.forget(ENDPOINTS)


def label(name: str) -> str:
    """What an event is called, without the kind of record: it stands beside."""
    return str(OTHER_LABELS.get(name) or LABELS.get(name.partition(".")[2], name))
