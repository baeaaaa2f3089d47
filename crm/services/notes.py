"""What people hang on a record: notes and files."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from crm import clock, notify, timeline
from crm.actors import Actor
from crm.errors import InvalidInput
from crm.models import Attachment, StagedRecord, TimelineEntry
from crm.together import apart, together


@together
def note_add(record: StagedRecord, *, text: str, by: Any, internal: bool = False) -> TimelineEntry:
    """Write a note on the timeline; InvalidInput when it is empty."""
    clean = text.replace("\x00", "").strip()
    if not clean:
        raise InvalidInput(
            _("Write something first."),
            errors=[{"pointer": "/text", "code": "required", "message": _("Write something first.")}],
        )
    touch(record)
    if not (internal and getattr(record, "partner_id", None)):
        notify.tell(record.responsible_id, record, "note", "note", {"text": clean[:300]}, by=by)
    return timeline.record(record, "note", by, {"text": clean[:20_000]}, internal=internal)


def touch(record: StagedRecord) -> None:
    """Note that something happened to the record now (staleness, dormancy); no version change."""
    now = clock.now()
    record.last_activity_at = now
    type(record)._default_manager.filter(pk=record.pk).update(last_activity_at=now)


@apart
def attachment_add(record: StagedRecord, *, upload: Any, by: Any, internal: bool = False) -> Attachment:
    """Keep a file on a record; InvalidInput names a file that is too large or of a kind that is refused."""
    from crm.uploads import check_upload

    name, content_type = check_upload(upload)
    attachment = Attachment.objects.create(
        record_type=record.RECORD_TYPE,
        record_id=record.pk,
        file=upload,
        name=name,
        size=upload.size,
        content_type=content_type,
        is_internal=internal,
        uploaded_by=Actor.of(by).user,
        created_at=clock.now(),
    )
    touch(record)
    timeline.record(record, "file_added", by, {"name": name, "id": attachment.pk}, internal=internal)
    return attachment
