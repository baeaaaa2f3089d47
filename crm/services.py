"""Writing shared by every kind of record: create, update, assign, notes, tasks, files. Apps add their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models, transaction
from django.utils.translation import gettext as _

from crm import clock, contact_points, events, pipelines, scope, stages, timeline
from crm.actors import Actor
from crm.contact_points import point_values
from crm.errors import DomainError, InvalidInput, StageConflict
from crm.field_guards import require_allowed
from crm.models import Activity, Attachment, Change, Channel, StagedRecord, TimelineEntry
from crm.normalize import search_text

R = TypeVar("R", bound=StagedRecord)

# Columns that no form, API call or import may set: they belong to services of their own.
PROTECTED = frozenset(
    {
        "id", "pipeline", "stage", "stage_entered_at", "closed_at", "refusal_reason", "refusal_comment", "created_by",
        "created_at", "updated_at", "last_activity_at", "next_activity_at", "next_activity_title", "version",
        "search_text", "deleted_at", "merged_into", "partner", "origin", "mother", "mother_deal", "copy_set", "deal",
        "upsell_by", "missing_minimum", "duplicate_object", "duplicate_is_certain",
    }
)  # fmt: skip
# Columns that no kind of record is found by in a search.
NOT_SEARCHED = frozenset(
    {
        "responsible", "object", "deal", "is_repeat", "missing_minimum", "duplicate_object", "duplicate_is_certain",
        "amount", "construction_start", "expected_close_date", "source", "channel", "purpose", "messages_consent",
    }
)  # fmt: skip
DERIVED: dict[str, list[Callable[[Any, set[str]], set[str]]]] = {}


def derive(record_type: str, function: Callable[[Any, set[str]], set[str]]) -> None:
    """Register what follows from changed fields: gets the record and the changed names, answers names it changed."""
    DERIVED.setdefault(record_type, []).append(function)


def plain_value(value: Any) -> Any:
    """A value as JSON keeps it in the audit trail."""
    if isinstance(value, models.Model):
        return value.pk
    if isinstance(value, Decimal | date | datetime):
        return str(value)
    return value


def _field(record: StagedRecord, name: str) -> Any:
    """One of the record's own columns; FieldDoesNotExist for a name that is none."""
    return record._meta.get_field(name)


def shown_value(record: StagedRecord, name: str, value: Any) -> str:
    """A value as a person reads it in the timeline."""
    field = _field(record, name)
    if value is None or value == "":
        return ""
    if isinstance(field, models.ForeignKey):
        row = (
            value if isinstance(value, models.Model) else field.related_model._default_manager.filter(pk=value).first()
        )
        return str(row or "")
    if isinstance(field, models.BooleanField):
        return _("yes") if value else _("no")
    if field.choices:
        return str(dict(field.flatchoices).get(value, value))
    if isinstance(value, date) and not isinstance(value, datetime):
        return f"{value:%d.%m.%Y}"
    if isinstance(field, models.DecimalField):
        whole, _dot, part = f"{Decimal(str(value)):,f}".partition(".")
        part = part.rstrip("0")
        return whole.replace(",", "\u00a0") + (f",{part}" if part else "")
    return str(value)


@transaction.atomic
def record_create(
    model: type[R], *, data: Mapping[str, Any], by: Any, pipeline: str, stage: str = "", **columns: Any
) -> R:
    """Create a record at its pipeline's start stage (or at `stage`), with history, timeline and event.

    `data` holds fields a person may set; `columns` those that only services may (partner, origin, mother ...).
    Raises InvalidInput with the fields named.
    """
    actor = Actor.of(by)
    first = pipelines.find_stage(pipeline, stage) if stage else pipelines.start_stage(pipeline)
    now = clock.now()
    record = model(
        pipeline_id=pipeline,
        stage=first.key,
        stage_entered_at=now,
        created_at=now,
        updated_at=now,
        last_activity_at=now,
        closed_at=None if first.is_open else now,
        created_by=actor.user,
        **columns,
    )
    changed = {name for name, value in data.items() if _assign(record, name, value)}
    changed |= _derive(record, changed | {"__new__"})
    require_allowed(record, changed | {"__new__"}, actor)
    _validate(record)
    points = [point.value for point in contact_points.typed_points(record)]
    record.search_text = search_text(*record.search_parts(), *points)
    record.save()
    _take_points(record, changed, is_new=True)
    timeline.record(record, "created", actor)
    stages.enter_first(record, actor, stage=first)
    events.publish("record_created", record, actor, _told_of(record))
    return record


