"""Letters that answer a refused request, and what becomes of leads on which nothing happens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Role
from automation import engine
from automation.models import Rule, RuleRun, ScheduledRun
from automation.services import rule_switch
from communications import outbox
from communications.models import Message
from communications.services import call_add
from crm.actors import Actor
from crm.exclusions import exclusions_keep
from crm.models import Activity, Notification, RefusalReason, TimelineEntry
from crm.services import activity_create, note_add
from crm.stages import Refusal, move
from crm.timeline import FORMATTERS, sentence
from leads.models import Lead
from leads.services import lead_create
from tests.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def head() -> Any:
    return make_user(Role.SALES_HEAD, last_name="Соколов")


@pytest.fixture
def owner(head: Any) -> Any:
    return make_user(last_name="Орлова", first_name="Анна", email="orlova@factory.example")


def some_lead(owner: Any, **data: Any) -> Lead:
    lead = lead_create(by=owner, data={"name": "Пётр", **data}, phones="89123456789")
    return Lead.objects.get(pk=lead.pk)


def refuse(lead: Lead, to: str, by: Any) -> None:
    reason = RefusalReason.objects.filter(stage=f"lead:{to}").first()
    move(lead, to, by=by, refusal=Refusal(reason and reason.pk, "Не наш профиль, объяснили клиенту"))


def told(lead: Lead, action: str) -> list[str]:
    rows = TimelineEntry.objects.filter(record_type="lead", record_id=lead.pk, action=action)
    return [sentence(entry) for entry in rows]


# -- letters of refusal -----------------------------------------------------------------------------------------------


@pytest.mark.rule("LEAD-9")
@pytest.mark.parametrize(
    ("stage", "words"), [("declined_by_us", "не можем за него взяться"), ("not_our_product", "мы не производим")]
)
def test_the_client_gets_the_matching_letter_once(
    clock: Any, head: Any, owner: Any, mail_server: Any, stage: str, words: str
) -> None:
    lead = some_lead(owner, email="petr@example.org")
    refuse(lead, stage, owner)
    outbox.send_due()
    assert mail_server.messages == []  # a mistake can still be taken back
    clock.travel(minutes=3)
    outbox.send_due()
    (letter,) = mail_server.messages
    assert (letter["To"], "orlova@factory.example" in letter["From"]) == ("petr@example.org", True)
    assert words in letter.get_body(("plain",)).get_content()
    assert "petr@example.org" in told(lead, "message_out")[0]
    engine.run_due()
    move(lead, "handed_over", by=head, reason="Клиент передумал")
    refuse(lead, stage, head)
    clock.travel(minutes=3)
    outbox.send_due()
    assert len(mail_server.messages) == 2  # another entry, another letter


@pytest.mark.rule("LEAD-9")
def test_a_move_that_is_taken_back_takes_the_letter_with_it(
    clock: Any, head: Any, owner: Any, mail_server: Any
) -> None:
    from crm import undo

    lead = some_lead(owner, email="petr@example.org")
    before = lead.stage
    refuse(lead, "not_our_product", owner)
    url = undo.offer_move(owner, lead, before, former=owner.pk)
    clock.travel(seconds=20)
    undo.undo(owner, url.rstrip("/").rpartition("/")[2])
    clock.travel(minutes=5)
    outbox.send_due()
    assert mail_server.messages == []
    assert Message.objects.get().state == "cancelled"


@pytest.mark.rule("LEAD-9")
def test_without_an_address_there_is_a_note_and_a_task(clock: Any, owner: Any) -> None:
    lead = some_lead(owner)
    refuse(lead, "declined_by_us", owner)
    assert not Message.objects.exists()
    task = Activity.objects.get()
    assert task.responsible == owner
    assert "письмо отправить не удалось" in task.title
    assert "вместо сообщения — задача" in told(lead, "rule_done")[0]


@pytest.mark.rule("LEAD-9")
@pytest.mark.rule("LEAD-15")
def test_an_excluded_address_gets_none_and_that_is_told(clock: Any, head: Any, owner: Any) -> None:
    exclusions_keep(kind="domain", values="example.org", reason="Просили не писать", by=head)
    lead = some_lead(owner, email="petr@example.org")
    refuse(lead, "declined_by_us", owner)
    assert not Message.objects.exists()
    assert not Activity.objects.exists()
    assert "petr@example.org" in told(lead, "rule_done")[0]


@pytest.mark.rule("LEAD-9")
def test_the_rule_can_be_switched_off_and_other_refusals_write_nothing(clock: Any, head: Any, owner: Any) -> None:
    refuse(some_lead(owner, email="petr@example.org"), "no_contact", owner)
    rule_switch(Rule.objects.get(code="lead_declined_letter"), is_active=False, by=head)
    lead = lead_create(by=owner, data={"name": "Пётр", "email": "a@example.org"})
    refuse(Lead.objects.get(pk=lead.pk), "declined_by_us", owner)
    assert not Message.objects.exists()


# -- leads that stand still -------------------------------------------------------------------------------------------


def days_pass(clock: Any, days: int) -> None:
    for _day in range(days):
        clock.travel(days=1)
        engine.plan_inactive()
        engine.run_due()


def bells(person: Any) -> int:
    return Notification.objects.filter(user=person, action="stands_still").count()


@pytest.fixture
def rules_from_now(clock: Any) -> None:
    """The migration has switched the rules on by the wall clock; here they are as old as the stopped one."""
    Rule.objects.filter(trigger="inactive").update(switched_on_at=clock.now() - timedelta(days=365))


@pytest.mark.rule("LEAD-18")
@pytest.mark.usefixtures("rules_from_now")
def test_a_silent_lead_is_shown_to_its_owner_then_to_the_head_then_closed(clock: Any, head: Any, owner: Any) -> None:
    lead = some_lead(owner)
    assert lead.stage == "lead:handed_over"
    days_pass(clock, 4)
    assert (bells(owner), bells(head)) == (0, 0)
    days_pass(clock, 4)  # day 5 is a Saturday, Monday is off for the 8th of March: on Tuesday
    assert (bells(owner), bells(head)) == (1, 0)
    assert "стоит без движения 5 дней" in sentence_of(owner)
    (task,) = Activity.objects.filter(record_id=lead.pk)
    assert task.responsible == owner
    days_pass(clock, 3)
    assert (bells(owner), bells(head)) == (1, 1)
    assert "Орлова" in sentence_of(head)
    assert Lead.objects.get(pk=lead.pk).stage == "lead:handed_over"
    days_pass(clock, 3)
    lead.refresh_from_db()
    assert lead.stage == "lead:stalled"
    assert lead.refusal_reason.name_ru == "Нет движения"
    assert "14 дней" in lead.refusal_comment
    days_pass(clock, 40)
    assert (bells(owner), bells(head), Activity.objects.count()) == (1, 1, 1)
    assert not RuleRun.objects.filter(is_ok=False).exists()


def sentence_of(person: Any) -> str:
    row = Notification.objects.get(user=person, action="stands_still")
    return FORMATTERS[row.action](row.data)


@pytest.mark.rule("LEAD-18")
@pytest.mark.usefixtures("rules_from_now")
@pytest.mark.parametrize("what", ["note", "call", "task", "edit"])
def test_any_activity_begins_the_count_anew(clock: Any, head: Any, owner: Any, what: str) -> None:
    from leads.services import lead_update

    lead = some_lead(owner)
    days_pass(clock, 12)
    match what:
        case "note":
            note_add(lead, text="Говорили с клиентом", by=owner)
        case "call":
            call_add(lead, direction="in", by=Actor.system(), phone="+79123456789")
        case "edit":
            lead_update(lead, by=owner, data={"city": "Тверь"})
        case "task":
            later = clock.now() + timedelta(days=5)
            activity_create(lead, title="Перезвонить", due_at=later, responsible=owner, by=owner)
    days_pass(clock, 9)
    assert Lead.objects.get(pk=lead.pk).is_open
    days_pass(clock, 12)
    assert not Lead.objects.get(pk=lead.pk).is_open


@pytest.mark.rule("LEAD-18")
@pytest.mark.usefixtures("rules_from_now")
def test_a_step_planned_for_later_is_no_silence(clock: Any, head: Any, owner: Any) -> None:
    lead = some_lead(owner)
    later = clock.now() + timedelta(days=60)
    activity_create(lead, title="Перезвонить после отпуска", due_at=later, responsible=owner, by=owner)
    days_pass(clock, 59)
    assert (Lead.objects.get(pk=lead.pk).is_open, bells(owner)) == (True, 0)


@pytest.mark.rule("LEAD-18")
def test_the_first_start_over_old_data_sets_off_no_flood(clock: Any, head: Any, owner: Any) -> None:
    for number in range(8):
        lead_create(by=owner, data={"name": f"Старый {number}"}, phones=f"8912000000{number}")
    clock.travel(days=200)
    for rule in Rule.objects.filter(trigger="inactive"):  # switched on today, over leads silent for 200 days
        rule.switched_on_at, rule.params = clock.now(), {**rule.params, "per_day": 3}
        rule.save()
    days_pass(clock, 4)
    assert (bells(owner), Lead.objects.filter(stage="lead:stalled").count()) == (0, 0)
    days_pass(clock, 10)
    told_a_day = Notification.objects.filter(user=owner).values_list("created_at__date", flat=True)
    assert max(list(told_a_day).count(day) for day in told_a_day) <= 3
    days_pass(clock, 30)
    assert bells(owner) == 8  # each once
    assert Lead.objects.filter(stage="lead:stalled").count() == 8


@pytest.mark.rule("LEAD-18")
@pytest.mark.usefixtures("rules_from_now")
def test_what_was_planned_is_given_up_when_something_happens_first(clock: Any, head: Any, owner: Any) -> None:
    lead = some_lead(owner)
    clock.travel(days=5, hours=8)  # Saturday evening: it waits for Tuesday, Monday is a holiday
    engine.plan_inactive()
    engine.plan_inactive()
    run = ScheduledRun.objects.get(rule__code="lead_silent_responsible")
    note_add(lead, text="Клиент думает", by=owner)
    clock.travel(days=3)
    engine.run_due()
    run.refresh_from_db()
    assert (run.state, bells(owner)) == ("cancelled", 0)


@pytest.mark.rule("LEAD-18")
@pytest.mark.usefixtures("rules_from_now")
def test_a_closed_lead_and_a_rule_that_is_off_are_left_alone(clock: Any, head: Any, owner: Any) -> None:
    refuse(some_lead(owner), "no_contact", owner)
    Rule.objects.filter(trigger="inactive").update(is_active=False)
    lead_create(by=owner, data={"name": "Пётр"}, phones="89120000001")
    days_pass(clock, 30)
    assert not ScheduledRun.objects.exists()


@pytest.mark.rule("LEAD-18")
@pytest.mark.usefixtures("rules_from_now")
def test_the_card_says_what_silence_is_going_to_bring(clock: Any, client: Any, head: Any, owner: Any) -> None:
    from django.urls import reverse

    lead = some_lead(owner)
    client.force_login(owner)
    url = reverse("record-planned", args=["lead", lead.pk])
    page = client.get(url).content.decode()
    assert page.count("если ничего не произойдёт") == 3
    assert "Лид без движения: в зависшие" in page
    later = clock.now() + timedelta(days=5)
    activity_create(lead, title="Перезвонить", due_at=later, responsible=owner, by=owner)
    assert "если ничего не произойдёт" not in client.get(url).content.decode()
