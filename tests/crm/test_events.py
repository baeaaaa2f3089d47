"""The outbox of events: nothing is lost, nothing runs twice, chains end."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction

from crm import clock, events, services
from crm.models import Event, TimelineEntry
from deals.models import Deal
from tests.factories import make_user

pytestmark = pytest.mark.django_db
MOMENT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An event "test" with two handlers; the second fails while `heard` holds "fail"."""
    log: list[str] = []

    def first(event: Event) -> None:
        log.append("first")

    def second(event: Event) -> None:
        if "fail" in log:
            raise RuntimeError("the second handler is broken")
        log.append("second")

    monkeypatch.setitem(events.HANDLERS, "test", [("first", first), ("second", second)])
    return log


@pytest.fixture
def deal() -> Deal:
    owner = make_user()
    return services.record_create(Deal, data={"title": "Ангар", "responsible": owner}, by=owner, pipeline="deal")


def test_handlers_run_after_the_commit_and_not_before(heard: list[str], deal: Deal) -> None:
    with transaction.atomic():
        event = events.publish("test", deal, deal.responsible)
        assert heard == []
    assert heard == ["first", "second"]
    assert event is not None
    assert Event.objects.get(pk=event.pk).state == "done"


def test_a_rolled_back_change_is_never_heard_of(heard: list[str], deal: Deal) -> None:
    def fail() -> None:
        with transaction.atomic():
            events.publish("test", deal, deal.responsible)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert heard == []
    assert not Event.objects.filter(name="test").exists()


@pytest.mark.rule("AUTO-3")
def test_a_failed_handler_is_retried_later_and_the_others_do_not_run_again(heard: list[str], deal: Deal) -> None:
    heard.append("fail")
    with clock.frozen(MOMENT):
        event = events.publish("test", deal, deal.responsible)
        assert event is not None
        row = Event.objects.get(pk=event.pk)
        assert (row.state, row.attempts, row.done_handlers) == ("pending", 1, ["first"])
        assert "the second handler is broken" in row.error
        heard.remove("fail")
        assert events.dispatch_due() == 0, "not before its time"
        clock.travel(minutes=1)
        assert events.dispatch_due() == 1
    assert heard == ["first", "second"]


@pytest.mark.rule("AUTO-3")
def test_it_gives_up_after_eight_attempts_and_keeps_the_error(heard: list[str], deal: Deal) -> None:
    heard.append("fail")
    with clock.frozen(MOMENT):
        event = events.publish("test", deal, deal.responsible)
        assert event is not None
        for _attempt in range(10):
            clock.travel(days=1)
            events.dispatch_due()
    row = Event.objects.get(pk=event.pk)
    assert (row.state, row.attempts) == ("failed", events.MAX_ATTEMPTS)


def test_an_event_of_a_killed_process_is_taken_up_once_its_lease_ends(heard: list[str], deal: Deal) -> None:
    with clock.frozen(MOMENT):
        event = Event.objects.create(
            record_type="deal",
            record_id=deal.pk,
            name="test",
            state="running",
            claimed_at=MOMENT,
            done_handlers=["first"],
        )
        assert events.dispatch_due() == 0
        clock.travel(minutes=3)
        assert events.dispatch_due() == 1
    assert heard == ["second"]
    assert Event.objects.get(pk=event.pk).state == "done"


def test_an_event_is_taken_once_however_long_its_transaction_lasted(heard: list[str], deal: Deal) -> None:
    with clock.frozen(MOMENT):
        with transaction.atomic():
            event = events.publish("test", deal, deal.responsible)
            assert event is not None
            clock.travel(minutes=10)
        assert heard == ["first", "second"]
        with transaction.atomic():
            other = events.publish("test", deal, deal.responsible)
            assert other is not None
            clock.travel(minutes=10)
            Event.objects.filter(pk=other.pk).update(claimed_at=clock.now())  # another process has taken it over
        assert heard == ["first", "second"]


@pytest.mark.rule("AUTO-4")
def test_a_loop_of_rules_is_cut_and_reported(monkeypatch: pytest.MonkeyPatch, deal: Deal) -> None:
    runs: list[int] = []

    def again(event: Event) -> None:
        runs.append(event.depth)
        events.publish("loop", deal, deal.responsible)

    monkeypatch.setitem(events.HANDLERS, "loop", [("again", again)])
    events.publish("loop", deal, deal.responsible)
    assert len(runs) == events.MAX_DEPTH
    entry: Any = TimelineEntry.objects.filter(record_type="deal", record_id=deal.pk, action="robot_note").first()
    assert entry is not None


def test_silence_publishes_nothing(heard: list[str], deal: Deal) -> None:
    with events.silence():
        assert events.publish("test", deal, deal.responsible) is None
    assert heard == []
