"""Two things that robots do: they call webhooks, and make the construction object of a deal."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from automation import engine
from automation.forecast import what_will_happen
from automation.models import Rule, RuleRun, ScheduledRun
from automation.rule_services import rule_save
from automation.trial import rule_try
from automation.wording import sentence
from communications.models import WebhookDelivery, WebhookEndpoint
from communications.webhooks import sending, services
from crm.errors import InvalidInput
from crm.models import Notification, TimelineEntry
from crm.timeline import sentence as told
from deals.services import deal_update
from objects_registry.models import ConstructionObject
from objects_registry.services import object_create
from tests.communications.receiver import LOOPBACK, listening
from tests.factories import make_deal, make_user

pytestmark = pytest.mark.django_db

BARN: dict[str, Any] = {
    "purpose": "warehouse", "width": Decimal(24), "length": Decimal(60), "height": Decimal(8),
    "address": "Тверская обл., г. Тверь, ул. Ленина, д. 5",
}  # fmt: skip


@pytest.fixture
def head() -> Any:
    return make_user("sales_head")


def rule(head: Any, **data: Any) -> Rule:
    usual = {
        "name_ru": "Склад", "name_en": "Stock", "pipeline": "deal", "stage": None, "trigger": "field_changed",
        "fields": ["request_text"], "is_active": True,
    }  # fmt: skip
    from crm import pipelines

    given = {**usual, **data}
    given["pipeline"] = pipelines.catalogue().pipelines[given["pipeline"]]
    return rule_save(Rule(), by=head, data=given)


def hook(head: Any, url: str = "https://example.com/hook", **data: Any) -> WebhookEndpoint:
    return services.endpoint_create(data={"name": "Склад", "url": url, **data}, by=head)[0]


def start(deal: Any, by: Any) -> None:
    """What the robots of these tests wait for."""
    deal_update(deal, data={"request_text": "Склад"}, by=by)


def lines(deal: Any, action: str) -> list[str]:
    return [told(row) for row in TimelineEntry.objects.filter(record_id=deal.pk, record_type="deal", action=action)]


@pytest.mark.rule("AUTO-1", "COM-7")
def test_a_robot_calls_a_webhook_once_and_the_timeline_says_what_came_of_it(head: Any, settings: Any) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = LOOPBACK
    with listening() as receiver:
        row = hook(head, receiver.url)
        made = rule(head, action="call_webhook", params={"endpoint": row.key, "text": "резерв"})
        assert "«Склад»" in sentence(made)
        deal = make_deal(head)
        start(deal, head)
        key = WebhookDelivery.objects.get().event.key
        again = services.robot_call(row, deal, rule=made, text="резерв", key=str(key))
        assert again == WebhookDelivery.objects.get()  # one delivery for one run
        sending.send_due()
        event = json.loads(receiver.got[0][1])
    assert (event["type"], event["data"]["text"], event["data"]["rule"]["name"]) == ("robot.called", "резерв", "Склад")
    assert event["data"]["record"]["id"] == deal.pk
    assert RuleRun.objects.get(rule=made).outcome == "webhook_queued"
    assert lines(deal, "webhook_called") == ["Вебхук «Склад» вызван, ответ 204."]


@pytest.mark.rule("AUTO-3", "COM-7")
def test_a_call_that_fails_is_shown_and_disturbs_nobody(clock: Any, head: Any) -> None:
    row = hook(head)
    rule(head, action="call_webhook", params={"endpoint": row.key})
    services.endpoint_change(row, data={"is_active": False}, by=head)
    deal = make_deal(head)
    start(deal, head)
    assert deal.request_text == "Склад"
    assert "выключен" in lines(deal, "rule_failed")[0]
    services.endpoint_change(row, data={"is_active": True}, by=head)
    clock.travel(minutes=2)
    engine.run_due()
    assert WebhookDelivery.objects.count() == 1
    WebhookEndpoint.objects.update(url="http://10.0.0.1/")  # as if its name meant that now
    WebhookDelivery.objects.update(attempts=sending.MAX_ATTEMPTS - 1)
    sending.send_due()
    assert "10.0.0.1" in lines(deal, "webhook_failed")[0]


@pytest.mark.rule("AUTO-5", "DEAL-8")
def test_what_would_be_sent_is_said_before(clock: Any, head: Any) -> None:
    owner = make_user(last_name="Петров", first_name="Пётр")
    row = hook(head, owner=owner)
    made = rule(head, action="call_webhook", params={"endpoint": row.key, "text": "резерв"}, delay_days=2)
    mine, foreign = make_deal(owner), make_deal(head)
    for deal in (mine, foreign):
        start(deal, head)
    assert ScheduledRun.objects.count() == 2
    what = what_will_happen(made, mine)
    assert "https://example.com/hook" in what
    assert "Петров П." in what
    assert "резерв" in what
    assert what_will_happen(made, foreign).startswith("Ничего")
    trial = rule_try(made, head, days=5)
    assert {line.what.startswith("Ничего") for line in trial.lines} == {True, False}
    assert WebhookDelivery.objects.count() == 0
    client = Client()
    client.force_login(head)
    assert "POST на вебхук «Склад»" in client.get(reverse("robots-planned")).content.decode()


def test_a_robot_without_its_webhook_is_refused_at_the_field(head: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        rule(head, action="call_webhook", params={"endpoint": "nonsense"})
    assert refused.value.errors[0]["pointer"] == "/params/endpoint"
    row = hook(head)
    made = rule(head, action="call_webhook", params={"endpoint": row.key})
    services.endpoint_delete(row, by=head)
    assert what_will_happen(made, make_deal(head)).startswith("Ничего")
    client = Client()
    client.force_login(head)
    assert client.get(reverse("settings-rule", args=[made.pk])).status_code == 200


@pytest.mark.rule("DEAL-3", "AUTO-1")
def test_a_robot_makes_the_object_of_a_deal_but_no_certain_second_copy(head: Any) -> None:
    rule(head, action="create_object", params={})
    owner = make_user()
    deal, same, like, bare = (
        make_deal(owner, **data) for data in (BARN, BARN, {**BARN, "height": None}, {"title": "Что-то"})
    )
    for row in (deal, same, like, bare):
        start(row, head)
        row.refresh_from_db()
    assert ConstructionObject.objects.count() == 2
    assert deal.object is not None
    assert (same.object, bare.object) == (None, None)
    assert like.object not in {None, deal.object}
    assert "тот же" in lines(same, "object_duplicate")[0] or "используйте" in lines(same, "object_duplicate")[0].lower()
    assert Notification.objects.filter(user=owner, record_id=same.pk, action="object_duplicate").exists()
    assert lines(like, "object_duplicate")
    # What a person decides afterwards is theirs; the robot asks no more.
    assert not Notification.objects.filter(record_id=like.pk, action="object_duplicate").exists()


def test_it_makes_none_of_a_deal_that_has_one_or_is_a_partners(head: Any) -> None:
    rule(head, action="create_object", params={})
    known = object_create(by=head, data=BARN)
    deal = make_deal(head, object=known, **BARN)
    start(deal, head)
    assert ConstructionObject.objects.count() == 1
    assert not lines(deal, "object_duplicate")
