"""First and last touch of a client: what first brought them is locked on the client, the newest is told beside it."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from django.utils.translation import gettext as _

from crm.actors import Actor
from crm.models import ActorKind, RecordType, record_model

TOUCH_FIELDS = (
    "source", "utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term", "referrer", "landing_page",
    "click_ids",
)  # fmt: skip
# Whoever else writes a client's touch mends it: the head, an import, the product itself.
_FREE = frozenset({ActorKind.SYSTEM, ActorKind.IMPORT})


def keep_first_touch(record: Any, changed: Set[str], actor: Actor) -> tuple[str, str] | None:
    """A guard of contacts and companies: what first brought the client stays, whoever comes later (LEAD-1)."""
    touched = [name for name in TOUCH_FIELDS if name in changed]
    if not touched or "__new__" in changed or actor.kind in _FREE:
        return None
    if actor.user is not None and actor.user.is_head:
        return None
    before = type(record)._default_manager.filter(pk=record.pk).values("source_id", *TOUCH_FIELDS[1:]).first() or {}
    if not any(before.values()):
        return None
    return touched[0], _("What first brought the client is locked; the sales head can correct it.")


def last_touch(client: Any) -> Any:
    """The newest lead of a contact or company, on the same side of the partners' fence; None when there is none."""
    column = "contact" if client.RECORD_TYPE == RecordType.CONTACT else "company"
    rows: Any = record_model(RecordType.LEAD)._default_manager
    found = rows.alive().filter(**{column: client}, partner=getattr(client, "partner", None), mother_deal=None)
    return found.select_related("source").order_by("-created_at", "-id").first()
