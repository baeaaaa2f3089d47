"""How leads, deals and hand-overs live in the demo. A life is a generator: it acts, then says when it goes on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from communications.requests import LeadRequest
from communications.services import call_add, message_received
from crm import clock, services
from crm.actors import Actor
from crm.attribution import Touch, touch_from, traffic_of
from crm.errors import DomainError
from crm.models import Activity, Channel
from crm.rows import row
from crm.stages import Refusal, copy_state, move
from deals.models import Deal
from leads.conversion import COMPANY, CONTACT_ONLY, PERSON, ConversionChoice, convert
from leads.copies import make_copies
from leads.intake import intake
from leads.models import Lead
from leads.services import lead_update
from partners.handoff import active_handoff, hand_over
from partners.services import feedback_set
from web.demo import words
from web.demo.world import World

Life = Iterator[datetime]
HOUR = 1 / 24


def reread(record: Any) -> None:
    """Bring a record up to what robots and colleagues have made of it meanwhile."""
    found = row(type(record), record.pk)
    if found is not None:
        copy_state(record, found)


def touch_of(world: World, source: str, campaigns: tuple[str, ...]) -> Touch:
    """The marks that a visit by that source leaves."""
    if not campaigns:
        return Touch(source_code=source, traffic=traffic_of(source))
    marks = {
        "yandex_direct": {"utm_source": "yandex", "utm_medium": "cpc", "yclid": str(world.chance.randrange(10**15))},
        "vk_ads": {"utm_source": "vk", "utm_medium": "cpc"},
    }[source]
    return touch_from({**marks, "utm_campaign": world.chance.choice(campaigns)}, "", "https://severstalcon.example/")


def request_of(world: World, *, known: Deal | None = None) -> LeadRequest:
    """One request as it comes in: from a stranger, or from the client of an earlier deal."""
    region, towns = world.chance.choice(words.PLACES)
    city = world.chance.choice(towns)
    purpose = world.pick(words.PURPOSES)[0]
    source, _weight, campaigns = world.pick(words.SOURCES)
    last, first, _father = world.person()
    width, length, height = world.sizes()
    whole = world.luck(0.42)
    size = f"{length:f}×{width:f} м"
    text = world.chance.choice(words.REQUESTS).format(what=_purpose_name(purpose), size=size, city=city)
    is_firm = world.luck(0.55)
    contact = known.contact if known else None
    channel = {"phone": Channel.PHONE, "email": Channel.EMAIL_SHARED}.get(source, Channel.FORM)
    number = world.phones + 1
    return LeadRequest(
        name=contact.full_name if contact else (f"{first} {last}" if world.luck(0.6) else first),
        phones=(contact.phone,) if contact and contact.phone else (world.mobile(),),
        emails=()
        if contact or world.luck(0.35)
        else (f"client{number}@example.{world.chance.choice(('org', 'net'))}",),
        company_name=world.firm() if is_firm and not known else "",
        inn=world.inn() if is_firm and not known and world.luck(0.4) else "",
        text=text,
        address=f"г. {city}, ул. {world.chance.choice(words.STREETS)}, {world.chance.randrange(1, 120)}"
        if whole
        else "",
        city=city if whole or world.luck(0.7) else "",
        region=region if whole else "",
        purpose=_purpose_name(purpose) if whole or world.luck(0.6) else "",
        width=width if whole else None,
        length=length if whole else None,
        height=height if whole else None,
        touch=touch_of(world, source, campaigns),
        channel=channel,
        source=source,
        consent=world.luck(0.8),
    )


def _purpose_name(code: str) -> str:
    names = {
        "warehouse": "склад", "hangar": "ангар", "workshop": "цех", "granary": "зернохранилище", "canopy": "навес",
        "car_service": "автосервис", "farm": "ферма", "sports": "спорткомплекс", "garage": "гараж", "office": "АБК",
    }  # fmt: skip
    return names[code]


def lead_life(world: World, *, known: Deal | None = None) -> Life:
    """From the request to a refusal or a deal; the deal's own life follows."""
    lead = intake(request_of(world, known=known), by=Actor.form("Сайт завода"))
    reread(lead)
    now = clock.now()
    if lead.is_repeat:
        yield world.later(now, HOUR, 2)
        yield from managed_life(world, lead)
        return
    yield world.later(now, HOUR / 4, 0.6)
    reread(lead)
    if world.luck(0.38):
        lose_lead(world, lead, world.operator, ("not_our_product", "erroneous", "no_contact", "declined_by_us"))
        return
    if lead.stage == "lead:needs_data":
        yield from complete_life(world, lead)
    reread(lead)
    if not lead.is_open or world.luck(0.04):
        return
    manager = world.chance.choice(world.managers)
    services.record_assign(lead, responsible=manager, by=world.head)
    move(lead, "handed_over", by=world.head)
    yield world.later(clock.now(), 0.1, 2.5)
    yield from managed_life(world, lead)


