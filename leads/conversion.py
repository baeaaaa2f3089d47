"""A lead becomes a contact, a company and a deal (LEAD-10, LEAD-11): a proposal first, then all in one transaction.

Every field of a lead stands in exactly one of the lists below; a test fails for a field in none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from crm import normalize, pipelines, timeline
from crm.actors import Actor
from crm.clients import company_create, contact_create
from crm.contact_points import Point, add_points, points_of
from crm.duplicates import ClientMatch, client_matches
from crm.errors import InvalidInput, MissingFields, StageError, pointing
from crm.models import ATTRIBUTION_FIELDS, Activity, Attachment, Company, Contact, RecordType, StagedRecord
from crm.names import split_full_name
from crm.normalize import is_company_mailbox
from crm.rows import locked_for
from crm.services import record_update, refresh_next_activity
from crm.stages import missing_fields, move
from crm.together import together
from deals.models import Deal
from deals.services import deal_create
from leads.conversion_memory import Memory
from leads.models import Lead
from leads.rights import require_converter
from leads.services import lead_points
from leads.stages import CONTACT_SAVED, CONVERTED
from objects_registry.models import BUILDING_FIELDS

COMPANY, PERSON, CONTACT_ONLY = "company", "person", "contact_only"
KINDS = (COMPANY, PERSON, CONTACT_ONLY)

# Where each field of a lead goes; phones and e-mails go to one owner each, files and open tasks go along too.
CARRIED: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(ATTRIBUTION_FIELDS, ("deal", "contact", "company")),
    **dict.fromkeys(BUILDING_FIELDS, ("deal",)),
    **dict.fromkeys(("request_text", "amount", "object", "tags", "partner"), ("deal",)),
    **dict.fromkeys(("contact", "company", "deal"), ("deal",)),
    **dict.fromkeys(("phone", "email", "phone_original", "email_original"), ("contact", "company")),
    **dict.fromkeys(("name", "messages_consent"), ("contact",)),
    **dict.fromkeys(("company_name", "inn"), ("company",)),
    "responsible": ("deal", "contact", "company"),
}
# The lead's own: its way through the pipeline, its title, what robots noted on it, and its place among copies.
NOT_CARRIED = frozenset(
    {
        "stages_seen", "lost_from",
        "id", "pipeline", "stage", "stage_entered_at", "closed_at", "refusal_reason", "refusal_comment", "created_by",
        "created_at", "updated_at", "last_activity_at", "next_activity_at", "next_activity_title", "version",
        "search_text", "deleted_at", "merged_into", "title", "title_is_manual", "is_repeat", "duplicate_object",
        "duplicate_is_certain", "missing_minimum", "mother_deal", "copy_set", "upsell_by", "origin", "name_key",
        "company_key",
    }
)  # fmt: skip
_COPIED_TO_DEAL = (*ATTRIBUTION_FIELDS, *BUILDING_FIELDS, "request_text", "amount", "object")
_FILLED_IN_DEAL = (*BUILDING_FIELDS, "request_text", "amount", "object")


@dataclass(frozen=True)
class ConversionChoice:
    """What a person chose in the dialog; ids are of existing records, mappings hold the fields of new ones.

    `contact` may hold `name`, the whole name; `point_owners` says "contact" or "company" for a phone or e-mail.
    """

    kind: str
    contact_id: int | None = None
    company_id: int | None = None
    deal_id: int | None = None
    contact: Mapping[str, Any] = field(default_factory=dict)
    company: Mapping[str, Any] = field(default_factory=dict)
    deal: Mapping[str, Any] = field(default_factory=dict)
    point_owners: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Conversion:
    """What a lead became; `is_repeat` when it had been converted before and nothing was made now."""

    lead: Lead
    contact: Contact | None
    company: Company | None
    deal: Deal | None
    is_repeat: bool = False


@dataclass(frozen=True)
class PlannedPoint:
    """A phone or e-mail of the lead and who is going to own it: "contact" or "company"."""

    kind: str
    value: str
    shown: str
    owner: str


@dataclass(frozen=True)
class ConversionPlan:
    """What the dialog proposes: the kind, the fields of new records, the matches, whose each phone is."""

    lead: Lead
    kind: str
    contact: dict[str, str]
    company: dict[str, str]
    points: list[PlannedPoint]
    contact_matches: list[ClientMatch]
    company_matches: list[ClientMatch]
    deals: list[Deal]
    contact_id: int | None
    company_id: int | None
    name_is_missing: bool
    done: Conversion | None


# -- the proposal ------------------------------------------------------------------------------------------------------


def plan(lead: Lead, user: Any) -> ConversionPlan:
    """What would become of the lead, for a person to look at and change; nothing is written."""
    points = lead_points(lead)
    phones = [point.value for point in points if point.kind == "phone"]
    emails = [point.value for point in points if point.kind == "email"]
    found = {
        RecordType.CONTACT: client_matches(
            phones=phones, emails=emails, name=lead.name, user=user, record_types=(RecordType.CONTACT,)
        ),
        RecordType.COMPANY: client_matches(
            phones=phones,
            emails=emails,
            inn=lead.inn,
            company_name=lead.company_name,
            user=user,
            record_types=(RecordType.COMPANY,),
        ),
    }
    contact_id = lead.contact_id or _sure(found[RecordType.CONTACT])
    company_id = lead.company_id or _sure(found[RecordType.COMPANY])
    is_company = bool(lead.company_name or lead.inn or company_id)
    names = dict(zip(("last_name", "first_name", "patronymic"), split_full_name(lead.name), strict=True))
    is_nameless = normalize.is_dummy_name(lead.name)
    company = Company.objects.filter(pk=company_id).first() if company_id else None
    kind = COMPANY if is_company else PERSON
    return ConversionPlan(
        lead=lead,
        kind=kind,
        contact=dict.fromkeys(names, "") if is_nameless else names,
        company={"name": lead.company_name, "inn": lead.inn},
        points=_planned_points(points, kind, company),
        contact_matches=found[RecordType.CONTACT],
        company_matches=found[RecordType.COMPANY],
        deals=_open_deals(user, contact_id, company_id),
        contact_id=contact_id,
        company_id=company_id,
        name_is_missing=is_nameless and contact_id is None,
        done=_done(lead),
    )


def _sure(matches: list[ClientMatch]) -> int | None:
    """The one match by phone, e-mail or INN; a similar name, or two matches, are for the person to choose."""
    sure = [match.record for match in matches if match.record and match.is_sure]
    return sure[0].pk if len(sure) == 1 else None


def _planned_points(points: list[Point], kind: str, company: Company | None) -> list[PlannedPoint]:
    owners = default_owners(points, kind, company)
    return [
        PlannedPoint(
            point.kind,
            point.value,
            normalize.format_phone(point.value, point.extension) if point.kind == "phone" else point.value,
            owners[point.value],
        )
        for point in points
    ]


def default_owners(points: list[Point], kind: str, company: Company | None = None) -> dict[str, str]:
    """Whose each phone and e-mail is (LEAD-11): mobile and personal ones the person's, the others the company's."""
    if kind != COMPANY:
        return {point.value: "contact" for point in points}
    domains = [company.site, normalize.email_domain(company.email)] if company is not None else []
    domains += [normalize.email_domain(p.value) for p in points if p.kind == "email" and is_company_mailbox(p.value)]
    return {point.value: _owner(point, [domain for domain in domains if domain]) for point in points}


def _owner(point: Point, domains: list[str]) -> str:
    if point.kind == "email":
        is_shared = is_company_mailbox(point.value) or any(is_company_mailbox(point.value, name) for name in domains)
        return "company" if is_shared else "contact"
    phone = normalize.phone(point.value)
    is_shared = phone is not None and phone.kind in {"landline", "tollfree"}
    return "company" if is_shared else "contact"


def _open_deals(user: Any, contact_id: int | None, company_id: int | None) -> list[Deal]:
    """The client's open deals, into one of which the request may go."""
    tied = Q()
    if contact_id:
        tied |= Q(contact=contact_id)
    if company_id:
        tied |= Q(company=company_id)
    if not tied:
        return []
    return list(Deal.objects.visible_to(user, "change").alive().open().filter(tied).order_by("-created_at")[:10])


