"""The command that plays delayed demand: what it shows, and that it leaves no trace."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from crm import preferences
from crm.models import CalendarDay, Contact, Event, TimelineEntry
from deals.models import Deal
from tests.factories import make_client, make_deal, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_days_off(db: None) -> None:
    """Days are counted here as if nobody ever rested; test_working_hours.py has the nights and the weekends."""
    preferences.set_value("working_days", [1, 2, 3, 4, 5, 6, 7])
    CalendarDay.objects.all().delete()


def play(**options: Any) -> str:
    out = StringIO()
    call_command("play_delayed_demand", stdout=out, **options)
    return out.getvalue()


def days_with(shown: str, words: str) -> list[int]:
    rows = [line for line in shown.splitlines() if words in line and line[:4].strip().isdigit()]
    return [int(line[:4]) for line in rows]


@pytest.mark.rule("AUTO-6")
@pytest.mark.rule("DEAL-5")
def test_it_shows_two_letters_the_call_and_the_return(clock: Any, settings: Any) -> None:
    settings.LANGUAGE_CODE = "en"
    from django.utils import translation

    with translation.override("en"):
        shown = play()
    assert days_with(shown, "Sent to ilyin@example.com") == [60, 90]
    assert days_with(shown, "«Delayed demand» → «Work resumed»") == [120]
    assert days_with(shown, "«Negotiation» → «Delayed demand»") == [0]
    assert "Пётр Сергеевич" in shown
    assert "letters sent: 2, tasks: 1, still planned: 0" in shown


@pytest.mark.rule("AUTO-6")
@pytest.mark.rule("DEAL-6")
def test_a_reply_stops_it(clock: Any) -> None:
    from django.utils import translation

    with translation.override("en"):
        shown = play(reply_on=75)
    assert days_with(shown, "Sent to ilyin@example.com") == [60]
    assert days_with(shown, "→ «Work resumed»") == [75]
    assert "letters sent: 1, tasks: 1, still planned: 0" in shown


@pytest.mark.rule("AUTO-6")
def test_it_takes_everything_back(clock: Any, mail_server: Any) -> None:
    play(days=65)
    for model in (Deal, Contact, User, TimelineEntry, Event):
        assert not model.objects.exists()
    assert mail_server.messages == []


@pytest.mark.rule("AUTO-6")
def test_a_real_deal_can_be_played_and_kept_where_the_clock_may_move(
    clock: Any, settings: Any, mail_server: Any
) -> None:
    owner = make_user()
    deal = make_deal(owner, stage="proposal_sent", contact=make_client(owner))
    with pytest.raises(CommandError, match="CLOCK_MOVABLE"):
        play(deal=deal.pk, keep=True)
    settings.CLOCK_MOVABLE = True
    play(deal=deal.pk, keep=True, send=True)
    assert Deal.objects.get(pk=deal.pk).stage == "deal:resumed"
    assert len(mail_server.messages) == 2


@pytest.mark.parametrize("options", [{"deal": 999}, {"days": 0}, {"days": 5000}])
def test_what_cannot_be_played_is_refused(clock: Any, options: dict[str, Any]) -> None:
    with pytest.raises(CommandError):
        play(**options)
