"""Merging of duplicates (OBJ-4): one main record takes over everything, silently, and it can be undone in full.

The duplicates stay in the database with `merged_into` set: they vanish from lists and their address leads to the
main one. What a merge changed is kept row by row and put back by the undo; what somebody changed after the merge is
their later decision and is not touched. History and audit trail are never taken back: they tell of both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from crm import client_owners, clock, contact_points, events, normalize, pipelines, preferences, stages_seen, timeline
from crm.actors import Actor
from crm.errors import DomainError, InvalidInput
from crm.journaling import Journal, audit_columns, columns_of, model_of, put_back, refresh_search
from crm.merge_links import FOREIGN_KEYS, STAY, PointFlags, carry, links_to, rows_of
from crm.models import ContactPoint, Merge, StagedRecord, StageHistory, record_model
from crm.services import PROTECTED, record_update, refresh_next_activity, shown_value
from crm.stages import move
from crm.together import apart

LEAST, MOST = 2, 10
MERGED = "merged"
# They follow from area and tonnage by themselves.
NOT_CHOSEN = frozenset({"area_is_manual", "tonnage_is_manual"})
# They follow from the phones and addresses, which have come along by then.
POINT_COLUMNS = frozenset({"phone", "email"})


# Why a record of a kind may not be merged, in words; apps add theirs in AppConfig.ready.
GUARDS: dict[str, list[Callable[[Any], str]]] = {}


def guard(record_type: str, function: Callable[[Any], str]) -> None:
    """Register why a record may not be merged: answers a sentence, or an empty text."""
    if function not in GUARDS.setdefault(record_type, []):
        GUARDS[record_type].append(function)


class MergeError(DomainError):
    """A merge, or its undo, that cannot be done; nothing was changed."""

    code = "merge_refused"
    status = 409


class DifferentINNs(DomainError):
    """The records belong to different taxpayers, and nobody has said that they are merged all the same."""

    code = "different_inns"


@dataclass(frozen=True)
class Cell:
    """One record's value of a field."""

    record_id: int
    shown: str
    is_empty: bool


@dataclass(frozen=True)
class FieldRow:
    """One field side by side; `chosen_id` is the record whose value is taken unless somebody picks another."""

    name: str
    label: str
    cells: list[Cell]
    chosen_id: int
    differs: bool


@dataclass(frozen=True)
class MergePreview:
    """What the merge dialog shows: the records, the proposed main one, the fields, and what hangs on each record."""

    record_type: str
    records: list[Any]
    main: Any
    rows: list[FieldRow]
    counts: dict[int, dict[str, int]]
    points: dict[int, list[ContactPoint]]
    inns: dict[int, str]


def merge_preview(record_type: str, ids: Sequence[int], user: Any, main_id: int | None = None) -> MergePreview:
    """The records side by side; InvalidInput for too few or too many, MergeError where one is merged already."""
    actor = Actor.of(user)
    _require_merger(actor)
    records = _living(record_type, ids, actor)
    main = next((record for record in records if record.pk == main_id), None) or _best(records)
    others = [record for record in records if record is not main]
    rows = [_field_row(field, main, others) for field in mergeable_fields(type(main))]
    counts = {item.pk: _counts(item) for item in records}
    points = {item.pk: contact_points.points_of(item) for item in records if record_type in contact_points.OWNERS}
    return MergePreview(record_type, [main, *others], main, rows, counts, points, different_inns(records))