def complete_life(world: World, lead: Lead) -> Life:
    """An operator calls and fills in what the form did not say; some never pick up."""
    call_add(lead, direction="out", by=world.operator, phone=lead.phone, seconds=world.chance.randrange(20, 240))
    if world.luck(0.2):
        yield world.later(clock.now(), 2, 6)
        reread(lead)
        lose_lead(world, lead, world.operator, ("no_contact", "stalled"))
        return
    yield world.later(clock.now(), HOUR / 4, 1)
    reread(lead)
    region, towns = world.chance.choice(words.PLACES)
    width, length, height = world.sizes()
    city = lead.city or world.chance.choice(towns)
    found = {
        "purpose_id": lead.purpose_id or world.pick(words.PURPOSES)[0],
        "address": lead.address
        or f"г. {city}, ул. {world.chance.choice(words.STREETS)}, {world.chance.randrange(1, 99)}",
        "region": lead.region or region,
        "width": lead.width or width,
        "length": lead.length or length,
        "height": lead.height or height,
    }
    lead = lead_update(lead, by=world.operator, data={name.removesuffix("_id"): v for name, v in _rows(found).items()})
    if not lead.name:
        lead = lead_update(lead, by=world.operator, data={"name": world.person()[1]})
    move(lead, "data_complete", by=world.operator)


def _rows(found: dict[str, Any]) -> dict[str, Any]:
    from objects_registry.models import Purpose

    return {**found, "purpose_id": Purpose.objects.get(pk=found["purpose_id"])}


def managed_life(world: World, lead: Lead) -> Life:
    """A manager talks to the client: a deal, a contact for later, or a refusal."""
    reread(lead)
    manager = lead.responsible
    if not lead.is_open or manager is None:
        return
    if world.luck(0.35):
        services.note_add(lead, text=world.chance.choice(words.NOTES), by=manager)
    if world.luck(0.45):
        yield world.later(clock.now(), 1, 9)
        reread(lead)
        if lead.is_open:
            lose_lead(world, lead, manager, ("stalled", "no_contact", "declined_by_us"))
        return
    choice = _choice(world, lead)
    done = convert(lead_id=lead.pk, by=manager, choice=choice)
    if done.deal is not None:
        yield world.later(clock.now(), 0.1, 2)
        yield from deal_life(world, done.deal)


def _choice(world: World, lead: Lead) -> ConversionChoice:
    last, first, father = world.person()
    contact: dict[str, Any] = {}
    if lead.contact_id is None and not lead.name.strip():
        contact = {"last_name": last, "first_name": first, "patronymic": father}
    if world.luck(0.05):
        return ConversionChoice(CONTACT_ONLY, contact_id=lead.contact_id, contact=contact)
    kind = COMPANY if lead.company_name or lead.company_id else PERSON
    return ConversionChoice(kind, contact_id=lead.contact_id, company_id=lead.company_id, contact=contact)


def lose_lead(world: World, lead: Lead, by: Any, stages: tuple[str, ...]) -> None:
    """Close a lead with a reason in somebody's own words."""
    code = world.chance.choice(stages)
    reason = world.reason(f"lead:{code}")
    move(lead, code, by=by if by.role != "call_center" else world.head,
         refusal=Refusal(reason.pk, world.chance.choice(words.LEAD_REFUSALS[code])))  # fmt: skip


# -- deals -------------------------------------------------------------------------------------------------------------


