"""Quotes: numbered by year without gaps or doubles, kept as they were, as a PDF in Russian."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection, connections
from django.test import Client

from accounts.models import Role, User
from crm import clock, preferences
from crm.errors import InvalidInput
from crm.models import Attachment
from deals import documents
from deals.document_content import Wish
from deals.documents import NoDocument, document_create, document_preview
from deals.models import Deal, Document, NumberSeries
from deals.services import deal_lines_set, deal_update
from partners.handoff import hand_over
from tests.api.conftest import Caller
from tests.factories import make_client, make_company, make_deal, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("DEAL-11")]
LINES = [
    {"name": "Каркас <b>ангара</b> & кровля", "quantity": "57.5", "unit": "т", "price": "140000", "discount": 5},
    {"name": "Монтаж", "price": "1000000", "vat": "none"},
]


@pytest.fixture
def owner() -> User:
    return make_user(language="en", last_name="Морозова", first_name="Елена")


@pytest.fixture
def deal(owner: User) -> Deal:
    company = make_company(owner, name="ООО «Ветер»", inn="7707083893")
    made: Deal = make_deal(owner, company=company, length=60, width=24, tonnage="57.5")
    return deal_lines_set(made, by=owner, lines=LINES)


def signed_in(user: User) -> Client:
    client = Client(headers={"HX-Request": "true", "HX-Target": "dialog-body"})
    client.force_login(user)
    return client


def test_a_quote_keeps_what_was_offered(deal: Deal, owner: User) -> None:
    preferences.set_value("seller_name", "ООО «Завод»")
    first = document_create(deal, by=owner, wish=Wish("quote", "Аванс 70 %"))
    assert (first.number, first.version, first.total) == (1, 1, Decimal("8647500.00"))
    assert first.until == clock.today() + timedelta(days=14)
    assert (first.content["client"]["name"], first.content["client"]["inn"]) == ("ООО «Ветер»", "7707083893")
    assert first.content["seller"]["name"] == "ООО «Завод»"
    assert first.content["person"]["name"] == owner.full_name
    assert [line["total"] for line in first.content["lines"]] == ["7647500.00", "1000000.00"]
    before = first.attachment.file.read()
    assert before.startswith(b"%PDF")
    assert first.attachment.is_internal
    deal_lines_set(deal, by=owner, lines=[{"name": "Монтаж", "price": 5}])
    second = document_create(deal, by=owner, wish=Wish("quote"))
    assert (second.label, second.total) == (f"КП-1/{clock.today().year} (версия 2)", 5)
    kept = Document.objects.get(pk=first.pk)
    assert (kept.total, kept.content) == (first.total, first.content)
    assert Attachment.objects.get(pk=first.attachment_id).file.read() == before


def test_numbers_go_on_by_themselves_and_begin_anew_with_the_year(deal: Deal, owner: User) -> None:
    assert document_create(deal, by=owner, wish=Wish("quote")).number == 1
    assert document_create(deal, by=owner, wish=Wish("quote"), is_new=True).number == 2
    assert documents.number_next("quote", 2031) == 1


def test_a_quote_that_fails_uses_up_no_number(deal: Deal, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "document_pdf", lambda _content: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        document_create(deal, by=owner, wish=Wish("quote"))
    monkeypatch.undo()
    assert not Attachment.objects.exists()
    assert document_create(deal, by=owner, wish=Wish("quote")).number == 1


def test_a_preview_keeps_nothing(deal: Deal) -> None:
    assert document_preview(deal, wish=Wish("quote")).startswith(b"%PDF")
    assert not Document.objects.exists()
    assert not NumberSeries.objects.exists()


def test_a_long_quote_goes_over_several_pages(deal: Deal, owner: User) -> None:
    deal_lines_set(deal, by=owner, lines=[{"name": f"Позиция {row}, " * 6, "price": row} for row in range(1, 120)])
    assert document_create(deal, by=owner, wish=Wish("quote")).attachment.file.read().count(b"/Type /Page\n") > 3


@pytest.mark.parametrize("change", ["no_lines", "euro"])
def test_what_cannot_be_offered_says_why(deal: Deal, owner: User, change: str) -> None:
    if change == "no_lines":
        deal_lines_set(deal, by=owner, lines=[])
    else:
        deal_update(deal, by=owner, data={"currency": "EUR"})
    with pytest.raises(NoDocument):
        document_create(deal, by=owner, wish=Wish("quote"))
    text = signed_in(owner).get(f"/deals/{deal.pk}/documents/quote/")
    assert text.status_code == 422


def test_a_day_gone_by_is_refused(deal: Deal, owner: User) -> None:
    with pytest.raises(InvalidInput):
        document_create(deal, by=owner, wish=Wish("quote", until=date(2020, 1, 1)))


def test_a_partner_sees_no_quote_of_the_manufacturer(deal: Deal, owner: User) -> None:
    made = document_create(deal, by=owner, wish=Wish("quote"))
    dealer = make_user(Role.PARTNER)
    deal_update(deal, by=owner, data={"contact": make_client(owner)})
    handoff = hand_over(record=deal, partner=dealer.partner, by=make_user(Role.SALES_HEAD))
    browser, program = signed_in(dealer), Caller(dealer)
    assert made.label not in browser.get(f"/deals/{handoff.twin_id}/", headers={"HX-Request": ""}).content.decode()
    assert browser.get(f"/files/{made.attachment_id}/").status_code == 404
    assert program.get(f"deals/{handoff.twin_id}/documents/").status_code == 403
    assert browser.get(f"/deals/{handoff.twin_id}/documents/quote/").status_code == 422


def test_the_card_makes_shows_and_serves_it(deal: Deal, owner: User) -> None:
    browser, address = signed_in(owner), f"/deals/{deal.pk}/documents/quote/"
    assert f"{address}preview/" in browser.get(address).content.decode()
    shown = browser.get(f"{address}preview/")
    assert (shown["Content-Type"], shown.content[:4]) == ("application/pdf", b"%PDF")
    asked = browser.post(f"{address}preview/", {"document-terms": "Аванс", "document-language": "ru"})
    assert (asked["Content-Type"], asked.content[:4]) == ("application/pdf", b"%PDF")
    for day in ("01.01.2020", "когда-нибудь"):
        assert browser.post(f"{address}preview/", {"document-until": day, "document-language": "ru"}).status_code == 422
    assert browser.post(address, {"document-until": "01.01.2020", "document-language": "ru"}).status_code == 422
    assert browser.post(address, {"document-terms": "Аванс", "document-language": "ru"}).status_code == 204
    made = Document.objects.get()
    card = browser.get(f"/deals/{deal.pk}/", headers={"HX-Request": ""}).content.decode()
    assert f"/files/{made.attachment_id}/" in card
    assert signed_in(make_user()).post(address, {}).status_code == 404


def test_programs_make_and_list_them(deal: Deal, owner: User) -> None:
    program, stranger = Caller(owner), Caller(make_user())
    address = f"deals/{deal.pk}/documents/"
    assert stranger.post(address, {}).status_code == stranger.get(address).status_code == 404
    made = program.post(address, {"terms": "Аванс"})
    assert (made.status_code, made.json()["version"], made.json()["total"]) == (201, 1, "8647500.00")
    assert [row["id"] for row in program.get(address).json()] == [made.json()["id"]]
    assert program.get(f"{address}preview/").content.startswith(b"%PDF")
    assert program.get(f"deals/{deal.pk}/files/{made.json()['file']}/").status_code == 200


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite lets one writer at a time in anyway.")
@pytest.mark.django_db(transaction=True)
def test_many_at_once_get_numbers_without_gaps_and_doubles(owner: User) -> None:
    deals = [deal_lines_set(make_deal(owner), by=owner, lines=[{"name": "Монтаж", "price": 1}]) for _n in range(8)]
    start, made, failed = threading.Barrier(8), [], []

    def run(own: Deal) -> None:
        try:
            start.wait()
            made.append(document_create(own, by=owner, wish=Wish("quote")).number)
        except Exception as error:
            failed.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(own,)) for own in deals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert sorted(made) == list(range(1, 9))
