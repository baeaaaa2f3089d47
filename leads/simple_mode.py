"""Work without leads (LEAD-17): in channels that the company chose, a request becomes at once a client and a deal.

It goes through the same conversion as a lead does: a lead is made for it in silence, converted in the same transaction
and put away, so that the deal gets the timeline, the source, the marks, the files and the object, and no lead is seen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from accounts.models import User
from crm import events, normalize, pipelines, preferences, stages
from crm.actors import Actor
from crm.contact_points import Point
from crm.people import sales_head
from crm.recognition import Recognised, recognise
from crm.services import record_delete
from deals.models import Deal
from leads import qualification, routing
from leads.conversion import COMPANY, PERSON, ConversionChoice, convert
from leads.models import Lead
from leads.services import lead_points
from leads.stages import DATA_COMPLETE

OBJECT_NEEDS = frozenset({"purpose", "place", "size"})


def is_simple(channel: str) -> bool:
    """Does the company work without leads in this channel?"""
    return channel in preferences.get("simple_channels")


def can_be_simple(name: str, company_name: str, points: list[Point]) -> bool:
    """Can a client be made of the request? A nameless stranger cannot (LEAD-13): such a request stays a lead."""
    is_named = not normalize.is_dummy_name(name)
    return is_named or bool(company_name) or recognise(points).is_known


def deal_at_once(make_lead: Callable[[], Lead], *, by: Any) -> Deal:
    """The deal of a request; `make_lead` makes the lead with its files, in the caller's transaction."""
    actor = Actor.of(by)
    with events.silence():
        lead = make_lead()
        client = recognise(lead_points(lead))
        _find_object(lead, actor)
        lead.refresh_from_db()
        _find_responsible(lead, client, actor)
    done = convert(lead_id=lead.pk, by=actor, choice=_choice(lead, client))
    with events.silence():
        record_delete(done.lead, by=actor)
    assert done.deal is not None  # noqa: S101 - both kinds of choice make a deal
    return done.deal


def _choice(lead: Lead, client: Recognised) -> ConversionChoice:
    """A company where the request tells one or the client is one, else the person alone."""
    company_id = client.company.pk if client.company is not None else None
    is_company = bool(company_id or not normalize.is_dummy_company(lead.company_name))
    return ConversionChoice(
        kind=COMPANY if is_company else PERSON,
        contact_id=client.contact.pk if client.contact is not None else None,
        company_id=company_id,
    )


def _find_object(lead: Lead, actor: Actor) -> None:
    """The construction object, where the request tells enough of it (LEAD-7)."""
    lacking = stages.missing_fields(lead, pipelines.find_stage(lead.pipeline_id, DATA_COMPLETE))
    if not OBJECT_NEEDS & {item.code for item in lacking}:
        qualification.register_object(lead, actor)


def _find_responsible(lead: Lead, client: Recognised, actor: Actor) -> None:
    """Whoever has the client, else who was written to, else who the routing table names, else the sales head."""
    owner: User | None = client.responsible if client.is_known else None
    if not qualification.can_take(owner):
        owner = lead.responsible
    if owner is None or not owner.is_active:
        decision = routing.evaluate(lead, dry_run=False)
        owner = decision.choice.to if isinstance(decision.choice.to, User) else sales_head()
    if owner is not None and owner != lead.responsible:
        qualification.assign(lead, owner, actor)
