"""Contacts, companies and objects follow the manufacturer's deals tied to them; a partner's twin counts for nothing.

Handlers run after commit and look at what the deals are now, with the client's row locked: two deals that finish at
once leave the client where both together put them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _

from crm import clock, pipelines, preferences
from crm.actors import Actor
from crm.models import Company, Contact, Event, RecordType, StagedRecord, record_model
from crm.prepared import NUMBER, Prepared
from crm.rows import row
from crm.stages import move
from deals.models import Deal
from deals.stages import CANCELLED, COSTING

LADDER = ("prospect", "in_work", "client", "regular")
DORMANT, EXCLUDED = "dormant", "excluded"
OBJECT_LADDER = ("planned", "estimating", "contracted", "building", "completed")


def is_of_deal(record_type: str, data: Mapping[str, Any]) -> bool:
    """A deal of the main pipelines moved so that it may matter to its client or object; partners' twins never do."""
    if record_type != RecordType.DEAL:
        return False
    entered = pipelines.stage(str(data["to"]))
    left = pipelines.stage(str(data["from"])) if data.get("from") else None
    went_on = left is not None and left.is_open and entered.is_open and _is_costed(left) == _is_costed(entered)
    return not entered.pipeline.is_partner and not went_on


def is_of_relations(record_type: str, data: Mapping[str, Any]) -> bool:
    """A deal got another client or object."""
    return record_type == RecordType.DEAL and bool({"contact", "company", "object"} & set(data.get("fields", [])))


def is_of_client(record_type: str, _data: Mapping[str, Any]) -> bool:
    """A contact or company made contact."""
    return record_type in {RecordType.CONTACT, RecordType.COMPANY}


def on_deal_moved(event: Event) -> None:
    """A deal entered a stage: its client and object follow."""
    deal = _manufacturers(event)
    if deal is not None:
        was_won = bool(event.data.get("from")) and pipelines.stage(event.data["from"]).kind == "success"
        _follow_all(deal, may_fall=was_won)


def on_deal_changed(event: Event) -> None:
    """A deal got another client or object: the new ones follow it too."""
    if {"contact", "company", "object"} & set(event.data.get("fields", [])):
        deal = _manufacturers(event)
        if deal is not None:
            _follow_all(deal, may_fall=False)


def on_client_contact(event: Event) -> None:
    """A dormant client who makes contact wakes."""
    if event.record_type in {RecordType.CONTACT, RecordType.COMPANY}:
        client = _locked(record_model(event.record_type), event.record_id)
        if client is not None and client.stage_row.code == DORMANT:
            _move(client, rank_of(client), _("The client made contact."))


def _manufacturers(event: Event) -> Deal | None:
    if event.record_type != RecordType.DEAL:
        return None
    deal = row(Deal, event.record_id, alive=True)
    return deal if deal is not None and deal.partner_id is None else None


def _follow_all(deal: Deal, *, may_fall: bool) -> None:
    if deal.contact_id is not None:
        follow_client(Contact, deal.contact_id, may_fall=may_fall)
    if deal.company_id is not None:
        follow_client(Company, deal.company_id, may_fall=may_fall)
    if deal.object_id is not None:
        follow_object(deal.object_id)


def follow_client(model: type[Contact | Company], pk: int, *, may_fall: bool = False) -> None:
    """Put a client where their deals say: first open one in work, first won a client, second won a regular one.

    Up only, so that what a person set by hand stays; down only where a won deal was opened again (`may_fall`).
    """
    locked = _locked(model, pk)
    if locked is None or locked.stage_row.code == EXCLUDED:
        return
    code, rank = locked.stage_row.code, rank_of(locked)
    if code == DORMANT:
        rises = rank != LADDER[0]
    elif code in LADDER:
        rises = LADDER.index(rank) > LADDER.index(code) or (may_fall and rank != code)
    else:
        rises = False
    if rises:
        _move(locked, rank, _("Follows the deals."))


