"""Contracts and invoices: what they say, how they stand, who pays, signs and voids them, and the list of them all."""

from __future__ import annotations

import importlib
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import Role, User
from communications.models import Message
from crm import clock, preferences, timeline
from crm.errors import InvalidInput, MissingFields
from crm.models import Stage
from deals import money
from deals.document_content import Wish, content_of, gaps_of, lines_of
from deals.document_sending import document_make_and_send
from deals.document_states import AWAITED, STATES, document_pay, document_sign, document_void, in_state, state_of
from deals.document_texts import filled
from deals.documents import NoDocument, document_create, document_preview
from deals.models import Deal, DealLine, Document
from deals.services import deal_lines_set, deal_update
from deals.words import money_in_words
from partners.handoff import hand_over
from tests.api.conftest import Caller
from tests.factories import make_client, make_company, make_deal, make_team, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("DEAL-11")]
LINES = [
    {"name": "Каркас", "quantity": "57.5", "unit": "т", "price": "140000.33", "discount": "2.5"},
    {"name": "Монтаж", "price": "1000000", "vat": "none"},
]


@pytest.fixture
def owner() -> User:
    return make_user(
        language="en", last_name="Морозова", first_name="Елена", team=make_team(members_see_each_other=True)
    )


@pytest.fixture
def deal(owner: User) -> Deal:
    company = make_company(owner, name="ООО «Ветер»", inn="7707083893", legal_address="Казань, Лесная, 1")
    contact = make_client(owner, email="petr@example.org", company=company)
    soon = clock.today() + timedelta(days=60)
    made: Deal = make_deal(owner, contact=contact, company=company, stage="negotiation", construction_start=soon)
    return deal_lines_set(made, by=owner, lines=LINES)


def signed_in(user: User, *, htmx: bool = True) -> Client:
    client = Client(headers={"HX-Request": "true", "HX-Target": "dialog-body"} if htmx else {})
    client.force_login(user)
    return client


def make(deal: Deal, owner: User, kind: str, **more: Any) -> Document:
    return document_create(deal, by=owner, wish=Wish(kind, **more))


# -- what they say ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "russian", "english"),
    [
        ("0", "Ноль рублей 00 копеек", "Zero roubles 00 kopecks"),
        ("1.01", "Один рубль 01 копейка", "One rouble 01 kopeck"),
        ("2002.22", "Две тысячи два рубля 22 копейки", "Two thousand two roubles 22 kopecks"),
        ("11011.11", "Одиннадцать тысяч одиннадцать рублей 11 копеек", "Eleven thousand eleven roubles 11 kopecks"),
        ("1000000", "Один миллион рублей 00 копеек", "One million roubles 00 kopecks"),
        ("999.995", "Одна тысяча рублей 00 копеек", "One thousand roubles 00 kopecks"),
        (
            "8647500.05",
            "Восемь миллионов шестьсот сорок семь тысяч пятьсот рублей 05 копеек",
            "Eight million six hundred forty-seven thousand five hundred roubles 05 kopecks",
        ),
    ],
)
def test_a_sum_is_written_in_words(amount: str, russian: str, english: str) -> None:
    assert money_in_words(Decimal(amount)) == russian
    assert money_in_words(Decimal(amount), "en") == english


LINE = st.builds(
    lambda quantity, price, discount, vat: DealLine(quantity=quantity, price=price, discount=discount, vat=vat),
    st.decimals(0, 10_000, places=3),
    st.decimals(0, 10**8, places=2),
    st.decimals(0, 100, places=2),
    st.sampled_from(["none", "0", "5", "10", "20", "22"]),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(LINE, min_size=1, max_size=8), st.decimals("0.01", 100, places=2))
