"""What rules do with leads as they come in, and with the objects of leads and deals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy

from automation.actions import params
from automation.actions.registry import Context, Outcome, action
from crm import notify, pipelines
from crm.models import RecordType, record_model
from crm.rows import row
from objects_registry.services import object_register, tell_duplicate

# Of a building of which none of these is known nothing can be put into the registry.
DESCRIBING = ("purpose_id", "length", "width", "height", "area", "address", "city")


@action("qualify_lead", gettext_lazy("Qualify the lead"), pipelines=("lead",))
def qualify_lead(context: Context) -> Outcome | None:
    """Whose is the lead and how far is it known (LEAD-6)?"""
    from leads import qualification

    qualification.qualify_new(context.record, context.actor, is_held=True)
    return Outcome("qualified", is_told=True)


@action("complete_lead", gettext_lazy("Let the lead go on whose data are all there now"), pipelines=("lead",))
def complete_lead(context: Context) -> Outcome | None:
    """From «Не хватает данных» to «Данные заполнены», when nothing of the minimum is missing any more (LEAD-6)."""
    from leads import qualification

    return Outcome("completed", is_told=True) if qualification.complete(context.record, context.actor) else None


@action("register_object", gettext_lazy("Put the construction object into the registry"), pipelines=("lead",))
def register_object(context: Context) -> Outcome | None:
    """Make the object, or show the one there is (LEAD-7)."""
    from leads import qualification

    qualification.register_object(context.record, context.actor, is_held=True)
    return Outcome("registered", is_told=True)


@action("create_object", gettext_lazy("Make a construction object of the deal"), types=(RecordType.DEAL,))
def create_object(context: Context) -> Outcome | None:
    """Make the object that a deal describes; one that is certainly the same is shown to the responsible (DEAL-3)."""
    deal = context.record
    if deal.object_id is not None or deal.partner_id is not None or not deal.is_open:
        return None
    if not any(getattr(deal, name) for name in DESCRIBING):
        return None  # nothing is known of the building yet
    best = object_register(deal, by=context.actor, is_held=True)
    if best is None:
        return Outcome("registered", is_told=True)
    tell_duplicate(deal, best, context.actor)
    if not best.match.certain:
        return Outcome("registered", is_told=True)
    told = {"name": str(best.object), "certain": True}
    notify.tell(deal.responsible_id, deal, "robot", "object_duplicate", told, by=context.actor)
    return Outcome("object_known", {"object": str(best.object)}, is_told=True)


@action(
    "route_lead",
    gettext_lazy("Share the lead out by the routing table"),
    pipelines=("lead",),
    params={"quiet": params.flag(gettext_lazy("Say nothing of leads that no row takes"))},
)
def route_lead(context: Context) -> Outcome | None:
    """Give the lead to whom the first matching row says (LEAD-8); an empty table does nothing.

    With `quiet` a lead that no row takes is not told of: it stays where it was.
    """
    from leads import routing

    is_quiet = bool(context.params.get("quiet"))
    decision = routing.lead_route(context.record, by=context.actor, is_quiet=is_quiet)
    if decision is None or (is_quiet and decision.rule is None):
        return None
    return Outcome("routed", {"name": str(decision.choice.to or "")}, is_told=True)


def _moves_no_object(data: Mapping[str, Any]) -> bool:
    """There is no object, or the record stays open: whose it is by its open records is then as before."""
    if "object" in data and data["object"] is None:
        return True
    return bool(data.get("from")) and all(pipelines.stage(str(data[side])).is_open for side in ("from", "to"))


@action(
    "object_responsible",
    gettext_lazy("The object follows the responsible"),
    types=("lead", "deal"),
    is_idle=_moves_no_object,
)
def object_responsible(context: Context) -> Outcome | None:
    """The object's responsible is that of its newest open deal, else lead (OBJ-5)."""
    from objects_registry.services import object_follow_responsible

    found: Any = row(record_model(RecordType.OBJECT), context.record.object_id)
    if found is None:
        return None
    before = found.responsible_id
    obj = object_follow_responsible(found, by=context.actor)
    if obj.responsible_id == before:
        return None
    return Outcome("object_follows", {"object": str(obj), "name": str(obj.responsible or "")})
