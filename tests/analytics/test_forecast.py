"""The forecast (ANA-6): learned chances, weighted months, the last quarter's error, against a slow second reckoning."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as some

from accounts.models import Role
from analytics.forecast.chances import shrunk
from analytics.forecast.look import FORECAST
from analytics.forecast.report import ForecastReport, weighted_ahead
from analytics.interval import wilson
from analytics.managers.plans import plans_set
from crm import clock, events, pipelines, services, settings_services
from crm.models import Pipeline
from crm.stages import move
from deals.as_then import Foreseen
from deals.models import Deal
from tests.analytics import slow_forecast as slow
from tests.analytics.history import play
from tests.analytics.walking import wrong
from tests.factories import make_deal, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("ANA-6")]
TODAY = datetime(2026, 8, 1, 12, 0, tzinfo=UTC)
SPAN = "from=2026-03-01&to=2026-08-01"


@pytest.fixture
def head() -> Any:
    return make_user(Role.SALES_HEAD)


def made(user: Any, query: str = SPAN) -> ForecastReport:
    with clock.frozen(TODAY):
        report: ForecastReport = FORECAST.made(user, QueryDict(query))
    return report


def touch_up(head: Any, seed: int) -> None:
    """Amounts and dates that change on the way, another direction, a deal of long ago, one deleted, one merged."""
    chance = random.Random(seed)
    like = Pipeline.objects.get(pk="deal")
    service = settings_services.pipeline_add(by=head, name_ru="Сервис", name_en="Service", like=like).pk
    with events.silence():
        deals = list(Deal.objects.order_by("pk"))
        for deal in deals:
            at = deal.created_at
            for _change in range(chance.randrange(0, 4)):
                at += timedelta(hours=chance.randrange(1, 24 * 60))
                with clock.frozen(min(at, TODAY)):
                    day = clock.today() + timedelta(days=chance.randrange(-30, 120))
                    amount = Decimal(chance.randrange(10**7)) / 100
                    fields = [("expected_close_date", day), ("expected_close_date", None), ("amount", amount)]
                    data = dict([chance.choice([*fields, ("amount", None)])])
                    services.record_update(Deal.objects.get(pk=deal.pk), data=data, by=head)
        for number, deal in enumerate(deals[:4]):
            with clock.frozen(TODAY - timedelta(days=40 - number)):
                over = Deal.objects.get(pk=deal.pk)
                if over.is_open:
                    over = move(over, f"{service}:costing", by=head, override=True)
                    move(over, "contract_signed" if number % 2 else "negotiation", by=head, override=True)
        with clock.frozen(datetime(2024, 5, 1, 9, 0, tzinfo=UTC)):
            make_deal(head, stage="contract_signed", amount=Decimal(10), expected_close_date=date(2024, 6, 1))
        with clock.frozen(datetime(2025, 5, 1, 9, 0, tzinfo=UTC)):
            make_deal(head, stage="negotiation", amount=Decimal("12.34"), expected_close_date=date(2026, 5, 1))
    services.record_delete(Deal.objects.get(pk=deals[5].pk), by=head)
    Deal.objects.filter(pk=deals[6].pk).update(merged_into=deals[7].pk)


@pytest.mark.parametrize(("seed", "count"), [(21, 24), (22, 9)])
def test_figures_are_those_of_a_slow_second_reckoning(head: Any, seed: int, count: int) -> None:
    people = [make_user(), make_user()]
    play(people, seed=seed, count=count)
    touch_up(head, seed)
    for reader in (head, people[0], make_user()):
        report = made(reader)
        with clock.frozen(TODAY):
            known = slow.lives(reader)
            _chances_agree(report, known)
            _months_agree(report, known)
            _quarter_agrees(report, known)
            _goal_agrees(report, known)
            assert wrong(reader, report) == []
            if reader == head and count > 20:
                assert (
                    min(report.total.deals.value, report.quarter.total.deals.value, report.quarter.aside.deals.value)
                    > 2
                )
                assert sum(row.closed.value for row in report.chances) > 10
    assert report.total.deals.value == 0, "a stranger sees nothing"


def _chances_agree(report: ForecastReport, known: list[slow.Life]) -> None:
    counts = slow.counts_now(known, date(2026, 3, 1), date(2026, 8, 1))
    for row in report.chances:
        closed, won = counts[row.stage.key]
        assert (row.closed.value, row.won.value) == (closed, won)
        assert Decimal(str(row.probability)) == slow.chance(won, closed, row.stage.key, counts)
        assert row.low <= row.probability <= row.high
        mine = [life.deal for life in known if life.deal.stage == row.stage.key]
        assert (row.open.value, row.amount) == (len(mine), sum((deal.amount or 0 for deal in mine), Decimal(0)))


def _months_agree(report: ForecastReport, known: list[slow.Life]) -> None:
    counts = slow.counts_now(known, date(2026, 3, 1), date(2026, 8, 1))
    expected = slow.open_now(known, clock.today())
    rows = {row.code: row for row in report.months}
    assert set(expected) <= set(rows)
    for code, row in rows.items():
        assert (row.deals.value, row.weighted) == (len(expected[code]), slow.weighted(expected[code], counts)), code
    assert report.total.deals.value == sum(len(group) for group in expected.values())
    july = [life.deal for life in known if slow.kind_of(life.deal.stage) == "success"]
    july = [deal for deal in july if f"{slow.day_of(deal.closed_at):%Y-%m}" == "2026-07"]
    assert rows["2026-07"].fact == sum((deal.amount or 0 for deal in july), Decimal(0))
    assert rows["2026-07"].won is not None
    assert rows["2026-07"].won.value == len(july)


def _quarter_agrees(report: ForecastReport, known: list[slow.Life]) -> None:
    quarter, begun = report.quarter, date(2026, 4, 1)
    assert (quarter.at, quarter.learned_from) == (begun, begun - timedelta(days=154))
    counts = slow.counts_then(known, quarter.learned_from, begun)
    expected = slow.open_then(known, begun, date(2026, 6, 30))
    for row, month in zip(quarter.rows, ("2026-04", "2026-05", "2026-06"), strict=True):
        assert (row.deals.value, row.amount) == (
            len(expected[month]),
            sum((item[1] for item in expected[month]), Decimal(0)),
        )
        assert row.forecast == slow.weighted(expected[month], counts)
        assert row.error == row.forecast - (row.signed or 0)
    assert quarter.aside.deals.value == len(expected[""])
    won = [life.deal for life in known if slow.kind_of(life.deal.stage) == "success"]
    won = [deal for deal in won if begun <= slow.day_of(deal.closed_at) <= date(2026, 6, 30)]
    assert quarter.total.signed == sum((deal.amount or 0 for deal in won), Decimal(0))


def _goal_agrees(report: ForecastReport, known: list[slow.Life]) -> None:
    ended = [life for life in known if slow.kind_of(life.deal.stage) in {"success", "failure"}]
    ended = [life for life in ended if date(2026, 3, 1) <= slow.day_of(life.moves[-1].at)]
    won = [life for life in ended if slow.kind_of(life.deal.stage) == "success"]
    rows = {row.code: row for row in report.goal.rows}
    assert (rows["deals"].had.value, rows["contracts"].had.value) == (len(ended), len(won))
    stages = [code for code in rows if ":" in code and not code.startswith("lead:")]
    assert stages
    for code in stages:
        proofs = {stage.key for stage in pipelines.path_from(code)}
        assert rows[code].had.value == sum(1 for life in ended if life.stood() & proofs)
        waits = [life.deal.closed_at - first for life in won for first in life.entered(code)]
        assert rows[code].median_seconds == slow.median_seconds(waits)


def test_an_undone_win_is_no_win_and_a_reopened_refusal_is_open_again(head: Any) -> None:
    with clock.frozen(TODAY - timedelta(days=5)):
        deal = make_deal(head, stage="negotiation", amount=Decimal(100), expected_close_date=date(2026, 8, 20))
        move(deal, "contract_signed", by=head, override=True)
        move(deal, "negotiation", by=head, override=True, reason="Отменено")
    report = made(head)
    row = next(item for item in report.chances if item.stage.code == "negotiation")
    assert (row.closed.value, row.won.value, row.open.value) == (0, 0, 1)
    assert row.probability == row.configured == 0.5, "nothing learned: what the settings say"
    august = next(item for item in report.months if item.code == "2026-08")
    assert (august.weighted, august.contracts, august.fact) == (Decimal("50.00"), 0.5, Decimal(0))
    assert (report.months[0].deals.value, report.months[-1].deals.value) == (0, 0)


def test_the_quarter_is_told_with_the_values_of_its_first_day(head: Any) -> None:
    with clock.frozen(datetime(2026, 3, 20, 9, 0, tzinfo=UTC)):
        deal = make_deal(head, stage="negotiation", amount=Decimal(1000), expected_close_date=date(2026, 5, 10))
    with clock.frozen(datetime(2026, 6, 20, 9, 0, tzinfo=UTC)):
        services.record_update(deal, data={"amount": Decimal(700), "expected_close_date": date(2026, 9, 1)}, by=head)
        move(deal, "contract_signed", by=head, override=True)
    april, may, june = made(head).quarter.rows
    assert (may.deals.value, may.amount, may.forecast, may.signed) == (1, Decimal(1000), Decimal("500.00"), 0)
    assert (june.deals.value, june.signed, june.error) == (0, Decimal(700), Decimal(-700))
    assert (april.error_share, june.error_share) == (None, -1.0)


def test_plan_stands_beside_the_months_and_only_where_it_is_comparable(head: Any) -> None:
    manager, colleague = make_user(), make_user()
    month = date(2026, 8, 1)
    plans_set(month, {manager.pk: (Decimal(1000), 2), colleague.pk: (Decimal(500), 1)}, by=head)
    with clock.frozen(TODAY):
        make_deal(manager, stage="contract_signed", amount=Decimal(600))
        make_deal(manager, stage="contract_signing", amount=Decimal(200), expected_close_date=date(2026, 8, 30))

    def august(user: Any, query: str = SPAN) -> Any:
        return next(row for row in made(user, query).months if row.code == "2026-08")

    row = august(head)
    # Two deals came through no other stage: 85 % of the settings alone, 600 + 0.85 × 200.
    assert (row.plan, row.plan_contracts, row.outlook) == (Decimal(1500), 3, Decimal("770.00"))
    assert row.plan_share == pytest.approx(770 / 1500)
    assert august(manager).plan == Decimal(1000)
    assert august(head, f"{SPAN}&responsible={colleague.pk}").plan == Decimal(500)
    assert august(head, f"{SPAN}&region=Татарстан").plan is None
    this, quarter = None, None
    with clock.frozen(TODAY):
        this, quarter = weighted_ahead(head)
    assert (this.weighted, quarter) == (Decimal("170.00"), Decimal("170.00"))


def test_the_list_of_a_past_forecast_says_what_it_is_and_refuses_nonsense(client: Client, head: Any) -> None:
    client.force_login(head)
    with clock.frozen(TODAY):
        page = client.get(f"{reverse('deal-list')}?foreseen=2026-04-01:2026-05-01:2026-05-31")
        assert page.status_code == 200
        assert "01.04.2026" in page.content.decode()
    assert client.get("/api/v1/deals/?foreseen=2026-04-01:none:none").status_code == 200
    for code in ("soon", "2026-04-01", "2026-04-01:none", "2026-04-01:2026-13-01:2026-05-31", "20260401:none:none"):
        assert Foreseen.parse(code) is None
        assert client.get(f"/api/v1/deals/?foreseen={code}").status_code == 400
    for code in ("2026-04-01:2026-05-01:2026-05-31", "2026-04-01:none:none"):
        assert Foreseen.parse(code).code == code  # type: ignore[union-attr]


@settings(max_examples=25, deadline=None)
@given(closed=some.integers(0, 500), part=some.fractions(0, 1), prior=some.fractions(0, 1))
def test_a_probability_lies_between_what_is_seen_and_what_is_configured(closed: int, part: Any, prior: Any) -> None:
    won = round(closed * part)
    found = float(shrunk(won, closed, prior))
    ends = sorted([won / closed if closed else float(prior), float(prior)])
    assert ends[0] - 0.0001 <= found <= ends[1] + 0.0001
    low, high = wilson(won, closed)
    assert 0 <= low <= (won / closed if closed else low) <= high + 1e-12
    assert high <= 1
