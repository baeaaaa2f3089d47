"""The way back from a goal to the work (ANA-6): fed forward through the same rates, the answer gives the goal."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as some

from accounts.models import Role
from analytics.forecast.goal import Goal, GoalRow, brought_by, contracts_wanted, needed_for, span_of
from analytics.forecast.look import FORECAST
from analytics.forecast.report import ForecastReport
from analytics.query import Period
from communications.services import call_add
from crm import clock, events, services
from crm.stages import move
from deals.document_content import Wish
from deals.documents import document_create
from deals.services import deal_lines_set
from leads.copies import make_copies
from leads.models import Lead
from tests.factories import make_client, make_deal, make_user

pytestmark = pytest.mark.rule("ANA-6")
TODAY = datetime(2026, 8, 1, 12, 0, tzinfo=UTC)
SPAN = Period(date(2026, 10, 1), date(2026, 12, 31))
YEAR = "from=2025-08-02&to=2026-08-01"


# -- the arithmetic ---------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(goal=some.integers(1, 5000), counts=some.lists(some.integers(1, 10**6), min_size=1, max_size=7))
def test_the_answer_brings_the_goal_and_one_less_does_not(goal: int, counts: list[int]) -> None:
    *levels, won = sorted(counts, reverse=True)
    for count in [*levels, won]:
        needed = needed_for(goal, count, won)
        assert brought_by(needed, count, won) >= goal > brought_by(needed - 1, count, won)
    # Step by step: each level lets through the part that it let through before, down to the contracts.
    flow, before = Fraction(needed_for(goal, (levels or [won])[0], won)), Fraction((levels or [won])[0])
    for count in [*levels[1:], won]:
        flow, before = flow * count / before, Fraction(count)
    assert flow >= goal


@settings(max_examples=40, deadline=None)
@given(
    won=some.integers(1, 5000),
    kopecks=some.integers(1, 10**12),
    days=some.integers(1, 400),
    value=some.integers(1, 900),
)
def test_a_goal_in_roubles_or_per_cent_is_reached_by_its_contracts(
    won: int, kopecks: int, days: int, value: int
) -> None:
    amount, part = Decimal(kopecks) / 100, Fraction(days, 365)
    contracts = contracts_wanted(Goal("amount", value * 1000, SPAN), won, amount, part)
    assert contracts is not None
    assert contracts * Fraction(amount) / won >= value * 1000 > (contracts - 1) * Fraction(amount) / won
    grown = contracts_wanted(Goal("growth", value, SPAN), won, amount, part)
    usual = won * part
    assert grown is not None
    assert grown >= usual * (100 + value) / 100 > grown - 1
    assert contracts_wanted(Goal("contracts", value, SPAN), won, amount, part) == value


def test_without_a_contract_nothing_is_reckoned() -> None:
    for kind in ("growth", "contracts", "amount"):
        assert contracts_wanted(Goal(kind, 5, SPAN), 0, Decimal(0), Fraction(1)) is None
    assert contracts_wanted(Goal("amount", 5, SPAN), 3, Decimal(0), Fraction(1)) is None


def test_the_spans_are_those_of_the_calendar() -> None:
    december = date(2026, 12, 15)
    assert span_of("month", december) == Period(date(2027, 1, 1), date(2027, 1, 31))
    assert span_of("quarter", december) == Period(date(2027, 1, 1), date(2027, 3, 31))
    assert span_of("quarter", date(2026, 8, 1)) == SPAN
    assert span_of("year", december) == Period(date(2027, 1, 1), date(2027, 12, 31))


# -- from the records -------------------------------------------------------------------------------------------------


def lived(owner: Any) -> None:
    """Twelve requests: four become deals after three days, two of which are signed 20 and 40 days later."""
    begin = datetime(2026, 2, 2, 9, 0, tzinfo=UTC)
    contact = make_client(owner)
    with events.silence():
        for number in range(12):
            with clock.frozen(begin):
                data = {"title": "Запрос", "responsible": owner, "contact": contact}
                lead = services.record_create(Lead, data=data, by=owner, pipeline="lead")
            with clock.frozen(begin + timedelta(days=3)):
                if number >= 4:
                    move(lead, "no_contact", by=owner, override=True)
                    continue
                deal = make_deal(owner, contact=contact, amount=Decimal(1000 * (number + 1)))
                Lead.objects.filter(pk=lead.pk).update(deal=deal)
                move(lead, "converted", by=owner, override=True)
                call_add(deal, direction="out", by=owner, seconds=60)
                call_add(deal, direction="in", by=owner, is_missed=True)
                move(deal, "negotiation" if number else "costing", by=owner, override=True)
            with clock.frozen(begin + timedelta(days=3 + 20 * (number + 1))):
                if number == 0:
                    deal = deal_lines_set(deal, by=owner, lines=[{"name": "Каркас", "price": "1000"}])
                    document_create(deal, by=owner, wish=Wish("quote"))
                    document_create(deal, by=owner, wish=Wish("quote"))
                won = number < 2
                move(deal, "contract_signed" if won else "delivery_time", by=owner, override=True)
                if number == 1:
                    for copy in make_copies(deal_id=deal.pk, by=owner, count=1, key="k").deals.all():
                        move(copy, "contract_signed", by=owner, override=True)


def made(user: Any, query: str) -> ForecastReport:
    with clock.frozen(TODAY):
        report: ForecastReport = FORECAST.made(user, QueryDict(f"{YEAR}&{query}"))
    return report


def row_of(report: ForecastReport, code: str) -> GoalRow:
    return next(row for row in report.goal.rows if row.code == code)


@pytest.mark.django_db
def test_a_goal_is_taken_back_to_requests_calls_quotes_and_stages(client: Client) -> None:
    owner, stranger = make_user(), make_user()
    lived(owner)
    report = made(make_user(Role.SALES_HEAD), "goal=7&goal_in=contracts")
    had = {row.code: row.had.value for row in report.goal.rows}
    assert (had["requests"], had["lead:converted"], had["deals"], had["contracts"]) == (12, 4, 4, 2)
    assert (had["calls"], had["quotes"]) == (4, 1), "no missed calls; a new version is the same quote"
    assert (had["deal:proposal_sent"], had["deal:negotiation"]) == (4, 4), "a skipped stage counts as passed"
    requests, calls = row_of(report, "requests"), row_of(report, "calls")
    # 12 requests made 2 contracts in 365 days; the fourth quarter has 92: usual are 3 requests and no contract.
    assert (requests.needed, requests.usual, requests.more, requests.gives) == (42, 3, 39, 7.0)
    assert (calls.needed, row_of(report, "quotes").needed) == (14, 4)
    assert (requests.median_seconds, requests.by) == (23 * 86_400, date(2026, 12, 8))
    assert row_of(report, "deal:negotiation").median_seconds == 40 * 86_400, "of one deal that stood in it"
    assert row_of(report, "deal:costing").by == date(2026, 12, 11)
    assert (report.goal.contracts, report.goal.usual_contracts, report.goal.average) == (7, 0, Decimal("1500.00"))
    assert made(make_user(Role.SALES_HEAD), "goal=4000&goal_in=amount").goal.contracts == 3
    assert made(stranger, "goal=7&goal_in=contracts").goal.contracts is None
    assert made(owner, "goal=300").goal.contracts == 3, "two a year are 0.504 a quarter; four times as many, rounded up"
    _page_and_call(client, owner)


def _page_and_call(client: Client, owner: Any) -> None:
    client.force_login(owner)
    address = f"{YEAR}&goal=7&goal_in=contracts&goal_for=quarter"
    with clock.frozen(TODAY):
        page = client.get(f"/reports/forecast/?{address}")
        answer = client.get(f"/api/v1/reports/forecast/?{address}").json()
        for wrong in (
            "goal=0",
            "goal=-5",
            "goal=2000&goal_in=growth",
            "goal_for=ever",
            "goal=200001&goal_in=contracts",
        ):
            refused = client.get(f"/reports/forecast/?{wrong}")
            assert (refused.status_code, bool(refused.context["report_errors"])) == (400, True), wrong
            assert client.get(f"/api/v1/reports/forecast/?{wrong}").status_code == 400
        assert client.get("/reports/forecast/?goal=5 000 000&goal_in=amount").status_code == 200
    text = page.content.decode()
    assert 'name="goal" inputmode="numeric" autocomplete="off" value="7"' in text
    assert '<option value="contracts" selected>' in text
    assert '<input type="hidden" name="from" value="2025-08-02">' in text, "the question is kept"
    requests = answer["goal"]["rows"][0]
    assert (requests["code"], requests["needed"], requests["more"], requests["by"]) == (
        "requests",
        42,
        39,
        "2026-12-08",
    )
