"""The outbox: one letter per row, whatever happens to servers and workers."""

from __future__ import annotations

import smtplib
import threading
from typing import Any

import pytest
from django.db import connection, transaction
from django.urls import reverse

from communications import outbox
from communications.models import Message, MessageTemplate
from communications.selectors import unsent_of
from communications.services import message_queue, message_resend
from communications.templates_render import MissingValue
from crm.errors import InvalidInput
from crm.models import Notification, TimelineEntry
from crm.services import record_update
from tests.factories import make_client, make_deal, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> Any:
    return make_user(last_name="Орлова", first_name="Анна", email="orlova@factory.example")


@pytest.fixture
def deal(owner: Any) -> Any:
    return make_deal(owner, contact=make_client(owner, email="petr@example.org"))


def queue(deal: Any, **changes: Any) -> Message:
    values = {"channel": "email", "subject": "Проект", "text": "Здравствуйте!", **changes}
    return message_queue(record=deal, contact=deal.contact, by=deal.responsible, **values)


def actions(deal: Any) -> list[str]:
    rows = TimelineEntry.objects.filter(record_type="deal", record_id=deal.pk, action__startswith="message")
    return list(rows.order_by("id").values_list("action", flat=True))


@pytest.mark.rule("COM-1")
def test_a_letter_leaves_once_with_the_message_id_it_was_queued_with(clock: Any, deal: Any, mail_server: Any) -> None:
    message = queue(deal)
    assert mail_server.messages == []
    assert outbox.send_due() == 1
    assert outbox.send_due() == 0
    (letter,) = mail_server.messages
    message.refresh_from_db()
    assert letter["Message-ID"] == message.message_id != ""
    assert (message.state, message.sent_at) == ("sent", clock.now())
    assert (letter["Subject"], letter["To"]) == ("Проект", "petr@example.org")
    assert letter["From"].endswith("<orlova@factory.example>")
    assert letter["Auto-Submitted"] is None
    assert actions(deal) == ["message_out", "message_sent"]


