"""What a partner does with a twin comes back to the manufacturer's record: told, won, refused, converted (PART-2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from crm import clock, notify, pipelines, timeline, working_time
from crm.actors import Actor
from crm.models import Activity, ActorKind, Event, RecordType, Stage, StageHistory, record_model
from crm.services import activity_complete, activity_create, record_update, shown_value
from crm.stages import move
from deals.models import Deal
from deals.stages import AT_PARTNER, RESUMED
from deals.stages import WON as DEAL_WON
from leads.conversion import COMPANY, PERSON, ConversionChoice, convert
from leads.models import Lead
from leads.stages import HANDED_OVER
from partners.accepting import mark_accepted
from partners.field_map import BROUGHT_BACK
from partners.handoff import finish, first_call_key, wait_for_control
from partners.models import Handoff
from partners.stages import CONTACTED

DECIDE_WITHIN_HOURS = 24  # a working day


def is_of_twin(record_type: str, data: Mapping[str, Any]) -> bool:
    """A record moved on in a partner pipeline."""
    return (
        data.get("from") is not None
        and record_type in {RecordType.LEAD, RecordType.DEAL}
        and pipelines.stage(str(data["to"])).pipeline.is_partner
    )


def on_stage_changed(event: Event) -> None:
    """Handler: a twin under an active hand-over has moved."""
    handoff = _handoff_of(event)
    if handoff is None:
        return
    model: Any = record_model(event.record_type)
    twin = model._default_manager.get(pk=event.record_id)
    origin = model._default_manager.select_for_update(of=("self",)).get(pk=handoff.record_id)
    actor = Actor(ActorKind.SYSTEM, event.actor_user, event.actor_name)
    stage = pipelines.stage(event.data["to"])
    _tell(origin, handoff, twin, event, actor)
    _contacted(handoff, stage, actor)
    if handoff.accepted_at is None and stage.is_open and not stage.is_start:
        # Whoever works on it has accepted it, also without saying so.
        mark_accepted(handoff, event.actor_user, event.at)
    if twin.stage != stage.key:
        return  # moved on since: the later event says what became of it
    if stage.kind == Stage.Kind.FAILURE:
        _refused(origin, handoff, twin, stage, actor)
    elif stage.kind == Stage.Kind.SUCCESS and event.record_type == RecordType.DEAL:
        _won(origin, handoff, twin, actor)
    elif stage.kind == Stage.Kind.SUCCESS:
        _converted(origin, handoff, twin, actor)


def _handoff_of(event: Event) -> Handoff | None:
    active = Handoff.objects.filter(record_type=event.record_type, twin_id=event.record_id, state=Handoff.State.ACTIVE)
    return active.select_for_update(of=("self",)).select_related("partner").first()


def _tell(origin: Any, handoff: Handoff, twin: Any, event: Event, actor: Actor) -> None:
    refusal = ". ".join(str(part) for part in (twin.refusal_reason, twin.refusal_comment) if part)
    told = {"partner": handoff.partner.name, "from": event.data["from"], "to": event.data["to"], "refusal": refusal}
    timeline.record(origin, "partner_stage", actor, told)


def _contacted(handoff: Handoff, stage: Stage, actor: Actor) -> None:
    """A stage at or past «Связались с клиентом» says that the task of the hand-over is done."""
    if not stage.is_open or stage.order < pipelines.find_stage(stage.pipeline_id, CONTACTED).order:
        return
    task = Activity.objects.undone().filter(key=first_call_key(handoff)).first()
    if task is not None:
        activity_complete(task, by=actor, result=stage.name)


def _won(origin: Any, handoff: Handoff, twin: Any, actor: Actor) -> None:
    """The deal is won by the partner's contract; what the contract says comes along."""
    found = {name: getattr(twin, name) for name in BROUGHT_BACK if getattr(twin, name) not in (None, "")}
    told = {"partner": handoff.partner.name, "changes": _overwritten(origin, found)}
    record_update(origin, data=found, by=actor)
    finish(handoff, Handoff.State.FINISHED)
    timeline.record(origin, "partner_won", actor, told)
    notify.tell(origin.responsible_id, origin, "partner", "partner_won", told, by=Actor.system())
    move(origin, DEAL_WON, by=actor, reason=handoff.partner.name, override=True)


