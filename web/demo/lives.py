"""How leads and deals live in the demo. A life is a generator: it acts, then says when it goes on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from communications.services import call_add, message_received
from crm import clock, services
from crm.actors import Actor
from crm.errors import DomainError
from crm.models import Activity
from crm.rows import row
from crm.stages import move
from deals.models import Deal
from leads.conversion import COMPANY, CONTACT_ONLY, PERSON, ConversionChoice, convert
from leads.copies import make_copies
from leads.intake import intake
from leads.models import Lead
from leads.services import lead_update
from objects_registry.models import Purpose
from web.demo import words
from web.demo.partner_lives import details, partner_life
from web.demo.refusals import lose_deal, lose_lead, reread, thousands
from web.demo.wishes import Wish, request_of, wish_of
from web.demo.world import World

Life = Iterator[datetime]
HOUR = 1 / 24


def lead_life(world: World, *, known: Deal | None = None) -> Life:
    """From the request to a refusal or a deal; the deal's own life follows."""
    wish = wish_of(world, known)
    lead: Any = intake(request_of(world, wish, known=known), by=Actor.form("Сайт завода"))
    reread(lead)
    if lead.is_repeat and lead.stage == "lead:handed_over":
        yield world.later(clock.now(), HOUR, 2)
        yield from managed_life(world, lead, wish)
        return
    yield world.later(clock.now(), HOUR / 4, 0.6)
    reread(lead)
    is_no_use = wish.off_topic is not None or wish.is_small or wish.is_far
    if is_no_use or world.luck(0.24):
        lose_lead(world, lead, world.operator, wish, ("no_contact", "declined_by_us", "no_contact"))
        return
    if lead.stage == "lead:needs_data":
        yield from complete_life(world, lead, wish)
    reread(lead)
    if not lead.is_open:
        return
    if world.luck(0.04):
        yield world.later(clock.now(), 8, 16)
        reread(lead)
        if lead.is_open:
            lose_lead(world, lead, world.head, wish, ("stalled",))
        return
    if lead.stage != "lead:handed_over":
        services.record_assign(lead, responsible=world.chance.choice(world.managers), by=world.head)
        move(lead, "handed_over", by=world.head)
    yield world.later(clock.now(), 0.1, 2.5)
    yield from managed_life(world, lead, wish)


def complete_life(world: World, lead: Lead, wish: Wish) -> Life:
    """An operator calls and fills in what the form did not say; some never pick up."""
    call_add(lead, direction="out", by=world.operator, phone=lead.phone, seconds=world.chance.randrange(20, 240))
    if world.luck(0.2):
        yield world.later(clock.now(), 2, 6)
        reread(lead)
        lose_lead(world, lead, world.operator, wish, ("no_contact", "stalled"))
        return
    yield world.later(clock.now(), HOUR / 4, 1)
    reread(lead)
    wanted = {**wish.building, "purpose": row(Purpose, wish.purpose), "region": wish.region, "city": wish.city}
    wanted["address"] = wish.address
    lacking = {name: value for name, value in wanted.items() if value and not getattr(lead, name)}
    lead_update(lead, by=world.operator, data=lacking)
    move(lead, "data_complete", by=world.operator)


def managed_life(world: World, lead: Lead, wish: Wish) -> Life:
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
            lose_lead(world, lead, manager, wish, ("stalled", "stalled", "no_contact", "declined_by_us"))
        return
    done = convert(lead_id=lead.pk, by=manager, choice=_choice(world, lead))
    if done.deal is not None:
        yield world.later(clock.now(), 0.1, 2)
        yield from deal_life(world, done.deal, wish)


def _choice(world: World, lead: Lead) -> ConversionChoice:
    last, first, father = world.person()
    contact: dict[str, Any] = {}
    if lead.contact_id is None and not lead.name.strip():
        contact = {"last_name": last, "first_name": first, "patronymic": father}
    if world.luck(0.05):
        return ConversionChoice(CONTACT_ONLY, contact_id=lead.contact_id, contact=contact)
    kind = COMPANY if lead.company_name or lead.company_id else PERSON
    return ConversionChoice(kind, contact_id=lead.contact_id, company_id=lead.company_id, contact=contact)


# -- deals -------------------------------------------------------------------------------------------------------------


def deal_life(world: World, deal: Deal, wish: Wish) -> Life:
    """Through the stages of the main pipeline, with tasks, calls and letters on the way."""
    manager = deal.responsible
    _task(world, deal, manager)
    _fill_building(deal, manager, wish)
    yield world.later(clock.now(), 0.5, 3)
    if not go_on(deal, "costing", manager) or (yield from _maybe_lost(world, deal, wish, 0.08)):
        return
    yield world.later(clock.now(), 1, 6)
    price = Decimal(world.chance.randrange(9_000, 15_500)) * (deal.area or Decimal(600))
    if not go_on(deal, "proposal_sent", manager, amount=thousands(price)):
        return
    _talk(world, deal, manager)
    if (yield from _maybe_lost(world, deal, wish, 0.22)):
        return
    if world.luck(0.14):
        _finish_tasks(world, deal)
        if (yield from partner_life(world, deal, wish)):
            return
        _finish_tasks(world, deal)
    yield world.later(clock.now(), 3, 16)
    start = clock.today() + timedelta(days=world.chance.choice((40, 60, 90, 120, 150, 220, 260, 330)))
    if not go_on(deal, "negotiation", manager, construction_start=start):
        return
    reread(deal)
    if deal.stage == "deal:delayed_demand":
        yield from delayed_life(world, deal)
    yield from closing_life(world, deal, wish)