# -- the conversion ----------------------------------------------------------------------------------------------------


@together
def convert(*, lead_id: int, by: Any, choice: ConversionChoice) -> Conversion:
    """Make (or find) the client and the deal of a lead and close it; called twice it answers what is there already.

    Raises Lead.DoesNotExist for whoever may not change the lead, PermissionDenied for whose role converts
    none, InvalidInput naming what is wrong with the choice,
    StageError where the lead stands at a stage that success cannot follow, MissingFields naming what the deal's first
    stage requires.
    """
    actor = Actor.of(by)
    lead = _locked(lead_id, actor)
    require_converter(actor)
    if (done := _done(lead)) is not None:
        return done
    _check(lead, choice)
    memory = Memory(
        lead, contact_id=choice.contact_id, company_id=choice.company_id, deal_id=choice.deal_id or lead.deal_id
    )
    company = _company(lead, choice, actor) if choice.kind == COMPANY else None
    contact = _contact(lead, choice, company, actor)
    _give_points(lead, choice, contact, company)
    deal = None if choice.kind == CONTACT_ONLY else _deal(lead, choice, contact, company, actor)
    target = deal or contact
    if target is not None:
        _carry_files(lead, target)
        _carry_tasks(lead, target)
    record_update(lead, data={"contact": contact, "company": company or lead.company}, by=actor, deal=deal)
    names = {"deal": str(deal or ""), "contact": str(contact or ""), "company": str(company or "")}
    timeline.record(lead, "converted", actor, names)
    memory.keep(contact=contact, company=company, deal=deal, actor=actor)
    move(lead, CONTACT_SAVED if choice.kind == CONTACT_ONLY else CONVERTED, by=actor, is_held=True)
    return Conversion(lead, contact, company, deal)


