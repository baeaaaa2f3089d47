"""What becomes of a new lead by itself: whose it is (LEAD-6), and the object it describes (LEAD-7).

The shipped rules call these; they may be called twice for the same lead and then change nothing.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from accounts.models import User
from crm import clock, pipelines, preferences, stages, timeline
from crm.actors import Actor
from crm.contact_points import Point, add_points, points_of
from crm.errors import MissingField
from crm.models import Channel, Stage
from crm.people import sales_head
from crm.recognition import Recognised, recognise
from crm.rows import locked_for
from crm.services import record_assign, record_update
from crm.together import together
from leads.models import Lead
from leads.services import lead_points
from leads.stages import DATA_COMPLETE, HANDED_OVER, NEEDS_DATA, NEW
from objects_registry.services import object_register, tell_duplicate

# A colleague who is back the day after tomorrow keeps the client; a longer absence sends it to the head.
LONG_ABSENCE = timedelta(days=3)
# A program that posts requests for a site is a form as well.
FORM_CHANNELS = frozenset({Channel.FORM, Channel.API})


def missing_minimum(lead: Lead) -> list[MissingField]:
    """What the lead lacks for «Данные заполнены»: of the company's minimum, and of what that stage requires besides."""
    stage = pipelines.catalogue().stages.get(Stage.make_key(lead.pipeline_id, DATA_COMPLETE))
    required = stage.required if stage is not None else ()
    return stages.lacking(lead, dict.fromkeys((*preferences.get("lead_minimum"), *required)))


def is_with_head(lead: Lead) -> bool:
    """Nobody has taken the lead on yet: it is with the sales head, who shares leads out, or with no one."""
    return lead.responsible is None or lead.responsible.is_head


def derive_missing(lead: Lead, changed: set[str]) -> set[str]:
    """Keep the list of missing data that the card shows; given to crm.services.derive."""
    if lead.partner_id is not None:
        return set()
    codes = [item.code for item in missing_minimum(lead)]
    if codes == lead.missing_minimum:
        return set()
    lead.missing_minimum = codes
    return {"missing_minimum"}


@together
def qualify_new(lead: Lead, by: Any, *, is_held: bool = False) -> Lead:
    """Decide whose a new lead is and where it goes (LEAD-6): a known client, an owner, a form, all others.

    A stage that the lead lacks data for is not entered: it stays, with what is missing listed. `is_held`: see
    crm.rows.locked_for.
    """
    actor = Actor.of(by)
    lead = locked_for(Lead, lead.pk, Actor.system(), held=lead if is_held else None)
    if lead.stage_row.code != NEW or lead.partner_id is not None:
        return lead
    client = known_client(lead)
    if client.is_known:
        return _hand_to_client_owner(lead, client, actor)
    owner, head = lead.responsible, sales_head()
    keeper = _note_earlier(lead, client, actor)
    if keeper is not None and keeper != head and _why_not(keeper) == "repeat":
        assign(lead, keeper, actor)
        return _enter(lead, HANDED_OVER, actor, why="repeat")
    if owner is not None and owner.is_active and owner != head:
        return _enter(lead, HANDED_OVER, actor, why="owned")
    former = str(owner) if owner is not None and not owner.is_active else ""
    if not assign(lead, head, actor):
        timeline.record(lead, "lead_qualified", actor, {"why": "no_head"})
        return lead
    if lead.channel in FORM_CHANNELS:
        return _by_form(lead, actor)
    timeline.record(
        lead,
        "lead_qualified",
        actor,
        {"why": "owner_inactive" if former else "unowned", "responsible": str(lead.responsible), "former": former},
    )
    return lead


def known_client(lead: Lead) -> Recognised:
    """The client of a lead: the one it is linked to, else whoever has one of its phones or addresses."""
    if lead.contact is not None or lead.company is not None:
        company = lead.company or (lead.contact.company if lead.contact is not None else None)
        return Recognised(lead.contact, company)
    return recognise(lead_points(lead))


def _note_earlier(lead: Lead, client: Recognised, actor: Actor) -> User | None:
    """Mark a lead whose phone or address an open lead has already (LEAD-5); answers who is responsible for that one."""
    others = [pk for pk in client.lead_ids if pk != lead.pk]
    if not others:
        return None
    earlier = Lead.objects.select_related("responsible").get(pk=max(others))
    record_update(lead, data={}, by=actor, is_repeat=True)
    timeline.record(lead, "linked", actor, {"what": f"№ {earlier.pk} «{earlier}»"})
    return earlier.responsible