@transaction.atomic
def record_update(
    record: R, *, data: Mapping[str, Any], by: Any, expected_version: int | None = None, **columns: Any
) -> R:
    """Change named fields, only where they differ; audit trail, timeline and event in the same transaction.

    `columns` are those that only services may set (deal of a lead, duplicate_object ...). Raises StageConflict
    when the record is no longer at `expected_version`, InvalidInput naming wrong fields.
    """
    actor = Actor.of(by)
    if (
        expected_version is not None
        and not type(record)
        ._default_manager.filter(pk=record.pk, version=expected_version)
        .select_for_update()
        .exists()
    ):
        raise StageConflict(
            _("Another person changed «%(record)s» meanwhile. Reload it and try again.") % {"record": record}
        )
    before = {field.name: field.value_from_object(record) for field in record._meta.concrete_fields}
    changed = {name for name, value in data.items() if _assign(record, name, value)} | columns.keys()
    for name, value in columns.items():
        setattr(record, name, value)
    # A form sends all its fields: what follows from a field must follow from a real change of it alone.
    changed = {name for name in changed if _differs(record, name, before[name])}
    changed |= _derive(record, changed)
    changed = {name for name in changed if _field(record, name).value_from_object(record) != before[name]}
    if not changed:
        return record
    require_allowed(record, changed, actor)
    _validate(record, changed | data.keys())
    _save_changed(record, changed)
    _take_points(record, changed)
    _tell_changes(record, before, changed, actor)
    events.publish("fields_changed", record, actor, {"fields": sorted(changed), **_told_of(record)})
    return record


def _told_of(record: StagedRecord) -> dict[str, Any]:
    """What an event says of its record, so that most handlers need not read it to know that it is none of theirs."""
    return {"object": record.object_id} if hasattr(record, "object_id") else {}


def _assign(record: StagedRecord, name: str, value: Any) -> bool:
    """Set one field from a form, an API call or an import; True when it is a field that may be set."""
    if name in PROTECTED:
        raise InvalidInput(
            _("«%(field)s» cannot be set directly.") % {"field": name},
            errors=[{"pointer": f"/{name}", "code": "read_only", "message": _("This cannot be set directly.")}],
        )
    try:
        field = _field(record, name)
    except FieldDoesNotExist as error:
        raise InvalidInput(
            _("There is no field «%(field)s».") % {"field": name},
            errors=[{"pointer": f"/{name}", "code": "unknown", "message": _("There is no such field.")}],
        ) from error
    if isinstance(field, models.ForeignKey) and not isinstance(value, models.Model | None):
        setattr(record, field.attname, value)
    else:
        if isinstance(value, str):
            value = value.replace("\x00", "")
        setattr(record, name, value)
    return True


def _differs(record: StagedRecord, name: str, before: Any) -> bool:
    """Tell whether a field no longer holds what it held, however the value was written ("24" is 24.00)."""
    field = _field(record, name)
    try:
        return bool(field.to_python(field.value_from_object(record)) != before)
    except ValidationError:
        return True


def _derive(record: StagedRecord, changed: set[str]) -> set[str]:
    more: set[str] = set()
    for function in DERIVED.get(record.RECORD_TYPE, []):
        more |= function(record, changed | more)
    return more


def _validate(record: StagedRecord, written: Set[str] | None = None) -> None:
    """Check the fields that were written (of a new record all); field errors become InvalidInput.

    Whether the row that a foreign key names exists is not asked where that very row is at hand.
    """
    known = {"pipeline", "stage", "refusal_reason", "merged_into", "created_by"}
    for field in record._meta.concrete_fields:
        if (written is not None and field.name not in written) or _is_at_hand(record, field):
            known.add(field.name)
    try:
        record.clean_fields(exclude=known)
        record.clean()
        record.validate_constraints()
    except ValidationError as error:
        raise InvalidInput.from_validation(error) from error