@apart
def merge(
    *,
    record_type: str,
    main_id: int,
    other_ids: Sequence[int],
    choices: Mapping[str, int] | None = None,
    accept_different_inns: bool = False,
    by: Any,
) -> Merge:
    """Merge 1–9 others into the main record. `choices` name the record whose value of a field is taken.

    Fields without a choice keep the main one's value; its empty ones are filled from the others in their order.
    Records with different INNs are merged only where that is accepted. No letter is sent and no robot started.
    Raises InvalidInput, MergeError, DifferentINNs, PermissionDenied.
    """
    actor = Actor.of(by)
    _require_merger(actor)
    records = {item.pk: item for item in _living(record_type, [main_id, *other_ids], actor, lock=True)}
    if not accept_different_inns:
        _refuse_different_inns(records.values())
    main, others = records[main_id], [records[pk] for pk in other_ids]
    journal, history = Journal(), []
    names = [str(other) for other in others]
    before = {pk: columns_of(record) for pk, record in records.items()}
    stages = {pk: record.stage for pk, record in records.items()}
    flags = PointFlags(records.values())
    companies = client_owners.companies_of(records.values())
    people = client_owners.people_of(companies)
    with events.silence():
        for other in others:
            for link in links_to(type(main)):
                audit_columns(link.model, link.column, carry(link, main, other, journal), other.pk, main.pk, actor)
            history += _retire(other, main, actor)
        _fill_main(main, others, choices or {}, actor)
        client_owners.keep_together(companies, actor)
        _refresh(records.values())
        for pk, record in records.items():
            journal.compare(record, before[pk])
        client_owners.note_people(journal, people, companies)
        made = flags.note(journal)
        done = Merge.objects.create(
            record_type=record_type,
            main_id=main.pk,
            merged_ids=list(other_ids),
            snapshot={"groups": journal.groups, "history": history, "stages": stages, "made": made},
            at=clock.now(),
            by=actor.user,
        )
        told = {"names": names, "merge": done.pk, "ids": list(other_ids), "texts": _other_requests(main, others)}
        timeline.record(main, "merged", actor, told)
    return done


@apart
def undo_merge(*, merge_id: int, by: Any) -> Merge:
    """Put everything back as it was before a merge; MergeError says why it cannot be done.

    Rows that were changed or deleted after the merge, and fields edited after it, stay as they are.
    """
    actor = Actor.of(by)
    _require_merger(actor)
    done = Merge.objects.select_for_update().get(pk=merge_id)
    main, others = _to_undo(done)
    try:
        with transaction.atomic(), events.silence():
            ContactPoint.objects.filter(pk__in=done.snapshot["made"], record_id=main.pk).delete()
            for group in reversed(done.snapshot["groups"]):
                audit_columns(group["model"], group["column"], put_back(group), group["new"], group["old"], actor)
            for other in others:
                _bring_back(other, done, actor)
            client_owners.keep_together(client_owners.companies_of([main, *others]), actor)
            _refresh([main, *others])
            for record in (main, *others):
                timeline.record(record, "merge_undone", actor, {"merge": done.pk})
    except IntegrityError as error:
        raise MergeError(_("The merge cannot be undone any more: its rows have been given to others.")) from error
    done.undone_at = clock.now()
    done.save(update_fields=["undone_at"])
    return done


def surviving(record: Any) -> Any:
    """The record into which this one was merged in the end, or the record itself: where its address leads to."""
    seen = {record.pk}
    while record.merged_into_id is not None and record.merged_into_id not in seen:
        record = record.merged_into
        seen.add(record.pk)
    return record


def undo_until(done: Merge) -> Any:
    """Until when a merge can be undone."""
    return done.at + timedelta(days=preferences.get("merge_undo_days"))


# -- who and what -----------------------------------------------------------------------------------------------------


def _require_merger(actor: Actor) -> None:
    if actor.is_person and (actor.user is None or not actor.user.is_head):
        raise PermissionDenied(_("Only the sales head merges records."))


def _living(record_type: str, ids: Sequence[int], actor: Actor, *, lock: bool = False) -> list[Any]:
    """The records in the order asked for; locked in the order of their ids, so that two merges cannot block."""
    model = record_model(record_type)
    if model._meta.label not in FOREIGN_KEYS:
        raise MergeError(_("Records of this kind are not merged."))
    if len(set(ids)) != len(ids) or not LEAST <= len(ids) <= MOST:
        raise InvalidInput(_("Choose from %(least)s to %(most)s different records.") % {"least": LEAST, "most": MOST})
    rows: Any = model._default_manager.filter(pk__in=ids, deleted_at__isnull=True).order_by("pk")
    if actor.is_person and actor.user is not None:
        rows = rows.visible_to(actor.user, "change")
    found = {row.pk: row for row in (rows.select_for_update(of=("self",)) if lock else rows)}
    if len(found) != len(ids):
        raise model.DoesNotExist
    if hindered := [text for row in found.values() for check in GUARDS.get(record_type, ()) if (text := check(row))]:
        raise MergeError(hindered[0])
    if gone := [row for row in found.values() if row.merged_into_id is not None]:
        raise MergeError(_("«%(record)s» is merged into another record already.") % {"record": gone[0]})
    return [found[pk] for pk in ids]


