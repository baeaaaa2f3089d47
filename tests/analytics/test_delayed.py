"""What became of delayed demand: by which step deals came back, who waits; undone moves, second entries."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client

from accounts.models import Role
from analytics.delayed.look import DELAYED
from analytics.delayed.report import DelayedReport
from automation import engine
from communications.services import message_received
from crm import clock, preferences
from crm.models import CalendarDay, StageHistory
from crm.stages import Refusal, move
from deals.models import Deal
from tests.analytics.history import play
from tests.analytics.walking import wrong
from tests.factories import make_client, make_deal, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("ANA-7")]
TODAY = datetime(2026, 8, 1, 12, 0, tzinfo=UTC)
SPAN = "from=2026-01-01&to=2026-07-31"
WAY_CODES = ("reminder_1", "reminder_2", "call", "client", "hand")


@pytest.fixture
def head() -> Any:
    return make_user(Role.SALES_HEAD)


def made(user: Any, query: str = SPAN, at: datetime = TODAY) -> DelayedReport:
    with clock.frozen(at):
        report: DelayedReport = DELAYED.made(user, QueryDict(query))
    return report


def on(day: str) -> Any:
    return clock.frozen(datetime.fromisoformat(f"{day}T09:00:00+00:00"))


def counted(report: DelayedReport) -> dict[str, int]:
    """{way: deals}, by the code in the link."""
    found = {row.deals.url.rsplit("%3A", 1)[1]: row.deals.value for row in (*report.ways, *report.steps)}
    return {code: value for code, value in found.items() if value}


def refuse(deal: Deal, by: Any) -> None:
    stage = "construction_cancelled"
    reason = Deal.objects.get(pk=deal.pk).pipeline.stages.get(code=stage).reasons.first()
    move(deal, stage, by=by, override=True, refusal=Refusal(reason.pk if reason else None, "Стройка отменилась совсем"))


def test_each_way_back_is_told_from_the_others(head: Any, client: Client) -> None:
    preferences.set_value("working_days", [1, 2, 3, 4, 5, 6, 7])
    CalendarDay.objects.all().delete()
    owner, stranger = make_user(), make_user()
    people = {code: make_client(owner) for code in (*WAY_CODES, "lost", "wait")}
    with on("2026-01-10"):
        deals = {
            code: make_deal(owner, stage="delayed_demand", contact=person, amount=Decimal(100))
            for code, person in people.items()
        }

    def writes(code: str) -> None:
        message_received(
            record=deals[code], channel="email", address="x@example.org", by=owner, contact=people[code], text="Готовы"
        )

    with on("2026-02-01"):
        writes("client")
        move(deals["hand"], "resumed", by=owner)
        refuse(deals["lost"], owner)
    for day, code in (("2026-03-12", "reminder_1"), ("2026-04-12", "reminder_2"), ("2026-05-12", "")):
        with on(day):
            engine.run_due()
            if code:
                writes(code)
    with on("2026-06-01"):
        late = make_deal(owner, stage="delayed_demand", contact=people["wait"])
        move(deals["call"], "contract_signed", by=head, override=True)
        refuse(deals["hand"], owner)

    report = made(head)
    assert counted(report) == dict.fromkeys(WAY_CODES, 1) | {"call": 2, "wait_reminder_1": 1}
    assert (report.entered.value, report.back.deals.value, report.lost.value) == (8, 6, 1)
    ways = {row.deals.url.rsplit("%3A", 1)[1]: row for row in report.ways}
    assert (ways["call"].won.value, ways["call"].won_amount) == (1, Decimal(100))
    assert (ways["hand"].lost.value, report.back.won_amount) == (1, Decimal(100))
    assert ways["client"].median_seconds == 22 * 86_400
    assert report.waiting.next_day == date(2026, 7, 31)
    assert late.stage == "deal:delayed_demand"
    assert wrong(head, report) == []
    assert counted(made(owner)) == counted(report)
    assert made(stranger).entered.value == 0

    client.force_login(head)
    with clock.frozen(TODAY):
        page = client.get(ways["reminder_1"].deals.url)
        assert [deal.pk for deal in page.context["page"].rows] == [deals["reminder_1"].pk]
        assert client.get("/api/v1/deals/?waited=2026-01-01:2026-07-31:gone").status_code == 400


def test_the_last_entry_counts_and_what_was_taken_back_does_not(head: Any) -> None:
    owner = make_user()
    with on("2026-03-01"):
        twice, kept, never = (make_deal(owner, stage="negotiation") for _number in range(3))
        for deal in (twice, kept):
            move(deal, "delayed_demand", by=owner, override=True)
    with on("2026-04-01"):
        move(twice, "resumed", by=owner)
        move(never, "delayed_demand", by=owner, override=True)
        move(never, "negotiation", by=owner, override=True, reason="Отменено")  # taken back at once
        move(kept, "resumed", by=owner)
        move(kept, "delayed_demand", by=owner, override=True, reason="Отменено")  # so is this way out
    with on("2026-05-01"):
        move(twice, "delayed_demand", by=owner, override=True, reason="Снова ждём")
    report = made(head)
    assert (report.entered.value, report.waiting.deals.value, report.back.deals.value) == (2, 2, 0)
    spring = made(head, "from=2026-03-01&to=2026-04-15")
    assert (spring.entered.value, spring.waiting.deals.value, spring.back.deals.value) == (2, 1, 1)
    assert counted(spring)["hand"] == 1
    assert made(head, "from=2026-04-01&to=2026-04-30").entered.value == 0, "nothing new began in April"


@pytest.mark.parametrize("seed", [3])
def test_it_equals_a_count_by_hand(head: Any, seed: int) -> None:
    play([make_user(), make_user()], seed=seed, count=40)
    told: dict[str, int] = {}
    for deal in Deal.objects.all():
        moves = list(StageHistory.objects.filter(record_type="deal", record_id=deal.pk).order_by("at", "id"))
        entries = [number for number, row in enumerate(moves) if row.to_stage_id == "deal:delayed_demand"]
        if not entries:
            continue
        left = moves[entries[-1] + 1] if entries[-1] + 1 < len(moves) else None
        way = "waiting" if left is None else "hand" if left.to_stage.kind in {"open", "success"} else "lost"
        told[way] = told.get(way, 0) + 1
    report = made(head, "from=2026-01-01&to=2027-12-31")
    assert told == {"waiting": report.waiting.deals.value, "hand": report.back.deals.value, "lost": report.lost.value}
    assert report.entered.value == sum(told.values())
    assert wrong(head, report) == []
