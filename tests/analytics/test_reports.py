"""The figures of the reports: equal to a slow count by hand, and to the lists they open, whoever looks."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client
from python_calamine import CalamineWorkbook

from accounts.models import Role
from analytics.funnel import cohort, snapshot
from analytics.query import ReportQuery, parse
from analytics.refusals import refusals
from crm import clock, norms, pipelines, preferences
from crm.models import StageHistory
from deals.models import Deal
from tests.analytics.history import play
from tests.analytics.walking import figures, opened
from tests.factories import make_partner, make_user

pytestmark = pytest.mark.django_db
TODAY = datetime(2026, 8, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def people() -> list[Any]:
    return [make_user(), make_user()]


@pytest.fixture
def head() -> Any:
    return make_user(Role.SALES_HEAD)


def ask(user: Any, **params: str) -> ReportQuery:
    data = QueryDict(mutable=True)
    data.update({"pipeline": "deal", "from": "2026-02-01", "to": "2026-04-30", **params})
    return parse(user, data)


@pytest.mark.rule("ANA-8")
@pytest.mark.parametrize("role", [Role.SALES_HEAD, Role.SALES_MANAGER])
def test_every_figure_opens_exactly_its_records(people: list[Any], head: Any, role: str) -> None:
    play(people, seed=7, count=16)
    reader = head if role == Role.SALES_HEAD else people[0]
    with clock.frozen(TODAY):
        reports: list[Any] = [snapshot(ask(reader))]
        for by in ("responsible", "team", "source", "region", "purpose"):
            reports += [cohort(ask(reader), by), refusals(ask(reader), by)]
        walked = [(figure, opened(reader, figure)) for report in reports for figure in figures(report) if figure.url]
    assert len(walked) > 30
    assert [(figure.url, figure.value, rows) for figure, rows in walked if figure.value != rows] == []
    assert any(figure.value for figure, _rows in walked)


@pytest.mark.rule("ANA-8")
def test_a_partner_and_a_stranger_see_nothing_of_it(people: list[Any]) -> None:
    play(people, seed=7, count=10)
    stranger, partner = make_user(), make_user(Role.PARTNER, partner=make_partner())
    with clock.frozen(TODAY):
        assert cohort(ask(stranger)).outcome.created.value == 0
        report = cohort(ask(partner, pipeline="partner_deal"))
        assert {figure.value for figure in figures(report)} == {0}


def slow_cohort(user: Any) -> dict[str, tuple[int, Decimal]]:
    """Got-to counts and amounts by hand: one record and one history row at a time."""
    zone = clock.company_zone()
    counted: dict[str, tuple[int, Decimal]] = {}
    for deal in Deal.objects.visible_to(user):
        day = deal.created_at.astimezone(zone).date().isoformat()
        if not "2026-02-01" <= day <= "2026-04-30":
            continue
        visited = {row.to_stage for row in StageHistory.objects.filter(record_type="deal", record_id=deal.pk)}
        for stage in pipelines.main_path("deal"):
            further = [
                other
                for other in visited
                if other.kind == "success" or (other.kind == "open" and other.order >= stage.order)
            ]
            if further:
                count, amount = counted.get(stage.key, (0, Decimal(0)))
                counted[stage.key] = (count + 1, amount + (deal.amount or Decimal(0)))
    return counted


@pytest.mark.rule("ANA-1", "PIPE-5")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_cohort_equals_a_count_by_hand(people: list[Any], head: Any, seed: int) -> None:
    play(people, seed=seed, count=40)
    with clock.frozen(TODAY):
        report = cohort(ask(head))
        by_hand = slow_cohort(head)
    for step in report.steps:
        assert (step.got_to.value, step.amount) == by_hand.get(step.stage.key, (0, Decimal(0))), step.stage.key
    counts = [step.got_to.value for step in report.steps]
    assert counts == sorted(counts, reverse=True), "nobody gets further without having got there"
    outcome = report.outcome
    assert outcome.created.value == outcome.won.value + outcome.lost.value + outcome.open.value + outcome.neutral.value


@pytest.mark.rule("ANA-1", "PIPE-5")
def test_times_in_stage_equal_a_count_by_hand(people: list[Any], head: Any) -> None:
    play(people, seed=4, count=40)
    with clock.frozen(TODAY):
        report = cohort(ask(head, **{"from": "2026-01-01", "to": "2026-07-31"}))
    for step in [*report.steps, *report.detours]:
        stays = sorted(
            StageHistory.objects.filter(record_type="deal", from_stage=step.stage).values_list("seconds", flat=True)
        )
        if not stays:
            assert step.median_seconds is None
            continue
        assert step.median_seconds == stays[-(-len(stays) * 50 // 100) - 1]
        assert step.p90_seconds == stays[-(-len(stays) * 90 // 100) - 1]


@pytest.mark.rule("ANA-1")
def test_the_snapshot_counts_each_stage_and_what_is_over_its_norm(people: list[Any], head: Any) -> None:
    play(people, seed=5, count=30)
    with clock.frozen(TODAY):
        report = snapshot(ask(head))
    assert sum(row.count.value for row in report.rows) == 30
    assert report.total.value == sum(1 for deal in Deal.objects.all() if deal.is_open)
    ends = [norms.due(deal.stage_row, deal.stage_entered_at) for deal in Deal.objects.all()]
    late = [end for end in ends if end is not None and end < TODAY]
    assert report.overdue.value == len(late)


@pytest.mark.rule("ANA-2")
def test_refusals_equal_a_count_by_hand_and_shares_are_whole(people: list[Any], head: Any) -> None:
    play(people, seed=6, count=60)
    with clock.frozen(TODAY):
        report = refusals(ask(head, **{"from": "2026-01-01", "to": "2026-07-31"}))
    lost = [deal for deal in Deal.objects.all() if deal.stage_row.is_failure]
    assert report.total.value == len(lost) > 0
    assert {row.stage.key: row.count.value for row in report.stages} == {
        key: sum(1 for deal in lost if deal.stage == key) for key in {deal.stage for deal in lost}
    }
    assert sum(row.share or 0 for row in report.stages) == pytest.approx(1)
    assert report.amount == sum((deal.amount or Decimal(0) for deal in lost), Decimal(0))
    assert sum(figure.value for _stage, figure, _share in report.lost_from) == len(lost)
    assert sum(figure.value for month in report.months for figure in month.by_stage.values()) == len(lost)


@pytest.mark.rule("ANA-2")
def test_a_reason_above_the_threshold_is_flagged_with_advice(people: list[Any], head: Any) -> None:
    play(people, seed=6, count=90)
    with clock.frozen(TODAY):
        before = refusals(ask(head, **{"from": "2026-01-01", "to": "2026-07-31"}))
        preferences.set_value("refusal_threshold_percent", 99)
        after = refusals(ask(head, **{"from": "2026-01-01", "to": "2026-07-31"}))
    assert before.total.value >= 10
    flagged = [row for row in before.stages if row.is_flagged]
    assert [row.stage.key for row in flagged] == [row.stage.key for row in before.stages if (row.share or 0) > 0.4]
    assert flagged
    assert all(row.advice for row in flagged)
    assert not any(row.is_flagged for row in after.stages)


@pytest.mark.rule("ANA-8")
@pytest.mark.parametrize("path", ["funnel/", "funnel/?mode=snapshot", "refusals/"])
def test_pages_and_workbooks_answer_with_few_queries(
    people: list[Any], head: Any, client: Client, path: str, django_assert_max_num_queries: Any
) -> None:
    play(people, seed=8, count=20)
    client.force_login(head)
    joint = "&" if "?" in path else "?"
    with clock.frozen(TODAY):
        with django_assert_max_num_queries(27):
            page = client.get(f"/reports/{path}{joint}pipeline=deal&from=2026-01-01&to=2026-07-31")
        assert page.status_code == 200
        book = client.get(f"/reports/{path}{joint}pipeline=deal&from=2026-01-01&to=2026-07-31&format=xlsx")
    sheet = CalamineWorkbook.from_filelike(BytesIO(b"".join(book))).get_sheet_by_index(0).to_python()
    assert "01.01.2026" in sheet[0][0]
    assert any(isinstance(cell, float) for row in sheet[2:] for cell in row[1:])


@pytest.mark.parametrize(
    "query", ["pipeline=nothing", "from=yesterday", "period=never", "source=no_such", "responsible=x"]
)
def test_a_question_that_cannot_be_answered_is_refused_by_name(head: Any, client: Client, query: str) -> None:
    client.force_login(head)
    assert client.get(f"/api/v1/reports/funnel/?{query}").status_code == 400
    for report in ("funnel", "refusals"):
        page = client.get(f"/reports/{report}/?{query}&source=&by=region")
        assert page.status_code == 400
        assert 'class="report-form' in page.content.decode()
        assert page.context["report_errors"]
    several = client.get(f"/reports/funnel/?{query}&team=none&format=xlsx")
    assert (several.status_code, len(several.context["report_errors"])) == (400, 2)


def test_a_pipeline_of_others_is_no_pipeline(client: Client) -> None:
    client.force_login(make_user())
    page = client.get("/reports/funnel/?pipeline=partner_deal")
    assert page.status_code == 400
    assert page.context["query"].pipeline.code == "deal"


def test_amounts_and_the_period_before_open_their_lists(people: list[Any], head: Any, client: Client) -> None:
    play(people, seed=5, count=25)
    client.force_login(head)
    with clock.frozen(TODAY):
        page = client.get("/reports/funnel/?pipeline=deal&from=2026-04-01&to=2026-07-31&by=source")
        report = page.context["report"]
        money = [row["cells"][4] for row in page.context["table"]["rows"]]
        money += [row["cells"][5] for row in page.context["breakdown"]["rows"]]
        figures_behind = [step.got_to for step in report.steps] + [row.won for row in report.breakdown]
        assert any(cell["url"] for cell in money)
        assert all(cell["url"] in {"", figure.url} for cell, figure in zip(money, figures_behind, strict=True))
        before = report.outcome.previous_created
        assert page.context["stats"][0]["note_url"] == before.url
        assert client.get(before.url).context["page"].count == before.value > 0


def test_the_api_gives_the_same_figures(people: list[Any], head: Any, client: Client) -> None:
    play(people, seed=9, count=15)
    client.force_login(head)
    with clock.frozen(TODAY):
        found = client.get("/api/v1/reports/funnel/?pipeline=deal&from=2026-01-01&to=2026-07-31").json()
        report = cohort(ask(head, **{"from": "2026-01-01", "to": "2026-07-31"}))
    assert [step["got_to"]["value"] for step in found["steps"]] == [step.got_to.value for step in report.steps]
    assert client.get("/api/v1/reports/refusals/?pipeline=deal").status_code == 200
