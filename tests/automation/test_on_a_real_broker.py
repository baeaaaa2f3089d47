"""What is due is carried out by a real worker that takes its ticks from a real broker."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from automation.models import ScheduledRun
from automation.tasks import run_due
from communications.models import Message
from communications.tasks import send_outbox
from crm.models import Event
from crm.tasks import dispatch_events, run_nightly
from deals.models import Deal
from tests.factories import make_client, make_deal, make_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.rule("AUTO-2")
@pytest.mark.rule("DEAL-5")
def test_a_reminder_goes_from_row_to_letter_through_the_worker(
    running_worker: Any, mail_server: Any, wait_until: Any
) -> None:
    owner = make_user()
    deal = make_deal(owner, stage="delayed_demand", contact=make_client(owner, email="petr@example.org"))
    first = ScheduledRun.objects.filter(record_id=deal.pk).order_by("due_at").first()
    assert first is not None
    from crm import clock

    ScheduledRun.objects.filter(pk=first.pk).update(due_at=clock.now())
    for _tick in range(3):  # a tick that comes twice does nothing twice
        run_due.delay()
    wait_until(lambda: Message.objects.filter(state="queued").exists(), what="the reminder in the outbox")
    for _tick in range(3):
        send_outbox.delay()
    wait_until(lambda: Message.objects.filter(state="sent").exists(), what="the letter")
    assert [letter["To"] for letter in mail_server.messages] == ["petr@example.org"]
    assert ScheduledRun.objects.filter(state="done").count() == 1


@pytest.mark.rule("AUTO-2")
def test_events_that_a_dead_process_left_are_taken_up_by_the_tick(running_worker: Any, wait_until: Any) -> None:
    owner = make_user()
    deal = make_deal(owner, stage="delayed_demand")
    ScheduledRun.objects.all().delete()
    entered = Event.objects.filter(name="stage_changed", record_type="deal", record_id=deal.pk)
    # As a process leaves it that was killed while handling: claimed long ago, nothing done.
    entered.update(state="running", claimed_at=datetime(2026, 1, 1, tzinfo=UTC), done_handlers=[])
    dispatch_events.delay()
    wait_until(lambda: ScheduledRun.objects.count() == 3, what="the plan of delayed demand")


def test_the_work_of_the_night_runs_in_the_worker(running_worker: Any, wait_until: Any) -> None:
    owner = make_user()
    contact = make_client(owner)
    type(contact).objects.filter(pk=contact.pk).update(last_activity_at=datetime(2020, 1, 1, tzinfo=UTC))
    run_nightly.delay()
    asleep = type(contact).objects.filter(stage="contact:dormant")
    wait_until(asleep.exists, what="a client falling asleep")
    assert not Deal.objects.exists()
