"""The demo's last touches: a department in the middle of its working day, with something in every column."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from communications.channels.webform.transport import parse
from communications.submissions import submission_process, submission_store
from crm import clock, services
from crm.models import Activity
from deals.models import Deal
from web.demo import words
from web.demo.lives import go_on
from web.demo.world import World

# Open columns of the board from right to left, with what a deal needs to get there: emptiest first in need.
COLUMNS = ("contract_signing", "negotiation", "proposal_sent", "costing")
AT_LEAST = 3
# Posts that no lead could be made of: somebody has to look at them.
ODD_POSTS = (
    ("{}", "application/json"),
    ('{"name": "Ренат", "phone": "звоните вечером", "comment": "Навес для техники, перезвоните"}', "application/json"),
    ("name=%D2%E5%F1%F2&message=%D6%E5%ED%E0+%E7%E0+%F2%EE%ED%ED%F3%3F", "application/x-www-form-urlencoded"),
)


def present(world: World, now: datetime) -> None:
    """Bring the year to the hour at which the visitor looks at it."""
    _fill_columns(world, now)
    _plan_work(world, now)
    for number, (body, content_type) in enumerate(ODD_POSTS):
        with clock.frozen(now - timedelta(hours=5 * number + 1, minutes=20)):
            _post(world, body.encode(), content_type)


def _post(world: World, body: bytes, content_type: str) -> None:
    assert world.form is not None  # noqa: S101 - made with the world
    parsed = parse(body, content_type)
    stored = submission_store(form=world.form, body=body, content_type=content_type, parsed=parsed)
    submission_process(stored.submission.pk, parsed=parsed)


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


def _plan_work(world: World, now: datetime) -> None:
    """Give most open deals a next step: some late, some today, most in the days to come."""
    waiting = Deal.objects.alive().open().filter(partner__isnull=True, next_activity_at__isnull=True)
    for deal in waiting.select_related("responsible").order_by("pk"):
        if deal.responsible is None or world.luck(0.2):
            continue
        days = world.chance.choice((-3, -1, 0.1, 1, 1, 2, 2, 3, 5, 7))
        with clock.frozen(now - timedelta(days=4)):
            due = (
                world.later(now - timedelta(days=4), 4 + days, 4.2 + days) if days >= 1 else now + timedelta(days=days)
            )
            services.activity_create(
                deal,
                title=world.chance.choice(words.TASKS),
                due_at=due,
                responsible=deal.responsible,
                by=deal.responsible,
                kind=Activity.Kind.CALL,
            )