def _overwritten(origin: Any, found: Mapping[str, Any]) -> list[dict[str, str]]:
    """What the manufacturer had written itself and the partner's contract replaces: nobody may overlook that."""
    return [
        {
            "field": name,
            "old": shown_value(origin, name, getattr(origin, name)),
            "new": shown_value(origin, name, value),
        }
        for name, value in found.items()
        if getattr(origin, name) not in (None, "", value)
    ]


def _refused(origin: Any, handoff: Handoff, twin: Any, stage: Stage, actor: Actor) -> None:
    """The manufacturer's record comes back with the reason, and its responsible, or control, decides what next."""
    reason = ". ".join(str(part) for part in (stage.name, twin.refusal_reason, twin.refusal_comment) if part)
    finish(handoff, Handoff.State.FINISHED, reason)
    timeline.record(origin, "partner_refused", actor, {"partner": handoff.partner.name, "reason": reason})
    if origin.RECORD_TYPE == RecordType.DEAL and origin.stage_row.code == AT_PARTNER:
        move(origin, RESUMED, by=actor, reason=reason, override=True)
    wait_for_control(handoff, origin)
    if origin.responsible is None or not origin.responsible.is_active:
        return
    activity_create(
        origin,
        title=_("The partner «%(partner)s» refused: decide what is next") % {"partner": handoff.partner},
        text=reason,
        due_at=_next_working_day(),
        responsible=origin.responsible,
        by=actor,
        key=_task_key(origin, handoff),
    )


def _next_working_day() -> datetime:
    """A working day from now."""
    work = working_time.of_company()
    return work.after(clock.now(), work.length(DECIDE_WITHIN_HOURS), clock.company_zone())


def _task_key(origin: Any, handoff: Handoff) -> str:
    """For a deal the key under which the rule of «Возобновление работы» would make its task: one task, not two."""
    if origin.RECORD_TYPE != RecordType.DEAL:
        return f"partner_refused:{handoff.pk}"
    moves = StageHistory.objects.filter(record_type=RecordType.DEAL, record_id=origin.pk).order_by("-at", "-id")
    return f"resume:deal:{origin.pk}:{moves.values_list('pk', flat=True)[0]}"


def _converted(origin: Lead, handoff: Handoff, twin: Lead, actor: Actor) -> None:
    """The partner made a deal of its lead: the manufacturer's lead becomes a deal too, and the hand-over goes on."""
    finish(handoff, Handoff.State.FINISHED)
    if not origin.is_open or twin.deal is None:
        return
    if not origin.stage_row.can_win:
        move(origin, HANDED_OVER, by=actor, reason=handoff.partner.name, override=True)
    choice = ConversionChoice(
        kind=COMPANY if twin.company_id else PERSON, contact_id=twin.contact_id, company_id=twin.company_id
    )
    deal = convert(lead_id=origin.pk, by=actor, choice=choice).deal
    if deal is not None:
        _go_on(deal, twin.deal, handoff, actor)


def _go_on(deal: Deal, twin: Deal, before: Handoff, actor: Actor) -> None:
    """The deals of both sides are tied as their leads were."""
    record_update(twin, data={}, by=actor, origin=deal)
    handoff = Handoff.objects.create(
        record_type=RecordType.DEAL,
        record_id=deal.pk,
        partner=before.partner,
        twin_id=twin.pk,
        stage_before=deal.stage,
        comment=before.comment,
        handed_at=clock.now(),
        handed_by=before.handed_by,
    )
    timeline.record(
        deal, "handed_over", actor, {"partner": before.partner.name, "handoff": handoff.pk, "twin": twin.pk}
    )
    move(deal, AT_PARTNER, by=actor, reason=before.partner.name, override=True)
