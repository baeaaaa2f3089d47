"""Telling people of what others did: a burst as one item, by the channels they chose, not at night, never their own."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.models import Role, User
from communications import notice_letters, outbox
from communications.client_contact import client_contacted
from communications.models import Message
from crm import clock as product_clock
from crm import events, notify
from crm.models import Notification
from crm.services import activity_create, note_add, record_assign
from crm.stages import move
from tests.factories import make_client, make_deal, make_partner, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def head() -> User:
    return make_user(Role.SALES_HEAD, language="en")


@pytest.fixture
def manager() -> User:
    return make_user(language="en", email="manager@example.org", first_name="Anna")


def wants(user: User, quiet: tuple[time, time] | tuple[None, None] = (None, None), **channels: list[str]) -> User:
    return notify.settings_change(user, channels=channels, quiet_from=quiet[0], quiet_to=quiet[1])


def kinds(user: User) -> list[str]:
    return list(Notification.objects.filter(user=user).order_by("id").values_list("kind", flat=True))


def test_each_kind_of_event_reaches_whom_it_concerns_and_never_the_doer(head: User, manager: User) -> None:
    wants(manager, stage=["bell"])
    deal = make_deal(head, responsible=head, contact=make_client(head))
    record_assign(deal, responsible=manager, by=head)
    activity_create(deal, title="Позвонить", due_at=product_clock.now(), responsible=manager, by=head)
    note_add(deal, text="Ждёт звонка", by=head)
    client_contacted(deal, "call", by=head)
    move(deal, "costing", by=head, override=True)
    assert kinds(manager) == ["responsible", "task", "note", "client", "stage"]
    note_add(deal, text="Сам себе", by=manager)
    activity_create(deal, title="Себе", due_at=product_clock.now(), responsible=manager, by=manager)
    assert len(kinds(manager)) == 5
    assert kinds(head) == []


def test_a_kind_that_was_switched_off_and_a_merge_tell_nobody(head: User, manager: User) -> None:
    deal = make_deal(head, responsible=manager)
    wants(manager, note=[])
    note_add(deal, text="Тихо", by=head)
    with events.silence():
        activity_create(deal, title="Тихо", due_at=product_clock.now(), responsible=manager, by=head)
    assert kinds(manager) == []


def test_a_hundred_events_in_a_minute_are_one_item_and_each_opens_its_own_record(
    head: User, manager: User, client: Client, clock: Any
) -> None:
    deals = [make_deal(head, responsible=head) for _number in range(100)]
    for deal in deals:
        record_assign(deal, responsible=manager, by=head)
    client.force_login(manager)
    answer = client.get("/notifications/")
    page = answer.content.decode()
    assert "100 records became yours" in page
    assert answer.context["unread_notifications"]() == 1
    row = Notification.objects.get(user=manager, record_id=deals[41].pk)
    assert client.get(f"/notifications/{row.pk}/")["Location"] == deals[41].get_absolute_url()
    assert client.get("/notifications/").context["unread_notifications"]() == 0
    clock.travel(minutes=2)
    record_assign(deals[0], responsible=head, by=head)
    record_assign(deals[0], responsible=manager, by=head)
    assert client.get("/notifications/").context["unread_notifications"]() == 1


def test_a_letter_gathers_what_came_and_names_the_address_of_each_record(
    head: User, manager: User, clock: Any, mail_server: Any
) -> None:
    wants(manager, responsible=["email"], note=["bell", "email"])
    deals = [make_deal(head, responsible=head, title=f"Ангар {number}") for number in range(3)]
    for deal in deals:
        record_assign(deal, responsible=manager, by=head)
    note_add(deals[0], text="Ждёт звонка", by=head)
    assert notice_letters.queue_due() == 0
    clock.travel(minutes=3)
    assert notice_letters.queue_due() == 1
    assert notice_letters.queue_due() == 0
    outbox.send_due()
    (letter,) = mail_server.messages
    text = letter.get_content()
    assert letter["To"] == "manager@example.org"
    assert all(deal.get_absolute_url() in text for deal in deals)
    assert "3 records became yours" in text
    assert "Ждёт звонка" in text
    assert not Notification.objects.filter(user=manager, kind="responsible", in_bell=True).exists()


def test_no_letter_comes_in_quiet_hours_nor_about_what_was_read_or_lost_from_sight(
    head: User, manager: User, clock: Any
) -> None:
    # The clock stands at 12:00 in Moscow.
    wants(manager, quiet=(time(11), time(9)), responsible=["bell", "email"])
    seen, read, gone = (make_deal(head, responsible=head, title=title) for title in ("Видно", "Читано", "Ушло"))
    for deal in (seen, read, gone):
        record_assign(deal, responsible=manager, by=head)
        clock.travel(minutes=15)
    Notification.objects.filter(record_id=read.pk).update(read_at=product_clock.now())
    record_assign(gone, responsible=head, by=head)
    assert notice_letters.queue_due() == 0
    clock.travel(hours=20)
    assert notice_letters.queue_due() == 0
    clock.travel(hours=1)
    assert notice_letters.queue_due() == 1
    text = Message.objects.get().text
    assert ("Видно" in text, "Читано" in text, "Ушло" in text) == (True, False, False)


def test_a_partner_is_not_told_of_an_internal_note(head: User) -> None:
    partner = make_partner()
    dealer = make_user(Role.PARTNER, partner=partner)
    deal = make_deal(head, responsible=head)
    type(deal).objects.filter(pk=deal.pk).update(partner=partner, responsible=dealer)
    deal.refresh_from_db()
    note_add(deal, text="Только для своих", by=head, internal=True)
    note_add(deal, text="Для всех", by=head)
    assert [row.data["text"] for row in Notification.objects.filter(user=dealer)] == ["Для всех"]


def test_quiet_hours_over_midnight_end_in_the_morning_of_the_persons_own_zone(manager: User) -> None:
    User.objects.filter(pk=manager.pk).update(time_zone="Asia/Yekaterinburg")
    user = wants(User.objects.get(pk=manager.pk), quiet=(time(22), time(8)))
    moment = product_clock.now().replace(hour=18, minute=0, second=0, microsecond=0)  # UTC; 23:00 there
    end = notify.quiet_until(user, moment)
    assert end is not None
    assert end - moment == timedelta(hours=9)
    assert notify.quiet_until(user, moment - timedelta(hours=2)) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"channels": {"nothing": ["bell"]}, "quiet_from": None, "quiet_to": None},
        {"channels": {"note": ["pigeon"]}, "quiet_from": None, "quiet_to": None},
        {"channels": {}, "quiet_from": time(22), "quiet_to": None},
        {"channels": {}, "quiet_from": time(8), "quiet_to": time(8)},
    ],
)
def test_wrong_settings_are_refused(manager: User, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        notify.settings_change(manager, **wrong)


def test_the_page_keeps_the_matrix_and_says_what_is_wrong(manager: User, client: Client) -> None:
    client.force_login(manager)
    assert "Bell" in client.get("/profile/notifications/").content.decode()
    data = {"note:email": "on", "stage:bell": "on", "quiet_from": "22:00", "quiet_to": "08:00"}
    assert client.post("/profile/notifications/", data).status_code == 302
    user = User.objects.get(pk=manager.pk)
    assert notify.channels_of(user) == {kind: [] for kind in notify.KINDS} | {"note": ["email"], "stage": ["bell"]}
    assert notify.quiet_hours(user) == (time(22), time(8))
    wrong = client.post("/profile/notifications/", {**data, "quiet_to": ""})
    assert wrong.status_code == 422
    assert "Give both ends" in wrong.content.decode()


def test_the_api_reads_and_changes_the_same(manager: User, client: Client) -> None:
    client.force_login(manager)
    path = "/api/v1/me/notifications/"
    assert client.get(path).json()["channels"]["stage"] == []
    body = {"channels": {"stage": ["bell"]}, "quiet_from": "22:00", "quiet_to": "08:00"}
    answer = client.patch(path, body, content_type="application/json")
    assert answer.status_code == 200, answer.content
    assert answer.json() == client.get(path).json()
    assert (answer.json()["channels"]["stage"], answer.json()["channels"]["note"]) == (["bell"], ["bell"])
    assert answer.json()["quiet_from"] == "22:00"
    assert client.patch(path, {"channels": {"x": ["bell"]}}, content_type="application/json").status_code in {400, 422}
