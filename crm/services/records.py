"""Writing shared by every kind of record: create, update, assign, put into the trash."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import Any, TypeVar

from django.utils.translation import gettext as _

from crm import clock, contact_points, events, pipelines, scope, stages, stages_seen, timeline
from crm.actors import Actor
from crm.contact_points import point_values
from crm.errors import InvalidInput, StageConflict
from crm.field_guards import require_allowed
from crm.models import Activity, Change, StagedRecord
from crm.normalize import search_text
from crm.prepared_writes import insert_rows
from crm.services.fields import (
    NOT_SEARCHED,
    assign_field,
    derived_fields,
    differs,
    is_at_hand,
    let_follow,
    plain_value,
    record_field,
    shown_value,
    validate_fields,
)
from crm.together import together

R = TypeVar("R", bound=StagedRecord)


@together
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
        **{**stages_seen.first_columns(model, first), **columns},
    )
    changed = {name for name, value in data.items() if assign_field(record, name, value)}
    changed |= derived_fields(record, changed | {"__new__"})
    require_allowed(record, changed | {"__new__"}, actor)
    validate_fields(record)
    points = [point.value for point in contact_points.typed_points(record)]
    record.search_text = search_text(*record.search_parts(), *points)
    record.save()
    _take_points(record, changed, is_new=True)
    timeline.record(record, "created", actor)
    stages.enter_first(record, actor, stage=first)
    events.publish("record_created", record, actor, stages.told_of(record))
    return record


@together
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
    changed = {name for name, value in data.items() if assign_field(record, name, value)} | columns.keys()
    for name, value in columns.items():
        setattr(record, name, value)
    # A form sends all its fields: what follows from a field must follow from a real change of it alone.
    changed = {name for name in changed if differs(record, name, before[name])}
    changed |= derived_fields(record, changed)
    changed = {name for name in changed if record_field(record, name).value_from_object(record) != before[name]}
    if not changed:
        return record
    require_allowed(record, changed, actor)
    validate_fields(record, changed | data.keys())
    _save_changed(record, changed)
    _take_points(record, changed)
    changes = _tell_changes(record, before, changed, actor)
    told = {"fields": sorted(changed), "stage": record.stage, **stages.told_of(record)}
    events.publish("fields_changed", record, actor, told, changes=changes)
    let_follow(record, changed, actor)
    return record


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


def _tell_changes(
    record: StagedRecord, before: Mapping[str, Any], changed: Iterable[str], actor: Actor
) -> list[dict[str, Any]]:
    """Write the changes into the audit trail and the timeline; answers them as field, old, new."""
    rows, shown = [], []
    for name in sorted(changed):
        field = record_field(record, name)
        old, new = before[name], field.value_from_object(record)
        new_row = field.get_cached_value(record) if is_at_hand(record, field) else new
        rows.append(
            Change(
                record_type=record.RECORD_TYPE,
                record_id=record.pk,
                # The record's own moment: a form that shows the change must not take it for a later one.
                at=record.updated_at,
                field=name,
                old=plain_value(old),
                new=plain_value(new),
                request_id=scope.request_id.get(),
                **actor.as_columns(),
            )
        )
        if name != "responsible" and field.editable:
            told = {
                "field": name,
                "label": str(field.verbose_name),
                "old": shown_value(record, name, old),
                "new": shown_value(record, name, new_row),
            }
            codes = {"old_code": timeline.code_of(field, old), "new_code": timeline.code_of(field, new)}
            shown.append(told | {key: code for key, code in codes.items() if code is not None})
    insert_rows(rows)
    if shown:
        timeline.record(record, "fields", actor, {"changes": shown})
    return [{"field": row.field, "old": row.old, "new": row.new} for row in rows]


@together
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
    return record_hand(record, responsible=responsible, by=by, reason=reason)


@together
def record_hand(record: R, *, responsible: Any, by: Any, reason: str = "", **told: Any) -> R:
    """Give a record to a person without asking whether they may have it: where it follows another record.

    `told` goes into the timeline beside the names.
    """
    former = record.responsible
    record_update(record, data={"responsible": responsible}, by=by)
    names = {"old": str(former or ""), "new": str(responsible or ""), "reason": reason, **told}
    timeline.record(record, "responsible", by, names)
    if former is not None and responsible is not None:
        Activity.objects.filter(
            record_type=record.RECORD_TYPE, record_id=record.pk, responsible=former, done_at__isnull=True
        ).update(responsible=responsible)
    ids = {"old": getattr(former, "pk", None), "new": getattr(responsible, "pk", None)}
    events.publish("responsible_changed", record, by, names, changes=[{"field": "responsible", **ids}])
    return record


@together
def record_delete(record: R, *, by: Any) -> R:
    """Put a record into the trash: it vanishes from lists, nothing is lost, it can be restored."""
    record.deleted_at = clock.now()
    record.save(update_fields=["deleted_at", "stage"])
    _audit(record, "deleted_at", None, record.deleted_at.isoformat(), by)
    events.publish("record_deleted", record, by)
    return record


@together
def record_restore(record: R, *, by: Any) -> R:
    """Take a record out of the trash."""
    old = record.deleted_at.isoformat() if record.deleted_at else None
    record.deleted_at = None
    record.save(update_fields=["deleted_at", "stage"])
    _audit(record, "deleted_at", old, None, by)
    events.publish("record_restored", record, by)
    let_follow(record, {"company", "responsible"}, Actor.of(by))
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