def deal_life(world: World, deal: Deal) -> Life:
    """Through the stages of the main pipeline, with tasks and notes on the way."""
    manager = deal.responsible
    _task(world, deal, manager)
    _fill_building(world, deal, manager)
    yield world.later(clock.now(), 0.5, 3)
    if not go_on(deal, "costing", manager) or (yield from _maybe_lost(world, deal, 0.08)):
        return
    yield world.later(clock.now(), 1, 6)
    price = Decimal(world.chance.randrange(9_000, 15_500)) * (deal.area or Decimal(600))
    if not go_on(deal, "proposal_sent", manager, amount=price.quantize(Decimal(1000))):
        return
    services.note_add(deal, text=world.chance.choice(words.NOTES), by=manager)
    if (yield from _maybe_lost(world, deal, 0.22)):
        return
    if world.luck(0.14) and (yield from partner_life(world, deal)):
        return
    yield world.later(clock.now(), 3, 16)
    start = clock.today() + timedelta(days=world.chance.choice((40, 60, 90, 120, 150, 220, 260, 330)))
    if not go_on(deal, "negotiation", manager, construction_start=start):
        return
    reread(deal)
    if deal.stage == "deal:delayed_demand":
        yield from delayed_life(world, deal)
    yield from closing_life(world, deal)


def go_on(deal: Deal, code: str, by: Any, **data: Any) -> bool:
    """Move on where the deal still stands open in its manager's hands."""
    reread(deal)
    if not deal.is_open or deal.stage in {f"deal:{code}", "deal:at_partner"}:
        return False
    try:
        move(deal, code, by=by, data=data)
    except DomainError:
        return False
    return True


def _fill_building(world: World, deal: Deal, by: Any) -> None:
    from objects_registry.models import Purpose

    width, length, height = world.sizes()
    found: dict[str, Any] = {}
    if not deal.purpose_id:
        found["purpose"] = Purpose.objects.get(pk=world.pick(words.PURPOSES)[0])
    if not (deal.area or (deal.width and deal.length)):
        found |= {"width": width, "length": length, "height": height}
    if found:
        services.record_update(deal, data=found, by=by)


def _task(world: World, deal: Deal, by: Any) -> None:
    services.activity_create(
        deal,
        title=world.chance.choice(words.TASKS),
        due_at=world.later(clock.now(), 0.5, 4),
        responsible=by,
        by=by,
        kind=world.chance.choice((Activity.Kind.TASK, Activity.Kind.CALL, Activity.Kind.CALL)),
    )


def _finish_tasks(world: World, deal: Deal) -> None:
    for activity in Activity.objects.undone().filter(record_type="deal", record_id=deal.pk):
        if world.luck(0.9):
            services.activity_complete(activity, by=activity.responsible, result=world.chance.choice(words.RESULTS))


def _maybe_lost(world: World, deal: Deal, share: float) -> Any:
    """Wait a little; in that share of cases the deal is lost."""
    lost = world.luck(share)
    yield world.later(clock.now(), 1, 12) if lost else world.later(clock.now(), 0.1, 1.5)
    if lost:
        lose_deal(world, deal)
    else:
        _finish_tasks(world, deal)
        reread(deal)
        if world.luck(0.35):
            _task(world, deal, deal.responsible)
    return lost


def lose_deal(world: World, deal: Deal) -> None:
    """Refuse with a reason; where the price decides, the competitor is named."""
    reread(deal)
    if not deal.is_open or deal.stage == "deal:at_partner":
        return
    rows = [(code, weight, comments) for code, (weight, comments) in words.DEAL_REFUSALS.items()]
    code, _weight, comments = world.pick(rows)
    reason = world.reason(f"deal:{code}")
    competitor = world.chance.choice(words.COMPETITORS) if reason.asks_competitor else ""
    price = (deal.amount * Decimal("0.9")).quantize(Decimal(1000)) if competitor and deal.amount else None
    refusal = Refusal(reason.pk, world.chance.choice(comments), competitor, price)
    move(deal, code, by=deal.responsible, refusal=refusal)
    _finish_tasks(world, deal)