def _locked(lead_id: int, actor: Actor) -> Lead:
    return locked_for(Lead, lead_id, actor, alive=True)


def _done(lead: Lead) -> Conversion | None:
    """What a converted lead became."""
    if lead.stage_row.code not in {CONVERTED, CONTACT_SAVED}:
        return None
    return Conversion(lead, lead.contact, lead.company, lead.deal, is_repeat=True)


def _check(lead: Lead, choice: ConversionChoice) -> None:
    if choice.kind not in KINDS:
        raise _invalid("/kind", _("Choose a company, a person, or a contact without a deal."))
    if not lead.is_open:
        raise StageError(_("Reopen the lead first: «%(stage)s» is a finished stage.") % {"stage": lead.stage_row.name})
    for value, owner in choice.point_owners.items():
        if owner not in {"contact", "company"}:
            raise _invalid("/point_owners", _("«%(value)s» goes to the contact or to the company.") % {"value": value})


def _company(lead: Lead, choice: ConversionChoice, actor: Actor) -> Company:
    if choice.company_id is not None:
        return _existing(Company, choice.company_id, actor, "/company_id")
    data = {"name": lead.company_name, "inn": lead.inn, **choice.company}
    if not str(data["name"]).strip():
        raise _invalid("/company/name", _("Write the name of the company."))
    with pointing("/company"):
        return company_create(by=actor, data={**_inherited(lead, actor), **data})


def _contact(lead: Lead, choice: ConversionChoice, company: Company | None, actor: Actor) -> Contact | None:
    """The person; a company whose person did not say their name has none for now (LEAD-13)."""
    if choice.contact_id is not None:
        contact = _existing(Contact, choice.contact_id, actor, "/contact_id")
        if company is not None and contact.company_id is None:
            record_update(contact, data={"company": company}, by=actor)
        return contact
    given = {name: value for name, value in choice.contact.items() if value not in (None, "")}
    is_named = bool(given.keys() & {"name", "last_name", "first_name"})
    if choice.kind == COMPANY and not is_named and normalize.is_dummy_name(lead.name):
        return None
    data = {**_inherited(lead, actor), "company": company, **given}
    if not is_named:
        data["name"] = lead.name
    if lead.messages_consent:
        note = _("Request of %(day)s") % {"day": f"{lead.created_at:%d.%m.%Y}"}
        data = {"messages_consent": True, "consent_note": note, **data}
    with pointing("/contact"):
        return contact_create(by=actor, data=data)


def _inherited(lead: Lead, actor: Actor) -> dict[str, Any]:
    """Where the client came from and who answers for them: the same as of the lead."""
    values = {name: getattr(lead, name) for name in ATTRIBUTION_FIELDS}
    return {**values, "responsible": lead.responsible or actor.user}


