"""Delayed demand from end to end: into it, sixty, thirty and thirty days of it, and every way out."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from automation import engine
from automation.models import RuleRun, ScheduledRun
from automation.selectors import planned_for
from communications import outbox
from communications.models import Message
from communications.services import call_add, message_received
from crm import preferences
from crm.models import Activity, CalendarDay, StageHistory, TimelineEntry
from crm.stages import move
from deals.models import Deal
from deals.services import deal_update
from tests.factories import make_client, make_company, make_deal, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_days_off(db: None) -> None:
    """Days are counted here as if nobody ever rested; test_working_hours.py has the nights and the weekends."""
    preferences.set_value("working_days", [1, 2, 3, 4, 5, 6, 7])
    CalendarDay.objects.all().delete()


NEAR, FAR = date(2026, 9, 2), date(2026, 9, 3)  # the clock stands at 2 March 2026


@pytest.fixture
def owner() -> Any:
    return make_user(last_name="Орлова", first_name="Анна", email="orlova@factory.example")


@pytest.fixture
def client(owner: Any) -> Any:
    return make_client(owner, first_name="Пётр", patronymic="Ильич", email="petr@example.org")


def waiting(owner: Any, **data: Any) -> Deal:
    return make_deal(owner, stage="delayed_demand", construction_start=date(2027, 6, 1), **data)


def day_passes(clock: Any, days: int = 1) -> None:
    for _day in range(days):
        clock.travel(days=1)
        engine.run_due()
        outbox.send_due()


@pytest.mark.rule("DEAL-4", "PIPE-5")
def test_a_date_given_with_the_move_is_the_business_of_the_stages_rule(clock: Any, owner: Any, client: Any) -> None:
    deal = make_deal(owner, stage="proposal_sent", contact=client, amount=5, purpose_id="warehouse")
    move(deal, "negotiation", by=owner, data={"construction_start": FAR})
    assert Deal.objects.get(pk=deal.pk).stage == "deal:delayed_demand"
    moved = StageHistory.objects.get(record_type="deal", record_id=deal.pk, to_stage="deal:delayed_demand")
    ran = [run.rule for run in RuleRun.objects.filter(record_type="deal", record_id=deal.pk, is_ok=True)]
    assert "field_changed" not in {rule.trigger for rule in ran}
    assert moved.actor_name in {rule.name for rule in ran if rule.trigger == "stage_entered"}


def tasks(deal: Deal) -> list[Activity]:
    return list(Activity.objects.filter(record_type="deal", record_id=deal.pk))


# -- into it ----------------------------------------------------------------------------------------------------------


@pytest.mark.rule("DEAL-4")
@pytest.mark.parametrize(("start", "stage"), [(NEAR, "deal:negotiation"), (FAR, "deal:delayed_demand")])
def test_a_far_start_sends_a_deal_from_negotiation_to_delayed_demand(
    clock: Any, owner: Any, start: date, stage: str
) -> None:
    deal = make_deal(owner, stage="proposal_sent", amount=5, construction_start=start)
    move(deal, "negotiation", by=owner)
    deal.refresh_from_db()
    assert deal.stage == stage


@pytest.mark.rule("DEAL-4")
def test_changing_the_date_while_negotiating_does_the_same(clock: Any, owner: Any) -> None:
    deal = make_deal(owner, stage="negotiation", construction_start=NEAR)
    deal_update(deal, by=owner, data={"construction_start": date(2026, 8, 1)})
    assert Deal.objects.get(pk=deal.pk).stage == "deal:negotiation"
    deal_update(deal, by=owner, data={"construction_start": FAR})
    assert Deal.objects.get(pk=deal.pk).stage == "deal:delayed_demand"
    entry = TimelineEntry.objects.filter(record_type="deal", record_id=deal.pk, action="stage").first()
    assert entry is not None
    assert (entry.actor_kind, entry.actor_name) == ("robot", "Срок строительства сдвинулся: отложенный спрос")


@pytest.mark.rule("DEAL-4")
def test_at_another_stage_a_far_date_moves_nothing(clock: Any, owner: Any) -> None:
    deal = make_deal(owner, stage="proposal_sent")
    deal_update(deal, by=owner, data={"construction_start": FAR})
    assert Deal.objects.get(pk=deal.pk).stage == "deal:proposal_sent"


@pytest.mark.rule("DEAL-4")
def test_the_months_come_from_the_settings(clock: Any, owner: Any) -> None:
    preferences.set_value("delayed_demand_months", 7)
    deal = make_deal(owner, stage="negotiation", construction_start=FAR)
    assert Deal.objects.get(pk=deal.pk).stage == "deal:negotiation"


@pytest.mark.rule("DEAL-4")
def test_the_day_is_the_companys_not_utcs(owner: Any) -> None:
    from crm.clock import frozen

    # 22:30 UTC on 2 March is 3 March in Moscow: six months on is 3 September, which is not far then.
    with frozen(datetime(2026, 3, 2, 22, 30, tzinfo=UTC)):
        deal = make_deal(owner, stage="negotiation", construction_start=FAR)
        assert Deal.objects.get(pk=deal.pk).stage == "deal:negotiation"


# -- sixty, thirty, thirty --------------------------------------------------------------------------------------------


@pytest.mark.rule("DEAL-5")
@pytest.mark.rule("DEAL-7")
def test_two_letters_then_a_call_and_back_to_work(clock: Any, owner: Any, client: Any, mail_server: Any) -> None:
    deal = waiting(owner, contact=client)
    day_passes(clock, 59)
    assert mail_server.messages == []
    day_passes(clock)
    assert len(mail_server.messages) == 1
    letter = mail_server.messages[0]
    assert letter["To"] == "petr@example.org"
    assert "orlova@factory.example" in letter["From"]
    assert "Пётр Ильич" in letter.get_body(("plain",)).get_content()
    assert deal.title in letter["Subject"]
    day_passes(clock, 29)
    assert len(mail_server.messages) == 1
    day_passes(clock)
    assert len(mail_server.messages) == 2
    assert tasks(deal) == []
    day_passes(clock, 29)
    assert Deal.objects.get(pk=deal.pk).stage == "deal:delayed_demand"
    day_passes(clock)
    assert Deal.objects.get(pk=deal.pk).stage == "deal:resumed"
    (task,) = tasks(deal)
    assert (task.kind, task.responsible) == ("call", owner)
    day_passes(clock, 200)
    assert len(mail_server.messages) == 2
    assert len(tasks(deal)) == 1
    assert Message.objects.filter(state="sent").count() == 2


@pytest.mark.rule("DEAL-5")
def test_steps_are_due_at_the_same_time_on_the_companys_clock(clock: Any, owner: Any) -> None:
    preferences.set_value("company_time_zone", "Europe/Berlin")  # summer time begins on 29 March
    steps = planned_for(waiting(owner))
    assert [step.due_at for step in steps] == [
        datetime(2026, 5, 1, 8, 0, tzinfo=UTC),
        datetime(2026, 5, 31, 8, 0, tzinfo=UTC),
        datetime(2026, 6, 30, 8, 0, tzinfo=UTC),
    ]


@pytest.mark.rule("DEAL-5")
def test_the_days_come_from_the_settings_and_move_what_is_planned(clock: Any, owner: Any) -> None:
    from automation.services import replan

    deal = waiting(owner)
    preferences.set_value("delayed_demand_days", [10, 10, 10])
    assert replan() == 3
    days = [(step.due_at - clock.start).days for step in planned_for(deal)]
    assert days == [10, 20, 30]


@pytest.mark.rule("DEAL-5")
@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"messages_consent": False}, "No consent."),
        ({"preferred_channel": "telegram", "messages_consent": True, "no_email": True}, "no connected channel"),
    ],
)
def test_without_consent_or_channel_the_responsible_gets_a_task_instead(
    clock: Any, owner: Any, mail_server: Any, settings: Any, changes: dict[str, Any], why: str
) -> None:
    settings.LANGUAGE_CODE = "en"
    no_email = changes.pop("no_email", False)
    contact = make_client(owner, **changes)
    if no_email:
        from crm.models import ContactPoint

        ContactPoint.objects.filter(record_type="contact", record_id=contact.pk).delete()
        type(contact).objects.filter(pk=contact.pk).update(email="")
    deal = waiting(owner, contact=contact)
    day_passes(clock, 60)
    assert mail_server.messages == []
    (task,) = tasks(deal)
    assert why in task.text


@pytest.mark.rule("DEAL-5")
def test_a_channel_that_is_not_connected_falls_back_to_e_mail(clock: Any, owner: Any, mail_server: Any) -> None:
    deal = waiting(owner, contact=make_client(owner, preferred_channel="telegram"))
    day_passes(clock, 60)
    assert len(mail_server.messages) == 1
    assert tasks(deal) == []


@pytest.mark.rule("DEAL-5")
def test_an_excluded_address_is_not_written_to(clock: Any, owner: Any, mail_server: Any) -> None:
    from crm.models import Exclusion

    Exclusion.objects.create(kind="domain", value="example.org", reason="просили не писать")
    deal = waiting(owner, contact=make_client(owner))
    day_passes(clock, 60)
    assert mail_server.messages == []
    assert len(tasks(deal)) == 1


@pytest.mark.rule("DEAL-5")
def test_a_deal_without_a_person_at_work_gives_the_task_to_the_sales_head(clock: Any, owner: Any) -> None:
    head = make_user("sales_head")
    deal = waiting(owner)
    type(owner).objects.filter(pk=owner.pk).update(is_active=False)
    day_passes(clock, 60)
    (task,) = tasks(deal)
    assert task.responsible == head


# -- every way out ----------------------------------------------------------------------------------------------------


def writes(deal: Deal, client: Any) -> None:
    message_received(
        record=client, channel="email", address="petr@example.org", text="Снова актуально", by=owner_of(deal)
    )


def calls(deal: Deal, client: Any) -> None:
    call_add(client, direction="in", phone="+79161234567", is_missed=True, by=owner_of(deal))


def messages(deal: Deal, client: Any) -> None:
    message_received(record=deal, channel="telegram", address="@petr", text="Привет", by=owner_of(deal))


def owner_of(deal: Deal) -> Any:
    return deal.responsible


@pytest.mark.rule("DEAL-6")
@pytest.mark.rule("DEAL-7")
@pytest.mark.parametrize("contacts", [writes, calls, messages])
@pytest.mark.parametrize("day", [0, 59, 75, 119])
def test_the_clients_contact_stops_everything_and_resumes_the_deal(
    clock: Any, owner: Any, client: Any, mail_server: Any, contacts: Any, day: int
) -> None:
    deal = waiting(owner, contact=client)
    day_passes(clock, day)
    before = len(mail_server.messages)
    clock.travel(hours=1)
    contacts(deal, client)
    assert Deal.objects.get(pk=deal.pk).stage == "deal:resumed"
    assert planned_for(deal) == []
    day_passes(clock, 150)
    assert len(mail_server.messages) == before
    assert len(tasks(deal)) == 1


@pytest.mark.rule("DEAL-6")
def test_a_colleague_of_the_contact_counts_as_the_client(clock: Any, owner: Any) -> None:
    company = make_company(owner)
    first, colleague = make_client(owner, company=company), make_client(owner, company=company)
    deal = waiting(owner, contact=first, company=company)
    clock.travel(days=5)
    call_add(colleague, direction="in", by=owner)
    assert Deal.objects.get(pk=deal.pk).stage == "deal:resumed"


@pytest.mark.rule("DEAL-6")
def test_a_stranger_an_auto_reply_and_our_own_call_change_nothing(clock: Any, owner: Any, client: Any) -> None:
    deal = waiting(owner, contact=client)
    clock.travel(days=5)
    call_add(make_client(owner), direction="in", by=owner)
    call_add(client, direction="out", by=owner)
    message_received(
        record=client, channel="email", address="petr@example.org", text="Я в отпуске", by=owner, is_automatic=True
    )
    assert Deal.objects.get(pk=deal.pk).stage == "deal:delayed_demand"
    assert len(planned_for(deal)) == 3


@pytest.mark.rule("DEAL-6")
def test_moving_the_deal_out_by_hand_stops_everything(clock: Any, owner: Any, client: Any, mail_server: Any) -> None:
    deal = waiting(owner, contact=client)
    day_passes(clock, 30)
    move(deal, "resumed", by=owner)
    day_passes(clock, 150)
    assert mail_server.messages == []
    assert set(ScheduledRun.objects.values_list("state", flat=True)) == {"cancelled"}


@pytest.mark.rule("DEAL-6")
def test_a_letter_that_waits_for_the_mail_server_is_taken_back(
    clock: Any, owner: Any, client: Any, mail_server: Any
) -> None:
    waiting(owner, contact=client)
    mail_server.refuse = "451 try later"
    day_passes(clock, 60)
    assert Message.objects.get().state == "queued"
    call_add(client, direction="in", by=owner)
    mail_server.refuse = None
    day_passes(clock, 5)
    assert mail_server.messages == []
    assert Message.objects.get().state == "cancelled"


@pytest.mark.rule("DEAL-5")
def test_coming_back_begins_a_new_count(clock: Any, owner: Any, client: Any, mail_server: Any) -> None:
    deal = waiting(owner, contact=client)
    day_passes(clock, 50)
    move(deal, "resumed", by=owner)
    move(deal, "delayed_demand", by=owner)
    day_passes(clock, 59)
    assert mail_server.messages == []
    day_passes(clock)
    assert len(mail_server.messages) == 1


@pytest.mark.rule("DEAL-6")
def test_leaving_and_returning_at_one_moment_is_still_two_entries(clock: Any, owner: Any, client: Any) -> None:
    deal = waiting(owner, contact=client)
    first = {step.pk for step in planned_for(deal)}
    move(deal, "resumed", by=owner)
    move(deal, "delayed_demand", by=owner)
    second = planned_for(deal)
    assert len(second) == 3
    assert first.isdisjoint(step.pk for step in second)


# -- exactly once, and not too late -----------------------------------------------------------------------------------


@pytest.mark.rule("AUTO-2")
def test_a_run_whose_worker_died_is_done_once_later(clock: Any, owner: Any, client: Any, mail_server: Any) -> None:
    deal = waiting(owner, contact=client)
    run = planned_for(deal)[0]
    clock.travel(days=60)
    ScheduledRun.objects.filter(pk=run.pk).update(state="running", claimed_at=clock.now(), attempts=1)
    engine.run_due()
    assert Message.objects.count() == 0  # the lease still runs: somebody may be at it
    clock.travel(minutes=11)
    engine.run_due()
    outbox.send_due()
    engine.run_due()
    outbox.send_due()
    assert len(mail_server.messages) == 1
    run.refresh_from_db()
    assert (run.state, run.attempts) == ("done", 2)


@pytest.mark.rule("AUTO-2")
def test_a_worker_that_wakes_after_its_lease_leaves_no_trace(clock: Any, owner: Any, client: Any) -> None:
    deal = waiting(owner, contact=client)
    run = planned_for(deal)[0]
    clock.travel(days=60)
    ScheduledRun.objects.filter(pk=run.pk).update(state="running", claimed_at=clock.now(), attempts=1)
    stale = ScheduledRun.objects.select_related("rule__pipeline").get(pk=run.pk)
    ScheduledRun.objects.filter(pk=run.pk).update(attempts=2)  # another worker took it over
    with pytest.raises(engine.Lost):
        engine._close(stale, "done", "")
    engine.carry_out(run.pk)
    assert Message.objects.count() == 1


@pytest.mark.rule("AUTO-2")
def test_letters_that_are_more_than_a_week_late_are_missed_not_sent_in_a_flood(
    clock: Any, owner: Any, client: Any, mail_server: Any
) -> None:
    deals = [waiting(owner, contact=client) for _number in range(3)]
    clock.travel(days=100)
    engine.run_due()
    outbox.send_due()
    assert mail_server.messages == []
    assert ScheduledRun.objects.filter(state="missed").count() == 6
    assert RuleRun.objects.filter(outcome="missed", record_id=deals[0].pk).count() == 2
    # The call is worth making late too: a deal must not wait for ever because the server was off on one day.
    clock.travel(days=40)
    engine.run_due()
    assert {Deal.objects.get(pk=deal.pk).stage for deal in deals} == {"deal:resumed"}


@pytest.mark.rule("DEAL-7")
def test_every_entry_into_resumed_makes_one_task(clock: Any, owner: Any, client: Any) -> None:
    deal = waiting(owner, contact=client)
    for _time in range(2):
        clock.travel(days=1)
        move(deal, "resumed", by=owner)
        clock.travel(days=1)
        move(deal, "delayed_demand", by=owner)
    assert len(tasks(deal)) == 2
    assert StageHistory.objects.filter(record_id=deal.pk, to_stage="deal:resumed").count() == 2


@pytest.mark.rule("DEAL-5")
@pytest.mark.rule("DEAL-6")
def test_a_partners_twin_is_left_to_the_partner(clock: Any, owner: Any, client: Any) -> None:
    from crm.actors import Actor
    from deals.services import deal_create

    partner = make_user("partner")
    twin = deal_create(
        by=Actor.system(),
        data={"contact": client, "responsible": partner},
        pipeline="partner_deal",
        partner=partner.partner,
    )
    call_add(client, direction="in", by=owner)
    twin.refresh_from_db()
    assert twin.stage_row.is_start
    assert not ScheduledRun.objects.exists()