def delayed_life(world: World, deal: Deal) -> Life:
    """Wait for the reminders; some clients write back, the others are called on day 120 by the rules."""
    if world.luck(0.4):
        yield world.later(clock.now(), 62, 100)
        reread(deal)
        if deal.stage != "deal:delayed_demand":
            return
        contact = deal.contact
        message_received(
            record=deal, channel="email", address=contact.email if contact and contact.email else "client@example.org",
            by=Actor.system(), subject="Re: Ваш проект", text=world.chance.choice(words.REPLIES), contact=contact,
        )  # fmt: skip
    else:
        yield world.later(clock.now(), 121, 124)
    reread(deal)
    yield world.later(clock.now(), 1, 5)


def closing_life(world: World, deal: Deal) -> Life:
    """From negotiation to a signed contract or a refusal."""
    reread(deal)
    if not deal.is_open or deal.stage == "deal:delayed_demand":
        return
    yield world.later(clock.now(), 4, 20)
    if world.luck(0.52):
        lose_deal(world, deal)
        return
    manager = deal.responsible
    close = clock.today() + timedelta(days=world.chance.randrange(10, 40))
    if not go_on(deal, "contract_signing", manager, expected_close_date=close):
        return
    yield world.later(clock.now(), 3, 20)
    if world.luck(0.12):
        lose_deal(world, deal)
        return
    win(world, deal)
    if world.luck(0.1) and deal.responsible is not None:
        yield world.later(clock.now(), 10, 60)
        make_copies(deal_id=deal.pk, by=deal.responsible, count=world.chance.randrange(1, 4), key=f"demo-{deal.pk}")


def win(world: World, deal: Deal) -> None:
    """Sign the contract, with the client's details that winning asks for."""
    reread(deal)
    contract = {"contract_number": f"{deal.pk}/{clock.today():%y}", "contract_date": clock.today()}
    try:
        move(deal, "contract_signed", by=world.head, data=contract | _details(world, deal))
    except DomainError:
        return
    _finish_tasks(world, deal)


def _details(world: World, deal: Deal) -> dict[str, Any]:
    """The client's details that winning asks for and the deal lacks."""
    return {"company__inn": world.inn()} if deal.company is not None and not deal.company.inn else {}


# -- partners ----------------------------------------------------------------------------------------------------------

PARTNER_WAY = ("contacted", "surveyed", "proposal_sent", "negotiation", "contract_signing", "delivery", "feedback")


def partner_life(world: World, deal: Deal) -> Any:
    """Hand a deal to a partner and let them work; True when the deal was handed over."""
    partner, person = world.chance.choice(world.partners)
    reread(deal)
    try:
        handoff = hand_over(record=deal, partner=partner, by=world.head, comment="Ближе к объекту, есть бригада")
    except DomainError:
        return False
    twin = Deal.objects.get(pk=handoff.twin_id)
    for code in PARTNER_WAY:
        yield world.later(clock.now(), 0.3, 9 if code != "delivery" else 30)
        reread(twin)
        if not twin.is_open or active_handoff(deal) is None:
            return True
        if world.luck(0.09):
            _partner_refuses(world, twin, person)
            return True
        _partner_step(twin, code, person)
    yield world.later(clock.now(), 1, 6)
    reread(twin)
    feedback_set(twin, by=world.people["control"], product=world.chance.choice((4, 5, 5)),
                 partner=world.chance.choice((3, 4, 5)),
                 text="Смонтировали аккуратно, немного задержали ворота.")  # fmt: skip
    reread(twin)
    move(twin, "won", by=world.people["control"], data=_details(world, twin))
    return True


def _partner_step(twin: Deal, code: str, person: Any) -> None:
    data: dict[str, Any] = {}
    if code == "contract_signing":
        data = {"expected_close_date": clock.today() + timedelta(days=20)}
    elif code == "delivery":
        data = {"contract_number": f"П-{twin.pk}", "contract_date": clock.today()}
    elif code == "proposal_sent" and not twin.amount:
        data = {"amount": Decimal(12_000) * (twin.area or Decimal(500))}
    move(twin, code, by=person, data=data)


def _partner_refuses(world: World, twin: Deal, person: Any) -> None:
    code = world.chance.choice(("price_of_structures", "delivery_time", "no_contact"))
    reason = world.reason(f"partner_deal:{code}")
    comments = {"no_contact": ("Клиент перестал отвечать, три попытки",)}
    comment = world.chance.choice(comments.get(code) or words.DEAL_REFUSALS[code][1])
    move(twin, code, by=person, refusal=Refusal(reason.pk, comment))