def test_a_total_is_the_sum_of_its_lines_to_the_kopeck(lines: list[DealLine], share: Decimal) -> None:
    deal: Any = SimpleNamespace(
        lines=SimpleNamespace(all=lambda: lines), title="Ангар", purpose=None, length=None, width=None, height=None,
        address="", city="", area=None, tonnage=None,
    )  # fmt: skip
    shown = lines_of(deal, Wish("invoice", share=share))
    totals = money.totals_of(shown)
    assert totals.total == sum((line.total for line in shown), Decimal(0))
    assert totals.vat_sum == sum((line.vat_amount for line in shown), Decimal(0))
    assert all(line.total == line.total.quantize(money.KOPECK) for line in shown)
    whole = money.totals_of(lines).total
    # One rounding per rate of VAT, of half a kopeck at most.
    assert abs(totals.total - whole * share / 100) <= Decimal("0.005") * max(1, len({line.vat for line in lines}))


def test_a_contract_says_what_the_settings_say_with_both_sides(deal: Deal, owner: User) -> None:
    preferences.set_value("seller_name", "АО «Завод»")
    preferences.set_value("contract_numbering", "{yy}-{number}-П")
    preferences.set_value(
        "contract_text_ru", "{seller} и {client}, ИНН {client_inn}\n# Цена\n{lines}\n{total_in_words}"
    )
    made = make(deal, owner, "contract", terms="Аванс 50 %")
    assert made.label == f"{clock.today():%y}-1-П"
    texts = [block["text"] for block in made.content["text"]]
    assert texts[0] == "АО «Завод» и ООО «Ветер», ИНН 7707083893"
    assert texts[-1] == money_in_words(made.total)
    assert made.attachment.name == f"Договор {clock.today():%y}-1-П.pdf"
    assert made.attachment.file.read().startswith(b"%PDF")
    assert "who signs for the client" not in gaps_of(deal, "contract")


def test_what_is_unknown_is_left_for_a_pen_and_told_before(deal: Deal) -> None:
    assert gaps_of(deal, "contract")
    blocks = filled("# Раздел\n# Другой\n{client} в лице {client_signatory}\n{contract}\n{terms}", {"client": "Ветер"},
                    has_terms=False)  # fmt: skip
    assert [(block["type"], block["text"]) for block in blocks] == [
        ("lines", ""), ("heading", "Другой"), ("text", "Ветер в лице ____________"),
    ]  # fmt: skip


def test_templates_are_checked_where_they_are_kept() -> None:
    program = Caller(make_user(Role.SALES_HEAD, language="en"))
    for values in ({"invoice_numbering": "СЧ-{year}"}, {"invoice_text_ru": "{lines} {nonsense}"}):
        refused = program.patch("preferences/", values)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, f"/{next(iter(values))}")
    assert program.patch("preferences/", {"invoice_numbering": "СЧ-{number}/{yy}"}).status_code == 200


def test_an_english_document_is_english(deal: Deal) -> None:
    content = content_of(deal, Wish("invoice", until=clock.today(), language="en"), label="№ 5", day=clock.today())
    assert content["title"].startswith("Invoice № 5 of")
    assert any("roubles" in block["text"] for block in content["text"])
    assert document_preview(deal, wish=Wish("contract", language="en")).startswith(b"%PDF")


def test_an_invoice_for_a_half_has_a_line_per_rate_and_a_number_of_its_own(deal: Deal, owner: User) -> None:
    first, second = make(deal, owner, "invoice", share=Decimal(50)), make(deal, owner, "invoice")
    assert (first.number, second.number, second.version) == (1, 2, 1)
    assert first.total == sum(Decimal(line["total"]) for line in first.content["lines"])
    assert len(first.content["lines"]) == 2
    assert first.until == clock.today() + timedelta(days=5)
    third = document_create(deal, by=owner, wish=Wish("invoice"), is_new=False)
    assert (third.number, third.version) == (2, 2)
    assert not Document.objects.get(pk=second.pk).is_latest
    for wrong in (Wish("invoice", share=Decimal(0)), Wish("quote", share=Decimal(50))):
        with pytest.raises(InvalidInput):
            document_create(deal, by=owner, wish=wrong)


