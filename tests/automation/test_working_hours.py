"""What robots plan for later falls into the company's working hours, and the card says so."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from accounts.models import Role
from automation import engine
from automation.models import ScheduledRun
from automation.selectors import planned_for
from automation.services import run_now
from communications.models import Message
from crm import preferences, settings_services
from crm.clock import frozen
from crm.models import Activity
from crm.working_time import WorkingTime
from tests.factories import make_client, make_deal, make_user

pytestmark = pytest.mark.django_db
MOSCOW = ZoneInfo("Europe/Moscow")
WORK = WorkingTime((time(9), time(18)), {1, 2, 3, 4, 5})


def moscow(day: int, hour: int, minute: int = 0, *, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=MOSCOW)


def waiting(owner: Any) -> Any:
    contact = make_client(owner, email="petr@example.org")
    return make_deal(owner, stage="delayed_demand", construction_start=date(2027, 6, 1), contact=contact)


def due_moments(deal: Any) -> list[datetime]:
    return [run.due_at.astimezone(MOSCOW) for run in planned_for(deal)]


@pytest.mark.parametrize(
    ("moment", "opening"),
    [
        (moscow(2, 12), moscow(2, 12)),  # Monday at noon
        (moscow(2, 3), moscow(2, 9)),
        (moscow(2, 18), moscow(2, 18)),
        (moscow(2, 18, 1), moscow(3, 9)),
        (moscow(6, 22), moscow(9, 9)),  # Friday night
        (moscow(7, 12), moscow(9, 9)),
        (moscow(8, 3), moscow(9, 9)),
    ],
)
def test_the_next_working_moment(moment: datetime, opening: datetime) -> None:
    assert WORK.next_moment(moment.astimezone(UTC), MOSCOW) == opening


@pytest.mark.rule("DEAL-5")
@pytest.mark.rule("DEAL-8")
def test_a_deal_that_came_at_night_is_written_to_by_day(client: Any) -> None:
    owner = make_user()
    with frozen(moscow(2, 23, 40)):
        deal = waiting(owner)
        # Day 60 is the holiday of 1 May, a Friday, day 90 Sunday 31 May, day 120 Tuesday 30 June.
        assert due_moments(deal) == [moscow(4, 18, month=5), moscow(1, 18, month=6), moscow(30, 18, month=6)]
        client.force_login(owner)
        card = client.get(reverse("record-planned", args=["deal", deal.pk])).content.decode()
    assert card.count("перенесено в рабочее время") == 3
    assert "04.05" in card
    assert "18:00" in card


@pytest.mark.rule("DEAL-5")
def test_hours_and_days_are_the_companys_to_choose(clock: Any) -> None:
    head = make_user(Role.SALES_HEAD)
    deal = waiting(make_user())
    assert due_moments(deal)[:2] == [moscow(4, 12, month=5), moscow(1, 12, month=6)]
    settings_services.preferences_set({"working_hours": "14:30-20.00", "working_days": ["6", "7"]}, by=head)
    assert due_moments(deal) == [moscow(2, 14, 30, month=5), moscow(31, 14, 30, month=5), moscow(4, 14, 30, month=7)]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("working_hours", "9"),
        ("working_hours", "18:00-9:00"),
        ("working_hours", "9:00-25:00"),
        ("working_hours", ["9:00"]),
        ("working_days", []),
        ("working_days", [0]),
        ("working_days", ["x"]),
    ],
)
def test_hours_that_are_none_are_refused(key: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        preferences.set_value(key, value)


@pytest.mark.rule("AUTO-2")
def test_what_was_left_undone_by_day_waits_for_the_morning() -> None:
    with frozen(moscow(2, 12)):
        deal = waiting(make_user())
        first = planned_for(deal)[0]
    with frozen(moscow(4, 22, month=5)):  # the worker was down since noon
        engine.run_due()
        first.refresh_from_db()
        assert (first.state, first.attempts) == ("scheduled", 0)
        assert first.due_at == moscow(5, 9, month=5)
        assert not Message.objects.exists()
        run_now(first.pk, deal.responsible)  # a person may all the same
        assert Message.objects.count() == 1


@pytest.mark.rule("AUTO-2")
def test_a_day_chosen_by_hand_is_kept_though_it_is_a_sunday() -> None:
    with frozen(moscow(2, 12)):
        deal = waiting(make_user())
        run = planned_for(deal)[0]
        ScheduledRun.objects.filter(pk=run.pk).update(due_at=moscow(8, 10), is_moved=True)
    with frozen(moscow(8, 14)):
        engine.run_due()
        assert Message.objects.count() == 1


def test_a_robots_task_is_due_in_working_hours() -> None:
    with frozen(moscow(6, 15)):  # Friday
        make_deal(make_user(), stage="resumed")
        task = Activity.objects.get()
    assert task.due_at.astimezone(MOSCOW) == moscow(10, 9)  # Monday is off for the 8th of March
    assert task.due_at - moscow(6, 15) > timedelta(days=2)