def different_inns(records: Iterable[Any]) -> dict[int, str]:
    """The valid INNs by record where the records have more than one; otherwise nothing."""
    found = {item.pk: number for item in records if (number := normalize.inn(getattr(item, "inn", "")))}
    return found if len(set(found.values())) > 1 else {}


def inn_warning(inns: Mapping[int, str]) -> str:
    """What is said before records of different taxpayers are merged."""
    if not inns:
        return ""
    text = _("They have different INNs: %(numbers)s. These are different taxpayers, most likely different companies.")
    return text % {"numbers": ", ".join(dict.fromkeys(inns.values()))}


def _refuse_different_inns(records: Iterable[Any]) -> None:
    if not (warning := inn_warning(different_inns(records))):
        return
    error = {"pointer": "/accept_different_inns", "code": "required", "message": warning}
    raise DifferentINNs(
        f"{warning} " + _("Say expressly that they are merged all the same, or leave them apart."), errors=[error]
    )


def _best(records: list[Any]) -> Any:
    """The one with the most filled fields, of several the oldest."""
    fields = mergeable_fields(type(records[0]))
    return min(records, key=lambda item: (-sum(not _empty(item, field) for field in fields), item.created_at, item.pk))


def mergeable_fields(model: type[StagedRecord]) -> list[Any]:
    """The fields of which a value can be chosen."""
    return [
        field
        for field in model._meta.concrete_fields
        if field.editable and not field.primary_key and field.name not in PROTECTED | NOT_CHOSEN
    ]


def _empty(record: Any, field: Any) -> bool:
    return field.value_from_object(record) in (None, "", [], {})


def _field_row(field: Any, main: Any, others: list[Any]) -> FieldRow:
    cells = [
        Cell(item.pk, shown_value(item, field.name, getattr(item, field.attname)), _empty(item, field))
        for item in (main, *others)
    ]
    source = _source(field, main, others)
    return FieldRow(field.name, str(field.verbose_name), cells, source.pk, len({cell.shown for cell in cells}) > 1)


def _source(field: Any, main: Any, others: list[Any]) -> Any:
    """Whose value is taken unless somebody chooses: the main one's, or the first that has any."""
    return next((item for item in (main, *others) if not _empty(item, field)), main)


def _counts(record: Any) -> dict[str, int]:
    """How much hangs on a record, by the name of what hangs on it."""
    counts: dict[str, int] = {}
    for link in links_to(type(record)):
        if link.how != STAY and not link.column.startswith("merged"):
            name = _name_of(model_of(link.model), type(record))
            counts[name] = counts.get(name, 0) + rows_of(link, record).count()
    return {name: number for name, number in counts.items() if number}


def _name_of(model: Any, of: type[StagedRecord]) -> str:
    """What hangs on a record, in words; a row of an automatic table is the record at its other end."""
    if model._meta.auto_created:
        ends = [field.related_model for field in model._meta.concrete_fields if field.is_relation]
        model = next((end for end in ends if end is not of), model)
    return str(model._meta.verbose_name_plural)


# -- doing it ---------------------------------------------------------------------------------------------------------


def _fill_main(main: Any, others: list[Any], choices: Mapping[str, int], actor: Actor) -> None:
    """Write the chosen values into the main record."""
    fields = {field.name: field for field in mergeable_fields(type(main))}
    by_id = {item.pk: item for item in (main, *others)}
    for name, pk in choices.items():
        if name not in fields or pk not in by_id:
            error = {"pointer": f"/choices/{name}", "code": "unknown", "message": _("This cannot be chosen.")}
            raise InvalidInput(_("«%(field)s» cannot be chosen.") % {"field": name}, errors=[error])
    data = {}
    for name, field in fields.items():
        source = by_id[choices[name]] if name in choices else _source(field, main, others)
        if name in POINT_COLUMNS and (name not in choices or _empty(source, field)):
            continue
        value = field.value_from_object(source)
        if value != field.value_from_object(main):
            data[name] = value
    if data:
        record_update(main, data=data, by=actor)


