"""«Создать копию ЛИД + Сделка» (DEAL-9): from one deal as many new deals, each with its finished lead, in one go.

Every field of both models stands in exactly one of the lists below; a test fails for a field in none of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.apps import apps
from django.db.models import Q
from django.utils.translation import gettext as _

from crm import clock, events, pipelines, scope, timeline
from crm.actors import Actor
from crm.errors import DomainError, InvalidInput
from crm.models import ATTRIBUTION_FIELDS, RecordRef, StagedRecord
from crm.services import record_create, record_delete
from crm.together import apart
from deals.models import CopySet, Deal, DealLine
from leads.models import Lead
from leads.stages import CONVERTED
from objects_registry.models import BUILDING_FIELDS, ConstructionObject

MAX_COPIES = 100
MAX_KEY = 80
# The company's own word for these leads, whatever language the person who makes them reads.
LEAD_TITLE = "Повторный лид из сделки №{id} ({number}/{count})"

# -- deals: what a copy takes over, what begins anew, what ties it to others ------------------------------------------

DEAL_COPIED = (
    *ATTRIBUTION_FIELDS, *BUILDING_FIELDS, "pipeline", "title", "title_is_manual", "contact", "company",
    "request_text", "amount", "amount_is_manual", "currency", "expected_close_date", "responsible", "tags",
)  # fmt: skip
DEAL_RESET = (
    "stages_seen", "lost_from",
    "id", "stage", "stage_entered_at", "closed_at", "refusal_reason", "refusal_comment", "created_by", "created_at",
    "updated_at", "last_activity_at", "next_activity_at", "next_activity_title", "version", "search_text",
    "deleted_at", "merged_into", "contract_number", "contract_date", "competitor", "competitor_price",
    "feedback_product", "feedback_partner", "feedback_text", "partner", "origin", "requested_at",
)  # fmt: skip
DEAL_LINKED = ("object", "mother", "copy_set", "upsell_by")

# -- leads: taken from the copy of the deal, from its client, begun anew, tied ----------------------------------------

LEAD_COPIED = (
    *ATTRIBUTION_FIELDS, *BUILDING_FIELDS, "contact", "company", "request_text", "amount", "responsible", "tags",
)  # fmt: skip
LEAD_COPIED_FROM_CLIENT = ("name", "company_name", "inn", "phone", "email", "messages_consent")
LEAD_RESET = (
    "stages_seen", "lost_from",
    "id", "pipeline", "stage", "stage_entered_at", "closed_at", "refusal_reason", "refusal_comment", "created_by",
    "created_at", "updated_at", "last_activity_at", "next_activity_at", "next_activity_title", "version",
    "search_text", "deleted_at", "merged_into", "title", "title_is_manual", "phone_original", "email_original",
    "is_repeat", "duplicate_object", "duplicate_is_certain", "missing_minimum", "partner", "origin",
    "name_key", "company_key",
)  # fmt: skip
LEAD_LINKED = ("object", "deal", "mother_deal", "copy_set", "upsell_by")

# What the small table before the run may give each copy for itself.
ROW_FIELDS = (
    "title", "object", "amount", "request_text", "purpose", "address", "length", "width", "height", "area",
    "construction_start", "expected_close_date",
)  # fmt: skip
# Rows that a copy is born with, or that robots keep about it: they do not count as something hanging on it.
BORN_WITH = frozenset({"TimelineEntry", "StageHistory", "Event", "ContactPoint", "RuleRun", "ScheduledRun"})


@apart
def make_copies(*, deal_id: int, by: Any, count: int, key: str, rows: Sequence[Mapping[str, Any]] = ()) -> CopySet:
    """Make `count` leads and deals from a deal; the same `key` makes them once, however often it is sent.

    `rows` give the first copies what differs in them (ROW_FIELDS). Raises InvalidInput naming row and field, and
    Deal.DoesNotExist for whoever may not change the mother deal.
    """
    actor = Actor.of(by)
    # The lock makes a double click wait here; the second one then finds the set of the first.
    mother = _mother(deal_id, actor)
    _check(mother, count, key, rows)
    if (known := CopySet.objects.filter(key=_key(mother, key)).first()) is not None:
        return known
    copy_set = CopySet.objects.create(
        mother=mother, key=_key(mother, key), count=count, upsell_by=actor.user, created_at=clock.now()
    )
    with scope.opened():
        _fill(copy_set, rows, actor)
    return copy_set


def _fill(copy_set: CopySet, rows: Sequence[Mapping[str, Any]], actor: Actor) -> None:
    """Make the deals and leads of a new set, and tell of them."""
    mother = copy_set.mother
    tags, lines = list(mother.tags.all()), list(mother.lines.all())
    deals = []
    for number in range(1, copy_set.count + 1):
        row = rows[number - 1] if number <= len(rows) else {}
        deal = _copy_deal(mother, copy_set, _row_data(row, number, actor), actor)
        DealLine.objects.bulk_create(_copy_line(line, deal) for line in lines)
        lead = _copy_lead(copy_set, deal, number, actor)
        for record in (deal, lead):
            record.tags.set(tags)
            timeline.record(record, "copied_from", actor, {"title": mother.title, "id": mother.pk})
        deals.append(deal)
    _tell(copy_set, deals, actor)


def _mother(deal_id: int, actor: Actor) -> Deal:
    rows = Deal.objects.alive()
    if actor.is_person and actor.user is not None:
        rows = rows.visible_to(actor.user, "change")
    mother: Deal = rows.select_for_update(of=("self",)).get(pk=deal_id)
    if mother.partner_id is not None:
        raise DomainError(_("Copies are made from the manufacturer's own deals."))
    return mother


def _key(mother: Deal, key: str) -> str:
    return f"{mother.pk}:{key}"


def _check(mother: Deal, count: int, key: str, rows: Sequence[Mapping[str, Any]]) -> None:
    if not 1 <= count <= MAX_COPIES:
        raise _refused("/count", _("Enter a number from 1 to %(most)s.") % {"most": MAX_COPIES})
    if not key or len(key) > MAX_KEY:
        raise _refused("/key", _("The request needs a key of at most %(most)s characters.") % {"most": MAX_KEY})
    if len(rows) > count:
        raise _refused("/rows", _("There are more rows than copies."))
    for number, row in enumerate(rows):
        for name in row:
            if name not in ROW_FIELDS:
                raise _refused(
                    f"/rows/{number}/{name}", _("A copy cannot have a «%(field)s» of its own.") % {"field": name}
                )


def _refused(pointer: str, text: str) -> InvalidInput:
    return InvalidInput(text, errors=[{"pointer": pointer, "code": "invalid", "message": text}])


def _row_data(row: Mapping[str, Any], number: int, actor: Actor) -> dict[str, Any]:
    """What a row says, its object looked up among those the person may see."""
    data = {name: value for name, value in row.items() if value not in (None, "")}
    if "object" in data and not isinstance(data["object"], ConstructionObject):
        objects = ConstructionObject.objects.alive()
        if actor.is_person and actor.user is not None:
            objects = objects.visible_to(actor.user)
        try:
            data["object"] = objects.get(pk=data["object"])
        except (ConstructionObject.DoesNotExist, ValueError, TypeError) as error:
            raise _refused(f"/rows/{number - 1}/object", _("There is no such object.")) from error
    return data


def _copy_deal(mother: Deal, copy_set: CopySet, row: dict[str, Any], actor: Actor) -> Deal:
    values = {name: getattr(mother, name) for name in DEAL_COPIED if name not in {"pipeline", "tags"}}
    obj = row.pop("object", mother.object)
    if obj != mother.object:
        # Another building: its own sizes and place, not the mother's.
        values |= {name: getattr(obj, name) for name in BUILDING_FIELDS}
    return record_create(
        Deal,
        data=row,
        by=actor,
        pipeline=mother.pipeline_id,
        stage=pipelines.start_stage(mother.pipeline_id).key,
        **{**values, "object": obj, "mother": mother, "copy_set": copy_set, "upsell_by": actor.user},
    )


def _copy_line(line: DealLine, deal: Deal) -> DealLine:
    return DealLine(
        deal=deal, product=line.product, name=line.name, quantity=line.quantity, unit=line.unit, price=line.price,
        discount=line.discount, vat=line.vat, per_tonne=line.per_tonne, order=line.order,
    )  # fmt: skip


def _copy_lead(copy_set: CopySet, deal: Deal, number: int, actor: Actor) -> Lead:
    """The finished lead of one copy; it starts no robots, for nothing is left to be done with it."""
    values = {name: getattr(deal, name) for name in LEAD_COPIED if name != "tags"}
    values |= _of_client(deal)
    title = LEAD_TITLE.format(id=copy_set.mother_id, number=number, count=copy_set.count)
    values |= {"title": title, "title_is_manual": True, "is_repeat": True}
    values |= {"object": deal.object, "deal": deal, "mother_deal": copy_set.mother}
    values |= {"copy_set": copy_set, "upsell_by": deal.upsell_by}
    with events.silence():
        return record_create(Lead, data={}, by=actor, pipeline="lead", stage=CONVERTED, **values)


def _of_client(deal: Deal) -> dict[str, Any]:
    contact, company = deal.contact, deal.company
    owner = contact or company
    return {
        "name": contact.full_name if contact is not None else "",
        "company_name": company.name if company is not None else "",
        "inn": company.inn if company is not None else "",
        "phone": owner.phone if owner is not None else "",
        "email": owner.email if owner is not None else "",
        "messages_consent": bool(contact is not None and contact.messages_consent),
    }


def _tell(copy_set: CopySet, deals: list[Deal], actor: Actor) -> None:
    """A comment with links in the mother deal's timeline and in its client's."""
    data = {
        "mother": copy_set.mother_id,
        "title": copy_set.mother.title,
        "set": copy_set.pk,
        "deals": [[deal.pk, deal.title] for deal in deals],
    }
    for record in (copy_set.mother, copy_set.mother.client):
        if record is not None:
            timeline.record(record, "copies_made", actor, data, internal=True)


# -- undo -------------------------------------------------------------------------------------------------------------


@apart
def undo_copies(*, copy_set_id: int, by: Any) -> CopySet:
    """Put a set of copies into the trash while nothing new hangs on it; undoing twice changes nothing.

    DomainError names the first copy that was worked at; DoesNotExist for whoever may not change the mother deal.
    """
    actor = Actor.of(by)
    mother = _mother(CopySet.objects.get(pk=copy_set_id).mother_id, actor)
    copy_set = CopySet.objects.select_for_update().get(pk=copy_set_id)
    if copy_set.undone_at is not None:
        return copy_set
    deals = list(Deal.objects.alive().select_for_update(of=("self",)).filter(copy_set=copy_set))
    leads = list(Lead.objects.alive().select_for_update(of=("self",)).filter(copy_set=copy_set))
    if (touched := touched_copy(copy_set, deals, leads)) is not None:
        raise DomainError(
            _("«%(record)s» has been worked at since: the set cannot be undone any more.") % {"record": touched}
        )
    for record in (*leads, *deals):
        record_delete(record, by=actor)
    copy_set.undone_at = clock.now()
    copy_set.save(update_fields=["undone_at"])
    for told in (mother, mother.client):
        if told is not None:
            timeline.record(
                told, "copies_undone", actor, {"title": mother.title, "count": copy_set.count}, internal=True
            )
    return copy_set


def touched_copy(copy_set: CopySet, deals: list[Deal], leads: list[Lead]) -> StagedRecord | None:
    """The first copy on which something new hangs: a move, a change, a task, a letter, another record."""
    by_id: dict[str, dict[int, StagedRecord]] = {
        "deal": {deal.pk: deal for deal in deals},
        "lead": {lead.pk: lead for lead in leads},
    }
    for record in (*deals, *leads):
        if record.version > 1:
            return record
    for model in apps.get_models():
        if issubclass(model, RecordRef) and model.__name__ not in BORN_WITH:
            for record_type, known in by_id.items():
                found = model._default_manager.filter(record_type=record_type, record_id__in=known).first()
                if found is not None:
                    return known[found.record_id]
    return _noted(by_id) or _pointed_at(copy_set, by_id["deal"])


def _noted(by_id: Mapping[str, Mapping[int, StagedRecord]]) -> StagedRecord | None:
    """A copy with more on its timeline than its birth (what robots noted goes with the copy)."""
    from crm.models import TimelineEntry

    for record_type, known in by_id.items():
        entries = TimelineEntry.objects.filter(record_type=record_type, record_id__in=known)
        born = Q(action__in=["created", "copied_from"]) | Q(actor_kind__in=["robot", "system"])
        if (entry := entries.exclude(born).first()) is not None:
            return known[entry.record_id]
    return None


def _pointed_at(copy_set: CopySet, deals: Mapping[int, StagedRecord]) -> StagedRecord | None:
    """A copied deal that a row outside the set points to: a further copy, a partner's twin, a converted lead."""
    for relation in Deal._meta.related_objects:
        model, name = relation.related_model, relation.field.name
        if model is DealLine:
            continue
        rows = model._default_manager.filter(**{f"{name}__in": list(deals)})
        if model is Lead:
            rows = rows.exclude(copy_set=copy_set)
        if (row := rows.first()) is not None:
            return deals[getattr(row, relation.field.attname)]
    return None
