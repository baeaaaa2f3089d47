"""What passes between our people and a client beside the product's own channels: noted by hand, written from a card."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import Role, User
from automation.models import Rule, ScheduledRun
from automation.rule_services import rule_save
from automation.trial import rule_try
from communications.models import Call, Message, MessageTemplate
from communications.services import call_add, contact_note
from crm import pipelines, timeline
from crm.errors import InvalidInput
from crm.exclusions import exclusion_add
from crm.models import Activity
from deals.models import Deal
from leads.services import lead_create
from tests.api.conftest import Caller
from tests.factories import make_client, make_company, make_deal, make_user

pytestmark = pytest.mark.django_db
HTMX = {"headers": {"HX-Request": "true", "HX-Target": "dialog-body"}}


@pytest.fixture
def owner(clock: Any) -> User:
    make_user(Role.SALES_HEAD)
    return make_user(language="ru")


@pytest.fixture
def deal(owner: User) -> Deal:
    """It waits in the delayed demand, with its three reminders planned."""
    company = make_company(owner, email="office@veter.example")
    contact = make_client(owner, email="petr@example.org", company=company)
    made: Deal = make_deal(owner, contact=contact, company=company, stage="delayed_demand")
    return made


def stage_of(deal: Deal) -> str:
    return Deal.objects.get(pk=deal.pk).stage


def planned(deal: Deal) -> int:
    return ScheduledRun.objects.filter(record_type="deal", record_id=deal.pk, state="scheduled").count()


def call_backs() -> Any:
    return Activity.objects.filter(key__startswith="call_back:").order_by("pk")


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.rule("DEAL-6", "ACT-1")
def test_a_call_to_a_managers_own_phone_stops_the_reminders_once_it_is_noted(owner: User, deal: Deal) -> None:
    page = signed_in(owner)
    card = page.get(deal.get_absolute_url()).content.decode()
    assert "composer-contact" in card
    url = f"/client-contact/deal/{deal.pk}/"
    said = page.post(url, {"way": "call_out", "text": "Договорились созвониться"}, **HTMX)
    assert (said.status_code, stage_of(deal), planned(deal)) == (200, "deal:delayed_demand", 3)
    silent = page.post(url, {"way": "call_in"}, **HTMX)
    assert (silent.status_code, silent["HX-Retarget"], stage_of(deal)) == (
        422, "#composer-contact", "deal:delayed_demand",
    )  # fmt: skip
    page.post(url, {"way": "call_in", "text": "Снова актуально"}, **HTMX)
    assert (stage_of(deal), planned(deal)) == ("deal:resumed", 0)
    assert "Снова актуально" in str([timeline.sentence(row) for row in timeline.entries_for(deal, owner)])


@pytest.mark.rule("DEAL-6")
@pytest.mark.parametrize("way", ["call_missed", "message", "letter", "meeting"])
def test_every_way_in_which_a_client_comes_counts(owner: User, deal: Deal, way: str) -> None:
    contact_note(deal.contact, way=way, by=owner, text="" if way == "call_missed" else "Был разговор")
    assert stage_of(deal) == "deal:resumed"


@pytest.mark.rule("ACC-1")
def test_strangers_note_nothing_and_nonsense_is_named(owner: User, deal: Deal) -> None:
    for user in (make_user(), make_user(Role.PARTNER)):
        for path in (f"/client-contact/deal/{deal.pk}/", f"/client-letter/deal/{deal.pk}/"):
            assert signed_in(user).post(path, {"way": "call_in", "text": "x"}).status_code == 404
        letter = {"address": "petr@example.org", "subject": "x", "text": "x"}
        bodies = {"talks": {"way": "meeting", "text": "x"}, "letters": letter, "letter-proposal": {"template": "quote"}}
        for call, body in bodies.items():
            assert Caller(user).post(f"deals/{deal.pk}/{call}/", body).status_code == 404, call
    with pytest.raises(InvalidInput):
        contact_note(deal, way="telepathy", by=owner, text="Думал о нас")
    assert Caller(owner).post(f"deals/{deal.pk}/talks/", {"way": "telepathy"}).status_code == 400
    assert Caller(owner).post(f"deals/{deal.pk}/talks/", {"way": "meeting"}).status_code == 400
    assert not Call.objects.exists()


@pytest.mark.rule("AUTO-1", "ACT-1")
def test_a_missed_call_makes_one_task_on_the_record_where_the_work_goes_on(owner: User, clock: Any) -> None:
    company = make_company(owner)
    client, colleague = make_client(owner, company=company), make_client(owner, company=company)
    older, newer = make_deal(owner, contact=client, company=company), make_deal(owner, contact=client, company=company)
    call_add(client, direction="in", phone="+79161234567", by=owner)
    assert not call_backs().exists()  # answered
    call_add(client, direction="in", phone="+79161234567", is_missed=True, by=owner)
    call_add(colleague, direction="in", phone="+79160000000", is_missed=True, by=owner)
    (task,) = call_backs()
    assert (task.record, task.responsible, task.kind) == (newer, owner, "call")
    assert "+79161234567" in task.text
    assert older.pk != newer.pk
    waiting = make_deal(owner, contact=client, stage="delayed_demand")
    call_add(waiting, direction="in", is_missed=True, by=owner)
    asked = Activity.objects.undone().filter(record_type="deal", record_id=waiting.pk)
    assert (Deal.objects.get(pk=waiting.pk).stage, asked.count()) == ("deal:resumed", 1)  # one task, not two (DEAL-7)
    Activity.objects.filter(pk=asked.get().pk).update(done_at=clock.now())
    Activity.objects.filter(pk=task.pk).update(done_at=clock.now())
    call_add(client, direction="in", is_missed=True, by=owner)
    assert call_backs().count() == 2  # the first was done: the client waits again


@pytest.mark.rule("AUTO-1")
def test_a_missed_call_of_somebody_without_a_deal_is_not_lost(owner: User) -> None:
    client = make_client(owner)
    call_add(client, direction="in", is_missed=True, by=owner)
    lead = lead_create(by=owner, data={"name": "Анна Ким", "responsible": owner})
    call_add(lead, direction="in", phone="+79161112233", is_missed=True, by=owner)
    assert [task.record for task in call_backs()] == [client, lead]


@pytest.mark.rule("AUTO-1", "AUTO-5")
def test_a_robot_may_wait_for_one_way_of_contact_alone(owner: User, clock: Any) -> None:
    head = User.objects.get(role=Role.SALES_HEAD)
    rule = rule_save(
        Rule(), by=head,
        data={
            "name_ru": "Написал", "pipeline": pipelines.catalogue().pipelines["deal"], "trigger": "client_contact",
            "ways": ["message", "letter"], "action": "create_task", "params": {"title_ru": "Ответить"},
        },
    )  # fmt: skip
    deal = make_deal(owner, contact=make_client(owner))
    contact_note(deal, way="call_in", by=owner, text="Спросил цену")
    assert not Activity.objects.filter(title="Ответить").exists()
    contact_note(deal, way="message", by=owner, text="Прислал план")
    assert Activity.objects.filter(title="Ответить").count() == 1
    clock.travel(days=1)
    assert rule_try(rule, head, days=30).occasions == 1
    with pytest.raises(InvalidInput) as refused:
        rule_save(rule, by=head, data={"ways": ["smoke"]})
    assert refused.value.errors[0]["pointer"] == "/ways"
    answer = Caller(head).patch(f"rules/{rule.pk}/", {"ways": ["missed_call"]})
    assert "никто не берёт" in answer.json()["sentence"]
    assert rule_save(rule, by=head, data={"ways": list(Rule.Way.values)}).ways == []


@pytest.mark.rule("ACT-1", "COM-1")
def test_a_letter_is_begun_by_a_template_and_finished_by_a_person(owner: User, deal: Deal) -> None:
    MessageTemplate.objects.create(
        code="own", name_ru="Своё", name_en="Own", subject="О проекте", text="{contact}, начнём {construction_start}?"
    )
    page, url = signed_in(owner), f"/client-letter/deal/{deal.pk}/"
    assert "petr@example.org" in page.get(url, **HTMX).content.decode()
    words = {"letter-address": "petr@example.org", "letter-template": "own"}
    filled = page.post(url, {**words, "fill": "1"}, **HTMX)
    assert "Иван, начнём {construction_start}?" in filled.content.decode()
    assert "планируемое начало строительства" in filled.content.decode()  # what is to be filled in by hand
    text = {**words, "letter-subject": "О проекте", "letter-text": "Иван, начнём {construction_start}?"}
    assert page.post(url, text, **HTMX).status_code == 422
    assert not Message.objects.exists()
    text["letter-text"] = "Иван, начнём 1 июня?"
    assert [page.post(url, text, **HTMX).status_code for _press in range(2)] == [204, 204]
    (letter,) = Message.objects.all()
    assert (letter.address, letter.text, letter.created_by) == ("petr@example.org", "Иван, начнём 1 июня?", owner)


@pytest.mark.rule("COM-1", "DATA-3")
def test_a_letter_goes_to_the_clients_addresses_alone(owner: User, deal: Deal) -> None:
    api, path = Caller(owner), f"deals/{deal.pk}/letters/"
    letter = {"address": "office@veter.example", "subject": "Проект", "text": "Здравствуйте!"}
    assert api.post(path, letter).status_code == 201
    assert api.post(path, {**letter, "address": "stranger@example.org"}).status_code == 400
    exclusion_add(kind="email", value="office@veter.example", reason="Просили не писать", by=owner)
    assert api.post(path, {**letter, "subject": "Ещё раз"}).status_code == 400
    assert Message.objects.count() == 1
    proposed = api.post(f"deals/{deal.pk}/letter-proposal/", {"template": "quote"}).json()
    assert proposed["problem"]
    assert "{" in proposed["text"]