def _other_requests(main: Any, others: list[Any]) -> list[str]:
    """What else was asked for: a lead keeps one request text, the others' stay readable on its timeline."""
    texts = [getattr(other, "request_text", "")[:20_000] for other in others]
    return [text for text in dict.fromkeys(texts) if text and text != main.request_text]


def _retire(other: Any, main: Any, actor: Actor) -> list[int]:
    """Let the duplicate vanish: `merged_into`, and the stage for it where its pipeline has one.

    Answers the rows of the stage history that this wrote.
    """
    history: list[int] = []
    if any(stage.code == MERGED for stage in pipelines.stages_of(other.pipeline_id, hidden=True)):
        move(other, MERGED, by=actor, reason=str(main), override=True)
        history = [_last_move(other)]
    type(other)._default_manager.filter(pk=other.pk).update(merged_into=main)
    audit_columns(other._meta.label, "merged_into", [other.pk], None, main.pk, actor)
    return history


def _last_move(record: Any) -> int:
    rows = StageHistory.objects.filter(record_type=record.RECORD_TYPE, record_id=record.pk)
    return rows.order_by("-pk").values_list("pk", flat=True)[0]


def _refresh(records: Iterable[Any]) -> None:
    """Columns that follow from rows which have moved: next step, main phone and e-mail, search."""
    for record in records:
        record.refresh_from_db()
        refresh_next_activity(record)
        if record.RECORD_TYPE in contact_points.OWNERS and record.merged_into_id is None:
            contact_points.refresh_columns(record)
        else:
            refresh_search(record)


# -- undoing it -------------------------------------------------------------------------------------------------------


def _to_undo(done: Merge) -> tuple[Any, list[Any]]:
    """The records of a merge that can be undone, locked; MergeError otherwise."""
    if done.undone_at is not None:
        raise MergeError(_("This merge is undone already."))
    if clock.now() > undo_until(done):
        days = preferences.get("merge_undo_days")
        raise MergeError(_("A merge can be undone for %(days)s days; this one is older.") % {"days": days})
    model: Any = record_model(done.record_type)
    ids = [done.main_id, *done.merged_ids]
    found = {row.pk: row for row in model._default_manager.filter(pk__in=ids).order_by("pk").select_for_update()}
    main = found.get(done.main_id)
    if main is None or len(found) != len(ids):
        raise MergeError(_("One of the merged records does not exist any more."))
    if main.deleted_at is not None:
        raise MergeError(_("«%(record)s» is in the trash; take it out first.") % {"record": main})
    later = Merge.objects.filter(record_type=done.record_type, undone_at__isnull=True, pk__gt=done.pk)
    if main.merged_into_id is not None or later.filter(main_id=main.pk).exists():
        raise MergeError(_("«%(record)s» was merged again later; undo that merge first.") % {"record": main})
    others = [found[pk] for pk in done.merged_ids]
    if strayed := [row for row in others if row.merged_into_id != main.pk]:
        raise MergeError(_("«%(record)s» is not merged into this record any more.") % {"record": strayed[0]})
    return main, others


def _bring_back(other: Any, done: Merge, actor: Actor) -> None:
    """The stage back by the one mover; then the history is as if it had never stood at «merged»."""
    other.refresh_from_db()
    stage = done.snapshot["stages"][str(other.pk)]
    if other.stage == stage:
        return
    kept = {name: getattr(other, name) for name in ("stage_entered_at", "closed_at", "last_activity_at")}
    move(other, stage, by=actor, reason=_("The merge was undone."), override=True)
    StageHistory.objects.filter(pk__in=[*done.snapshot["history"], _last_move(other)], record_id=other.pk).delete()
    stages_seen.refresh(other.RECORD_TYPE, first=other.pk, last=other.pk)
    type(other)._default_manager.filter(pk=other.pk).update(**kept)