def _talk(world: World, deal: Deal, manager: Any) -> None:
    """What is said about the proposal: a note, a call, or a letter of the client."""
    contact, kind = deal.contact, world.chance.random()
    if kind < 0.2 and contact is not None and contact.email:
        message_received(
            record=deal, channel="email", address=contact.email, by=Actor.system(), contact=contact,
            subject="Re: Коммерческое предложение", text=world.chance.choice(words.LETTERS),
        )  # fmt: skip
    elif kind < 0.5 and contact is not None and contact.phone:
        call_add(
            deal, direction="out", by=manager, phone=contact.phone, seconds=world.chance.randrange(60, 600),
            note=world.chance.choice(words.CALLS),
        )  # fmt: skip
    else:
        services.note_add(deal, text=world.chance.choice(words.NOTES), by=manager)


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


def _fill_building(deal: Deal, by: Any, wish: Wish) -> None:
    """The manager asks for what the request left out."""
    found: dict[str, Any] = {}
    if not deal.purpose_id:
        found["purpose"] = row(Purpose, wish.purpose)
    if not (deal.area or (deal.width and deal.length)):
        found |= wish.building
    if found:
        services.record_update(deal, data=found, by=by)


def _task(world: World, deal: Deal, by: Any) -> None:
    services.activity_create(
        deal,
        title=next_task(world, deal),
        due_at=world.due(clock.now(), 0.5, 4),
        responsible=by,
        by=by,
        kind=world.chance.choice((Activity.Kind.TASK, Activity.Kind.CALL, Activity.Kind.CALL)),
    )


def next_task(world: World, deal: Deal) -> str:
    """What is to be done at the stage where the deal stands."""
    return world.chance.choice(words.TASKS.get(deal.stage.split(":")[1], words.ANY_TASK))


def _finish_tasks(world: World, deal: Deal) -> None:
    for activity in Activity.objects.undone().filter(record_type="deal", record_id=deal.pk):
        services.activity_complete(activity, by=activity.responsible, result=world.chance.choice(words.RESULTS))


def _maybe_lost(world: World, deal: Deal, wish: Wish, share: float) -> Any:
    """Wait a little; in that share of cases the deal is lost."""
    lost = world.luck(share)
    yield world.later(clock.now(), 1, 12) if lost else world.later(clock.now(), 0.1, 1.5)
    if lost:
        _lose(world, deal, wish)
    else:
        _finish_tasks(world, deal)
        reread(deal)
        if world.luck(0.35):
            _task(world, deal, deal.responsible)
    return lost


def _lose(world: World, deal: Deal, wish: Wish) -> None:
    if lose_deal(world, deal, wish):
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


def closing_life(world: World, deal: Deal, wish: Wish) -> Life:
    """From negotiation to a signed contract or a refusal."""
    reread(deal)
    if not deal.is_open or deal.stage == "deal:delayed_demand":
        return
    yield world.later(clock.now(), 4, 20)
    if world.luck(0.52):
        _lose(world, deal, wish)
        return
    manager = deal.responsible
    close = clock.today() + timedelta(days=world.chance.randrange(10, 40))
    if not go_on(deal, "contract_signing", manager, expected_close_date=close):
        return
    yield world.later(clock.now(), 3, 20)
    if world.luck(0.12):
        _lose(world, deal, wish)
        return
    win(world, deal)
    if world.luck(0.1) and deal.responsible is not None:
        yield world.later(clock.now(), 10, 60)
        count = world.chance.randrange(1, 4)
        made = make_copies(deal_id=deal.pk, by=deal.responsible, count=count, key=f"demo-{deal.pk}")
        yield from copies_life(world, list(Deal.objects.filter(copy_set=made)), wish)


def copies_life(world: World, deals: list[Deal], wish: Wish) -> Life:
    """What is sold on top goes quicker, or is dropped."""
    for deal in deals:
        yield world.later(clock.now(), 1, 5)
        _fill_building(deal, deal.responsible, wish)
        if not go_on(deal, "costing", deal.responsible):
            continue
        yield world.later(clock.now(), 1, 4)
        price = Decimal(world.chance.randrange(9_000, 15_500)) * (deal.area or Decimal(600))
        if not go_on(deal, "proposal_sent", deal.responsible, amount=deal.amount or thousands(price)):
            continue
        yield world.later(clock.now(), 3, 12)
        close = clock.today() + timedelta(days=world.chance.randrange(10, 30))
        if world.luck(0.5) or not go_on(deal, "contract_signing", deal.responsible, expected_close_date=close):
            _lose(world, deal, wish)
            continue
        yield world.later(clock.now(), 2, 8)
        win(world, deal)


def win(world: World, deal: Deal) -> None:
    """Sign the contract, with the client's details that winning asks for."""
    reread(deal)
    contract = {"contract_number": f"{deal.pk}/{clock.today():%y}", "contract_date": clock.today()}
    try:
        move(deal, "contract_signed", by=world.head, data=contract | details(world, deal))
    except DomainError:
        return
    _finish_tasks(world, deal)
