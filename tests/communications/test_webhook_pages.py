"""Webhooks in the browser and by the API: made, tried, looked at, and the events for whoever missed some."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from communications.models import WebhookDelivery, WebhookEndpoint, WebhookEvent
from communications.webhooks import noting, sending, services
from deals.services import deal_update
from tests.api.conftest import Caller
from tests.communications.receiver import LOOPBACK, listening, verified
from tests.factories import make_deal, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def head() -> Any:
    return make_user("sales_head")


@pytest.fixture
def browser_of(head: Any) -> Client:
    client = Client()
    client.force_login(head)
    return client


def posted(head: Any, **data: Any) -> dict[str, Any]:
    return {"name": "Склад", "url": "https://example.com/hook", "owner": head.pk, "is_active": "on", **data}


@pytest.mark.rule("COM-7")
def test_it_is_made_with_a_secret_that_is_shown_once(head: Any, browser_of: Client) -> None:
    answer = browser_of.post(reverse("settings-webhook-add"), posted(head, deal=["deal.created", "deal.updated"]))
    row = WebhookEndpoint.objects.get()
    assert (row.events, row.owner) == (["deal.created", "deal.updated"], head)
    assert "whsec_" in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    page = browser_of.get(reverse("settings-webhook", args=[row.pk])).content.decode()
    assert "whsec_" not in page
    assert row.seed not in page
    again = browser_of.post(reverse("settings-webhook-rotate", args=[row.pk])).content.decode()
    assert "whsec_" in again
    assert row.seed not in again
    assert "Склад" in browser_of.get(reverse("settings-webhooks")).content.decode()


def test_bad_input_is_answered_at_its_field(head: Any, browser_of: Client) -> None:
    for url, words in (("http://10.0.0.1/", "внутренней сети"), ("ftp://x.ru/", "https://"), ("", "")):
        answer = browser_of.post(reverse("settings-webhook-add"), posted(head, url=url))
        assert answer.status_code == 422
        assert words in answer.content.decode()
    assert not WebhookEndpoint.objects.exists()


@pytest.mark.rule("COM-7")
def test_a_message_is_looked_at_and_sent_again(head: Any, browser_of: Client, settings: Any) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = LOOPBACK
    with listening() as receiver:
        receiver.answer = (503, {}, "занято <b>".encode())
        row, _secret = services.endpoint_create(
            data={"name": "Склад", "url": receiver.url, "events": ["deal.created"]}, by=head
        )
        make_deal(head)
        sending.send_due()
        delivery = WebhookDelivery.objects.get()
        log = browser_of.get(reverse("settings-webhook-log", args=[row.pk])).content.decode()
        assert "503" in log
        page = reverse("settings-webhook-delivery", args=[delivery.pk])
        shown = browser_of.get(page).content.decode()
        assert "занято &lt;b&gt;" in shown
        assert delivery.event.uid in shown
        assert "deal.created" in shown
        receiver.answer = (200, {}, b"")
        assert browser_of.post(reverse("settings-webhook-delivery-again", args=[delivery.pk])).status_code == 302
        assert sending.send_due() == 1
        assert "Доставлено" in browser_of.get(page).content.decode()
        browser_of.post(reverse("settings-webhook-test", args=[row.pk]))
        assert sending.send_due() == 1
        file = browser_of.get(reverse("settings-webhook-log", args=[row.pk]) + "?file=csv")
        assert b"deal.created" in (b"".join(file.streaming_content) if file.streaming else file.content)
    assert browser_of.post(reverse("settings-webhook-delete", args=[row.pk])).status_code == 302
    assert not WebhookDelivery.objects.exists()


def test_the_log_asks_the_database_no_more_for_more_rows(
    head: Any, browser_of: Client, django_assert_max_num_queries: Any
) -> None:
    row, _secret = services.endpoint_create(data={"name": "Склад", "url": "https://example.com/"}, by=head)
    for _number in range(30):
        noting.deliveries_add(noting.event_write("test", None, {}), [row])
    with django_assert_max_num_queries(12):
        browser_of.get(reverse("settings-webhook-log", args=[row.pk]))


@pytest.mark.rule("COM-7")
def test_programs_keep_webhooks_too(head: Any, settings: Any) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = LOOPBACK
    program = Caller(head)
    with listening() as receiver:
        made = program.post("webhooks/", {"name": "Склад", "url": receiver.url, "events": ["deal.created"]}).json()
        path = f"webhooks/{made['id']}/"
        assert made["secret"].startswith("whsec_")
        assert made["owner"] == head.pk
        assert "secret" not in program.get(path).json()
        delivery = program.post(f"{path}test/").json()
        assert (delivery["state"], delivery["type"]) == ("queued", "test")
        sending.send_due()
        row = program.get(f"webhook-deliveries/{delivery['id']}/").json()
        assert (row["state"], row["status"]) == ("done", 204)
        ((headers, body),) = receiver.got
        assert verified()(made["secret"], headers, body)
        assert row["body"] == body.decode()
    other = program.post(f"{path}secret/").json()
    assert other["secret"] != made["secret"]
    assert program.patch(path, {"is_active": False}).json()["off_reason"] == "by_hand"
    refused = program.post(f"webhook-deliveries/{delivery['id']}/again/")
    assert (refused.status_code, refused.json()["code"]) == (422, "refused")
    assert [item["id"] for item in program.get("webhooks/").json()["results"]] == [made["id"]]
    assert program.get(f"webhook-deliveries/?endpoint={made['id']}&state=failed").json()["results"] == []
    bad = program.patch(path, {"url": "http://[::ffff:10.0.0.1]/"})
    assert (bad.status_code, bad.json()["errors"][0]["pointer"]) == (400, "/url")
    manager = Caller(make_user())
    for address in ("webhooks/", path, "webhook-deliveries/"):
        assert manager.get(address).status_code == 403
    assert program.call("delete", path).status_code == 204


def _follow(head: Any) -> None:
    services.endpoint_create(data={"name": "Склад", "url": "https://example.com/"}, by=head)


@pytest.mark.rule("COM-7", "ACC-1")
def test_events_are_read_in_order_by_whoever_may_see_the_records(head: Any) -> None:
    _follow(head)
    owner, stranger = make_user(), make_user()
    deals = [make_deal(owner), make_deal(stranger), make_deal(owner)]
    deal_update(deals[0], data={"title": "Новое имя"}, by=owner)
    assert Caller(head).get("events/").json()["results"] == []  # numbered by the worker, after the commit
    noting.number_events()
    rows = Caller(head).get("events/?limit=2").json()
    assert rows["has_more"]
    assert [row["position"] for row in rows["results"]] == [1, 2]
    follow = Caller(head).get("events/?after=2").json()["results"]
    assert [row["position"] for row in follow] == list(range(3, WebhookEvent.objects.count() + 1))
    seen = Caller(owner).get("events/").json()["results"]
    assert {row["data"]["record_id"] for row in seen} == {deals[0].pk, deals[2].pk}
    assert seen[0]["data"]["record"]["title"] == "Новое имя"  # as it is now
    assert Caller(make_user("partner")).get("events/").json()["results"] == []
    assert [row["type"] for row in Caller(owner).get("events/?type=deal.updated").json()["results"]] == ["deal.updated"]
    for query in ("after=x", "after=-1", "type=deal.exploded", "unknown=1", "after=99999999999999999999999"):
        assert Caller(head).get(f"events/?{query}").status_code == 400


def test_a_position_is_given_after_the_commit_so_that_none_is_passed_over(head: Any) -> None:
    """An event with a lower id that is committed later still comes after what was read."""
    late = WebhookEvent.objects.create(type="deal.created", record_type="deal", record_id=1)
    late_id, late_uid = late.pk, late.uid
    late.delete()
    noting.event_write("deal.created", None, {})
    noting.number_events()
    WebhookEvent.objects.create(pk=late_id, uid=late_uid, type="deal.created", record_id=0)
    assert noting.number_events() == 1
    assert WebhookEvent.objects.get(pk=late_id).position == 2


def test_what_was_forgotten_is_told_as_gone(clock: Any, head: Any) -> None:
    _follow(head)
    for _number in range(3):
        make_deal(head)
        noting.number_events()
        clock.travel(days=20)
    services.log_prune()
    answer = Caller(head).get("events/?after=1")
    assert (answer.status_code, answer.json()["code"]) == (410, "events_gone")
    assert Caller(head).get("events/").status_code == 200
    assert WebhookEvent.objects.order_by("at")[0].at > clock.now() - timedelta(days=30)


def test_a_page_of_events_asks_a_handful_of_queries(head: Any, django_assert_max_num_queries: Any) -> None:
    _follow(head)
    for _number in range(20):
        make_deal(head)
    noting.number_events()
    caller = Caller(head)
    with django_assert_max_num_queries(22):
        assert len(json.loads(caller.get("events/").content)["results"]) == 20
