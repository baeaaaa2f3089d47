"""What every report keeps: its figures open their lists, its page, file and call answer, and not to everybody."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from itertools import product
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client
from python_calamine import CalamineWorkbook

from accounts.models import Role
from analytics.reports.registry import REPORTS
from analytics.reports.report import Report
from crm import clock
from tests.analytics.clients import play_clients
from tests.analytics.walking import figures, wrong
from tests.factories import make_partner, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("ANA-8")]
TODAY = datetime(2026, 8, 1, 12, 0, tzinfo=UTC)
# What these clients have none of: the reports have stories of their own, walked in their own tests.
TOLD_ELSEWHERE = {"delayed", "partners"}
SPAN = "from=2026-02-01&to=2026-04-30"
EVERY = pytest.mark.parametrize("report", REPORTS, ids=[report.code for report in REPORTS])


@pytest.fixture
def people() -> list[Any]:
    return [make_user(), make_user()]


def ways(report: Report) -> list[str]:
    """Every combination of the ways of counting, as a query."""
    choices = [
        [f"{option.name}={code}" for code, _label in option.choices] for option in report.options if not option.is_quiet
    ]
    return ["&".join((SPAN, *chosen)) for chosen in product(*choices)]


@EVERY
def test_every_figure_opens_its_records_for_whoever_reads(people: list[Any], report: Report) -> None:
    play_clients(people, seed=11, count=5)
    stranger, partner = make_user(), make_user(Role.PARTNER, partner=make_partner())
    total = 0
    with clock.frozen(TODAY):
        for reader in (make_user(Role.ADMINISTRATOR), people[0], stranger, partner):
            if reader.role not in report.roles:
                continue
            for way in ways(report):
                made = report.made(reader, QueryDict(way))
                assert wrong(reader, made) == []
                seen = sum(figure.value for figure in figures(made))
                total += seen
                assert reader != stranger or seen == 0
    assert total > 20 or report.code in TOLD_ELSEWHERE


@EVERY
def test_page_file_and_call_say_the_same(
    people: list[Any], client: Client, report: Report, django_assert_max_num_queries: Any
) -> None:
    play_clients(people, seed=12, count=4)
    client.force_login(make_user(Role.SALES_HEAD))
    with clock.frozen(TODAY):
        with django_assert_max_num_queries(40):
            page = client.get(f"/reports/{report.code}/?{SPAN}")
        assert page.status_code == 200
        book = client.get(f"/reports/{report.code}/?{SPAN}&format=xlsx")
        answer = client.get(f"/api/v1/reports/{report.code}/?{SPAN}")
        assert client.get(f"/reports/{report.code}/?{SPAN}&format=csv").status_code == 200
        assert client.get(f"/api/v1/reports/{report.code}/?{SPAN}&as=xlsx").status_code == 200
        assert client.get(f"/api/v1/reports/{report.code}/?unknown=1").status_code == 400
    sheets = CalamineWorkbook.from_filelike(BytesIO(b"".join(book)))
    parts = page.context["look"].parts
    assert len(sheets.sheet_names) == len(parts)
    assert "01.02.2026" in str(sheets.get_sheet_by_index(0).to_python()[0])
    assert answer.status_code == 200
    assert answer.json()["query"]["from"] == "2026-02-01"


@EVERY
def test_roles_without_the_report_get_none(client: Client, report: Report) -> None:
    for role in Role.values:
        user = make_user(role)
        client.force_login(user)
        code = 200 if role in report.roles else 403
        assert client.get(f"/reports/{report.code}/").status_code == code
        assert client.get(f"/api/v1/reports/{report.code}/").status_code == code
        listed = {row["code"] for row in client.get("/api/v1/reports/").json()["reports"]}
        assert (report.code in listed) == (role in report.roles)


@EVERY
def test_a_wrong_question_is_named(client: Client, report: Report) -> None:
    client.force_login(make_user(Role.SALES_HEAD))
    asked = ["from=yesterday", "period=never", *(f"{option.name}=nothing" for option in report.options)]
    asked += [f"{name}=much" for name in report.numbers]
    for query in asked:
        assert client.get(f"/api/v1/reports/{report.code}/?{query}").status_code == 400
        page = client.get(f"/reports/{report.code}/?{query}")
        assert page.status_code == 400
        assert page.context["report_errors"]
