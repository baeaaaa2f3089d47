"""The lifetime of clients: equal to a slow count by hand, right for merged, reopened and deleted ones."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from itertools import pairwise
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client
from python_calamine import CalamineWorkbook

from accounts.models import Role
from analytics.lifetime.look import LIFETIME
from analytics.lifetime.report import LifetimeReport
from crm import clock
from crm.merging import merge, undo_merge
from crm.services import record_delete
from crm.stages import move
from deals.models import Deal, DealLine
from leads.copies import make_copies
from tests.analytics.clients import play_clients
from tests.analytics.test_sources import touches_of
from tests.analytics.walking import wrong
from tests.factories import make_client, make_company, make_deal, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("ANA-4")]
TODAY = datetime(2026, 8, 1, 12, 0, tzinfo=UTC)
SPAN = "from=2026-02-01&to=2026-04-30"


@pytest.fixture
def head() -> Any:
    return make_user(Role.SALES_HEAD)


def made(user: Any, query: str = SPAN) -> LifetimeReport:
    with clock.frozen(TODAY):
        report: LifetimeReport = LIFETIME.made(user, QueryDict(query))
    return report


def on(day: str) -> Any:
    return clock.frozen(datetime.fromisoformat(f"{day}T09:00:00+00:00"))


def lives_by_hand() -> dict[Any, list[Deal]]:
    """The won deals of every client in their order, of the clients whose first one was won in the period."""
    found: dict[Any, list[Deal]] = defaultdict(list)
    for deal in Deal.objects.all():
        if deal.stage_row.kind == "success":
            found[deal.client].append(deal)
    for deals in found.values():
        deals.sort(key=lambda deal: (deal.closed_at, deal.pk))
    first = {client: day_of(deals[0]) for client, deals in found.items()}
    return {client: deals for client, deals in found.items() if date(2026, 2, 1) <= first[client] <= date(2026, 4, 30)}


def day_of(deal: Deal) -> date:
    assert deal.closed_at is not None
    return deal.closed_at.astimezone(clock.company_zone()).date()


def money(deals: list[Deal]) -> Decimal:
    return sum((deal.amount or Decimal(0) for deal in deals), Decimal(0))


@pytest.mark.parametrize("seed", [2, 5])
def test_it_equals_a_count_by_hand_to_the_kopeck(head: Any, seed: int) -> None:
    play_clients([make_user(), make_user()], seed=seed, count=30)
    lives, report = lives_by_hand(), made(head)
    orders = [deal for deals in lives.values() for deal in deals]
    again = [deals for deals in lives.values() if len(deals) > 1]
    gaps = [(b.closed_at - a.closed_at).total_seconds() for d in again for a, b in pairwise(d)]  # type: ignore[operator]
    total = report.total
    assert (total.clients.value, total.orders.value, total.repeat_clients.value) == (
        len(lives),
        len(orders),
        len(again),
    )
    assert (total.revenue, total.repeats.value) == (money(orders), len(gaps))
    assert total.repeat_revenue == sum((money(deals[1:]) for deals in lives.values()), Decimal(0))
    assert total.gap_seconds == pytest.approx(sum(gaps) / len(gaps), abs=1)
    assert total.repeat_rate == pytest.approx(len(again) / len(lives))

    for cohort in report.cohorts:
        mine = [deals for deals in lives.values() if day_of(deals[0]).replace(day=1) == cohort.month]
        assert (cohort.life.clients.value, cohort.life.revenue) == (len(mine), sum(map(money, mine), Decimal(0)))
        for since, later in enumerate(cohort.later):
            month = cohort.month.month + since
            won = [deal for deals in mine for deal in deals if day_of(deal).month == month]
            assert later is None if month > 8 else later is not None and later.revenue == money(won)
    assert sum(cohort.life.orders.value for cohort in report.cohorts) == len(orders)

    sources: dict[str, Decimal] = defaultdict(Decimal)
    for deal in orders:
        sources[touches_of(deal)[0][0] or ""] += deal.amount or 0
    assert sorted(row.revenue for row in report.sources) == sorted(sources.values())
    best = max(lives.values(), key=money)
    assert (report.clients[0].label, report.clients[0].revenue) == (str(best[0].client), money(best))
    assert (report.clients[0].first_order, report.clients[0].last_order) == (day_of(best[0]), day_of(best[-1]))
    assert len(again) > 1


def test_merged_clients_are_one_and_what_is_reopened_or_deleted_is_no_order(head: Any, client: Client) -> None:
    owner = make_user()
    with on("2026-02-10"):
        one, two = make_company(owner, source_id="avito"), make_company(owner)
        mother = make_deal(owner, stage="contract_signed", amount=Decimal(100), company=one)
    with on("2026-03-12"):
        other = make_deal(owner, stage="contract_signed", amount=Decimal(50), company=two)
        copy = make_copies(deal_id=mother.pk, by=owner, count=1, key="k").deals.get()
        DealLine.objects.create(deal=other, name="Ангар", price=Decimal(50))
    with on("2026-03-22"):
        move(copy, "contract_signed", by=head, override=True)
    before = made(head)
    assert [(row.label, row.orders.value) for row in before.clients] == [(str(one), 2), (str(two), 1)]
    assert before.clients[0].gap_seconds == 40 * 86_400
    assert (before.clients[0].source, before.clients[0].came) == ("Авито", date(2026, 2, 10))
    assert before.total.repeat_rate == 0.5

    merged = merge(record_type="company", main_id=one.pk, other_ids=[two.pk], by=head)
    after = made(head)
    assert [(row.label, row.orders.value, row.revenue) for row in after.clients] == [(str(one), 3, Decimal(250))]
    assert after.clients[0].products == "Ангар"
    assert after.total.gap_seconds == 20 * 86_400
    assert wrong(head, after) == []
    undo_merge(merge_id=merged.pk, by=head)
    assert [row.orders.value for row in made(head).clients] == [2, 1]

    move(copy, "costing", by=head, reason="Клиент передумал", override=True)
    record_delete(other, by=head)
    assert [(row.label, row.orders.value) for row in made(head).clients] == [(str(one), 1)]
    client.force_login(head)
    with clock.frozen(TODAY):
        book = client.get(f"/reports/lifetime/?{SPAN}&format=xlsx")
    names = CalamineWorkbook.from_filelike(BytesIO(b"".join(book)))
    assert names.get_sheet_by_index(3).to_python()[3][4] == date(2026, 2, 10), "a day stays a day in the workbook"


def test_each_reads_the_orders_in_their_sight(head: Any) -> None:
    owner, other = make_user(), make_user()
    person = make_client(owner)
    with on("2026-02-10"):
        make_deal(owner, stage="contract_signed", amount=Decimal(10), contact=person, region="Республика Татарстан")
    with on("2026-03-10"):
        make_deal(other, stage="contract_signed", amount=Decimal(20), contact=person)
    assert made(head).total.repeat_clients.value == 1
    mine = made(other)
    assert (mine.total.clients.value, mine.total.repeats.value) == (1, 0), "a first order among what they see"
    assert [row.label for row in mine.clients] == [str(person)]
    assert made(make_user()).clients == []
    cut = made(head, f"{SPAN}&region=Республика Татарстан")
    assert (cut.total.clients.value, cut.total.orders.value, cut.total.revenue) == (1, 1, Decimal(10))
    assert wrong(head, cut) == []
    assert wrong(other, mine) == []


@pytest.mark.parametrize("code", ["2026-02-01:2026-04-30", "yesterday:today:first", "2026-02-01:2026-02-30:any", "::"])
def test_wrong_orders_are_refused_by_name(client: Client, head: Any, code: str) -> None:
    client.force_login(head)
    answer = client.get(f"/api/v1/deals/?orders={code}")
    assert answer.status_code == 400
    assert "orders" in answer.content.decode()
