"""Sending a quote: a letter with the PDF to the client, the mark on the quote, the deal's move, all or nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections
from django.db.models import Q
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from accounts.models import Role, User
from communications import outbox
from communications.addressees import addressees
from communications.models import Message, MessageTemplate
from communications.services import message_received, messages_cancel
from crm import timeline
from crm.actors import Actor
from crm.errors import InvalidInput, MissingFields
from crm.exclusions import exclusion_add
from crm.models import Notification, Stage, StageHistory
from crm.stages import Refusal, move
from deals.document_content import Wish
from deals.document_sending import document_send, letter_of
from deals.documents import NoDocument, document_create
from deals.models import Deal, Document
from deals.services import deal_lines_set, deal_update
from partners.handoff import hand_over
from tests.api.conftest import Caller
from tests.factories import make_client, make_company, make_deal, make_team, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("DEAL-11")]
LINES = [{"name": "Каркас", "quantity": "57.5", "unit": "т", "price": "140000"}]
LETTER = {"address": "petr@example.org", "subject": "КП для вас", "text": "Здравствуйте!\nВо вложении КП."}
POSTED = {f"letter-{name}": value for name, value in LETTER.items()}


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with translation.override("en"):
        yield


@pytest.fixture
def owner() -> User:
    return make_user(
        language="en", last_name="Морозова", first_name="Елена", team=make_team(members_see_each_other=True)
    )


@pytest.fixture
def deal(owner: User) -> Deal:
    company = make_company(owner, name="ООО «Ветер»", email="office@veter.example")
    contact = make_client(owner, email="petr@example.org", company=company)
    made: Deal = make_deal(owner, contact=contact, company=company, stage="costing")
    return deal_lines_set(made, by=owner, lines=LINES)


@pytest.fixture
def quote(deal: Deal, owner: User) -> Document:
    return document_create(deal, by=owner, wish=Wish("quote"))


def stage_of(quote: Document) -> str:
    return Deal.objects.get(pk=quote.deal_id).stage


def texts(quote: Document, user: User) -> str:
    return "\n".join(timeline.sentence(row) for row in timeline.entries_for(quote.deal, user))


def signed_in(user: User, *, htmx: bool = True) -> Client:
    client = Client(headers={"HX-Request": "true", "HX-Target": "dialog-body"} if htmx else {})
    client.force_login(user)
    return client


def test_the_client_gets_the_pdf_and_the_quote_knows_it(
    clock: Any, quote: Document, owner: User, mail_server: Any
) -> None:
    sent = document_send(quote, **LETTER, by=owner)
    assert (sent.sent_at, sent.sent_to, sent.sent_by) == (clock.now(), "petr@example.org", owner)
    assert mail_server.messages == []  # nothing leaves within the request
    assert outbox.send_due() == 1
    (letter,) = mail_server.messages
    assert (letter["To"], letter["Subject"], letter["Auto-Submitted"]) == ("petr@example.org", "КП для вас", None)
    parts = [part for part in letter.walk() if part.get_content_type() == "application/pdf"]
    assert [part.get_payload(decode=True) for part in parts] == [quote.attachment.file.read()]
    assert parts[0].get_filename() == quote.attachment.name
    shown = texts(quote, owner)
    assert f"To petr@example.org: КП для вас. File: {quote.attachment.name}" in shown
    assert f"Sent to petr@example.org: КП для вас. File: {quote.attachment.name}" in shown


def test_a_deal_at_costing_moves_and_another_stays(quote: Document, owner: User) -> None:
    document_send(quote, **LETTER, by=owner)
    assert stage_of(quote) == "deal:proposal_sent"
    assert StageHistory.objects.filter(
        record_id=quote.deal_id, to_stage="deal:proposal_sent", actor_user=owner
    ).exists()
    early = deal_lines_set(
        make_deal(owner, contact=make_client(owner, email="anna@example.org")), by=owner, lines=LINES
    )
    first = document_create(early, by=owner, wish=Wish("quote"))
    document_send(first, **{**LETTER, "address": "anna@example.org"}, by=owner)
    assert stage_of(first) == "deal:request_received"


def test_what_the_stage_lacks_undoes_the_letter_too(quote: Document, owner: User) -> None:
    Stage.objects.filter(pk="deal:proposal_sent").update(required=["amount", "tonnage"])
    with pytest.raises(MissingFields):
        document_send(quote, **LETTER, by=owner)
    assert not Message.objects.exists()
    assert Document.objects.get().sent_at is None
    assert stage_of(quote) == "deal:costing"
    document_send(quote, **LETTER, by=owner, data={"tonnage": "57.5"})
    assert stage_of(quote) == "deal:proposal_sent"


def test_twice_within_a_minute_is_one_letter(clock: Any, quote: Document, owner: User, mail_server: Any) -> None:
    document_send(quote, **LETTER, by=owner)
    document_send(quote, **LETTER, by=owner)
    assert Message.objects.count() == 1
    document_send(quote, **{**LETTER, "address": "office@veter.example"}, by=owner)  # another reader: another letter
    clock.travel(seconds=61)
    document_send(quote, **LETTER, by=owner)
    assert outbox.send_due() == Message.objects.count() == 3


def test_a_letter_that_failed_may_be_sent_again_at_once(clock: Any, quote: Document, owner: User) -> None:
    document_send(quote, **LETTER, by=owner)
    Message.objects.update(state=Message.State.FAILED)
    assert document_send(quote, **LETTER, by=owner).letter.state == "queued"
    assert Message.objects.count() == 2


@pytest.mark.rule("COM-1")
def test_a_lost_file_is_said_on_the_record_and_others_still_leave(
    clock: Any, quote: Document, deal: Deal, owner: User, mail_server: Any
) -> None:
    document_send(quote, **LETTER, by=owner)
    later = document_create(deal, by=owner, wish=Wish("quote"))
    clock.travel(seconds=1)
    document_send(later, **LETTER, by=owner)
    Path(quote.attachment.file.path).unlink()
    assert outbox.send_due() == 1
    quote.refresh_from_db()
    assert quote.letter.state == "failed"
    assert f"The file «{quote.attachment.name}» is not there any more." in texts(quote, owner)
    assert Notification.objects.filter(user=owner, action="message_failed").count() == 1
    assert len(mail_server.messages) == 1


def test_only_addresses_of_the_client_are_written_to(quote: Document, deal: Deal, owner: User) -> None:
    assert [item.address for item in addressees(deal)] == ["petr@example.org", "office@veter.example"]
    for address in ("", "foreign@example.net", "no address"):
        with pytest.raises(InvalidInput) as refused:
            document_send(quote, **{**LETTER, "address": address}, by=owner)
        assert refused.value.errors[0]["pointer"] == "/address"
    exclusion_add(kind="email", value="petr@example.org", reason="просил не писать", by=owner)
    with pytest.raises(InvalidInput, match="exclusion list"):
        document_send(quote, **LETTER, by=owner)
    assert [item.address for item in addressees(deal)] == ["office@veter.example"]
    assert not Message.objects.exists()


def test_without_any_address_a_sentence_says_what_to_do(owner: User) -> None:
    bare = deal_lines_set(make_deal(owner, company=make_company(owner)), by=owner, lines=LINES)
    made = document_create(bare, by=owner, wish=Wish("quote"))
    with pytest.raises(InvalidInput, match="add an e-mail"):
        document_send(made, **LETTER, by=owner)
    answer = signed_in(owner).get(f"/deals/{bare.pk}/documents/{made.pk}/send/")
    assert (answer.status_code, "add an e-mail" in answer.content.decode()) == (422, True)


def test_an_offer_that_is_over_and_a_finished_deal_are_refused(clock: Any, quote: Document, owner: User) -> None:
    Document.objects.update(until=clock.now().date() - timedelta(days=1))
    with pytest.raises(NoDocument, match="new version"):
        document_send(quote, **LETTER, by=owner)


def test_the_letter_is_proposed_from_the_template(quote: Document, deal: Deal, owner: User) -> None:
    letter = letter_of(quote)
    assert letter.subject == f"Коммерческое предложение {quote.label}"
    assert f"{quote.until:%d.%m.%Y}" in letter.text
    assert "Морозова" in letter.text
    document_create(deal, by=owner, wish=Wish("quote"), is_new=True)  # the older one is still meant
    assert letter_of(quote) == letter
    MessageTemplate.objects.filter(pk="quote").update(text="К {construction_start}")
    page = signed_in(owner).get(f"/deals/{deal.pk}/documents/{quote.pk}/send/")
    assert (page.status_code, "planned construction start" in page.content.decode()) == (200, True)


def test_contact_from_the_client_calls_no_sent_quote_off(quote: Document, deal: Deal, owner: User) -> None:
    document_send(quote, **LETTER, by=owner)
    message_received(record=deal, channel="email", address="petr@example.org", text="Жду КП", by=Actor.system())
    assert messages_cancel(deal, which=Q(), by=Actor.system()) == 0
    assert Message.objects.get(direction="out").state == "queued"


@pytest.mark.parametrize("htmx", [True, False])
def test_the_card_sends_it(quote: Document, deal: Deal, owner: User, htmx: bool) -> None:
    browser, address = signed_in(owner, htmx=htmx), f"/deals/{deal.pk}/documents/{quote.pk}/send/"
    card = f"/deals/{deal.pk}/"
    assert address in browser.get(card, headers={"HX-Request": ""}).content.decode()
    dialog = browser.get(address).content.decode()
    assert "Коммерческое предложение" in dialog
    assert "petr@example.org" in dialog
    for wrong in ({"letter-text": "  "}, {"letter-subject": ""}, {"letter-address": "foreign@example.net"}):
        assert browser.post(address, {**POSTED, **wrong}).status_code == 422
    assert not Message.objects.exists()
    answer = browser.post(address, POSTED)
    assert answer.status_code == (204 if htmx else 302)
    assert Message.objects.get().text == LETTER["text"]
    shown = browser.get(card, headers={"HX-Request": ""}).content.decode()
    assert "petr@example.org" in shown
    # json.dumps writes the toast in ASCII, as a header must be.
    assert "is on its way to petr@example.org" in (answer["HX-Trigger"] if htmx else shown)


def test_the_dialog_asks_what_the_stage_lacks(quote: Document, deal: Deal, owner: User) -> None:
    Stage.objects.filter(pk="deal:proposal_sent").update(required=["tonnage"])
    browser, address = signed_in(owner), f"/deals/{deal.pk}/documents/{quote.pk}/send/"
    assert 'name="tonnage"' in browser.get(address).content.decode()
    asked = browser.post(address, POSTED)
    page = asked.content.decode()
    assert (asked.status_code, 'name="tonnage"' in page, LETTER["subject"] in page) == (422, True, True)
    assert browser.post(address, {**POSTED, "fields": "1", "tonnage": ""}).status_code == 422
    assert not Message.objects.exists()
    assert browser.post(address, {**POSTED, "fields": "1", "tonnage": "57,5"}).status_code == 204
    assert stage_of(quote) == "deal:proposal_sent"


def test_programs_send_it(quote: Document, deal: Deal, owner: User) -> None:
    program, address = Caller(owner), f"deals/{deal.pk}/documents/{quote.pk}/send/"
    assert program.post(address, {}).status_code == 400
    wrong = program.post(address, {"address": "foreign@example.net"})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (400, "/address")
    Stage.objects.filter(pk="deal:proposal_sent").update(required=["tonnage"])
    lacking = program.post(address, {"address": "petr@example.org"})
    assert (lacking.status_code, lacking.json()["errors"][0]["fields"]) == (422, ["tonnage"])
    assert not Message.objects.exists()
    done = program.post(address, {"address": "petr@example.org", "data": {"tonnage": "57.5"}})
    assert done.status_code == 200, done.content
    told = done.json()
    assert (told["sent_to"], told["sent_by"], told["letter_state"]) == ("petr@example.org", owner.pk, "queued")
    assert Message.objects.get().subject == f"Коммерческое предложение {quote.label}"
    assert program.get(f"deals/{deal.pk}/documents/").json() == [told]
    assert program.post(f"deals/{deal.pk}/documents/{10**6}/send/", LETTER).status_code == 404


def test_a_teammate_a_stranger_and_a_partner_cannot(quote: Document, deal: Deal, owner: User) -> None:
    address = f"{deal.pk}/documents/{quote.pk}/send/"
    for person, code in ((make_user(team=owner.team), 403), (make_user(), 404)):
        assert signed_in(person).get(f"/deals/{address}").status_code == code
        assert signed_in(person).post(f"/deals/{address}", POSTED).status_code == code
        assert Caller(person).post(f"deals/{deal.pk}/documents/{quote.pk}/send/", LETTER).status_code == code
        with pytest.raises(Deal.DoesNotExist):
            document_send(quote, **LETTER, by=person)
    dealer = make_user(Role.PARTNER)
    twin = hand_over(record=deal, partner=dealer.partner, by=make_user(Role.SALES_HEAD)).twin_id
    for pk in (deal.pk, twin):
        assert signed_in(dealer).post(f"/deals/{pk}/documents/{quote.pk}/send/", POSTED).status_code == 404
        api = Caller(dealer).post(f"deals/{pk}/documents/{quote.pk}/send/", LETTER)
        assert api.status_code in {403, 404}
    assert not Message.objects.exists()


def test_a_partner_does_not_read_of_the_letter(quote: Document, deal: Deal, owner: User, mail_server: Any) -> None:
    dealer, head = make_user(Role.PARTNER), make_user(Role.SALES_HEAD)
    twin = hand_over(record=deal, partner=dealer.partner, by=head).twin_id
    document_send(quote, **LETTER, by=head)
    outbox.send_due()
    assert len(mail_server.messages) == 1
    shown = timeline.entries_for(Deal.objects.get(pk=twin), dealer)
    assert not [row for row in shown if row.action.startswith("message")]
    assert Message.objects.get().is_internal


def test_another_deals_quote_is_not_found_by_this_ones_address(quote: Document, owner: User) -> None:
    other = make_deal(owner)
    assert signed_in(owner).get(f"/deals/{other.pk}/documents/{quote.pk}/send/").status_code == 404


def test_the_card_asks_as_often_with_sent_quotes_as_without(deal: Deal, owner: User) -> None:
    made = [document_create(deal, by=owner, wish=Wish("quote"), is_new=True) for _number in range(3)]
    browser = signed_in(owner, htmx=False)
    counts = []
    for _time in range(2):
        browser.get(f"/deals/{deal.pk}/")
        with CaptureQueriesContext(connection) as seen:
            assert browser.get(f"/deals/{deal.pk}/").status_code == 200
        counts.append(len(seen))
        for quote in made:
            document_send(quote, **LETTER, by=owner)
    assert counts[0] == counts[1]


def test_a_deal_closed_meanwhile_offers_no_sending(quote: Document, deal: Deal, owner: User) -> None:
    head = make_user(Role.SALES_HEAD)
    stage = Stage.objects.get(pk="deal:construction_cancelled")
    reason = stage.reasons.first()
    move(deal, stage.key, by=head, refusal=Refusal(reason.pk if reason else None, "Заказчик отменил стройку"))
    assert "/send/" not in signed_in(owner, htmx=False).get(f"/deals/{deal.pk}/").content.decode()
    assert signed_in(owner).post(f"/deals/{deal.pk}/documents/{quote.pk}/send/", POSTED).status_code == 422
    assert Caller(owner).post(f"deals/{deal.pk}/documents/{quote.pk}/send/", LETTER).json()["code"] == "no_document"


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite lets one writer at a time in anyway.")
@pytest.mark.django_db(transaction=True)
def test_many_presses_at_once_are_one_letter(quote: Document, owner: User) -> None:
    start, failed = threading.Barrier(5), []

    def press() -> None:
        try:
            start.wait()
            document_send(Document.objects.get(pk=quote.pk), **LETTER, by=owner)
        except Exception as error:
            failed.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=press) for _n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert Message.objects.count() == 1


def test_an_amount_set_by_hand_is_no_hindrance(quote: Document, deal: Deal, owner: User) -> None:
    deal_update(deal, by=owner, data={"amount": "1000"})
    document_send(quote, **LETTER, by=owner)
    assert stage_of(quote) == "deal:proposal_sent"