def test_quotes_made_before_there_were_kinds_keep_their_numbers(deal: Deal, owner: User) -> None:
    old = [make(deal, owner, "quote") for _time in range(2)]
    Document.objects.update(printed="", is_latest=True)
    importlib.import_module("deals.migrations.0009_fill_documents").forwards(apps, None)
    kept = {row.pk: row for row in Document.objects.all()}
    assert [kept[row.pk].label for row in old] == [row.label for row in old]
    assert [kept[row.pk].is_latest for row in old] == [False, True]


# -- what becomes of them ---------------------------------------------------------------------------------------------


def test_how_they_stand_is_the_same_on_the_card_and_in_the_filter(clock: Any, deal: Deal, owner: User) -> None:
    today = clock.now().date()
    seen = [make(deal, owner, "quote"), document_create(deal, by=owner, wish=Wish("quote"), is_new=True)]
    seen += [make(deal, owner, "contract")]
    seen += [document_create(deal, by=owner, wish=Wish("contract"), is_new=False)]
    seen += [document_create(deal, by=owner, wish=Wish("contract"), is_new=True)]
    seen += [make(deal, owner, "invoice") for _time in range(6)]
    table = {row.pk: row for row in seen}
    Document.objects.filter(pk=seen[0].pk).update(until=today - timedelta(days=1))
    Document.objects.filter(pk=seen[1].pk).update(sent_at=clock.now())
    Document.objects.filter(pk=seen[3].pk).update(signed_on=today)
    for row, paid, days in ((seen[5], 0, 1), (seen[6], 1, 1), (seen[7], 0, -1), (seen[8], 1, -1)):
        Document.objects.filter(pk=row.pk).update(paid=paid, until=today + timedelta(days=days))
    document_pay(seen[9], paid=seen[9].total, paid_on=None, by=owner)
    document_void(seen[10], reason="Ошиблись суммой", by=owner)
    states = {pk: state_of(Document.objects.get(pk=pk)) for pk in table}
    assert set(states.values()) == set(STATES)
    for state in STATES:
        found = set(Document.objects.filter(in_state(state)).values_list("pk", flat=True))
        assert found == {pk for pk, known in states.items() if known == state}, state
    awaited = set(Document.objects.filter(in_state(AWAITED)).values_list("pk", flat=True))
    assert awaited == {pk for pk, known in states.items() if known in {"unpaid", "partly", "overdue"}}


def test_an_invoice_is_paid_in_part_then_whole_and_taken_back(deal: Deal, owner: User) -> None:
    made = make(deal, owner, "invoice")
    half = document_pay(made, paid=Decimal("1000.50"), paid_on=None, by=owner)
    assert (state_of(half), half.paid_on, half.unpaid) == ("partly", clock.today(), made.total - Decimal("1000.50"))
    for paid, day in ((made.total + 1, None), (Decimal(-1), None), (made.total, clock.today() + timedelta(days=1))):
        with pytest.raises(InvalidInput):
            document_pay(made, paid=paid, paid_on=day, by=owner)
    with pytest.raises(NoDocument):
        document_void(made, reason="Ошиблись суммой", by=owner)
    with pytest.raises(NoDocument, match=r"paid already|оплачен"):
        document_create(deal, by=owner, wish=Wish("invoice"), is_new=False)
    back = document_pay(made, paid=Decimal(0), paid_on=None, by=owner)
    assert (state_of(back), back.paid_on) == ("unpaid", None)
    with pytest.raises(NoDocument):
        document_pay(make(deal, owner, "quote"), paid=Decimal(1), paid_on=None, by=owner)
    said = [row for row in timeline.entries_for(deal, owner) if row.action == "document_paid"]
    assert len(said) == 2
    assert all(row.is_internal for row in said)


