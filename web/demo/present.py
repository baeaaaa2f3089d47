"""The demo's last touches: a department in the middle of its working day, with something in every column."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from communications.channels.webform.transport import parse
from communications.submissions import submission_store
from crm import clock, services
from crm.errors import DomainError
from crm.models import Activity
from crm.stages import move
from deals.models import Deal
from leads.models import Lead
from partners.handoff import hand_over
from web.demo import words
from web.demo.lives import go_on, next_task
from web.demo.offers import make_offers
from web.demo.partner_lives import WAY, partner_step
from web.demo.refusals import reread
from web.demo.world import World

# Open columns of the board from right to left, with what a deal needs to get there: emptiest first in need.
COLUMNS = ("contract_signing", "negotiation", "proposal_sent", "costing")
AT_LEAST = 3
# When the next steps of one person are due, in days from now, one after another.
DUE_IN_DAYS = (0, 1, 2, -2, 0, 1, 3, 5, 0, 2, 7, -4, 1, 2)
# How long a department like this leaves a task lying.
STILL_OPEN = timedelta(days=2)
# What has just come in waits for the head, what is with a partner for the partner.
LEFT_ALONE = ("lead:new", "lead:needs_data", "deal:at_partner", "partner_deal:received")
# Posts that no lead could be made of: somebody has to look at them.
ODD_POSTS = (
    ("{}", "application/json"),
    ('{"name": "Ренат", "phone": "звоните вечером", "comment": "Навес для техники, перезвоните"}', "application/json"),
    ("name=%D2%E5%F1%F2&message=%D6%E5%ED%E0+%E7%E0+%F2%EE%ED%ED%F3%3F", "application/x-www-form-urlencoded"),
)


def present(world: World, now: datetime) -> None:
    """Bring the year to the hour at which the visitor looks at it."""
    _fill_partner_columns(world, now)
    _give_partner_leads(world, now)
    _fill_columns(world, now)
    _catch_up(world, now)
    _plan_work(world, now)
    make_offers(world, now)
    for number, (body, content_type) in enumerate(ODD_POSTS):
        with clock.frozen(now - timedelta(hours=5 * number + 1, minutes=20)):
            _post(world, body.encode(), content_type)


def _post(world: World, body: bytes, content_type: str) -> None:
    assert world.form is not None  # noqa: S101 - made with the world
    submission_store(form=world.form, body=body, content_type=content_type, parsed=parse(body, content_type))


def _fill_partner_columns(world: World, now: datetime) -> None:
    """Let the partner whose login is printed have something at every stage: deals that came back are handed over."""
    partner, person = world.partners[0]
    standing = set(Deal.objects.alive().filter(partner=partner).values_list("stage", flat=True))
    lacking = [code for code in ("received", *WAY) if f"partner_deal:{code}" not in standing]
    free = Deal.objects.alive().filter(stage="deal:resumed", partner__isnull=True).order_by("-stage_entered_at")
    for number, (code, deal) in enumerate(zip(lacking, free, strict=False)):
        with clock.frozen(world.later(now - timedelta(days=9 - number), -0.2, 0.2)):
            handoff = hand_over(record=deal, partner=partner, by=world.head, comment="Ближе к объекту, есть бригада")
            twin = Deal.objects.get(pk=handoff.twin_id)
        for step in WAY[: WAY.index(code) + 1] if code in WAY else ():
            with clock.frozen(min(now, world.later(clock.now() - timedelta(days=4), -0.5, 3))):
                reread(twin)
                partner_step(twin, step, person)


def _give_partner_leads(world: World, now: datetime) -> None:
    """Let the partner have leads too, one at each stage of qualifying."""
    partner, person = world.partners[0]
    mine = Lead.objects.alive().filter(stage="lead:handed_over", partner__isnull=True).order_by("-stage_entered_at")
    for number, lead in enumerate(mine[:3]):
        with clock.frozen(world.later(now - timedelta(days=3 - number), -0.3, 0)):
            handoff = hand_over(record=lead, partner=partner, by=world.head, comment="Клиент в вашем регионе")
        twin = Lead.objects.get(pk=handoff.twin_id)
        for step in ("contacted", "qualified")[: 2 - number]:
            with clock.frozen(now - timedelta(hours=8 - 3 * number)):
                reread(twin)
                with suppress(DomainError):
                    move(twin, step, by=person)


def _fill_columns(world: World, now: datetime) -> None:
    """Move recent deals on until no column of the board is nearly empty."""
    for place, code in enumerate(COLUMNS):
        standing = Deal.objects.alive().filter(stage=f"deal:{code}").count()
        earlier = [f"deal:{name}" for name in (*COLUMNS[place + 1 :], "request_received")]
        rows = Deal.objects.alive().filter(stage__in=earlier, partner__isnull=True).order_by("-created_at")
        for deal in rows[: max(0, AT_LEAST - standing)]:
            with clock.frozen(now - timedelta(hours=world.chance.randrange(1, 20))):
                _carry_to(world, deal, code)


def _carry_to(world: World, deal: Deal, code: str) -> None:
    way = [*reversed(COLUMNS)]
    for step in way[: way.index(code) + 1]:
        go_on(deal, step, deal.responsible, **_needed(world, deal, step))


def _needed(world: World, deal: Deal, step: str) -> dict[str, Any]:
    match step:
        case "proposal_sent":
            return {"amount": deal.amount or Decimal(world.chance.randrange(4_000, 16_000)) * 1000}
        case "negotiation":
            return {"construction_start": clock.today() + timedelta(days=world.chance.choice((45, 70, 110)))}
        case "contract_signing":
            return {"expected_close_date": clock.today() + timedelta(days=world.chance.randrange(5, 25))}
    return {}


def _catch_up(world: World, now: datetime) -> None:
    """What robots asked for in the year was done a little after it was due; only the last days' is still open."""
    late = Activity.objects.undone().filter(due_at__lt=now - STILL_OPEN).select_related("responsible")
    for task in late.order_by("pk"):
        with clock.frozen(world.later(task.due_at, 0, 1)):
            services.activity_complete(task, by=task.responsible, result=world.chance.choice(words.LATE_RESULTS))


