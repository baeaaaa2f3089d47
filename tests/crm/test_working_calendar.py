"""The working calendar: what it ships, who changes it, and that everything which counts working time goes by it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import Role
from automation.selectors import planned_for
from crm import norms, settings_revert, settings_transfer
from crm.activities import later
from crm.clock import frozen
from crm.models import Activity, CalendarDay, Change, Stage
from crm.production_calendar import statutory_days
from crm.working_time import OFF, SHORT, WORKING, WorkingTime, of_company
from deals.filters import DealFilter
from deals.models import Deal
from partners.handoff import hand_over
from tests.factories import make_client, make_deal, make_partner, make_user

MOSCOW = ZoneInfo("Europe/Moscow")
WEEK = {1, 2, 3, 4, 5}
MAY = {date(2026, 5, 1): OFF, date(2026, 4, 30): SHORT, date(2026, 5, 2): WORKING}
WORK = WorkingTime((time(9), time(18)), WEEK, MAY)
URL = "/settings/calendar/"


def moscow(month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=MOSCOW)


# -- counting ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        (moscow(4, 28, 10), 4, moscow(4, 28, 14)),
        (moscow(4, 28, 16), 4, moscow(4, 29, 11)),  # over the night
        (moscow(4, 30, 15), 4, moscow(5, 2, 11)),  # a shortened day, a holiday, then a worked Saturday
        (moscow(5, 1, 12), 1, moscow(5, 2, 10)),  # begins on the holiday
        (moscow(4, 28, 20), 9, moscow(4, 29, 18)),
        (moscow(5, 2, 17), 2, moscow(5, 4, 10)),
    ],
)
def test_working_hours_are_counted_forth_and_back(start: datetime, hours: int, end: datetime) -> None:
    span = timedelta(hours=hours)
    assert WORK.after(start, span, MOSCOW) == end
    assert WORK.after(WORK.before(end, span, MOSCOW), span, MOSCOW) == end


@given(
    minute=st.integers(min_value=0, max_value=3 * 365 * 24 * 60),
    minutes=st.integers(min_value=1, max_value=60 * 24 * 40),
)
@settings(max_examples=150, deadline=None)
def test_forth_and_back_agree_wherever_one_begins(minute: int, minutes: int) -> None:
    moment, span = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minute), timedelta(minutes=minutes)
    end = WORK.after(moment, span, MOSCOW)
    assert end - moment >= span
    assert WORK.next_moment(end, MOSCOW) == end
    # What began before `moment` has stood longer than what began at it.
    assert WORK.before(end, span, MOSCOW) >= moment


@pytest.mark.parametrize(("hours", "length"), [(4, 4), (8, 8), (12, 9), (24, 9), (28, 13), (120, 45)])
def test_every_24_hours_of_a_norm_are_a_working_day(hours: int, length: int) -> None:
    assert WORK.length(hours) == timedelta(hours=length)


def test_a_company_that_never_rests_counts_whole_days() -> None:
    always = WorkingTime()
    assert always.length(48) == timedelta(days=2)
    assert always.after(moscow(5, 1, 13), timedelta(days=2), MOSCOW) == moscow(5, 3, 13)


def test_a_calendar_without_any_working_day_comes_to_an_end() -> None:
    never = WorkingTime((time(9), time(18)), set())
    assert never.working_day(date(2026, 5, 1)) == date(2026, 5, 1)
    assert never.after(moscow(5, 1), timedelta(hours=1), MOSCOW) == moscow(5, 1, 1)


# -- what is shipped --------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(("year", "worked", "short"), [(2025, 247, 4), (2026, 247, 4)])
def test_the_shipped_years_have_as_many_working_days_as_the_production_calendar(
    year: int, worked: int, short: int
) -> None:
    work = of_company()
    days = [date(year, 1, 1) + timedelta(days=number) for number in range(365)]
    assert sum(work.is_working(day) for day in days) == worked
    assert sum(work.special.get(day) == SHORT for day in days) == short
    # 40 hours a week: 1972 hours in both years.
    assert sum(8 - (work.special.get(day) == SHORT) for day in days if work.is_working(day)) == 1972


@pytest.mark.django_db
def test_the_year_without_a_decree_has_what_the_labour_code_says() -> None:
    shipped = {row.day: row.kind for row in CalendarDay.objects.filter(day__year=2027)}
    assert shipped == {day: kind for day, (kind, _name) in statutory_days(2027).items()}
    assert shipped[date(2027, 5, 3)] == OFF  # 1 May is a Saturday
    assert shipped[date(2027, 2, 22)] == SHORT


# -- who goes by it ---------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.rule("PIPE-7")
def test_a_norm_does_not_run_over_nights_and_holidays() -> None:
    Stage.objects.filter(key="deal:costing").update(norm_hours=24)
    owner = make_user()
    with frozen(moscow(4, 30, 12)):  # a Thursday; it is shortened, Friday is a holiday
        deal = make_deal(owner, stage="costing")
        assert norms.due(deal.stage_row, deal.stage_entered_at) == moscow(5, 4, 13)
    for moment, late in ((moscow(5, 4, 12, 59), False), (moscow(5, 4, 13, 1), True)):
        with frozen(moment):
            assert norms.is_over(deal.stage_row, deal.stage_entered_at) is late
            found = DealFilter({"norm_exceeded": "true"}, Deal.objects.all()).qs
            assert list(found) == ([deal] if late else [])


@pytest.mark.django_db
@pytest.mark.rule("PART-4")
def test_a_partner_has_four_working_hours_to_call() -> None:
    head, dealer = make_user(Role.SALES_HEAD), make_user(Role.PARTNER, partner=make_partner())
    with frozen(moscow(5, 8, 15)):  # a shortened Friday before the 9th of May; Monday is off as well
        hand_over(record=make_deal(head, contact=make_client(head)), partner=dealer.partner, by=head)
    assert Activity.objects.get(key__startswith="first_call:").due_at == moscow(5, 12, 11)


@pytest.mark.parametrize(
    ("word", "day"), [("tomorrow", moscow(5, 4, 15)), ("monday", moscow(5, 4, 15)), ("week", moscow(5, 7, 15))]
)
@pytest.mark.django_db
@pytest.mark.rule("ACT-1")
def test_tomorrow_is_the_next_day_of_work(word: str, day: datetime) -> None:
    with frozen(moscow(4, 30, 12)):
        assert later(moscow(4, 29, 15), word) == day
    with frozen(moscow(5, 7, 12)):
        assert later(moscow(5, 7, 15), "monday") == moscow(5, 12, 15)  # Monday the 11th is off


# -- who keeps it -----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.rule("ACT-1")
def test_a_head_adds_a_day_off_and_what_is_planned_moves(client: Client) -> None:
    head = make_user(Role.SALES_HEAD)
    with frozen(moscow(3, 2, 12)):
        contact = make_client(head, email="petr@example.org")
        deal = make_deal(head, stage="delayed_demand", construction_start=date(2027, 6, 1), contact=contact)
        assert planned_for(deal)[2].due_at == moscow(6, 30, 12)
        client.force_login(head)
        data = {"day": "30.06.2026", "kind": "off", "name": "День завода"}
        assert client.post(f"{URL}new/", data).status_code == 302
        assert planned_for(deal)[2].due_at == moscow(7, 1, 12)
        row = CalendarDay.objects.get(day=date(2026, 6, 30))
        assert "День завода" in client.get(f"{URL}?year=2026").content.decode()
        assert client.post(f"{URL}{row.pk}/", {**data, "kind": "working"}).status_code == 302
        assert planned_for(deal)[2].due_at == moscow(6, 30, 12)
        assert client.post(f"{URL}{row.pk}/", {**data, "delete": "1"}).status_code == 302
    assert not CalendarDay.objects.filter(day=date(2026, 6, 30)).exists()
    assert [line.field for line in Change.objects.filter(record_type="calendar").order_by("pk")] == [
        "created", "kind", "deleted",
    ]  # fmt: skip


@pytest.mark.django_db
def test_the_same_day_twice_and_nonsense_are_refused(client: Client) -> None:
    client.force_login(make_user(Role.SALES_HEAD))
    twice = client.post(f"{URL}new/", {"day": "01.05.2026", "kind": "off", "name": ""})
    assert (twice.status_code, "этот день уже есть" in twice.content.decode()) == (422, True)
    for wrong in ({"day": "32.05.2026", "kind": "off"}, {"day": "", "kind": "off"}, {"day": "1.6.2026", "kind": "x"}):
        assert client.post(f"{URL}new/", wrong).status_code == 422
    for year in ("", "0", "1999", "9999", "х", "2026'"):
        assert client.get(URL, {"year": year}).status_code == 200
        if year != "":
            assert client.post(f"{URL}fill/", {"year": year}).status_code in {422, 200}
    assert CalendarDay.objects.filter(day__year__gt=2027).count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("role", [Role.SALES_MANAGER, Role.CALL_CENTER, Role.PARTNER_CONTROL, Role.PARTNER])
def test_others_read_it_through_the_api_and_change_nothing(client: Client, role: str) -> None:
    partner = make_partner() if role == Role.PARTNER else None
    client.force_login(make_user(role, partner=partner))
    assert client.get(URL).status_code == 403
    assert client.post(f"{URL}new/", {"day": "1.6.2026", "kind": "off"}).status_code == 403
    days = client.get("/api/v1/calendar-days/?year=2026")
    assert days.status_code == 200
    assert {"day": "2026-05-11", "kind": "off", "name": "Перенос с 09.05"} in [
        {name: row[name] for name in ("day", "kind", "name")} for row in days.json()
    ]
    wish = {"day": "2028-06-01", "kind": "off"}
    assert client.post("/api/v1/calendar-days/", wish, content_type="application/json").status_code == 403
    assert client.post("/api/v1/calendar-days/fill/", {"year": 2028}, "application/json").status_code == 403
    assert not CalendarDay.objects.filter(day__year=2028).exists()


@pytest.mark.django_db
def test_a_head_keeps_it_through_the_api(client: Client) -> None:
    client.force_login(make_user(Role.SALES_HEAD))
    made = client.post("/api/v1/calendar-days/", {"day": "2028-06-01", "kind": "off"}, "application/json")
    assert made.status_code == 201, made.content
    one = f"/api/v1/calendar-days/{made.json()['id']}/"
    assert client.patch(one, {"kind": "short"}, "application/json").json()["kind"] == "short"
    again = client.post("/api/v1/calendar-days/", {"day": "2028-06-01", "kind": "off"}, "application/json")
    assert again.status_code == 400
    assert client.delete(one).status_code == 204
    assert client.delete(one).status_code == 404
    filled = client.post("/api/v1/calendar-days/fill/", {"year": 2028}, "application/json").json()["added"]
    assert filled == len(statutory_days(2028)) == CalendarDay.objects.filter(day__year=2028).count()
    assert client.post("/api/v1/calendar-days/fill/", {"year": 2028}, "application/json").json()["added"] == 0
    assert client.get("/api/v1/calendar-days/?year=abc").status_code == 400


@pytest.mark.django_db
def test_it_goes_with_the_settings_and_a_change_is_taken_back() -> None:
    head = make_user(Role.SALES_HEAD)
    given = json.loads(json.dumps(settings_transfer.dump()))
    assert settings_transfer.compare(given) == []
    CalendarDay.objects.filter(day__year=2027).delete()
    changed = settings_transfer.take_in(given, by=head)
    assert {change.kind for change in changed} == {"calendar"}
    assert CalendarDay.objects.filter(day__year=2027).count() == len(changed) > 10
    row = CalendarDay.objects.get(day=date(2026, 5, 1))
    settings_transfer.SECTIONS["calendar"].save(row, {"kind": "working"}, head)
    settings_revert.setting_revert(settings_revert.changes().first(), by=head)  # type: ignore[arg-type]
    row.refresh_from_db()
    assert row.kind == "off"


@pytest.mark.django_db
def test_a_board_asks_for_the_calendar_once(client: Client, django_assert_max_num_queries: Any) -> None:
    owner = make_user()
    for _number in range(12):
        make_deal(owner, stage="costing")
    client.force_login(owner)
    client.get("/deals/board/")
    with django_assert_max_num_queries(40) as asked:
        client.get("/deals/board/")
    assert sum("crm_calendarday" in query["sql"] for query in asked.captured_queries) == 1