def test_a_void_number_is_void_in_all_versions_and_its_files_stay(deal: Deal, owner: User) -> None:
    first, second = make(deal, owner, "contract"), make(deal, owner, "contract")
    for reason in ("-", "тест"):
        with pytest.raises(InvalidInput):
            document_void(second, reason=reason, by=owner)
    document_void(second, reason="Клиент передумал брать монтаж", by=owner)
    document_void(second, reason="Ещё раз", by=owner)
    rows = Document.objects.filter(pk__in=[first.pk, second.pk])
    assert {row.void_reason for row in rows} == {"Клиент передумал брать монтаж"}
    assert all(row.attachment.file.read().startswith(b"%PDF") for row in rows)
    assert make(deal, owner, "contract").number == 2
    with pytest.raises(NoDocument):
        document_sign(second, signed_on=clock.today(), by=owner)


def test_a_signed_contract_wins_the_deal_and_asks_for_what_lacks(deal: Deal, owner: User) -> None:
    made = make(deal, owner, "contract")
    with pytest.raises(MissingFields):
        document_sign(made, signed_on=clock.today(), by=owner)
    assert Document.objects.get().signed_on is None
    with pytest.raises(InvalidInput):
        document_sign(made, signed_on=clock.today() + timedelta(days=1), by=owner)
    browser, address = signed_in(owner), f"/deals/{deal.pk}/documents/{made.pk}/sign/"
    page = browser.get(address).content.decode()
    assert 'name="expected_close_date"' in page
    posted = {
        "fields": "1", "signed-signed_on": f"{clock.today():%d.%m.%Y}", "signed-number": "77-П",
        "signed-scan": SimpleUploadedFile("scan.pdf", b"%PDF-1.4 x"),
    }  # fmt: skip
    assert browser.post(address, posted).status_code == 422
    posted["signed-scan"].seek(0)
    day = f"{clock.today() + timedelta(days=30):%d.%m.%Y}"
    assert browser.post(address, {**posted, "expected_close_date": day}).status_code == 204
    won = Deal.objects.get(pk=deal.pk)
    assert (won.stage, won.contract_number, won.contract_date) == ("deal:contract_signed", "77-П", clock.today())
    signed = Document.objects.get()
    assert (state_of(signed), signed.signed_file and signed.signed_file.name) == ("signed", "scan.pdf")
    # What is won is still billed; nothing more is offered.
    assert make(won, owner, "invoice").number == 1
    with pytest.raises(NoDocument):
        make(won, owner, "quote")


def test_sending_a_contract_goes_on_to_its_signing_and_an_invoice_moves_nothing(deal: Deal, owner: User) -> None:
    with pytest.raises(MissingFields):
        document_make_and_send(deal, wish=Wish("contract"), address="petr@example.org", by=owner)
    assert not Document.objects.exists()
    deal_update(deal, by=owner, data={"expected_close_date": clock.today() + timedelta(days=9)})
    document_make_and_send(deal, wish=Wish("contract"), address="petr@example.org", by=owner)
    assert Deal.objects.get(pk=deal.pk).stage == "deal:contract_signing"
    document_make_and_send(deal, wish=Wish("invoice"), address="petr@example.org", by=owner)
    assert Deal.objects.get(pk=deal.pk).stage == "deal:contract_signing"
    assert [row.subject for row in Message.objects.order_by("pk")] == [
        f"Договор Д-1/{clock.today().year}", "Счёт на оплату № 1",
    ]  # fmt: skip


# -- screens ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["quote", "contract", "invoice"])
def test_two_presses_make_it_and_send_it(deal: Deal, owner: User, kind: str) -> None:
    Stage.objects.filter(pk="deal:contract_signing").update(required=["amount"])
    browser, address = signed_in(owner), f"/deals/{deal.pk}/documents/{kind}/"
    assert address in browser.get(f"/deals/{deal.pk}/", headers={"HX-Request": ""}).content.decode()
    form = browser.get(address).context["form"]
    posted = {
        form.add_prefix(name): form.get_initial_for_field(field, name) or "" for name, field in form.fields.items()
    }
    assert posted["document-address"] == "petr@example.org"
    assert browser.post(address, {**posted, "send": "1"}).status_code == 204
    made = Document.objects.get()
    assert (made.kind, made.sent_to, made.letter.state) == (kind, "petr@example.org", "queued")
    assert browser.post(address, posted).status_code == 204
    assert Document.objects.exclude(pk=made.pk).get().sent_at is None


