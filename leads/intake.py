"""From a request of any channel to a lead (LEAD-1): nothing that came in may break it."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from communications.client_contact import client_contacted
from communications.requests import LeadRequest
from crm import normalize, scope
from crm.actors import Actor
from crm.contact_points import Point, read_points
from crm.errors import InvalidInput
from crm.exclusions import HeldBack, excluding
from crm.models import Channel, Source
from crm.recognition import recognise
from crm.rows import catalogue
from crm.services import attachment_add, note_add
from crm.together import together
from deals.models import Deal
from leads.models import Lead
from leads.services import lead_create, lead_update
from leads.simple_mode import can_be_simple, deal_at_once, is_simple
from leads.stages import HANDED_OVER
from objects_registry.models import Purpose

OTHER_SOURCE = "other"
# What the client did, as the records that wait for them are told (DEAL-6); the other channels are our own doing.
CONTACT_BY = {
    Channel.FORM: "form",
    Channel.EMAIL_SHARED: "letter",
    Channel.EMAIL_PERSONAL: "letter",
    Channel.PHONE: "call",
    Channel.MESSENGER: "message",
}
MAX_TEXT = 1_000_000
# What is read anew when somebody says what a form's fields mean.
FILLED = (
    "name", "company_name", "inn", "address", "city", "region", "purpose", "length", "width", "height", "area",
    "construction_start", "amount", "utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term",
)  # fmt: skip


@together
def intake(request: LeadRequest, *, by: Any) -> Lead | Deal:
    """Make a lead of a request, with its files; a client we know is heard of on everything open that waits for them.

    A phone that is none stays in the text, a purpose nobody knows too: only a request without any phone and e-mail
    is for the caller to refuse. HeldBack names the row of the exclusion list that one of them falls under (LEAD-15).
    In a channel without leads it becomes a client and a deal at once (LEAD-17).
    """
    points = read_points(request.phones, request.emails)
    if not request.despite_exclusion and (excluded := excluding(points)) is not None:
        raise HeldBack(excluded)
    columns = _columns(request)
    if is_simple(request.channel) and can_be_simple(columns["name"], columns["company_name"], points):
        # Before the deal is made: what is new does not wait for its own client.
        _tell_client(request, points, by)
        return deal_at_once(lambda: _lead(request, columns, points, by, stage=HANDED_OVER), by=by)
    lead = _lead(request, columns, points, by)
    _tell_client(request, points, by)
    return lead


def _lead(request: LeadRequest, columns: dict[str, Any], points: list[Point], by: Any, **more: Any) -> Lead:
    lead = lead_create(
        by=by,
        data=columns,
        phones=[point.original or point.value for point in points if point.kind == "phone"],
        emails=[point.value for point in points if point.kind == "email"],
        **more,
    )
    for upload in request.files:
        _keep_file(lead, upload, by)
    for problem in request.problems:
        note_add(lead, text=problem["message"], by=by)
    return lead


def _columns(request: LeadRequest) -> dict[str, Any]:
    touch = request.touch
    columns = {
        "name": normalize.one_line(request.name, 255),
        "company_name": normalize.one_line(request.company_name, 255),
        "inn": normalize.inn(request.inn) or "",
        "request_text": normalize.clean_text(request.text, MAX_TEXT),
        "address": normalize.one_line(request.address, 500),
        "city": normalize.one_line(request.city, 100),
        "region": normalize.one_line(request.region, 100),
        "purpose": purpose_by_text(request.purpose),
        "construction_start": request.construction_start,
        "amount": request.amount,
        "channel": request.channel,
        "source": _source(request),
        "messages_consent": request.consent,
        **{name: _size(getattr(request, name)) for name in ("length", "width", "height", "area")},
        **(touch.as_fields() if touch is not None else {}),
    }
    if request.responsible is not None:
        columns["responsible"] = request.responsible
    return columns


@together
def lead_fill(lead_id: int, request: LeadRequest, *, by: Any) -> list[str]:
    """Fill in what an open lead lacks from its request read anew; answers the names. What stands there stays."""
    lead = Lead.objects.alive().open().select_for_update(of=("self",)).filter(pk=lead_id).first()
    if lead is None:
        return []
    columns = {name: _columns(request)[name] for name in FILLED}
    data = {name: value for name, value in columns.items() if value and not getattr(lead, name)}
    points: dict[str, Any] = {} if lead.phone else {"phones": "\n".join(request.phones)}
    points |= {} if lead.email else {"emails": "\n".join(request.emails)}
    points = {name: text for name, text in points.items() if text}
    if data or points:
        lead_update(lead, by=by, data=data, **points)
    return [*data, *points]


def _size(value: Decimal | None) -> Decimal | None:
    return value if value is not None and value.is_finite() and value > 0 else None


def _source(request: LeadRequest) -> Source | None:
    """The source that the marks tell, else the channel's own (a form knows the site it stands on)."""
    told = request.touch.source_code if request.touch is not None else ""
    codes = [told if told != "direct" or not request.source else request.source, request.source, OTHER_SOURCE]
    known: dict[Any, Any] = catalogue(Source)
    return next((known[code] for code in codes if code in known), None)


def purpose_by_text(text: str) -> Purpose | None:
    """The purpose that a text names by code, name or another word for it: the longest that fits."""
    words = f" {' '.join(_words(text))} "
    if not words.strip():
        return None
    named = scope.remember("purposes.named", _named_purposes)
    return next((purpose for name, purpose in named if f" {name} " in words), None)


def _named_purposes() -> list[tuple[str, Purpose]]:
    """Every name of every purpose in use, the longest first."""
    named = [
        (" ".join(_words(name)), purpose)
        for purpose in Purpose.objects.filter(is_active=True)
        for name in (purpose.code, purpose.name_ru, purpose.name_en, *purpose.synonyms)
    ]
    return sorted((pair for pair in named if pair[0]), key=lambda pair: -len(pair[0]))


def _words(text: object) -> list[str]:
    line = normalize.one_line(text, 300).casefold().replace("ё", "е").replace("_", " ")
    return re.findall(r"[^\W_]+", line)


def _keep_file(lead: Lead, upload: Any, by: Any) -> None:
    """Keep a file that came with the request; why one was not kept is told on the lead."""
    try:
        attachment_add(lead, upload=upload, by=by)
    except InvalidInput as error:
        note_add(lead, text=_("A file of the request was not kept. %(why)s") % {"why": error.message}, by=by)


def _tell_client(request: LeadRequest, points: list[Point], by: Any) -> None:
    """A request of a known client is a contact by them (DEAL-6)."""
    how = CONTACT_BY.get(Channel(request.channel))
    if how is None or not points:
        return
    client = recognise(points, leads=False)
    who = client.contact or client.company
    if who is not None:
        by_letter = [point for point in points if point.kind == "email"] if how == "letter" else []
        client_contacted(who, how, Actor.of(by), point=(by_letter or points)[0].value)