def _existing(model: Any, pk: int, actor: Actor, pointer: str) -> Any:
    rows = model.objects.alive()
    if actor.is_person and actor.user is not None:
        rows = rows.visible_to(actor.user)
    record = rows.select_for_update(of=("self",), no_key=True).filter(pk=pk).first()
    if record is None:
        raise _invalid(pointer, _("There is no such record."))
    return record


def _give_points(lead: Lead, choice: ConversionChoice, contact: Contact | None, company: Company | None) -> None:
    """Each phone and e-mail to one owner, never to both; what one of them has already stays where it is."""
    points = lead_points(lead)
    owners = {**default_owners(points, choice.kind, company), **choice.point_owners}
    held = {p.value: name for name, record in _clients(contact, company).items() for p in points_of(record)}
    for name, record in _clients(contact, company).items():
        add_points(
            record, [p for p in points if held.get(p.value, _willing(owners[p.value], contact, company)) == name]
        )


def _clients(contact: Contact | None, company: Company | None) -> dict[str, StagedRecord]:
    return {name: record for name, record in (("contact", contact), ("company", company)) if record is not None}


def _willing(owner: str, contact: Contact | None, company: Company | None) -> str:
    """The owner, or the other one where only that one is made."""
    clients = _clients(contact, company)
    return owner if owner in clients else next(iter(clients), owner)


def _deal(lead: Lead, choice: ConversionChoice, contact: Contact | None, company: Company | None, actor: Actor) -> Deal:
    chosen = choice.deal_id or lead.deal_id
    if chosen is not None:
        return _join(lead, chosen, contact, company, actor)
    data = {name: getattr(lead, name) for name in _COPIED_TO_DEAL}
    data |= {"contact": contact, "company": company, "responsible": lead.responsible or actor.user}
    data |= {"tags": list(lead.tags.all()), **choice.deal}
    columns: dict[str, Any] = {"requested_at": lead.created_at}
    if lead.partner_id is not None:
        code = pipelines.pipelines_of(RecordType.DEAL, partner=True)[0].code
        columns |= {"pipeline": code, "partner": lead.partner}
    deal = deal_create(by=actor, data=data, **columns)
    first = deal.stage_row
    if missing := missing_fields(deal, first):
        raise MissingFields(missing, first.name)
    timeline.record(deal, "made_from_lead", actor, {"title": lead.title, "id": lead.pk})
    return deal


def _join(lead: Lead, deal_id: int, contact: Contact | None, company: Company | None, actor: Actor) -> Deal:
    """Into an open deal: what it lacks is filled from the lead, and the request is told on its timeline."""
    rows = Deal.objects.alive().open().filter(partner=lead.partner_id)
    if actor.is_person and actor.user is not None:
        rows = rows.visible_to(actor.user, "change")
    deal: Deal | None = rows.select_for_update(of=("self",)).filter(pk=deal_id).first()
    if deal is None:
        raise _invalid("/deal_id", _("There is no such open deal."))
    wanted = {name: getattr(lead, name) for name in _FILLED_IN_DEAL if not name.endswith("_is_manual")}
    wanted |= {"contact": contact, "company": company}
    lacking = {name: value for name, value in wanted.items() if value and not getattr(deal, name)}
    record_update(deal, data=lacking, by=actor)
    deal.tags.add(*lead.tags.all())
    told = {"title": lead.title, "id": lead.pk, "text": lead.request_text[:20_000]}
    timeline.record(deal, "request_joined", actor, told)
    return deal


def _carry_files(lead: Lead, target: StagedRecord) -> None:
    """The lead's files are the deal's too: a row each for the same stored file."""
    files = Attachment.objects.filter(record_type=lead.RECORD_TYPE, record_id=lead.pk).order_by("id")
    copies = []
    for item in files:
        item.pk, item._state.adding = None, True
        item.record_type, item.record_id = target.RECORD_TYPE, target.pk
        copies.append(item)
    Attachment.objects.bulk_create(copies)


def _carry_tasks(lead: Lead, target: StagedRecord) -> None:
    """What is still to be done is done on the deal."""
    undone = Activity.objects.undone().filter(record_type=lead.RECORD_TYPE, record_id=lead.pk)
    if undone.update(record_type=target.RECORD_TYPE, record_id=target.pk):
        refresh_next_activity(lead)
        refresh_next_activity(target)


def _invalid(pointer: str, message: str) -> InvalidInput:
    return InvalidInput(message, errors=[{"pointer": pointer, "code": "invalid", "message": message}])