def test_the_dialog_says_what_is_wrong_and_keeps_nothing(deal: Deal, owner: User) -> None:
    browser, address = signed_in(owner), f"/deals/{deal.pk}/documents/invoice/"
    for wrong in ({"until": "01.01.2020"}, {"share": "150"}, {"address": "foreign@example.net"}, {"language": "xx"}):
        posted = {f"document-{name}": value for name, value in {"language": "ru", **wrong}.items()}
        assert browser.post(address, {**posted, "send": "1"}).status_code == 422, wrong
    assert not Document.objects.exists()
    assert browser.get(f"/deals/{deal.pk}/documents/letter/").status_code == 404


def test_payment_and_voiding_from_the_card(deal: Deal, owner: User) -> None:
    made = make(deal, owner, "invoice")
    browser, address = signed_in(owner), f"/deals/{deal.pk}/documents/{made.pk}"
    assert browser.post(f"{address}/pay/", {"paid": "много"}).status_code == 422
    assert browser.post(f"{address}/pay/", {"paid": "1 000,50"}).status_code == 204
    assert Document.objects.get().paid == Decimal("1000.50")
    assert browser.post(f"{address}/void/", {"reason": "Ошиблись суммой"}).status_code == 422
    browser.post(f"{address}/pay/", {"paid": "0"})
    assert browser.post(f"{address}/void/", {"reason": "Ошиблись суммой"}).status_code == 204
    card = browser.get(f"/deals/{deal.pk}/", headers={"HX-Request": ""}).content.decode()
    assert "Ошиблись суммой" in card
    assert f"/files/{made.attachment_id}/" in card


def test_an_overdue_invoice_stands_out_on_the_card(deal: Deal, owner: User) -> None:
    make(deal, owner, "invoice")
    browser = signed_in(owner, htmx=False)
    assert "is overdue" not in browser.get(f"/deals/{deal.pk}/").content.decode()
    Document.objects.update(until=clock.today() - timedelta(days=3))
    assert "is overdue" in browser.get(f"/deals/{deal.pk}/").content.decode()


def test_the_list_is_cut_counted_and_taken_along(deal: Deal, owner: User) -> None:
    bill = make(deal, owner, "invoice")
    document_pay(make(deal, owner, "invoice"), paid=bill.total, paid_on=None, by=owner)
    make(deal, owner, "quote")
    browser, program = signed_in(owner, htmx=False), Caller(owner)
    for query, count in (
        ("", 3), ("kind=invoice", 2), ("state=awaited", 1), ("state=paid", 1), (f"search={deal.pk}", 3),
        ("search=КП-", 1), (f"responsible={owner.pk}", 3),
        ("date_to=2020-01-01", 0), (f"deal={deal.pk}", 3), (f"deal={deal.pk + 1}", 0),
    ):  # fmt: skip
        page = browser.get(f"/documents/?{query}")
        assert len(page.context["rows"]) == count, query
        assert len(program.get(f"documents/?{query}").json()["results"]) == count, query
    assert browser.get("/documents/").context["owed"] == bill.total
    book = browser.get("/documents/?as=csv&kind=invoice")
    assert len(b"".join(book.streaming_content).decode().strip().splitlines()) == 3  # type: ignore[attr-defined]
    assert browser.get("/documents/?as=xlsx").status_code == 200
    assert program.get(f"documents/{bill.pk}/").json()["state"] == "unpaid"


def test_the_list_asks_as_often_for_many_as_for_one(deal: Deal, owner: User) -> None:
    browser, counts = signed_in(owner, htmx=False), []
    for _time in range(3):
        make(deal, owner, "invoice")
        browser.get("/documents/")
        with CaptureQueriesContext(connection) as seen:
            browser.get("/documents/")
        counts.append(len(seen))
    assert counts[1] == counts[2]