def follow_object(pk: int) -> None:
    """Put an object where its deals say: estimated, contracted, or cancelled when the client gave up in all of them."""
    locked: Any = _locked(record_model(RecordType.OBJECT), pk)
    if locked is None:
        return
    known = pipelines.catalogue().stages
    stages = [known[key] for key in _stages_of("object", locked)]
    code = locked.stage_row.code
    if stages and all(stage.code == CANCELLED for stage in stages):
        if code in {"planned", "estimating"}:
            _move(locked, "cancelled", _("The client cancelled the construction in all its deals."))
        return
    rank = _object_rank(stages)
    is_back = code == "cancelled" and any(stage.is_open for stage in stages)
    if is_back or (code in OBJECT_LADDER and OBJECT_LADDER.index(rank) > OBJECT_LADDER.index(code)):
        _move(locked, rank, _("Follows the deals."))


def _object_rank(stages: list[Any]) -> str:
    if any(stage.kind == "success" for stage in stages):
        return "contracted"
    return "estimating" if any(_is_costed(stage) for stage in stages) else "planned"


def _is_costed(stage: Any) -> bool:
    """Has a deal at that stage reached the costing of its pipeline? A pipeline without one never does."""
    try:
        costing = pipelines.find_stage(stage.pipeline_id, COSTING)
    except KeyError:
        return False
    return bool(stage.is_open and stage.order >= costing.order)


def rank_of(client: StagedRecord) -> str:
    """The stage that the client's deals put them at."""
    relation = "contact" if isinstance(client, Contact) else "company"
    stages = pipelines.catalogue().stages
    kinds = [stages[key].kind for key in _stages_of(relation, client)]
    won = kinds.count("success")
    if won:
        return LADDER[3] if won > 1 else LADDER[2]
    return LADDER[1] if "open" in kinds else LADDER[0]


def _deal_stages(relation: str, pk: int) -> Any:
    rows = Deal.objects.alive().filter(partner__isnull=True, **{relation: pk})
    return rows.order_by().values_list("stage")


def _stages_of(relation: str, record: StagedRecord) -> list[str]:
    """Where the deals of a client or object stand."""
    return [key for (key,) in _STAGES[relation].raw(record.pk)]


_STAGES: dict[str, Prepared[Any]] = {
    relation: Prepared(partial(_deal_stages, relation), NUMBER) for relation in ("contact", "company", "object")
}


def _locked(model: Any, pk: int) -> Any:
    return row(model, pk, alive=True, lock=True)


def _move(record: StagedRecord, code: str, reason: str) -> None:
    """Move a record that has just been locked."""
    move(record, code, by=Actor.system(), reason=reason, override=True, is_held=True)


def fall_asleep(limit: int = 2000) -> int:
    """Clients without any activity for the time of the settings become dormant; answers how many (nightly).

    Activity on a lead or deal of theirs counts, and an open one keeps them awake whatever its age.
    """
    since = clock.now() - timedelta(days=preferences.get("dormant_days"))
    done = 0
    for model, relation in ((Contact, "contact"), (Company, "company")):
        asleep = model.objects.alive().filter(
            stage__in=[f"{model.RECORD_TYPE}:{code}" for code in LADDER], last_activity_at__lt=since
        )
        for record_type in (RecordType.LEAD, RecordType.DEAL):
            rows = record_model(record_type)._default_manager.alive().filter(**{relation: OuterRef("pk")})
            is_open = Q(stage__in=[stage.key for stage in pipelines.all_stages() if stage.is_open])
            asleep = asleep.filter(~Exists(rows.filter(is_open | Q(last_activity_at__gte=since))))
        for client in asleep.order_by("pk")[:limit]:
            why = _("No activity for a long time.")
            move(client, DORMANT, by=Actor.system(), reason=why, override=True)
            done += 1
    return done
