"""The trash: who may delete, what may be deleted, and what can be brought back for thirty days."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.apps import apps
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import Role, User
from crm import clock
from crm.actors import Actor
from crm.errors import DomainError
from crm.models import RecordType, StagedRecord, record_model
from crm.services import record_delete, record_restore

DAYS = 30
DELETERS = frozenset({Role.ADMINISTRATOR, Role.SALES_HEAD, Role.SALES_MANAGER})
# What hangs on clients and objects; a client that is in a living deal is not deleted under it.
HOLDERS: tuple[str, ...] = ("leads.Lead", "deals.Deal")
HELD = frozenset({RecordType.CONTACT, RecordType.COMPANY, RecordType.OBJECT})


class InUse(DomainError):
    """A record on which living ones hang."""

    code = "in_use"


def may_delete(user: User) -> bool:
    """Sales people delete what they may change; partners and those who answer the phone delete nothing."""
    return user.role in DELETERS


def record_trash(record: StagedRecord, *, by: Any) -> StagedRecord:
    """Put a record into the trash; InUse when living leads or deals hang on it, or a partner works at it."""
    actor = Actor.of(by)
    if actor.is_person and (actor.user is None or not may_delete(actor.user)):
        raise DomainError(_("Your role deletes nothing."))
    count = _holders(record)
    if count:
        raise InUse(_("«%(record)s» has %(count)s living leads or deals: take it out of them first.") % {
            "record": record, "count": count,
        })  # fmt: skip
    return record_delete(record, by=by)


def _holders(record: StagedRecord) -> int:
    if record.RECORD_TYPE in HELD:
        field = str(record.RECORD_TYPE)
        labels = HOLDERS
    elif any(column.name == "origin" for column in record._meta.concrete_fields):
        # The partner's twin of a lead or deal.
        field = "origin"
        labels = (record._meta.label,)
    else:
        return 0
    return sum(
        apps.get_model(label)._default_manager.filter(**{field: record.pk, "deleted_at__isnull": True}).count()
        for label in labels
    )


def oldest() -> datetime:
    """What was deleted before this moment is not offered any more."""
    return clock.now() - timedelta(days=DAYS)


def deleted(record_type: str, user: User) -> QuerySet[Any]:
    """What the person may bring back of one kind, the latest first."""
    rows: Any = record_model(record_type)._default_manager
    if not may_delete(user):
        return rows.none()  # type: ignore[no-any-return]
    found = rows.visible_to(user, "change").filter(deleted_at__gte=oldest(), merged_into__isnull=True)
    return found.select_related("responsible").order_by("-deleted_at", "-id")  # type: ignore[no-any-return]


def record_bring_back(record: StagedRecord, *, by: Any) -> StagedRecord:
    """Take a record out of the trash."""
    return record_restore(record, by=by)