@pytest.mark.rule("COM-1")
def test_a_batch_shares_one_connection_and_survives_its_loss(
    clock: Any, deal: Any, mail_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    connect = smtplib.SMTP.connect
    monkeypatch.setattr(smtplib.SMTP, "connect", lambda self, *a, **k: opened.append(1) or connect(self, *a, **k))
    for _number in range(3):
        queue(deal)
    assert outbox.send_due() == 3
    assert len(opened) == 1
    # The server hangs up between two letters: the next one is sent over a new connection, not lost.
    for _number in range(2):
        queue(deal)
    finish = outbox._finish
    hung_up = []

    def hang_up(message: Message, *args: Any, **kwargs: Any) -> int:
        hung_up.append(1)
        if len(hung_up) == 1:
            lines[-1].sock.close()
        return finish(message, *args, **kwargs)

    lines: list[Any] = []
    watch = outbox.Post._watched
    monkeypatch.setattr(outbox.Post, "_watched", lambda self, data: lines.append(data.__self__) or watch(self, data))
    monkeypatch.setattr(outbox, "_finish", hang_up)
    assert outbox.send_due() == 2
    assert len(mail_server.messages) == 5


@pytest.mark.rule("COM-1")
def test_a_temporary_refusal_is_tried_again_later_and_later(clock: Any, deal: Any, mail_server: Any) -> None:
    message = queue(deal)
    mail_server.refuse = "451 busy"
    pauses = []
    for _attempt in range(3):
        outbox.send_due()
        message.refresh_from_db()
        assert message.state == "queued"
        assert "451" in message.error
        pauses.append((message.not_before - clock.now()).total_seconds())
        outbox.send_due()  # not due yet: nothing happens
        clock.travel(seconds=pauses[-1])
    assert pauses == [60, 120, 240]
    mail_server.refuse = None
    outbox.send_due()
    assert len(mail_server.messages) == 1


@pytest.mark.rule("COM-1")
def test_it_gives_up_in_the_end_and_tells_the_responsible(clock: Any, deal: Any, mail_server: Any) -> None:
    message = queue(deal)
    mail_server.refuse = "451 busy"
    for _attempt in range(outbox.MAX_ATTEMPTS):
        outbox.send_due()
        clock.travel(hours=5)
    message.refresh_from_db()
    assert (message.state, message.is_unsure, message.attempts) == ("failed", False, outbox.MAX_ATTEMPTS)
    assert Notification.objects.get().user == deal.responsible
    outbox.send_due()
    assert mail_server.messages == []


@pytest.mark.rule("COM-1")
def test_a_permanent_refusal_fails_at_once_and_can_be_sent_again(clock: Any, deal: Any, mail_server: Any) -> None:
    message = queue(deal)
    mail_server.refuse = "550 no such user"
    outbox.send_due()
    message.refresh_from_db()
    assert (message.state, message.attempts, message.is_unsure) == ("failed", 1, False)
    assert "550" in message.error
    assert list(unsent_of(deal, deal.responsible)) == [message]
    mail_server.refuse = None
    clock.travel(days=1)
    assert outbox.send_due() == 0
    message_resend(message_id=message.pk, by=deal.responsible)
    message_resend(message_id=message.pk, by=deal.responsible)
    assert outbox.send_due() == 1
    assert mail_server.messages[0]["Message-ID"] == message.message_id


@pytest.mark.rule("COM-1")
def test_a_server_that_is_down_costs_one_attempt_a_tick(clock: Any, deal: Any, mail_server: Any, settings: Any) -> None:
    settings.EMAIL_PORT = 1
    first, second = queue(deal), queue(deal)
    outbox.send_due()
    states = [Message.objects.get(pk=message.pk).attempts for message in (first, second)]
    assert states == [1, 0]
    settings.EMAIL_PORT = mail_server.port
    clock.travel(minutes=1)
    assert outbox.send_due() == 2


@pytest.mark.rule("AUTO-2")
def test_a_letter_whose_worker_died_while_sending_is_not_sent_twice_by_itself(
    clock: Any, deal: Any, mail_server: Any
) -> None:
    message = queue(deal)
    Message.objects.filter(pk=message.pk).update(state="sending", claimed_at=clock.now(), handed_at=clock.now())
    outbox.send_due()
    message.refresh_from_db()
    assert message.state == "sending"  # within the lease: another worker may be at it
    clock.travel(minutes=11)
    outbox.send_due()
    message.refresh_from_db()
    assert (message.state, message.is_unsure) == ("failed", True)
    assert mail_server.messages == []
    assert actions(deal)[-1] == "message_unsure"
    message_resend(message_id=message.pk, by=deal.responsible)
    assert outbox.send_due() == 1


@pytest.mark.rule("AUTO-2")
@pytest.mark.parametrize(("reply_lost", "state", "unsure"), [(True, "failed", True), (False, "queued", False)])
def test_a_line_that_breaks_after_the_text_is_unknown_before_it_is_not_sent(
    clock: Any,
    deal: Any,
    mail_server: Any,
    monkeypatch: pytest.MonkeyPatch,
    reply_lost: bool,
    state: str,
    unsure: bool,
) -> None:
    if reply_lost:
        data = smtplib.SMTP.data

        def data_then_silence(self: Any, letter: Any) -> Any:
            data(self, letter)
            raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")

        monkeypatch.setattr(smtplib.SMTP, "data", data_then_silence)
    else:

        def silence(self: Any, *args: Any) -> Any:
            raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")

        monkeypatch.setattr(smtplib.SMTP, "mail", silence)
    message = queue(deal)
    outbox.send_due()
    message.refresh_from_db()
    assert (message.state, message.is_unsure) == (state, unsure)
    monkeypatch.undo()


@pytest.mark.rule("AUTO-2")
def test_a_worker_that_was_only_slow_neither_sends_nor_marks_what_was_taken_from_it(
    clock: Any, deal: Any, mail_server: Any
) -> None:
    message = queue(deal)
    late = outbox._claim(None)
    assert late is not None
    clock.travel(minutes=11)
    outbox.sweep()
    assert outbox._finish(late, "sent") == 0
    assert outbox._send(late, outbox.Post()) == 0
    assert mail_server.messages == []
    message.refresh_from_db()
    assert (message.state, message.attempts) == ("queued", 1)
    clock.travel(minutes=1)
    assert outbox.send_due() == 1


@pytest.mark.rule("AUTO-2")
def test_after_a_long_stop_stale_letters_are_shown_instead_of_sent_in_a_flood(
    clock: Any, deal: Any, mail_server: Any
) -> None:
    stale = [queue(deal) for _number in range(3)]
    clock.travel(days=7)
    fresh = queue(deal)
    clock.travel(minutes=1)
    assert outbox.send_due() == 1
    fresh.refresh_from_db()
    assert fresh.state == "sent"
    assert list(unsent_of(deal, deal.responsible)) == stale
    message_resend(message_id=stale[0].pk, by=deal.responsible)
    assert outbox.send_due() == 1


@pytest.mark.rule("COM-1")
def test_a_person_decides_about_a_letter_on_the_card_and_by_the_api(clock: Any, deal: Any, client: Any) -> None:
    failed, unsure = queue(deal), queue(deal)
    Message.objects.update(state="failed", error="550 no such user")
    Message.objects.filter(pk=unsure.pk).update(is_unsure=True, handed_at=clock.now())
    card = reverse("record-request", args=["deal", deal.pk])
    client.force_login(make_user())  # a stranger
    assert client.get(card).status_code == 404
    assert client.post(reverse("letter-again", args=[failed.pk])).status_code == 404
    assert client.post(f"/api/v1/letters/{failed.pk}/again/").status_code == 404
    client.force_login(deal.responsible)
    shown = client.get(card).content.decode()
    assert "550 no such user" in shown
    assert "неизвестно, ушло ли" in shown.lower()
    rows = client.get(f"/api/v1/deals/{deal.pk}/unsent-letters/").json()
    assert [(row["id"], row["is_unsure"]) for row in rows] == [(failed.pk, False), (unsure.pk, True)]
    client.post(reverse("letter-again", args=[failed.pk]))
    for _time in range(2):
        assert client.post(f"/api/v1/letters/{unsure.pk}/settle/").json()["state"] == "sent"
    failed.refresh_from_db()
    assert failed.state == "queued"
    assert client.get(card).content == b""
    assert actions(deal)[-2:] == ["message_out", "message_arrived"]


def test_a_rolled_back_change_sends_nothing(clock: Any, deal: Any, mail_server: Any) -> None:
    with transaction.atomic():
        queue(deal)
        transaction.set_rollback(True)
    assert outbox.send_due() == 0


def test_one_key_is_one_letter(clock: Any, deal: Any, mail_server: Any) -> None:
    assert queue(deal, key="k1") == queue(deal, key="k1")
    outbox.send_due()
    assert len(mail_server.messages) == 1


def test_line_breaks_in_a_subject_add_no_headers(clock: Any, deal: Any, mail_server: Any) -> None:
    queue(deal, subject="Проект\r\nBcc: spy@example.com")
    outbox.send_due()
    (letter,) = mail_server.messages
    assert letter["Bcc"] is None


@pytest.mark.parametrize(
    "changes",
    [{"text": " \n"}, {"channel": "whatsapp"}, {"channel": "pigeon"}],
)
def test_what_cannot_be_sent_is_refused_with_a_sentence(clock: Any, deal: Any, changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        queue(deal, **changes)
    assert not Message.objects.exists()


def test_an_excluded_person_is_not_written_to(clock: Any, deal: Any, owner: Any) -> None:
    from crm.stages import move

    move(deal.contact, "excluded", by=owner, override=True)
    deal.contact.refresh_from_db()
    with pytest.raises(InvalidInput):
        queue(deal)


@pytest.mark.rule("COM-1")
def test_a_template_is_filled_from_the_record(clock: Any, deal: Any) -> None:
    MessageTemplate.objects.create(
        code="t", name_ru="Т", name_en="T", subject="О «{object}»", text="{contact}, ваш {responsible}. {title}"
    )
    deal.contact.refresh_from_db()
    record_update(deal.contact, data={"first_name": "Пётр", "patronymic": "{title}"}, by=deal.responsible)
    message = queue(deal, template="t", subject="", text="")
    assert message.subject == f"О «{deal.title}»"
    assert message.text == f"Пётр {{title}}, ваш Орлова Анна. {deal.title}"


@pytest.mark.rule("COM-1")
def test_a_value_that_is_missing_is_named(clock: Any, deal: Any) -> None:
    MessageTemplate.objects.create(code="t", name_ru="Т", name_en="T", text="Начало {construction_start}")
    with pytest.raises(MissingValue) as refused:
        queue(deal, template="t")
    assert refused.value.errors[0]["pointer"] == "/construction_start"
    MessageTemplate.objects.filter(code="t").update(text="{nonsense}")
    with pytest.raises(InvalidInput, match="nonsense"):
        queue(deal, template="t")


@pytest.mark.rule("COM-1")
def test_without_a_responsible_at_work_the_companys_address_is_the_sender(
    clock: Any, deal: Any, owner: Any, settings: Any
) -> None:
    type(owner).objects.filter(pk=owner.pk).update(is_active=False)
    deal.refresh_from_db()
    assert queue(deal).sender == settings.DEFAULT_FROM_EMAIL


@pytest.mark.postgres
@pytest.mark.rule("AUTO-2")
@pytest.mark.django_db(transaction=True)
def test_six_workers_at_once_send_each_letter_once(deal: Any, mail_server: Any) -> None:
    for number in range(30):
        queue(deal, subject=f"Письмо {number}")
    sent: list[int] = []

    def work() -> None:
        try:
            sent.append(outbox.send_due())
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _number in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert sum(sent) == 30
    assert len({letter["Subject"] for letter in mail_server.messages}) == len(mail_server.messages) == 30
