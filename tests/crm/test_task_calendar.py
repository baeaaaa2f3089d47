"""The calendar of tasks: whose and which it shows, what is late, and what is done from it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Role, Team
from crm.models import Activity, CalendarDay, TimelineEntry
from crm.services import activity_complete, activity_create
from tests.factories import make_deal, make_partner, make_user

pytestmark = pytest.mark.django_db
MOSCOW = ZoneInfo("Europe/Moscow")
PAGE = "/calendar/"


def moscow(day: int, hour: int = 12, *, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=MOSCOW)


def plan(owner: Any, due_at: datetime, title: str = "Позвонить", **changes: Any) -> Activity:
    deal = changes.pop("deal", None) or make_deal(owner)
    return activity_create(deal, title=title, due_at=due_at, responsible=owner, by=owner, **changes)


def shown(client: Client, **query: str) -> set[str]:
    """Titles of the tasks that the page has."""
    page = client.get(PAGE, query)
    assert page.status_code == 200
    return set(re.findall(r'class="cal-title"[^>]*>([^<]+)<', page.content.decode()))


@pytest.mark.rule("ACT-1")
def test_each_view_has_the_tasks_of_its_days_and_the_address_says_which(client: Client, clock: Any) -> None:
    owner = make_user(time_zone="Europe/Moscow")
    deal = make_deal(owner)
    for title, day in (("сегодня", 2), ("воскресенье", 8), ("через неделю", 9), ("конец", 31)):
        plan(owner, moscow(day), title, deal=deal)
    plan(owner, moscow(1, month=4), "апрель", deal=deal)
    plan(owner, moscow(5, month=4), "край", deal=deal)
    plan(owner, moscow(6, month=4), "за краем", deal=deal)
    client.force_login(owner)
    assert shown(client) == shown(client, view="week", date="2026-03-04") == {"сегодня", "воскресенье"}
    assert shown(client, view="day") == {"сегодня"}
    assert shown(client, view="week", date="2026-03-09") == {"через неделю"}
    assert shown(client, view="month", date="2026-03-15") == {
        "сегодня", "воскресенье", "через неделю", "конец", "апрель", "край",
    }  # fmt: skip
    assert shown(client, view="day", date="09.03.2026") == {"через неделю"}
    for wrong in ({"view": "year"}, {"date": "2026-13-45"}, {"date": "9999-12-31"}, {"person": "x"}, {"person": "1e9"}):
        assert shown(client, **wrong) == {"сегодня", "воскресенье"}


@pytest.mark.rule("ACT-1")
def test_a_day_is_the_readers_own(client: Client, clock: Any) -> None:
    owner = make_user(time_zone="Asia/Vladivostok")
    plan(owner, datetime(2026, 3, 2, 20, tzinfo=UTC), "уже завтра")
    client.force_login(owner)
    assert shown(client, view="day", date="2026-03-02") == set()
    assert shown(client, view="day", date="2026-03-03") == {"уже завтра"}


@pytest.mark.rule("ACT-1")
def test_what_is_late_is_marked_and_counted_and_what_is_done_is_struck_out(client: Client, clock: Any) -> None:
    owner = make_user(language="ru")
    plan(owner, clock.now() - timedelta(hours=1), "поздно")
    plan(owner, clock.now() - timedelta(days=30), "давно")
    activity_complete(plan(owner, clock.now() - timedelta(hours=2), "сделано"), by=owner)
    client.force_login(owner)
    page = client.get(PAGE)
    text = page.content.decode()
    assert page.context["overdue"] == 2
    assert len(client.get(page.context["overdue_url"]).context["tasks"]) == 2
    assert text.count("cal-task is-overdue") == 1
    assert text.count("cal-task is-done") == 1
    assert next(day for day in page.context["days"] if day.is_today).overdue == 1


@pytest.mark.rule("ACT-1")
def test_holidays_are_shaded_and_named(client: Client, clock: Any) -> None:
    CalendarDay.objects.create(day=date(2026, 3, 4), kind="off", name="День завода")
    client.force_login(make_user())
    days = {day.day.day: day for day in client.get(PAGE, {"date": "2026-03-09"}).context["days"]}
    assert (days[9].is_working, days[9].name) == (False, "Перенос с 08.03")
    assert "День завода" in client.get(PAGE).content.decode()


@pytest.mark.rule("ACT-1")
def test_one_sees_ones_own_the_team_its_members_and_heads_everybody(client: Client, clock: Any) -> None:
    team = Team.objects.create(name="Отдел", members_see_each_other=True)
    owner, mate = make_user(team=team), make_user(team=team)
    stranger, head = make_user(), make_user(Role.SALES_HEAD)
    dealer = make_user(Role.PARTNER, partner=make_partner())
    for person in (owner, mate, stranger):
        plan(person, moscow(3), f"дело {person.pk}")
    client.force_login(owner)
    assert shown(client) == {f"дело {owner.pk}"}
    assert shown(client, person=str(mate.pk)) == {f"дело {mate.pk}"}
    assert shown(client, person="all") == {f"дело {owner.pk}", f"дело {mate.pk}"}
    assert shown(client, person=str(stranger.pk)) == {f"дело {owner.pk}"}  # not to be chosen: one's own
    assert str(stranger) not in client.get(PAGE).content.decode()
    client.force_login(stranger)
    assert shown(client, person="all") == {f"дело {stranger.pk}"}
    client.force_login(dealer)
    assert shown(client, person="all") == shown(client, person=str(owner.pk)) == set()
    client.force_login(head)
    assert shown(client, person=str(stranger.pk)) == {f"дело {stranger.pk}"}
    assert len(shown(client, person="all")) == 3


@pytest.mark.rule("ACT-1")
def test_a_task_is_put_on_another_day_or_hour_and_back(client: Client, clock: Any) -> None:
    owner = make_user(time_zone="Europe/Moscow")
    task = plan(owner, moscow(3, 15))
    client.force_login(owner)
    move = reverse("task-move", args=[task.pk])
    htmx = {"HX-Request": "true"}
    answer = client.post(move, {"day": "2026-03-05"}, headers=htmx)
    assert answer.status_code == 204
    task.refresh_from_db()
    assert task.due_at == moscow(5, 15)
    assert task.record.next_activity_at == moscow(5, 15)
    client.post(move, {"day": "2026-03-06", "hour": "9"}, headers=htmx)
    task.refresh_from_db()
    assert task.due_at == moscow(6, 9)
    undo = re.search(r'"undo_url": "([^"]+)"', client.post(move, {"day": "2026-03-07"}, headers=htmx)["HX-Trigger"])
    assert undo is not None
    assert client.post(undo[1], headers=htmx).status_code in {200, 204}
    task.refresh_from_db()
    assert task.due_at == moscow(6, 9)
    assert TimelineEntry.objects.filter(action="task_moved").count() == 4
    for wrong in ({}, {"day": "вчера"}, {"day": "2026-03-05", "hour": "25"}, {"day": "9999-01-01"}):
        assert client.post(move, wrong, headers=htmx).status_code == 422
    assert client.post(move, {"day": "2026-03-05"}).status_code == 302  # without scripts
    activity_complete(task, by=owner)
    assert client.post(move, {"day": "2026-03-06"}, headers=htmx).status_code == 404


@pytest.mark.rule("ACT-1")
def test_an_undo_does_not_override_what_another_changed(client: Client, clock: Any) -> None:
    owner = make_user(time_zone="Europe/Moscow")
    task = plan(owner, moscow(3, 15))
    client.force_login(owner)
    answer = client.post(f"/tasks/{task.pk}/move/", {"day": "2026-03-05"}, headers={"HX-Request": "true"})
    undo = re.search(r'"undo_url": "([^"]+)"', answer["HX-Trigger"])
    assert undo is not None
    Activity.objects.filter(pk=task.pk).update(due_at=moscow(10, 9))
    client.post(undo[1], headers={"HX-Request": "true"})
    task.refresh_from_db()
    assert task.due_at == moscow(10, 9)


@pytest.mark.rule("ACT-1")
def test_done_and_the_next_step_are_one_step(client: Client, clock: Any) -> None:
    owner = make_user(time_zone="Europe/Moscow")
    task = plan(owner, moscow(2, 10), kind="call")
    client.force_login(owner)
    finish = f"/tasks/{task.pk}/finish/"
    assert client.get(finish).status_code == 200
    for wrong in ({"title": "Дальше", "due_at": ""}, {"title": "Дальше", "due_at": "когда-нибудь"}):
        assert client.post(finish, wrong).status_code == 422
    assert not Activity.objects.exclude(pk=task.pk).exists()
    task.refresh_from_db()
    assert task.done_at is None
    answer = client.post(finish, {"result": "Ждёт КП", "title": "Отправить КП", "due_at": "04.03.2026 11:00"})
    assert answer.status_code == 302
    task.refresh_from_db()
    assert (task.done_at is not None, task.result) == (True, "Ждёт КП")
    fresh = Activity.objects.exclude(pk=task.pk).get()
    assert (fresh.title, fresh.due_at, fresh.kind, fresh.responsible) == ("Отправить КП", moscow(4, 11), "call", owner)
    assert client.get(finish).status_code == 404  # done already
    assert client.post(f"/tasks/{fresh.pk}/finish/", {"result": "", "title": "", "due_at": ""}).status_code == 302
    assert Activity.objects.undone().count() == 0


@pytest.mark.rule("ACT-1")
def test_a_teammate_looks_and_a_stranger_finds_nothing(client: Client, clock: Any) -> None:
    team = Team.objects.create(name="Отдел", members_see_each_other=True)
    owner, mate, stranger = make_user(team=team), make_user(team=team), make_user()
    task = plan(owner, moscow(3))
    for person in (mate, stranger):
        client.force_login(person)
        assert client.post(f"/tasks/{task.pk}/move/", {"day": "2026-03-05"}).status_code == 404
        assert client.get(f"/tasks/{task.pk}/finish/").status_code == 404
        assert f"/tasks/{task.pk}/move/" not in client.get(PAGE, {"person": str(owner.pk)}).content.decode()
    task.refresh_from_db()
    assert task.due_at == moscow(3)


@pytest.mark.rule("ACT-1")
def test_the_api_has_the_same_days(client: Client, clock: Any) -> None:
    owner = make_user(time_zone="Europe/Moscow")
    wanted = {plan(owner, moscow(day), f"дело {day}").pk for day in (2, 5, 8)}
    plan(owner, moscow(9), "дальше")
    client.force_login(owner)
    query = {"due_from": "2026-03-02", "due_to": "2026-03-08", "responsible": str(owner.pk)}
    rows = client.get("/api/v1/tasks/", query).json()
    assert {row["id"] for row in rows["results"]} == wanted
    assert shown(client) == {"дело 2", "дело 5", "дело 8"}


def test_the_page_asks_as_often_for_forty_tasks_as_for_four(
    client: Client, clock: Any, django_assert_max_num_queries: Any
) -> None:
    head = make_user(Role.SALES_HEAD)
    deals = [make_deal(head) for _number in range(10)]
    for number in range(40):
        plan(head, moscow(2 + number % 7, 9 + number % 8), f"дело {number}", deal=deals[number % 10])
    client.force_login(head)
    client.get(PAGE)
    for view in ("day", "week", "month"):
        with django_assert_max_num_queries(13, info=view):
            assert client.get(PAGE, {"view": view, "person": "all"}).status_code == 200