def _is_at_hand(record: StagedRecord, field: models.Field[Any, Any]) -> bool:
    if not isinstance(field, models.ForeignKey) or not field.is_cached(record):
        return False
    other = field.get_cached_value(record)
    return other is not None and not other._state.adding and other.pk == getattr(record, field.attname)


def _save_changed(record: StagedRecord, changed: Set[str]) -> None:
    record.updated_at = clock.now()
    record.version += 1
    written = {*changed, "updated_at", "version", "stage"}
    if not changed <= NOT_SEARCHED:
        record.search_text = search_text(*record.search_parts(), *point_values(record))
        written.add("search_text")
    record.save(update_fields=written)


def _take_points(record: StagedRecord, changed: set[str], *, is_new: bool = False) -> None:
    """A phone or address written into the record's own column is one of its points: it is recognised by it."""
    if record.RECORD_TYPE in contact_points.OWNERS and changed & {"phone", "email"}:
        contact_points.take_columns(record, changed, is_new=is_new)


def _tell_changes(record: StagedRecord, before: Mapping[str, Any], changed: Iterable[str], actor: Actor) -> None:
    rows, shown = [], []
    for name in sorted(changed):
        field = _field(record, name)
        old, new = before[name], field.value_from_object(record)
        new_row = field.get_cached_value(record) if _is_at_hand(record, field) else new
        rows.append(
            Change(
                record_type=record.RECORD_TYPE,
                record_id=record.pk,
                at=clock.now(),
                field=name,
                old=plain_value(old),
                new=plain_value(new),
                request_id=scope.request_id.get(),
                **actor.as_columns(),
            )
        )
        if name != "responsible" and field.editable:
            shown.append(
                {
                    "field": name,
                    "label": str(field.verbose_name),
                    "old": shown_value(record, name, old),
                    "new": shown_value(record, name, new_row),
                }
            )
    Change.objects.bulk_create(rows)
    if shown:
        timeline.record(record, "fields", actor, {"changes": shown})


@transaction.atomic
def record_assign(record: R, *, responsible: Any, by: Any, reason: str = "") -> R:
    """Give a record to another person; open tasks of the former responsible go with it."""
    former = record.responsible
    if former == responsible:
        return record
    if responsible is not None and not responsible.is_active:
        raise InvalidInput(
            _("%(name)s is switched off and cannot be responsible.") % {"name": responsible},
            errors=[{"pointer": "/responsible", "code": "inactive", "message": _("This person is switched off.")}],
        )
    if (
        responsible is not None
        and getattr(record, "partner_id", None) != responsible.partner_id
        and hasattr(record, "partner_id")
    ):
        raise InvalidInput(
            _("%(name)s does not work in this pipeline.") % {"name": responsible},
            errors=[
                {
                    "pointer": "/responsible",
                    "code": "foreign",
                    "message": _("Choose a person of the same side."),
                }
            ],
        )
    record_update(record, data={"responsible": responsible}, by=by)
    names = {"old": str(former or ""), "new": str(responsible or ""), "reason": reason}
    timeline.record(record, "responsible", by, names)
    if former is not None and responsible is not None:
        Activity.objects.filter(
            record_type=record.RECORD_TYPE, record_id=record.pk, responsible=former, done_at__isnull=True
        ).update(responsible=responsible)
    events.publish("responsible_changed", record, by, names)
    return record


@transaction.atomic
def note_add(record: StagedRecord, *, text: str, by: Any, internal: bool = False) -> TimelineEntry:
    """Write a note on the timeline; InvalidInput when it is empty."""
    clean = text.replace("\x00", "").strip()
    if not clean:
        raise InvalidInput(
            _("Write something first."),
            errors=[{"pointer": "/text", "code": "required", "message": _("Write something first.")}],
        )
    touch(record)
    return timeline.record(record, "note", by, {"text": clean[:20_000]}, internal=internal)


def touch(record: StagedRecord) -> None:
    """Note that something happened to the record now (staleness, dormancy); no version change."""
    now = clock.now()
    record.last_activity_at = now
    type(record)._default_manager.filter(pk=record.pk).update(last_activity_at=now)


