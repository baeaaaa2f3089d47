"""The private address of a person's calendar: what it tells, to whom, and how long."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import CalendarFeed, Role, Team
from accounts.services import token_hash, user_activate, user_deactivate
from crm import ics
from crm.models import Activity
from crm.services import activity_complete, activity_create
from tests.factories import make_deal, make_partner, make_user

PAGE = "/profile/calendar/"
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def subscribe(person: Any) -> str:
    """Make an address as the person does; the path of the file."""
    browser = Client()
    browser.force_login(person)
    found = re.search(r"/calendar/feed/[\w-]{43}\.ics", browser.post(PAGE).content.decode())
    assert found is not None
    return found[0]


def unfolded(file: bytes) -> list[str]:
    """The content lines; whatever breaks the format fails here."""
    assert file.endswith(b"\r\n")
    assert b"\n" not in file.replace(b"\r\n", b"")
    assert b"\r" not in file.replace(b"\r\n", b"")
    pieces = file.split(b"\r\n")[:-1]
    assert max(map(len, pieces)) <= 75
    for piece in pieces:
        piece.decode()  # no character is cut in two
    lines: list[str] = []
    for piece in pieces:
        if piece.startswith(b" "):
            lines[-1] += piece[1:].decode()
        else:
            lines.append(piece.decode())
    assert (lines[0], lines[-1]) == ("BEGIN:VCALENDAR", "END:VCALENDAR")
    return lines


def read_text(value: str) -> str:
    """An escaped text as a calendar reads it."""
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] in "nN" else found[1], value)


def titles(file: bytes) -> list[str]:
    return [read_text(line[len("SUMMARY:") :]) for line in unfolded(file) if line.startswith("SUMMARY:")]


def plan(owner: Any, due_at: datetime, title: str = "Позвонить", **changes: Any) -> Activity:
    return activity_create(make_deal(owner), title=title, due_at=due_at, responsible=owner, by=owner, **changes)


# -- the format -------------------------------------------------------------------------------------------------------

HOSTILE = (
    "Обед\r\nEND:VCALENDAR",
    "a;b,c\\n\\",
    "BEGIN:VALARM\nATTACH:http://x",
    "ё" * 200,
    "🏗️" * 60,
    "\x00\x07\u2028строка\u2029\x85",
    " начинается с пробела",
    "",
)


def entry(title: str) -> ics.Entry:
    return ics.Entry("task-1@crm", title, NOW, timedelta(minutes=30), NOW, text=title)


@pytest.mark.rule("ACT-1")
@pytest.mark.parametrize("title", HOSTILE)
def test_a_title_cannot_break_out_of_its_line(title: str) -> None:
    lines = unfolded(ics.calendar(title, [entry(title)], NOW))
    assert [line for line in lines if line.startswith(("BEGIN", "END"))] == [
        "BEGIN:VCALENDAR", "BEGIN:VEVENT", "END:VEVENT", "END:VCALENDAR",
    ]  # fmt: skip
    assert sum(line.startswith("ATTACH") for line in lines) == 0


@given(st.text(max_size=300))
@settings(max_examples=100, deadline=None)
def test_what_is_written_is_what_is_read(title: str) -> None:
    (read,) = titles(ics.calendar("", [entry(title)], NOW))
    assert read == ics.CONTROL.sub("", ics.LINE_END.sub("\n", title))


# -- whose and what ---------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.rule("ACT-1")
def test_it_has_ones_own_tasks_of_the_time_around_now(client: Client, clock: Any) -> None:
    owner = make_user(language="ru")
    mate = make_user(team=owner.team)
    for days, title in ((-31, "давно"), (-29, "прошло"), (1, "скоро"), (179, "потом"), (181, "нескоро")):
        plan(owner, clock.now() + timedelta(days=days), title)
    plan(mate, clock.now() + timedelta(days=1), "чужое")
    done = plan(owner, clock.now() + timedelta(days=2), "готово", kind="meeting")
    activity_complete(done, by=owner)
    answer = client.get(subscribe(owner))
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    assert "no-store" in answer["Cache-Control"]
    assert titles(answer.content) == ["прошло", "скоро", "✓ готово", "потом"]
    lines = unfolded(answer.content)
    start = next(n for n, line in enumerate(lines) if line.startswith(f"UID:task-{done.pk}@"))
    event = lines[start : lines.index("END:VEVENT", start)]
    assert {"DTSTART:20260304T090000Z", "DTEND:20260304T100000Z", "TRANSP:TRANSPARENT"} <= set(event)
    assert any(line.startswith("URL:http") and f"/deals/{done.record_id}/" in line for line in event)


@pytest.mark.django_db
@pytest.mark.rule("ACT-1")
def test_a_task_keeps_its_name_when_it_moves(client: Client, clock: Any) -> None:
    owner = make_user()
    task = plan(owner, clock.now() + timedelta(days=1))
    path = subscribe(owner)

    def named() -> list[str]:
        return [line for line in unfolded(client.get(path).content) if line.startswith("UID:")]

    before = named()
    Activity.objects.filter(pk=task.pk).update(due_at=clock.now() + timedelta(days=9), title="Иначе")
    assert named() == before != []


@pytest.mark.django_db
@pytest.mark.rule("ACT-1")
def test_a_partner_reads_only_what_it_may_still_see(client: Client, clock: Any) -> None:
    head = make_user(Role.SALES_HEAD)
    dealer = make_user(Role.PARTNER, partner=make_partner())
    other = make_user(Role.PARTNER, partner=make_partner())
    activity_create(make_deal(head), title="наше", due_at=clock.now(), responsible=dealer, by=head)
    assert titles(client.get(subscribe(dealer)).content) == ["наше"]
    assert "/deals/" not in client.get(subscribe(dealer)).content.decode()  # the card is not the partner's
    assert titles(client.get(subscribe(other)).content) == []


# -- how long ---------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.rule("ACT-1")
def test_the_secret_is_shown_once_and_stored_as_a_hash(client: Client, clock: Any) -> None:
    owner = make_user()
    path = subscribe(owner)
    secret = path.rsplit("/", 1)[1].removesuffix(".ics")
    assert CalendarFeed.objects.get().hash == token_hash(secret)
    client.force_login(owner)
    page = client.get(PAGE)
    assert secret not in page.content.decode()
    assert client.get("/api/v1/me/calendar-feed/").json()["last_used_at"] is None
    client.get(path)
    assert client.get("/api/v1/me/calendar-feed/").json()["last_used_at"] is not None
    assert secret not in client.get("/api/v1/me/calendar-feed/").content.decode()


@pytest.mark.django_db
@pytest.mark.rule("ACT-1")
def test_renewing_ending_and_switching_off_end_it_at_once(client: Client, clock: Any) -> None:
    owner, admin = make_user(), make_user(Role.ADMINISTRATOR)
    first = subscribe(owner)
    second = subscribe(owner)
    assert client.get(first).status_code == 404
    assert client.get(second).status_code == 200
    browser = Client()
    browser.force_login(owner)
    assert browser.post(PAGE, {"end": "1"}).status_code == 302
    assert client.get(second).status_code == 404
    third = subscribe(owner)
    assert browser.delete("/api/v1/me/calendar-feed/").status_code == 204
    assert browser.delete("/api/v1/me/calendar-feed/").status_code == 204
    assert browser.get("/api/v1/me/calendar-feed/").status_code == 404
    assert client.get(third).status_code == 404
    fourth = subscribe(owner)
    user_deactivate(owner, by=admin)
    assert client.get(fourth).status_code == 404
    user_activate(owner, by=admin)
    assert client.get(fourth).status_code == 404


@pytest.mark.django_db
@pytest.mark.rule("ACT-1")
def test_a_wrong_address_is_none_and_a_busy_one_waits(client: Client, clock: Any, monkeypatch: Any) -> None:
    cache.clear()
    for wrong in ("x" * 43, "x" * 42, "%00" * 43, "../../etc"):
        assert client.get(f"/calendar/feed/{wrong}.ics").status_code == 404
    monkeypatch.setattr("crm.calendar_feed.FeedThrottle.THROTTLE_RATES", {"calendar": "2/hour"})
    path, other = subscribe(make_user()), subscribe(make_user())
    assert [client.get(path).status_code for _time in range(3)] == [200, 200, 429]
    assert int(client.get(path)["Retry-After"]) > 0
    assert client.get(other).status_code == 200
    assert client.post(other).status_code in {403, 405}


@pytest.mark.django_db
def test_many_tasks_are_read_in_a_few_queries(client: Client, clock: Any, django_assert_max_num_queries: Any) -> None:
    owner = make_user(team=Team.objects.create(name="Отдел", members_see_each_other=True))
    for number in range(30):
        plan(owner, clock.now() + timedelta(hours=number), f"дело {number}")
    path = subscribe(owner)
    with django_assert_max_num_queries(9):
        assert len(titles(client.get(path).content)) == 30
