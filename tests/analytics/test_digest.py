"""The weekly letter: who gets it, when, once, with their own figures, and nobody who was switched off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core import mail
from django.test import Client, override_settings

from accounts.models import Role, User
from analytics.dashboard import digest, services
from analytics.tasks import queue_digests
from communications import outbox
from communications.models import Message
from crm import clock, stages
from tests.factories import make_client, make_deal, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("ANA-9")]
MONDAY = datetime(2026, 4, 6, 6, 0, tzinfo=UTC)  # nine o'clock in Moscow


def letters(user: User) -> list[Message]:
    return list(Message.objects.filter(address=user.email).order_by("id"))


def tick(at: datetime) -> int:
    with clock.frozen(at):
        return queue_digests()


def test_heads_get_it_on_monday_at_nine_once_a_week() -> None:
    head, manager = make_user(Role.SALES_HEAD), make_user()
    gone = make_user(Role.ADMINISTRATOR, is_active=False)
    assert tick(MONDAY - timedelta(minutes=1)) == 0
    assert tick(MONDAY) == 1
    assert tick(MONDAY) == 0
    assert tick(MONDAY + timedelta(hours=5)) == 0
    (letter,) = letters(head)
    assert "30.03.2026 – 05.04.2026" in letter.subject
    assert not letters(manager)
    assert not letters(gone)
    with clock.frozen(MONDAY + timedelta(hours=6)):
        digest.choice_change(head, weekday=1, hour=15)  # the hour goes on, the week has had its letter
    assert tick(MONDAY + timedelta(hours=7)) == 0
    assert tick(MONDAY + timedelta(days=7)) == 0
    assert tick(MONDAY + timedelta(days=7, hours=6)) == 1
    # Nothing was running for days: a letter of the past is not sent late.
    assert tick(MONDAY + timedelta(days=16)) == 0


def test_a_person_says_yes_or_no_and_when(client: Client) -> None:
    head, manager = make_user(Role.SALES_HEAD), make_user(language="en")
    digest.choice_change(head, is_on=False)
    client.force_login(manager)
    page = client.get("/reports/digest/")
    assert page.status_code == 200
    assert page.context["form"].initial["is_on"] is False
    assert client.get("/reports/digest/letter/").headers["X-Frame-Options"] == "SAMEORIGIN"
    assert client.post("/reports/digest/", {"is_on": "on", "weekday": "9", "hour": "9"}).status_code == 422
    assert client.post("/reports/digest/", {"is_on": "on", "weekday": "3", "hour": "18"}).status_code == 302
    assert client.get("/api/v1/me/digest/").json() == {"is_on": True, "weekday": 3, "hour": 18}
    wednesday = datetime(2026, 4, 8, 15, 0, tzinfo=UTC)
    assert (tick(MONDAY), tick(wednesday - timedelta(hours=1)), tick(wednesday)) == (0, 0, 1)
    assert letters(manager)[0].subject == "Your figures for 01.04.2026 – 07.04.2026"
    patched = client.patch("/api/v1/me/digest/", {"is_on": False}, content_type="application/json")
    assert patched.json()["is_on"] is False
    assert client.patch("/api/v1/me/digest/", {"hour": 24}, content_type="application/json").status_code in {400, 422}
    assert tick(wednesday + timedelta(days=7)) == 0


@override_settings(PUBLIC_URL="https://crm.example/")
def test_the_letter_has_the_persons_own_figures_as_text_and_html_with_links() -> None:
    head, mine, other = make_user(Role.SALES_HEAD, language="ru"), make_user(), make_user(language="ru")
    with clock.frozen(MONDAY - timedelta(days=3)):
        deal = make_deal(mine, contact=make_client(mine), amount=Decimal(1_500_000))
        stages.move(deal, "contract_signed", by=mine, override=True, reason="договор подписан сразу")
    with clock.frozen(MONDAY):
        digest.choice_change(other, is_on=True)
        services.tiles_set(other, ["contracts", "won_amount"])
        assert queue_digests() == 2
        seen, unseen = letters(head)[0], letters(other)[0]
        assert outbox.send_due() == 2
    assert "Договоры: 1 (1,5 млн ₽; прошлый период: 0)" in seen.text.replace("\xa0", " ")
    assert "https://crm.example/deals/?" in seen.text
    assert "closed_from=2026-03-30" in seen.text
    assert 'href="https://crm.example/deals/?' in seen.html
    assert "&amp;closed_to=2026-04-05" in seen.html
    assert "Договоры: 0" in unseen.text
    assert "1,5" not in unseen.text + unseen.html
    sent = next(letter for letter in mail.outbox if letter.to == [head.email])
    assert sent.alternatives[0][1] == "text/html"  # type: ignore[attr-defined]
    assert sent.extra_headers["Auto-Submitted"] == "auto-generated"


def test_nobody_who_was_switched_off_meanwhile_gets_it() -> None:
    head = make_user(Role.SALES_HEAD)
    assert tick(MONDAY) == 1
    User.objects.filter(pk=head.pk).update(is_active=False)
    with clock.frozen(MONDAY):
        assert outbox.send_due() == 0
    assert letters(head)[0].state == Message.State.CANCELLED
    assert not mail.outbox


def test_a_worker_that_was_quicker_or_died_leaves_one_letter() -> None:
    head, other = make_user(Role.SALES_HEAD), make_user(Role.SALES_HEAD)
    # Killed between two people: the first letter stands, the second is written by the next tick.
    User.objects.filter(pk=other.pk).update(is_active=False)
    assert tick(MONDAY) == 1
    User.objects.filter(pk=other.pk).update(is_active=True)
    assert tick(MONDAY + timedelta(minutes=5)) == 1
    assert [len(letters(person)) for person in (head, other)] == [1, 1]
    # Two workers at one person: the second one's row has the same key.
    with clock.frozen(MONDAY):
        moment = digest.latest_moment(digest.choice_of(head), clock.now())
        assert digest._queue(letters(head)[0].key or "", head, moment) == 0
    assert len(letters(head)) == 1