def _plan_work(world: World, now: datetime) -> None:
    """Give everybody a next step on most of what they have open: some late, some today, most in the days to come."""
    turns: dict[int, int] = {}
    made = now - timedelta(days=6)
    for record in _waiting():
        if world.luck(0.15):
            continue
        turn = turns[record.responsible_id] = turns.get(record.responsible_id, -1) + 1
        days = DUE_IN_DAYS[turn % len(DUE_IN_DAYS)]
        if record.stage == "deal:delayed_demand":
            days = world.chance.randrange(5, 40)
        with clock.frozen(made):
            services.activity_create(
                record,
                title=_title(world, record),
                due_at=world.due(now + timedelta(days=days), 0, 0.3) if days else _today(world, now),
                responsible=record.responsible,
                by=record.responsible,
                kind=Activity.Kind.CALL,
            )


def _waiting() -> Iterator[Any]:
    """Open leads, deals and partners' deals of somebody, with nothing planned on them."""
    for model in (Lead, Deal):
        rows = model.objects.alive().open().filter(next_activity_at__isnull=True, responsible__isnull=False)
        yield from rows.exclude(stage__in=LEFT_ALONE).select_related("responsible").order_by("pk")


def _title(world: World, record: Any) -> str:
    if isinstance(record, Lead):
        return world.chance.choice(words.LEAD_TASKS)
    return next_task(world, record)


def _today(world: World, now: datetime) -> datetime:
    """An hour of what is left of this working day, or of the next one."""
    return world.due(now + timedelta(minutes=30), 0, 0.2)
