"""Webhooks: what is told to whom, signed, at least once, and what becomes of what does not get through (COM-7)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from communications.models import WebhookDelivery, WebhookEndpoint, WebhookEvent
from communications.webhooks import sending, services
from crm import services as records
from crm.errors import DomainError, InvalidInput
from crm.models import Notification
from crm.notices import groups
from deals.services import deal_update
from tests.communications.receiver import LOOPBACK, Receiver, listening, verified
from tests.factories import make_deal, make_user

pytestmark = pytest.mark.django_db

ALL = [f"deal.{verb}" for verb in ("created", "updated", "stage_changed", "responsible_changed", "deleted")]


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOK_ALLOWED_NETWORKS = LOOPBACK
    with listening() as found:
        yield found


@pytest.fixture
def head() -> Any:
    return make_user("sales_head", last_name="Главина", first_name="Ольга")


def endpoint(head: Any, receiver: Receiver, **data: Any) -> tuple[WebhookEndpoint, str]:
    return services.endpoint_create(data={"name": "Склад", "url": receiver.url, "events": ALL, **data}, by=head)


def told(receiver: Receiver) -> list[dict[str, Any]]:
    return [json.loads(body) for _headers, body in receiver.got]


@pytest.mark.rule("COM-7")
def test_a_change_is_told_once_and_signed_with_what_was_before_and_after(head: Any, receiver: Receiver) -> None:
    _row, secret = endpoint(head, receiver)
    deal = make_deal(head, amount=Decimal("100.00"))
    deal_update(deal, data={"amount": Decimal("250.00")}, by=head)
    assert receiver.got == []  # nothing is sent in the request
    assert sending.send_due() == 2
    assert sending.send_due() == 0
    # They are sent side by side: which of them comes first is nobody's promise.
    receiver.got.sort(key=lambda one: json.loads(one[1])["type"])
    made, changed = told(receiver)
    assert [made["type"], changed["type"]] == ["deal.created", "deal.updated"]
    data = changed["data"]
    assert {"field": "amount", "old": "100.00", "new": "250.00"} in data["changes"]
    assert (data["record_id"], data["record"]["amount"]) == (deal.pk, "250.00")
    assert data["actor"]["id"] == head.pk
    headers, body = receiver.got[1]
    assert headers["webhook-id"] == changed["id"] == WebhookEvent.objects.get(type="deal.updated").uid
    check = verified()
    assert check(secret, headers, body)
    assert not check(secret, headers, body + b" ")
    assert not check("whsec_" + "A" * 44, headers, body)
    assert not check(secret, {**headers, "webhook-timestamp": str(int(time.time()) - 3600)}, body)


@pytest.mark.rule("COM-7")
def test_what_is_rolled_back_is_told_to_nobody(head: Any, receiver: Receiver) -> None:
    endpoint(head, receiver)
    with transaction.atomic():
        make_deal(head)
        assert WebhookDelivery.objects.count() == 1  # written in the very transaction
        transaction.set_rollback(True)
    assert WebhookEvent.objects.count() == WebhookDelivery.objects.count() == 0


def test_without_a_webhook_nothing_is_kept(head: Any, django_assert_num_queries: Any) -> None:
    make_deal(head)
    assert WebhookEvent.objects.count() == 0


def test_only_what_was_chosen_is_told_and_not_while_it_is_off(head: Any, receiver: Receiver) -> None:
    row, _secret = endpoint(head, receiver, events=["deal.deleted"])
    deal = make_deal(head)
    records.record_delete(deal, by=head)
    services.endpoint_change(row, data={"is_active": False}, by=head)
    records.record_restore(deal, by=head)
    records.record_delete(deal, by=head)
    services.endpoint_change(row, data={"is_active": True}, by=head)
    assert sending.send_due() == 1
    (event,) = told(receiver)
    assert (event["type"], event["data"]["record"], event["data"]["changes"]) == ("deal.deleted", None, [])


@pytest.mark.rule("COM-7", "ACC-1")
def test_what_its_owner_may_not_see_is_not_sent(head: Any, receiver: Receiver) -> None:
    owner, teammate, stranger = make_user(), make_user(), make_user()
    row, _secret = endpoint(head, receiver, owner=owner)
    mine, foreign = make_deal(owner), make_deal(stranger)
    make_deal(teammate)  # of no team that sees each other
    sending.send_due()
    assert [event["data"]["record_id"] for event in told(receiver)] == [mine.pk]
    hidden = WebhookDelivery.objects.get(event__record_id=foreign.pk)
    assert (hidden.state, hidden.body) == ("withheld", "")
    # Sight is asked for when it is sent: given away meanwhile, it is out of it.
    deal_update(mine, data={"amount": 5}, by=owner)
    records.record_assign(mine, responsible=stranger, by=head)
    assert sending.send_due() == 0
    # An owner who is switched off sees nothing.
    owner.is_active = False
    owner.save()
    services.delivery_again(WebhookDelivery.objects.filter(state="done").get(), by=head)
    assert sending.send_due() == 0
    assert row.deliveries.exclude(state="withheld").count() == 0


@pytest.mark.rule("COM-7", "ACC-1")
def test_the_record_is_what_the_api_shows_its_owner(head: Any, receiver: Receiver) -> None:
    from crm.actors import Actor

    partner_user = make_user("partner")
    endpoint(head, receiver, owner=partner_user)
    deal = records.record_create(
        make_deal(head).__class__, data={"title": "Ангар", "responsible": partner_user}, by=Actor.system(),
        pipeline="partner_deal", partner=partner_user.partner,
    )  # fmt: skip
    sending.send_due()
    event = told(receiver)[-1]
    client = Client()
    client.force_login(partner_user)
    assert event["data"]["record"] == client.get(f"/api/v1/deals/{deal.pk}/").json()
    assert "actor" not in event["data"]
    assert "created_by" not in event["data"]["record"]


def test_changes_name_no_record_out_of_the_owners_sight(head: Any, receiver: Receiver) -> None:
    from tests.factories import make_client

    owner, stranger = make_user(), make_user()
    foreign, own = make_client(stranger), make_client(owner)
    make_deal(owner, contact=own)
    deal = make_deal(owner, contact=foreign)
    endpoint(head, receiver, owner=owner)
    deal_update(deal, data={"contact": own}, by=head)
    sending.send_due()
    (event,) = told(receiver)
    assert {"field": "contact", "old": None, "new": own.pk} in event["data"]["changes"]


@pytest.mark.rule("COM-7")
def test_what_does_not_get_through_is_tried_for_days_with_the_same_id_and_body(
    clock: Any, head: Any, receiver: Receiver
) -> None:
    endpoint(head, receiver)
    receiver.answer = (500, {}, b"x" * 2000)
    deal = make_deal(head)
    pauses = []
    for _number in range(sending.MAX_ATTEMPTS):
        sending.send_due()
        row = WebhookDelivery.objects.get()
        deal_update(deal, data={"title": f"Ангар {row.attempts}"}, by=head)
        WebhookDelivery.objects.exclude(pk=row.pk).delete()
        if row.state == "queued":
            pauses.append(row.not_before - clock.now())
            clock.travel(seconds=pauses[-1].total_seconds())
    assert (row.state, row.status, row.answer, row.attempts) == ("failed", 500, "x" * 500, sending.MAX_ATTEMPTS)
    assert len(receiver.got) == sending.MAX_ATTEMPTS
    assert len({(headers["webhook-id"], body) for headers, body in receiver.got}) == 1
    assert timedelta(seconds=24) <= pauses[0] <= timedelta(seconds=36)
    assert timedelta(days=2) < sum(pauses, timedelta()) < timedelta(days=4)
    receiver.answer = (200, {}, "взято".encode())
    services.delivery_again(row, by=head)
    assert sending.send_due() == 1
    row.refresh_from_db()
    assert (row.state, row.answer, row.error) == ("done", "взято", "")


@pytest.mark.rule("COM-7")
def test_a_receiver_that_is_down_for_an_hour_loses_nothing(clock: Any, head: Any, receiver: Receiver) -> None:
    row, _secret = endpoint(head, receiver)
    url = receiver.url
    WebhookEndpoint.objects.update(url="http://127.0.0.1:1/hook")
    for _number in range(10):
        make_deal(head)
        sending.send_due()
        clock.travel(minutes=6)
    row.refresh_from_db()
    assert row.failing_since is not None
    # It rested meanwhile: nobody knocked ten times for each message.
    assert sum(WebhookDelivery.objects.values_list("attempts", flat=True)) < 40
    WebhookEndpoint.objects.update(url=url)
    clock.travel(hours=13)
    assert sending.send_due() == 10
    assert len({headers["webhook-id"] for headers, _body in receiver.got}) == len(receiver.got) == 10
    row.refresh_from_db()
    assert (row.failing_since, row.paused_until, row.silent_tries) == (None, None, 0)


def test_it_waits_as_long_as_the_other_side_asks(clock: Any, head: Any, receiver: Receiver) -> None:
    endpoint(head, receiver)
    receiver.answer = (429, {"Retry-After": "600"}, b"")
    make_deal(head)
    sending.send_due()
    assert WebhookDelivery.objects.get().not_before == clock.now() + timedelta(seconds=600)


@pytest.mark.rule("COM-7")
@pytest.mark.parametrize("is_sent", [False, True])
def test_a_worker_killed_on_the_way_loses_nothing_and_sends_the_same_again(
    clock: Any, head: Any, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, is_sent: bool
) -> None:
    class Killed(BaseException):
        """The process is gone: nothing after it runs."""

    endpoint(head, receiver)
    make_deal(head)
    post = sending._post_all

    async def die(jobs: Any) -> Any:
        if is_sent:
            await post(jobs)
        raise Killed

    monkeypatch.setattr(sending, "_post_all", die)
    with pytest.raises(Killed):
        sending.send_due()
    monkeypatch.setattr(sending, "_post_all", post)
    assert WebhookDelivery.objects.get().state == "sending"
    assert sending.send_due() == 0  # its lease still runs
    clock.travel(seconds=sending.LEASE.total_seconds() + 1)
    assert sending.send_due() == 1
    assert len(receiver.got) == (2 if is_sent else 1)
    assert len({(headers["webhook-id"], body) for headers, body in receiver.got}) == 1


def test_an_attempt_that_was_taken_over_writes_nothing(clock: Any, head: Any, receiver: Receiver) -> None:
    endpoint(head, receiver)
    make_deal(head)
    (mine,) = sending._claim(5)
    job = sending._prepare(mine)
    assert job is not None
    clock.travel(minutes=3)
    assert sending.send_due() == 1
    sending._finish(job, sending.Answer(error="late"))
    assert WebhookDelivery.objects.get().state == "done"


@pytest.mark.rule("COM-7")
def test_410_switches_off_and_tells_the_administrators(head: Any, receiver: Receiver) -> None:
    admin = make_user("administrator")
    row, _secret = endpoint(head, receiver)
    receiver.answer = (410, {}, b"")
    make_deal(head)
    sending.send_due()
    row.refresh_from_db()
    assert (row.is_active, row.off_reason) == (False, "gone")
    assert WebhookDelivery.objects.get().state == "failed"
    (line,) = groups(Notification.objects.filter(user=admin), admin)
    assert "«Склад»" in line["record"]
    assert not Notification.objects.filter(user=head).exists()
    with pytest.raises(DomainError, match="Склад"):
        services.test_send(row, by=head)
    row = services.endpoint_change(row, data={"is_active": True}, by=head)
    receiver.answer = (200, {}, b"")
    assert services.failed_again(row, by=head) == 1
    assert sending.send_due() == 1


@pytest.mark.rule("COM-7")
def test_after_five_days_of_failure_it_is_switched_off_and_what_waits_is_kept(
    clock: Any, head: Any, receiver: Receiver
) -> None:
    row, _secret = endpoint(head, receiver)
    receiver.answer = (500, {}, b"")
    for _day in range(5):
        make_deal(head)
        sending.send_due()
        clock.travel(hours=25)
    row.refresh_from_db()
    assert row.is_active
    sending.send_due()
    row.refresh_from_db()
    assert (row.is_active, row.off_reason) == (False, "failing")
    waiting = WebhookDelivery.objects.filter(state="queued").count()
    assert waiting > 0
    receiver.answer = (200, {}, b"")
    assert sending.send_due() == 0
    services.endpoint_change(row, data={"is_active": True}, by=head)
    clock.travel(hours=13)
    assert sending.send_due() == waiting


def test_a_success_between_ends_the_failure(clock: Any, head: Any, receiver: Receiver) -> None:
    row, _secret = endpoint(head, receiver)
    for status in (500, 200, 500):
        receiver.answer = (status, {}, b"")
        make_deal(head)
        sending.send_due()
        clock.travel(days=4)
    row.refresh_from_db()
    assert row.is_active


def test_a_slow_or_endless_answer_holds_nobody_up(
    head: Any, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "WHOLE", 0.4)

    def drip(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for number in range(40):
            handler.wfile.write(f"X-{number}: x\r\n".encode())
            time.sleep(0.05)

    endpoint(head, receiver)
    receiver.answer = drip
    make_deal(head)
    began = time.monotonic()
    sending.send_due()
    assert time.monotonic() - began < 1.5
    assert WebhookDelivery.objects.get().error

    receiver.answer = (200, {}, b"y" * 3_000_000)
    WebhookEndpoint.objects.update(paused_until=None)
    make_deal(head)
    assert sending.send_due() == 1
    assert WebhookDelivery.objects.get(state="done").answer == "y" * 500


def test_one_endpoint_that_is_slow_does_not_keep_others_waiting(head: Any, receiver: Receiver) -> None:
    for _number in range(8):
        make_deal(head)
    slow, _secret = endpoint(head, receiver, name="Медленный")
    quick, _secret = endpoint(head, receiver, name="Быстрый", events=["deal.deleted"])
    deals = [make_deal(head) for _number in range(9)]
    records.record_delete(deals[0], by=head)
    batch = sending._claim(20)
    assert sum(row.endpoint_id == slow.pk for row in batch) == sending.OF_ONE
    assert quick.pk in {row.endpoint_id for row in batch}


@pytest.mark.rule("COM-7")
def test_after_another_secret_both_sign_for_a_day(clock: Any, head: Any, receiver: Receiver) -> None:
    row, old = endpoint(head, receiver)
    _row, new = services.secret_rotate(row, by=head)
    assert old != new
    make_deal(head)
    sending.send_due()
    clock.travel(hours=25)
    make_deal(head)
    sending.send_due()
    check = verified()
    (first, body), (second, later) = receiver.got
    assert check(old, first, body)
    assert check(new, first, body)
    assert check(new, second, later)
    assert not check(old, second, later)


def test_a_changed_key_of_the_installation_still_signs_by_the_former(
    head: Any, receiver: Receiver, settings: Any
) -> None:
    _row, secret = endpoint(head, receiver)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key of the installation, long enough"
    make_deal(head)
    sending.send_due()
    ((headers, body),) = receiver.got
    assert verified()(secret, headers, body)


def test_a_test_is_sent_and_refused_to_those_who_keep_no_settings(head: Any, receiver: Receiver) -> None:
    from django.core.exceptions import PermissionDenied

    row, _secret = endpoint(head, receiver, events=[])
    manager = make_user()
    with pytest.raises(PermissionDenied):
        services.test_send(row, by=manager)
    with pytest.raises(PermissionDenied):
        services.endpoint_create(data={"name": "x", "url": receiver.url}, by=manager)
    services.test_send(row, by=head)
    sending.send_due()
    (event,) = told(receiver)
    assert (event["type"], event["data"]["record"]) == ("test", None)


def test_nobody_gives_it_eyes_that_see_more_than_their_own(head: Any, receiver: Receiver) -> None:
    admin = make_user("administrator")
    with pytest.raises(InvalidInput) as refused:
        endpoint(head, receiver, owner=admin)
    assert refused.value.errors[0]["pointer"] == "/owner"
    with pytest.raises(InvalidInput) as refused:
        endpoint(head, receiver, events=["deal.created", "deal.exploded"])
    assert refused.value.errors[0]["pointer"] == "/events"
    assert endpoint(admin, receiver, owner=head)[0].owner == head


def test_the_log_is_forgotten_in_time_but_not_what_waits(clock: Any, head: Any, receiver: Receiver) -> None:
    endpoint(head, receiver)
    make_deal(head)
    sending.send_due()
    WebhookEndpoint.objects.update(is_active=True, url="http://127.0.0.1:1/")
    make_deal(head)
    sending.send_due()
    clock.travel(days=31)
    assert services.log_prune() == 1
    assert WebhookDelivery.objects.get().state == "queued"
    assert WebhookEvent.objects.count() == 1
