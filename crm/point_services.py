"""Adding and removing single phones and addresses of a record by hand, with their trace in the audit trail."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from crm import clock, scope, timeline
from crm.actors import Actor
from crm.contact_points import add_points, read_points, refresh_columns, remove_point
from crm.errors import InvalidInput
from crm.models import Change, ContactPoint, StagedRecord
from crm.normalize import format_phone, one_line
from crm.together import apart


@apart
def point_add(record: StagedRecord, *, text: str, by: Any) -> list[ContactPoint]:
    """Give a record the phones and e-mails in a free text; InvalidInput when there is none or all are known."""
    points = read_points(text, text)
    if not points:
        message = _("«%(text)s» is neither a phone nor an e-mail address.") % {"text": one_line(text, 60)}
        raise InvalidInput.at("text", message)
    fresh = add_points(record, points)
    if not fresh:
        message = _("This phone or address is there already.")
        raise InvalidInput(message, errors=[{"pointer": "/text", "code": "known", "message": message}])
    for point in fresh:
        _tell(record, point.kind, "", point.value, by)
    return fresh


@apart
def point_remove(record: StagedRecord, *, point_id: int, by: Any) -> str:
    """Take a phone or address away; answers its value, empty when it was gone already."""
    point = _find(record, point_id)
    if point is None:
        return ""
    remove_point(record, point.pk)
    _tell(record, point.kind, point.value, "", by)
    return str(point.value)


@apart
def point_make_main(record: StagedRecord, *, point_id: int, by: Any) -> None:
    """Make a phone or address the main one of its kind: the one that lists show and letters go to."""
    point = _find(record, point_id)
    if point is None or point.is_primary:
        return
    own = ContactPoint.objects.filter(record_type=record.RECORD_TYPE, record_id=record.pk, kind=point.kind)
    former = own.filter(is_primary=True).values_list("value", flat=True).first() or ""
    own.update(is_primary=False)
    own.filter(pk=point.pk).update(is_primary=True)
    refresh_columns(record, overwrite=True)
    _tell(record, point.kind, former, point.value, by)


def _find(record: StagedRecord, point_id: int) -> ContactPoint | None:
    rows = ContactPoint.objects.filter(record_type=record.RECORD_TYPE, record_id=record.pk)
    return rows.select_for_update().filter(pk=point_id).first()


def _tell(record: StagedRecord, kind: str, old: str, new: str, by: Any) -> None:
    """One line in the audit trail and one in the timeline."""
    actor = Actor.of(by)
    Change.objects.create(
        record_type=record.RECORD_TYPE,
        record_id=record.pk,
        at=clock.now(),
        field=f"point_{kind}",
        old=old or None,
        new=new or None,
        request_id=scope.request_id.get(),
        **actor.as_columns(),
    )
    label = str(dict(ContactPoint.Kind.choices).get(kind, kind))  # type: ignore[call-overload]
    shown = [format_phone(value) if kind == "phone" and value else value for value in (old, new)]
    row = {"field": kind, "label": label, "old": shown[0], "new": shown[1]}
    timeline.record(record, "fields", actor, {"changes": [row]})
