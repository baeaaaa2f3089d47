"""Products and services: the catalogue, discounts, VAT, what is sold by the tonne, and money to the kopeck."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Role, User
from crm.errors import InvalidInput
from deals import money
from deals.models import Deal, DealLine, Product
from deals.services import deal_lines_set, deal_update
from tests.api.conftest import Caller
from tests.factories import make_deal, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("DEAL-11")]
HTMX = {"HX-Request": "true", "HX-Target": "dialog-body"}
QUANTITIES = st.decimals(0, 999_999_999, places=3)
PRICES = st.decimals(0, 9_999_999_999_999, places=2)
PERCENTS = st.decimals(0, 100, places=2)
RATES = st.sampled_from([None, *(Decimal(rate) for rate in (0, 5, 7, 10, 20, 22))])


@pytest.fixture
def owner() -> User:
    return make_user(language="en")


@pytest.fixture
def steel() -> Product:
    return Product.objects.create(
        name_ru="Металлоконструкции", name_en="Steel structures", unit="т", price=Decimal("185000.50"), per_tonne=True
    )


def signed_in(user: User) -> Client:
    client = Client(headers=HTMX)
    client.force_login(user)
    return client


def to_kopeck(exact: Fraction) -> Decimal:
    """Half up, by whole numbers alone."""
    return Decimal((exact * 200 + 1) // 2) / 100


@given(QUANTITIES, PRICES, PERCENTS, RATES)
def test_a_line_is_rounded_once_and_half_up(
    quantity: Decimal, price: Decimal, discount: Decimal, rate: Decimal | None
) -> None:
    exact = Fraction(quantity) * Fraction(price) * (100 - Fraction(discount)) / 100
    total = money.line_total(quantity, price, discount)
    assert total == to_kopeck(exact)
    assert total <= money.line_total(quantity, price)
    vat = money.vat_within(total, rate)
    assert vat == (to_kopeck(Fraction(total) * Fraction(rate) / (100 + Fraction(rate))) if rate else 0)
    assert 0 <= vat <= total


@given(st.lists(st.tuples(QUANTITIES, PRICES, PERCENTS, st.sampled_from(["none", "0", "10", "22"])), max_size=12))
def test_what_stands_below_is_the_sum_of_what_stands_above(rows: list[Any]) -> None:
    lines = [DealLine(quantity=a, price=b, discount=c, vat=d) for a, b, c, d in rows]
    found = money.totals_of(lines)
    assert found.total == sum((line.total for line in lines), Decimal(0))
    assert found.full - found.discount == found.total
    assert found.vat_sum == sum((line.vat_amount for line in lines), Decimal(0))
    assert all(rate for rate in found.vat)


def test_half_a_kopeck_goes_up() -> None:
    assert money.line_total(Decimal("0.5"), Decimal("0.01")) == Decimal("0.01")
    assert money.kopecks(Decimal("2.345")) == Decimal("2.345").quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert money.vat_within(Decimal("122.00"), Decimal(22)) == Decimal("22.00")


def test_a_product_of_the_catalogue_brings_what_nobody_typed(owner: User, steel: Product) -> None:
    deal = make_deal(owner, tonnage="57.5")
    deal_lines_set(deal, by=owner, lines=[{"product": steel}, {"product": steel, "per_tonne": False, "quantity": 2}])
    first, second = deal.lines.all()
    assert (first.name, first.unit, first.quantity, first.vat) == ("Металлоконструкции", "т", Decimal("57.5"), "22")
    assert (second.quantity, second.total) == (2, Decimal("370001.00"))
    deal.refresh_from_db()
    assert deal.amount == Decimal("10637528.75") + Decimal("370001.00")


def test_what_is_sold_by_the_tonne_follows_the_tonnage(owner: User, steel: Product) -> None:
    deal = make_deal(owner, tonnage=10)
    deal_lines_set(deal, by=owner, lines=[{"product": steel, "price": 1000}])
    deal_update(deal, by=owner, data={"tonnage": 12})
    deal.refresh_from_db()
    assert (deal.lines.get().quantity, deal.amount) == (12, 12000)
    deal_update(deal, by=owner, data={"amount": 11000})
    deal_update(deal, by=owner, data={"tonnage": 15})
    deal.refresh_from_db()
    assert (deal.lines.get().quantity, deal.amount) == (15, 11000)


def test_without_a_tonnage_it_says_so(owner: User, steel: Product) -> None:
    deal = make_deal(owner)
    with pytest.raises(InvalidInput) as refused:
        deal_lines_set(deal, by=owner, lines=[{"product": steel}])
    assert refused.value.errors[0]["pointer"] == "/lines/0/quantity"
    assert not deal.lines.exists()


def test_the_amount_becomes_the_total_when_the_person_says_so(owner: User) -> None:
    deal = make_deal(owner, amount=5)
    deal_lines_set(deal, by=owner, lines=[{"name": "Монтаж", "price": 100}])
    assert Deal.objects.get(pk=deal.pk).amount == 5
    deal_lines_set(deal, by=owner, lines=[{"name": "Монтаж", "price": 100, "discount": 10}], takes_amount=True)
    deal = Deal.objects.get(pk=deal.pk)
    assert (deal.amount, deal.amount_is_manual) == (90, False)


@pytest.mark.parametrize(("field", "value"), [("discount", 101), ("discount", -1), ("vat", "18")])
def test_a_wrong_value_is_named(owner: User, field: str, value: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        deal_lines_set(make_deal(owner), by=owner, lines=[{"name": "Монтаж", "price": 1, field: value}])
    assert refused.value.errors[0]["pointer"] == f"/lines/0/{field}"


def test_the_dialog_takes_products_discounts_and_vat(owner: User, steel: Product) -> None:
    deal, browser = make_deal(owner, tonnage=10, amount=1), signed_in(owner)
    data = {
        "lines-TOTAL_FORMS": "3", "lines-INITIAL_FORMS": "0", "takes_amount": "on",
        "lines-0-product": steel.pk, "lines-0-discount": "10",
        "lines-1-name": "Монтаж", "lines-1-price": "1 000 000", "lines-1-vat": "none",
    }  # fmt: skip
    assert browser.post(f"/deals/{deal.pk}/lines/", data).status_code == 204
    deal.refresh_from_db()
    first, second = deal.lines.all()
    assert (first.name, first.per_tonne, first.total) == ("Металлоконструкции", True, Decimal("1665004.50"))
    assert (second.quantity, second.vat, deal.amount) == (1, "none", Decimal("2665004.50"))
    card = browser.get(f"/deals/{deal.pk}/", headers={"HX-Request": ""}).content.decode()
    assert "including VAT 22" in card
    page = browser.get(f"/deals/{deal.pk}/lines/").content.decode()
    assert 'value="Металлоконструкции"' in page
    assert signed_in(make_user()).post(f"/deals/{deal.pk}/lines/", data).status_code == 404


def test_programs_see_the_catalogue_and_set_lines(owner: User, steel: Product) -> None:
    deal = make_deal(owner, tonnage=10, amount=1)
    program, head = Caller(owner), Caller(make_user(Role.SALES_HEAD))
    assert [row["price"] for row in program.get("products/").json()] == ["185000.50"]
    assert Caller(make_user(Role.PARTNER)).get("products/").status_code == 403
    assert program.post("products/", {"name_ru": "Сваи", "price": "10"}).status_code == 403
    assert head.post("products/", {"name_ru": "Сваи", "price": "10", "unit": "шт."}).status_code == 201
    wish = {"lines": [{"product": steel.pk, "discount": "5"}], "takes_amount": True}
    rows = program.call("put", f"deals/{deal.pk}/lines/", wish).json()
    assert [(row["total"], row["vat_amount"]) for row in rows] == [("1757504.75", "316927.09")]
    assert Deal.objects.get(pk=deal.pk).amount == Decimal("1757504.75")


def test_the_settings_keep_the_catalogue(owner: User) -> None:
    address = "/settings/products/"
    assert signed_in(owner).get(address).status_code == 403
    browser = signed_in(make_user(Role.SALES_HEAD))
    row = {"name_ru": "Сэндвич-панели", "unit": "м²", "price": "2 450,50", "vat": "22", "order": "0", "is_active": "on"}
    assert browser.post(f"{address}new/", row).status_code == 204
    assert Product.objects.get().price == Decimal("2450.50")
    again = browser.post(f"{address}new/", row)
    assert again.status_code == 422
    assert "Такое в списке уже есть." in again.content.decode()
    assert "Сэндвич-панели" in browser.get(address, headers={"HX-Request": ""}).content.decode()


def test_rows_are_added_moved_and_taken_out_before_anything_is_kept(owner: User) -> None:
    deal = make_deal(owner)
    deal_lines_set(deal, by=owner, lines=[{"name": "Каркас", "price": 100}, {"name": "Монтаж", "price": 50}])
    client = Client()
    client.force_login(owner)
    url = f"/deals/{deal.pk}/lines/"
    page = client.get(url)
    assert len(page.context["rows"].forms) == 3  # what there is and one empty row

    def typed(page: Any) -> dict[str, Any]:
        rows = page.context["rows"]
        found = {f"lines-{name}": rows.management_form[name].value() for name in ("TOTAL_FORMS", "INITIAL_FORMS")}
        for form in rows.forms:
            found |= {form.add_prefix(name): form[name].value() or "" for name in form.fields}
        return {name: value for name, value in found.items() if value not in ("", False)}

    data = typed(page) | {"lines-1-price": "60,5"}
    page = client.post(url, {**data, "up": "1"})
    assert [form["name"].value() for form in page.context["rows"].forms] == ["Монтаж", "Каркас", None]
    page = client.post(url, {**typed(page), "remove": "1"})
    page = client.post(url, {**typed(page), "lines-1-name": "Ворота", "lines-1-price": "7", "add": "1"})
    assert [form["name"].value() for form in page.context["rows"].forms] == ["Монтаж", "Ворота", None]
    assert "autofocus" in page.content.decode()
    assert [line.name for line in deal.lines.all()] == ["Каркас", "Монтаж"]
    for odd in ({"up": "0"}, {"down": "x"}, {"remove": "99"}, {"add": ""}):
        assert client.post(url, {**typed(page), **odd}).status_code == 200
    assert client.post(url, {**typed(page), "takes_amount": "on"}).status_code == 302
    assert [(line.name, line.price) for line in deal.lines.all()] == [("Монтаж", Decimal("60.5")), ("Ворота", 7)]


def test_a_row_that_changed_places_keeps_the_price_that_was_agreed(owner: User) -> None:
    steel = Product.objects.create(name_ru="Металлоконструкции", name_en="Steel", price=100)
    gate = Product.objects.create(name_ru="Ворота", name_en="Gate", price=200)
    deal = make_deal(owner)
    lines = [{"product": steel, "price": 90}, {"product": gate, "price": 90}]
    rows = list(deal_lines_set(deal, by=owner, lines=lines).lines.all())
    client = Client()
    client.force_login(owner)
    data = {"lines-TOTAL_FORMS": "2", "lines-INITIAL_FORMS": "2"}
    for place, row in enumerate(reversed(rows)):
        values = {"row": row.pk, "product": row.product_id, "name": row.name, "quantity": "1", "unit": row.unit,
                  "price": "90", "vat": row.vat, "discount": "0"}  # fmt: skip
        data |= {f"lines-{place}-{name}": str(value) for name, value in values.items()}
    assert client.post(f"/deals/{deal.pk}/lines/", data).status_code == 302
    assert [(line.name, line.price) for line in deal.lines.all()] == [("Ворота", 90), ("Металлоконструкции", 90)]
