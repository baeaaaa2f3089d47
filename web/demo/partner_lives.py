"""What partners do in the demo with the deals that are handed over to them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from crm import clock
from crm.errors import DomainError
from crm.models import Activity
from crm.services import activity_complete
from crm.stages import move
from deals.models import Deal
from partners.handoff import active_handoff, hand_over
from partners.services import feedback_set
from web.demo.refusals import deal_refusal, reread, thousands
from web.demo.wishes import Wish
from web.demo.world import World

WAY = ("contacted", "surveyed", "proposal_sent", "negotiation", "contract_signing", "delivery", "feedback")
LOSSES = ("price_of_structures", "delivery_time", "no_contact")
FEEDBACK = (
    "Смонтировали аккуратно, немного задержали ворота.",
    "Всё по графику, претензий нет.",
    "Довольны, но просят чаще звонить о ходе монтажа.",
)


def partner_life(world: World, deal: Deal, wish: Wish) -> Any:
    """Hand a deal to a partner and let them work; False where it comes back, or cannot be given."""
    partner, person = world.chance.choice(world.partners)
    reread(deal)
    try:
        handoff = hand_over(record=deal, partner=partner, by=world.head, comment="Ближе к объекту, есть бригада")
    except DomainError:
        return False
    twin = Deal.objects.get(pk=handoff.twin_id)
    for code in WAY:
        yield world.later(clock.now(), 0.3, 9 if code != "delivery" else 30)
        reread(twin)
        if not twin.is_open or active_handoff(deal) is None:
            return True
        if world.luck(0.09):
            lost = world.chance.choice(LOSSES)
            move(twin, lost, by=person, refusal=deal_refusal(world, twin, wish, f"partner_deal:{lost}"))
            yield world.later(clock.now(), 0.5, 2)
            return False
        partner_step(twin, code, person)
    yield world.later(clock.now(), 1, 6)
    reread(twin)
    control = world.people["control"]
    scores = {"product": world.chance.choice((4, 5, 5)), "partner": world.chance.choice((3, 4, 5))}
    feedback_set(twin, by=control, text=world.chance.choice(FEEDBACK), **scores)
    reread(twin)
    move(twin, "won", by=control, data=details(world, twin))
    return True


def partner_step(twin: Deal, code: str, person: Any) -> None:
    """One stage on, with what the stage asks for."""
    data: dict[str, Any] = {}
    if code == "contract_signing":
        data = {"expected_close_date": clock.today() + timedelta(days=20)}
    elif code == "delivery":
        data = {"contract_number": f"П-{twin.pk}", "contract_date": clock.today()}
    elif code == "proposal_sent" and not twin.amount:
        data = {"amount": thousands(Decimal(12_000) * (twin.area or Decimal(500)))}
    elif code == "contacted":
        for task in Activity.objects.undone().filter(record_type="deal", record_id=twin.pk):
            activity_complete(task, by=person, result="Созвонились, договорились о замере")
    move(twin, code, by=person, data=data)


def details(world: World, deal: Deal) -> dict[str, Any]:
    """The client's details that winning asks for and the deal lacks."""
    return {"company__inn": world.inn()} if deal.company is not None and not deal.company.inn else {}
