"""The papers of a partner - contract, addenda, power of attorney - kept on its card for the manufacturer (PART-1)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet

from accounts.models import Partner, User
from crm import clock
from crm.actors import Actor
from crm.errors import InvalidInput
from crm.settings_audit import audit
from crm.uploads import check_upload
from partners.models import PartnerDocument
from partners.rights import may_control, require_manager

FIELDS = ("kind", "number", "day", "valid_until", "comment")
# So long before it ends a paper is marked.
ENDS_SOON = timedelta(days=30)


def documents_of(partner: Partner, user: User) -> QuerySet[PartnerDocument]:
    """The papers of a partner for those who control partners, the newest first; a partner reads none."""
    rows = PartnerDocument.objects.filter(partner=partner).select_related("uploaded_by")
    return rows if may_control(user) else rows.none()


def ending_before() -> date:
    """A paper that is valid no longer than until this day ends soon, or has ended."""
    return clock.today() + ENDS_SOON


@transaction.atomic
def document_add(partner: Partner, *, upload: Any, by: Any, data: Mapping[str, Any]) -> PartnerDocument:
    """Keep a file of a partner; `data`: kind, number, day, valid_until, comment. InvalidInput names wrong fields."""
    actor = Actor.of(by)
    require_manager(actor)
    name, content_type = check_upload(upload)
    made = PartnerDocument(
        partner=partner, file=upload, name=name, size=upload.size, content_type=content_type, uploaded_by=actor.user,
        **{field: data[field] for field in FIELDS if data.get(field)},
    )  # fmt: skip
    try:
        made.full_clean()
    except ValidationError as error:
        raise InvalidInput.from_validation(error) from error
    made.save()
    audit("partner", partner, "document", None, str(made), actor)
    return made


@transaction.atomic
def document_remove(document: PartnerDocument, *, by: Any) -> None:
    """Take a paper off the card; its file goes once the removal is certain."""
    actor = Actor.of(by)
    require_manager(actor)
    file, storage = str(document.file.name), document.file.storage
    audit("partner", document.partner, "document_removed", str(document), None, actor)
    document.delete()
    transaction.on_commit(lambda: storage.delete(file))
