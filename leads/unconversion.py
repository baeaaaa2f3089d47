"""Taking a conversion back while nothing new hangs on what it made (LEAD-10).

What it made goes to the trash, what it added to existing records is taken away, and the lead stands where it stood,
with the reason in its history. Robots that followed the conversion do not hinder it; what people did since does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm import clock, events, timeline
from crm.actors import Actor
from crm.contact_points import refresh_columns
from crm.errors import DomainError
from crm.journaling import audit_columns, model_of, put_back, refresh_search
from crm.models import (
    Activity,
    ActorKind,
    Attachment,
    Change,
    ContactPoint,
    RecordRef,
    RecordType,
    StagedRecord,
    StageHistory,
    TimelineEntry,
    record_model,
)
from crm.rows import locked_for
from crm.services import record_delete, refresh_next_activity
from crm.stages import move
from crm.together import apart
from deals.clients import rank_of
from leads.conversion_memory import rows_at
from leads.models import Lead, LeadConversion
from leads.stages import CONTACT_SAVED, CONVERTED

KINDS = (RecordType.DEAL, RecordType.CONTACT, RecordType.COMPANY)
BY_PEOPLE = Q(actor_kind__in=[ActorKind.USER, ActorKind.TOKEN])
# What every record is born with, what robots keep about it, and what is counted by other means.
NOT_COUNTED = frozenset(
    {
        "TimelineEntry",
        "StageHistory",
        "Change",
        "Event",
        "Notification",
        "RuleRun",
        "ScheduledRun",
        "Activity",
        "ContactPoint",
    }
)
# Lines of the timeline that are told of by the rows which they tell of, or that the conversion itself wrote.
NOT_NOTED = frozenset(
    {"created", "made_from_lead", "fields", "stage", "responsible", "task_created", "task_done", "file_added"}
)
MOST_NAMED = 3


class ConversionStays(DomainError):
    """A conversion that cannot be taken back any more; nothing was changed."""

    code = "conversion_stays"
    status = 409


@dataclass(frozen=True)
class Hindrance:
    """A record that the conversion made, and what hangs on it by now, in words."""

    record: StagedRecord
    what: tuple[str, ...]

    def __str__(self) -> str:
        return f"«{self.record}»: {', '.join(self.what)}"


def latest_conversion(lead: Lead) -> LeadConversion | None:
    """The conversion that stands, or None: not converted, taken back, or converted before this was remembered."""
    if lead.stage_row.code not in {CONVERTED, CONTACT_SAVED}:
        return None
    return LeadConversion.objects.filter(lead=lead, undone_at=None).first()


def made_by(conversion: LeadConversion) -> list[StagedRecord]:
    """The records that the conversion made, those in the trash too."""
    found = [
        record_model(kind)._default_manager.filter(pk=getattr(conversion, f"{kind}_id")).first()
        for kind in KINDS
        if kind in conversion.snapshot["made"]
    ]
    return [record for record in found if record is not None]


def hindrances(conversion: LeadConversion, user: Any) -> list[Hindrance]:
    """What hangs on the records that the conversion made; records that `user` may not see are not named (ACC-1)."""
    found = [Hindrance(record, tuple(_since(record, conversion, user))) for record in made_by(conversion)]
    return [item for item in found if item.what]


@apart
def undo_conversion(*, lead_id: int, by: Any) -> Lead:
    """Take the conversion of a lead back and answer the lead, open again where it stood.

    Raises Lead.DoesNotExist for whoever may not change the lead, ConversionStays with what hangs on the result.
    """
    actor = Actor.of(by)
    lead = locked_for(Lead, lead_id, actor, alive=True)
    conversion = latest_conversion(lead)
    if conversion is None:
        raise ConversionStays(_("There is no conversion of this lead that could be undone."))
    _lock_results(conversion)
    if found := hindrances(conversion, actor.user):
        text = _("The conversion cannot be undone any more. %(what)s.") % {"what": "; ".join(map(str, found))}
        errors = [{"pointer": f"/{item.record.RECORD_TYPE}", "code": "in_use", "message": str(item)} for item in found]
        raise ConversionStays(text, errors=errors)
    with events.silence():
        _take_away(conversion, lead, actor)
        lead = move(
            Lead.objects.get(pk=lead.pk), conversion.snapshot["stage"], by=actor,
            reason=_("The conversion was undone."), override=True,
        )  # fmt: skip
        timeline.record(lead, "conversion_undone", actor, {"names": [str(record) for record in made_by(conversion)]})
    conversion.undone_at = clock.now()
    conversion.save(update_fields=["undone_at"])
    return lead


def _lock_results(conversion: LeadConversion) -> None:
    """Nobody writes a note on what is about to go."""
    for kind in KINDS:
        pk = getattr(conversion, f"{kind}_id")
        list(record_model(kind)._default_manager.filter(pk=pk).select_for_update(of=("self",)))


# -- what hangs on the result -----------------------------------------------------------------------------------------


def _since(record: Any, conversion: LeadConversion, user: Any) -> Iterator[str]:
    """What people did with a record since the conversion made it, in words."""
    if record.merged_into_id is not None:
        yield _("merged into another record")
    moves = rows_at(StageHistory, record).filter(BY_PEOPLE, from_stage__isnull=False)
    if moves.exists():
        yield _("moved to «%(stage)s»") % {"stage": record.stage_row.name}
    own = conversion.snapshot["own"][f"{record.RECORD_TYPE}:{record.pk}"]
    changed = rows_at(Change, record).filter(BY_PEOPLE).exclude(pk__in=own[Change._meta.label])
    names = {_field_label(record, name) for name in changed.values_list("field", flat=True)}
    if rows_at(ContactPoint, record).exclude(pk__in=own[ContactPoint._meta.label]).exists():
        names.add(_("phones and addresses"))
    if names:
        yield _("changed: %(fields)s") % {"fields": ", ".join(sorted(names))}
    notes = rows_at(TimelineEntry, record).filter(BY_PEOPLE).exclude(action__in=NOT_NOTED)
    if number := notes.count():
        yield ngettext("%(count)d note", "%(count)d notes", number) % {"count": number}
    yield from _tasks(record, own)
    yield from _rows(record, own)
    yield from _pointing(record, conversion, user)


def _field_label(record: StagedRecord, name: str) -> str:
    known = {field.name: str(field.verbose_name) for field in record._meta.concrete_fields}
    return known.get(name, _("phones and addresses") if name.startswith("point_") else name)


def _tasks(record: StagedRecord, own: dict[str, list[int]]) -> Iterator[str]:
    """Tasks that somebody planned or did; those of robots that nobody has done go with the record."""
    by_people = Q(created_by__isnull=False) & ~Q(pk__in=own[Activity._meta.label])
    for task in rows_at(Activity, record).filter(Q(done_at__isnull=False) | by_people)[:MOST_NAMED]:
        pattern = _("the task «%(title)s» is done") if task.done_at else _("the task «%(title)s»")
        yield pattern % {"title": task.title}


def _rows(record: StagedRecord, own: dict[str, list[int]]) -> Iterator[str]:
    """Letters, calls, files, phones, hand-overs: every table that hangs on records."""
    for model in apps.get_models():
        if issubclass(model, RecordRef) and model.__name__ not in NOT_COUNTED:
            number = rows_at(model, record).exclude(pk__in=own.get(model._meta.label, [])).count()
            if number:
                yield f"{model._meta.verbose_name_plural}: {number}"


def _pointing(record: StagedRecord, conversion: LeadConversion, user: Any) -> Iterator[str]:
    """Other records that are tied to it: a further deal of the contact, a copy of the deal, its products."""
    known = {kind: {getattr(conversion, f"{kind}_id")} - {None} for kind in (*KINDS, RecordType.LEAD)}
    known[RecordType.OBJECT] = {conversion.lead.object_id} - {None}
    for relation in record._meta.related_objects:
        model: Any = relation.related_model
        rows = model._base_manager.filter(**{relation.field.name: record.pk})
        if issubclass(model, StagedRecord):
            rows = model._default_manager.filter(**{relation.field.name: record.pk}, deleted_at__isnull=True)
            rows = rows.exclude(pk__in=known.get(model.RECORD_TYPE, ()))
            names = [f"«{row}»" for row in (rows.visible_to(user) if user is not None else rows)[:MOST_NAMED]]
            if names:
                yield f"{model._meta.verbose_name_plural}: {', '.join(names)}"
            elif rows.exists():
                yield _("records that you do not see")
        elif number := rows.count():
            yield f"{model._meta.verbose_name_plural}: {number}"


# -- taking it away ---------------------------------------------------------------------------------------------------


def _take_away(conversion: LeadConversion, lead: Lead, actor: Actor) -> None:
    snapshot = conversion.snapshot
    _give_tasks_back(conversion, lead)
    ContactPoint.objects.filter(pk__in=snapshot["points"]).delete()
    Attachment.objects.filter(pk__in=snapshot["files"]).delete()
    for group in reversed(snapshot["groups"]):
        audit_columns(group["model"], group["column"], put_back(group), group["new"], group["old"], actor)
    _untie_object(conversion, lead)
    for record in made_by(conversion):
        _drop_robots_work(record)
        if record.deleted_at is None:
            record_delete(record, by=actor)
    for kind in KINDS:
        if kind not in snapshot["made"] and (pk := getattr(conversion, f"{kind}_id")) is not None:
            _mend_existing(kind, pk, conversion, actor)


def _give_tasks_back(conversion: LeadConversion, lead: Lead) -> None:
    kind = RecordType.DEAL if conversion.deal_id else RecordType.CONTACT
    at = {"record_type": kind, "record_id": getattr(conversion, f"{kind}_id")}
    tasks = Activity.objects.filter(**at, pk__in=conversion.snapshot["tasks"])
    if tasks.update(record_type=lead.RECORD_TYPE, record_id=lead.pk):
        refresh_next_activity(lead)


def _untie_object(conversion: LeadConversion, lead: Lead) -> None:
    """The client came to the object with the conversion, unless it hung there before."""
    if lead.object is None:
        return
    for kind, clients in ((RecordType.CONTACT, lead.object.contacts), (RecordType.COMPANY, lead.object.companies)):
        pk = getattr(conversion, f"{kind}_id")
        if pk is not None and kind not in conversion.snapshot["of_object"]:
            clients.remove(pk)


def _drop_robots_work(record: StagedRecord) -> None:
    """What rules planned for a record that is going: open tasks and runs to come."""
    rows_at(Activity, record).filter(done_at__isnull=True).delete()
    runs: Any = model_of("automation.ScheduledRun")
    rows_at(runs, record).filter(state="scheduled").update(state="cancelled")
    refresh_next_activity(record)


def _mend_existing(kind: str, pk: int, conversion: LeadConversion, actor: Actor) -> None:
    """What follows from rows that were taken away, and the stage that the client reached by the deal alone."""
    record: Any = record_model(kind)._default_manager.filter(pk=pk).first()
    if record is None:
        return
    refresh_next_activity(record)
    if kind == RecordType.DEAL:
        record.tags.remove(*conversion.snapshot["tags"])
        refresh_search(record)
    else:
        refresh_columns(record, overwrite=True)
        _fall_back(record, conversion.snapshot["stages"].get(f"{kind}:{pk}", record.stage))
    timeline.record(record, "conversion_undone", actor, {"title": conversion.lead.title, "id": conversion.lead_id})


def _fall_back(client: Any, before: str) -> None:
    """Back to the stage before, where only a robot moved the client since and its other deals agree."""
    if client.stage == before or client.merged_into_id is not None or client.deleted_at is not None:
        return
    last = rows_at(StageHistory, client).order_by("-pk").first()
    by_robot = last is not None and last.actor_kind in {ActorKind.SYSTEM, ActorKind.ROBOT}
    if by_robot and last.from_stage_id == before and rank_of(client) == before.rsplit(":", 1)[-1]:
        move(client, before, by=Actor.system(), reason=_("The conversion was undone."), override=True)