def _hand_to_client_owner(lead: Lead, client: Recognised, actor: Actor) -> Lead:
    """A repeat lead goes to whoever is responsible for the client, or to the head with the reason why not (c)."""
    links = {"contact": client.contact, "company": client.company}
    record_update(lead, data=links, by=actor, is_repeat=True)
    owner = client.responsible
    why = _why_not(owner)
    former = str(owner or "") if why != "repeat" else ""
    if not assign(lead, owner if why == "repeat" else sales_head(), actor):
        timeline.record(lead, "lead_qualified", actor, {"why": "no_head"})
        return lead
    if not (lead.phone or lead.email):
        known = client.contact or client.company
        points = [Point(p.kind, p.value, p.original, p.extension) for p in points_of(known)] if known else []
        add_points(lead, points)
    return _enter(lead, HANDED_OVER, actor, why=why, former=former)


def _why_not(owner: User | None) -> str:
    """Why the client's responsible cannot take the lead; "repeat" when they can."""
    if owner is None:
        return "repeat_no_owner"
    if not owner.is_active or owner.is_partner:
        return "repeat_inactive"
    today = clock.today()
    # Absent at both ends of the span and in between: one absence, for periods do not overlap.
    if owner.is_absent(today) and owner.is_absent(today + LONG_ABSENCE):
        return "repeat_absent"
    return "repeat"


def _by_form(lead: Lead, actor: Actor) -> Lead:
    """A form with the minimum data goes on by itself, one without waits for them (b)."""
    missing = missing_minimum(lead)
    if missing:
        return _enter(lead, NEEDS_DATA, actor, why="incomplete", missing=[item.code for item in missing])
    return _enter(lead, DATA_COMPLETE, actor, why="complete")


@together
def complete(lead: Lead, by: Any) -> bool:
    """Let a lead go on that waited for data and has them all now; answers whether it did.

    What «Данные заполнены» itself requires must be there too; the rules of that stage take it from there.
    """
    actor = Actor.of(by)
    lead = locked_for(Lead, lead.pk, Actor.system())
    if lead.stage_row.code != NEEDS_DATA or lead.partner_id is not None:
        return False
    if missing_minimum(lead):
        return False
    _enter(lead, DATA_COMPLETE, actor, why="completed")
    return True


def can_take(owner: User | None) -> bool:
    """Is the client's responsible somebody who can take a new request of theirs now?"""
    return _why_not(owner) == "repeat"


def assign(lead: Lead, owner: User | None, actor: Actor) -> bool:
    """Give the lead to somebody; answers whether there was anybody."""
    if owner is not None:
        record_assign(lead, responsible=owner, by=actor)
    return owner is not None


def _enter(lead: Lead, to: str, actor: Actor, *, why: str, **told: Any) -> Lead:
    """Say why, and move; a lead that lacks what the stage requires stays where it is."""
    lacking = stages.missing_fields(lead, pipelines.find_stage(lead.pipeline_id, to))
    if lacking:
        told["missing"] = [item.code for item in lacking]
    timeline.record(lead, "lead_qualified", actor, {"why": why, "responsible": str(lead.responsible), **told})
    return lead if lacking else stages.move(lead, to, by=actor, is_held=True)


@together
def register_object(lead: Lead, by: Any, *, is_held: bool = False) -> Lead:
    """Make the object that a lead describes (LEAD-7).

    A certain duplicate is shown and nothing is made: the person decides. A probable one is shown beside the new one.
    `is_held`: see crm.rows.locked_for.
    """
    actor = Actor.of(by)
    lead = locked_for(Lead, lead.pk, Actor.system(), held=lead if is_held else None)
    if lead.object_id is not None or lead.partner_id is not None or not lead.is_open:
        return lead
    best = object_register(lead, by=actor, is_held=True)
    if best is None:
        return lead
    record_update(lead, data={}, by=actor, duplicate_object=best.object, duplicate_is_certain=best.match.certain)
    tell_duplicate(lead, best, actor)
    return lead