@transaction.atomic
def activity_create(
    record: StagedRecord,
    *,
    title: str,
    due_at: datetime,
    responsible: Any,
    by: Any,
    kind: str = Activity.Kind.TASK,
    text: str = "",
    key: str | None = None,
) -> Activity:
    """Plan a task, call or meeting. With `key` the same activity is made once, however often it is asked for."""
    if key and (known := Activity.objects.filter(key=key).first()):
        return known
    activity = Activity(
        record_type=record.RECORD_TYPE,
        record_id=record.pk,
        kind=kind,
        title=title,
        text=text,
        responsible=responsible,
        due_at=due_at,
        created_by=Actor.of(by).user,
        created_at=clock.now(),
        key=key,
    )
    try:
        activity.full_clean(exclude=["responsible", "created_by", "key"])
    except ValidationError as error:
        raise InvalidInput.from_validation(error) from error
    activity.save()
    refresh_next_activity(record)
    timeline.record(record, "task_created", by, {"title": title, "id": activity.pk, "due_at": due_at.isoformat()})
    return activity


@transaction.atomic
def activity_complete(activity: Activity, *, by: Any, result: str = "") -> Activity:
    """Mark an activity done, with its result; doing it twice changes nothing."""
    locked = Activity.objects.select_for_update().get(pk=activity.pk)
    if locked.done_at is None:
        locked.done_at, locked.result = clock.now(), result.strip()
        locked.save(update_fields=["done_at", "result"])
        if (record := locked.record) is not None:
            refresh_next_activity(record)
            touch(record)
            timeline.record(record, "task_done", by, {"title": locked.title, "result": locked.result})
    activity.done_at, activity.result = locked.done_at, locked.result
    return activity


@transaction.atomic
def activity_reopen(activity: Activity, *, by: Any) -> Activity:
    """Undo of activity_complete."""
    activity.done_at, activity.result = None, ""
    activity.save(update_fields=["done_at", "result"])
    if (record := activity.record) is not None:
        refresh_next_activity(record)
    return activity


def refresh_next_activity(record: StagedRecord) -> None:
    """Keep the record's next-step columns in step with its open activities; boards read them without a join."""
    nearest = (
        Activity.objects.filter(record_type=record.RECORD_TYPE, record_id=record.pk, done_at__isnull=True)
        .order_by("due_at", "id")
        .values("due_at", "title")
        .first()
    )
    record.next_activity_at = nearest["due_at"] if nearest else None
    record.next_activity_title = nearest["title"][:255] if nearest else ""
    type(record)._default_manager.filter(pk=record.pk).update(
        next_activity_at=record.next_activity_at, next_activity_title=record.next_activity_title
    )


@transaction.atomic
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


@transaction.atomic
def record_delete(record: R, *, by: Any) -> R:
    """Put a record into the trash: it vanishes from lists, nothing is lost, it can be restored."""
    record.deleted_at = clock.now()
    record.save(update_fields=["deleted_at", "stage"])
    _audit(record, "deleted_at", None, record.deleted_at.isoformat(), by)
    return record


@transaction.atomic
def record_restore(record: R, *, by: Any) -> R:
    """Take a record out of the trash."""
    old = record.deleted_at.isoformat() if record.deleted_at else None
    record.deleted_at = None
    record.save(update_fields=["deleted_at", "stage"])
    _audit(record, "deleted_at", old, None, by)
    return record


def _audit(record: StagedRecord, field: str, old: Any, new: Any, by: Any) -> None:
    Change.objects.create(
        record_type=record.RECORD_TYPE,
        record_id=record.pk,
        at=clock.now(),
        field=field,
        old=old,
        new=new,
        request_id=scope.request_id.get(),
        **Actor.of(by).as_columns(),
    )


__all__ = [
    "DERIVED", "PROTECTED", "Channel", "DomainError", "activity_complete", "activity_create", "activity_reopen",
    "attachment_add", "derive", "note_add", "record_assign", "record_create", "record_delete", "record_restore",
    "record_update", "refresh_next_activity", "touch",
]  # fmt: skip
