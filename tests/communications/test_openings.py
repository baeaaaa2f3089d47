"""The client opens a letter: noted by its image, told once, shown at the letter, only where it is wanted (AUTO-1)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core import mail
from django.core.files.base import ContentFile
from django.test import Client

from automation.models import Rule
from automation.wording import sentence
from communications import opening_views, openings, outbox
from communications.models import Message, WebhookEvent
from communications.notice_letters import queue_due
from communications.services import message_queue
from communications.webhooks import services as webhooks
from crm import preferences
from crm.models import Activity, Notification
from crm.services import attachment_add
from tests.api.conftest import Caller
from tests.factories import make_client, make_deal, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> Any:
    return make_user(email="orlova@factory.example")


@pytest.fixture
def deal(owner: Any) -> Any:
    return make_deal(owner, contact=make_client(owner, email="petr@example.org"))


def send(deal: Any, text: str = "Здравствуйте!") -> Message:
    message = message_queue(
        record=deal, contact=deal.contact, by=deal.responsible, channel="email", subject="КП", text=text
    )
    outbox.send_due()
    message.refresh_from_db()
    return message


def html() -> str:
    letter: Any = mail.outbox[-1]
    ((text, kind),) = letter.alternatives
    assert kind == "text/html"
    return str(text)


def image() -> str:
    found = re.search(r'<img src="([^"]+)"', html())
    assert found is not None
    return urlsplit(found[1]).path


def look(path: str, client: Client | None = None, **headers: str) -> Any:
    return (client or Client()).get(path, headers=headers)


@pytest.mark.rule("AUTO-1")
def test_the_first_opening_is_told_once_and_later_ones_are_counted(clock: Any, owner: Any, deal: Any) -> None:
    Rule.objects.create(
        code="opened", name_ru="Позвонить", name_en="Call", pipeline_id="deal", trigger="letter_opened",
        action="create_task", params={"title_ru": "Позвонить: письмо открыто"},
    )  # fmt: skip
    assert sentence(Rule.objects.get(code="opened")).startswith("Когда клиент открывает письмо")
    message = send(deal)
    path = image()
    clock.travel(hours=2)
    answer = look(path)
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/gif")
    assert "no-store" in answer["Cache-Control"]
    assert answer.content.startswith(b"GIF89a")
    assert not Activity.objects.exists()  # the image waits for nobody
    assert openings.openings_tell() == 1
    first = clock.now()
    clock.travel(hours=1)
    look(path)
    look(path)
    assert openings.openings_tell() == 0
    assert Activity.objects.filter(title="Позвонить: письмо открыто").count() == 1
    message.refresh_from_db()
    assert (message.opened_at, message.open_count) == (first, 3)


@pytest.mark.rule("DEAL-11")
def test_a_letter_with_a_file_that_partners_do_not_see_tells_of_its_opening_too(owner: Any, deal: Any) -> None:
    quote = attachment_add(deal, upload=ContentFile(b"%PDF-1.4 1", name="quote.pdf"), by=owner, internal=True)
    message_queue(record=deal, contact=deal.contact, by=owner, channel="email", text="Во вложении КП", attachment=quote)
    outbox.send_due()
    look(image())
    assert Message.objects.get().open_count == 1


def test_the_timeline_says_at_the_letter_when_it_was_opened(clock: Any, owner: Any, deal: Any) -> None:
    send(deal)
    client = Client()
    client.force_login(owner)
    assert "Открыто" not in client.get(f"/deals/{deal.pk}/").content.decode()
    clock.travel(minutes=125)
    look(image())
    assert "Открыто 02.03 14:05" in client.get(f"/deals/{deal.pk}/").content.decode()
    rows = Caller(owner).get(f"deals/{deal.pk}/timeline/").json()["results"]
    assert [row["added"] for row in rows if row["action"] == "message_sent"] == ["Открыто 02.03 14:05"]


def test_the_text_goes_out_escaped_with_its_lines_and_links(deal: Any) -> None:
    send(deal, 'Добрый день & <b>привет</b>!\n\nСм. https://example.com/?a=1&b="2\nС уважением')
    text = html()
    assert "&lt;b&gt;привет&lt;/b&gt;" in text
    assert "<b>" not in text
    assert '<a href="https://example.com/?a=1&amp;b=' in text
    assert "<p>Добрый день &amp;" in text
    assert "<br>С уважением" in text
    assert mail.outbox[-1].body.startswith("Добрый день & <b>привет</b>!")


def test_switched_off_letters_have_no_image_and_earlier_ones_note_nothing(owner: Any, deal: Any) -> None:
    message = send(deal)
    path = image()
    preferences.set_value("letters_track_openings", False)
    assert look(path).status_code == 200
    message.refresh_from_db()
    assert message.opened_at is None
    send(deal)
    assert "<img" not in html()


def test_notices_to_our_own_people_are_plain_text(clock: Any, owner: Any, deal: Any) -> None:
    Notification.objects.create(
        user=owner, record_type="deal", record_id=deal.pk, kind="note", action="note", data={"text": "x"},
        mail_at=clock.now(),
    )  # fmt: skip
    owner.notification_settings = {"channels": {"note": ["bell", "email"]}}
    owner.save()
    assert queue_due() == 1
    outbox.send_due()
    assert not getattr(mail.outbox[-1], "alternatives", None)


@pytest.mark.parametrize("what", ["forged", "of another", "queued", "ahead", "head"])
def test_what_is_no_opening_notes_nothing(what: str, deal: Any) -> None:
    message = send(deal)
    path, client, headers = image(), Client(), {}
    if what == "forged":
        path = path.replace(".gif", "")[:-3] + "xyz.gif"
    elif what == "of another":
        path = path.replace(f"/o/{message.pk}.", f"/o/{message.pk + 1}.")
    elif what == "queued":
        Message.objects.update(state="queued")
    elif what == "ahead":
        headers = {"Sec-Purpose": "prefetch"}
    if what == "head":
        assert client.head(path).status_code == 200
    else:
        assert look(path, **headers).content == opening_views.IMAGE
    assert not Message.objects.filter(opened_at__isnull=False).exists()


def test_a_flood_from_one_address_gets_its_image_and_is_not_noted(deal: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(opening_views.OpeningThrottle, "rate", "3/min", raising=False)
    message = send(deal)
    for _number in range(10):
        assert look(image()).status_code == 200
    message.refresh_from_db()
    assert message.open_count == 3


@pytest.mark.rule("COM-7")
def test_webhooks_are_told_and_a_record_that_is_gone_is_not(clock: Any, owner: Any, deal: Any) -> None:
    head = make_user("sales_head")
    webhooks.endpoint_create(
        data={"name": "Склад", "url": "https://example.com/", "events": ["deal.letter_opened"]}, by=head
    )
    message = send(deal)
    look(image())
    openings.openings_tell()
    event = WebhookEvent.objects.get(type="deal.letter_opened")
    assert event.data["message"] == message.pk
    assert event.deliveries.count() == 1
    send(deal)
    look(image())
    type(deal).objects.filter(pk=deal.pk).update(deleted_at=clock.now())
    assert openings.openings_tell() == 1
    assert WebhookEvent.objects.filter(type="deal.letter_opened").count() == 1


@pytest.mark.rule("AUTO-5")
def test_the_trigger_is_tried_on_the_past(clock: Any, deal: Any) -> None:
    from automation.trial import rule_try

    send(deal)
    look(image())
    rule = Rule(pipeline_id="deal", trigger="letter_opened", action="create_task", params={"title_ru": "Позвонить"})
    clock.travel(days=1)
    trial = rule_try(rule, make_user("sales_head"), days=7)
    assert (trial.occasions, trial.matched, trial.lines[0].record) == (1, 1, deal)
    assert timedelta(0) < clock.now() - trial.lines[0].at < timedelta(days=2)