def test_programs_make_pay_sign_and_void(deal: Deal, owner: User) -> None:
    program, address = Caller(owner), f"deals/{deal.pk}/documents/"
    preferences.set_value("invoice_terms", "Как обычно")
    seen = program.post(f"{address}preview/", {"kind": "invoice", "terms": "Аванс", "share": "30"})
    assert (seen.status_code, seen.content[:4]) == (200, b"%PDF")
    assert program.get(f"{address}preview/?kind=contract").content.startswith(b"%PDF")
    assert not Document.objects.exists()
    made = program.post(address, {"kind": "invoice", "address": "petr@example.org"})
    assert (made.status_code, made.json()["sent_to"], made.json()["state"]) == (201, "petr@example.org", "unpaid")
    pk = made.json()["id"]
    assert Document.objects.get(pk=pk).content["terms"] == "Как обычно"
    assert program.post(f"{address}{pk}/pay/", {"paid": made.json()["total"]}).json()["state"] == "paid"
    assert program.post(f"{address}{pk}/void/", {"reason": "Ошиблись"}).json()["code"] == "no_document"
    contract = program.post(address, {"kind": "contract"}).json()["id"]
    lacking = program.post(f"{address}{contract}/sign/", {"signed_on": f"{clock.today()}"})
    assert (lacking.status_code, lacking.json()["errors"][0]["fields"]) == (422, ["expected_close_date"])
    assert program.post(f"{address}{contract}/void/", {"reason": "Клиент передумал"}).json()["state"] == "void"
    assert [row["kind"] for row in program.get(f"{address}?kind=invoice").json()] == ["invoice"]


# -- who --------------------------------------------------------------------------------------------------------------


def test_a_teammate_looks_a_stranger_and_a_partner_see_nothing(deal: Deal, owner: User) -> None:
    made = make(deal, owner, "invoice")
    paths = (f"{made.pk}/pay/", f"{made.pk}/void/", f"{made.pk}/send/", f"{made.pk}/sign/", "invoice/")
    for person, code in ((make_user(team=owner.team), 403), (make_user(), 404)):
        for path in paths:
            assert signed_in(person).get(f"/deals/{deal.pk}/documents/{path}").status_code == code, path
        for path, body in (
            ("pay", {"paid": "1"}),
            ("void", {"reason": "Ошибка"}),
            ("sign", {"signed_on": "2026-01-01"}),
        ):
            assert Caller(person).post(f"deals/{deal.pk}/documents/{made.pk}/{path}/", body).status_code == code
        seen = 1 if code == 403 else 0
        assert len(signed_in(person, htmx=False).get("/documents/").context["rows"]) == seen
        assert Caller(person).get("documents/").json()["results"] == [] or seen
        assert Caller(person).get(f"documents/{made.pk}/").status_code == (200 if seen else 404)
    dealer = make_user(Role.PARTNER)
    twin = hand_over(record=deal, partner=dealer.partner, by=make_user(Role.SALES_HEAD)).twin_id
    assert not Document.objects.visible_to(dealer).exists()
    for pk in (deal.pk, twin):
        for path in paths[:4]:
            assert signed_in(dealer).get(f"/deals/{pk}/documents/{path}").status_code == 404
        assert Caller(dealer).get(f"deals/{pk}/documents/").status_code in {403, 404}
    assert signed_in(dealer, htmx=False).get("/documents/").status_code == 403
    assert Caller(dealer).get("documents/").json()["results"] == []
    assert Caller(dealer).get(f"documents/{made.pk}/").status_code == 404
    assert signed_in(dealer).get(f"/files/{made.attachment_id}/").status_code == 404
    card = signed_in(dealer, htmx=False).get(f"/deals/{twin}/").content.decode()
    assert made.attachment.name not in card
    assert "/documents/" not in card
