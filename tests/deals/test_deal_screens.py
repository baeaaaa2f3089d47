"""The screens of deals: board with sums, card, copies, products, and how many queries each page may take."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Role
from crm import services
from crm.models import Stage
from deals.models import CopySet, Deal
from leads.models import Lead
from tests.factories import make_client, make_company, make_deal, make_user

pytestmark = pytest.mark.django_db
HTMX = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "dialog-body"}


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def board_of(user: Any, query: str = "") -> dict[str, Any]:
    columns = signed_in(user).get(f"/deals/board/{query}").context["board_columns"]
    return {column["stage"].code: column for column in columns}


def test_the_board_counts_and_sums_each_column_and_shows_the_first_cards() -> None:
    owner = make_user()
    for number in range(25):
        make_deal(owner, amount=number + 1)
    make_deal(owner, stage="costing", amount=1000)
    make_deal(make_user(), amount=999_999)
    columns = board_of(owner)
    first = columns["request_received"]
    assert (first["count"], first["sum"], len(first["cards"])) == (25, sum(range(1, 26)), 20)
    assert (columns["costing"]["count"], columns["costing"]["sum"]) == (1, 1000)
    more = signed_in(owner).get(first["more_url"], HTTP_HX_REQUEST="true")
    shown = {card["id"] for card in first["cards"]}
    rest = {card["id"] for card in more.context["cards"]}
    assert (len(rest), shown & rest, more.context["more_url"]) == (5, set(), "")


def test_the_board_has_one_refusal_zone_instead_of_six_columns() -> None:
    page = signed_in(make_user()).get("/deals/board/").context
    assert all(column["stage"].is_open for column in page["board_columns"])
    assert [stage.kind for stage in page["board_ends"]] == [Stage.Kind.SUCCESS]
    assert page["board_can_refuse"]


def test_a_refresh_sends_columns_only_when_something_is_new() -> None:
    owner = make_user()
    make_deal(owner)
    client = signed_in(owner)
    version = client.get("/deals/board/").context["board_version"]
    same = client.get(f"/deals/board/?version={version}", HTTP_HX_REQUEST="true")
    assert same.status_code == 204
    make_deal(owner)
    fresh = client.get(f"/deals/board/?version={version}", HTTP_HX_REQUEST="true")
    assert fresh.status_code == 200
    assert "<html" not in fresh.content.decode()


def test_the_filter_is_one_for_list_and_board() -> None:
    owner = make_user()
    make_deal(owner, amount=10)
    large = make_deal(owner, amount=5_000_000)
    columns = board_of(owner, "?amount_from=1000")
    assert [card["id"] for card in columns["request_received"]["cards"]] == [large.pk]
    page = signed_in(owner).get("/deals/?amount_from=1000").context
    assert list(page["page"]) == [large]
    assert any("amount_from=1000" in view["url"] for view in page["view_switch"])


def test_a_head_switches_between_the_directions_by_the_address() -> None:
    head, partner_user = make_user(Role.SALES_HEAD), make_user(Role.PARTNER)
    own, theirs = make_deal(head), make_deal(partner_user)
    client = signed_in(head)
    assert list(client.get("/deals/").context["page"]) == [own]
    assert list(client.get("/deals/?pipeline=partner_deal").context["page"]) == [theirs]
    assert set(client.get("/deals/?pipeline=all").context["page"]) == {own, theirs}
    columns = client.get("/deals/board/?pipeline=partner_deal").context["board_columns"]
    assert sum(column["count"] for column in columns) == 1


@pytest.mark.rule("ACC-1")
def test_a_manager_is_not_let_into_a_direction_that_is_not_theirs() -> None:
    manager, partner_user = make_user(), make_user(Role.PARTNER)
    make_deal(partner_user)
    columns = signed_in(manager).get("/deals/board/?pipeline=partner_deal").context["board_columns"]
    assert {column["stage"].pipeline_id for column in columns} == {"deal"}
    assert list(signed_in(manager).get("/deals/?pipeline=partner_deal").context["page"]) == []


@pytest.mark.rule("PIPE-7")
def test_what_stands_longer_than_its_norm_is_marked_listed_and_counted_alike_whatever_is_planned(clock: Any) -> None:
    owner = make_user()
    late, planned = make_deal(owner), make_deal(owner)
    clock.travel(days=2)
    due = clock.now() + timedelta(days=3)
    services.activity_create(planned, title="Позвонить", due_at=due, responsible=owner, by=owner)
    cards = {card["id"]: card["stale"] for card in board_of(owner)["request_received"]["cards"]}
    make_deal(owner)
    make_deal(make_user())
    assert cards == {late.pk: True, planned.pk: True}
    assert [card["stale"] for card in board_of(owner)["request_received"]["cards"]].count(True) == 2
    assert {row.pk for row in signed_in(owner).get("/deals/?norm_exceeded=true").context["page"]} == set(cards)
    report = signed_in(owner).get("/reports/funnel/?pipeline=deal&mode=snapshot").context["report"]
    assert report.overdue.value == 2
    assert signed_in(owner).get(f"/deals/{planned.pk}/").context["stale"]


@pytest.mark.rule("PIPE-6")
def test_a_conflict_shows_what_was_seen_what_is_there_and_what_was_typed_and_either_can_stand() -> None:
    owner, head = make_user(), make_user(Role.SALES_HEAD, last_name="Орлова")
    deal = make_deal(owner, responsible=owner, amount=1_000_000)
    url = f"/deals/{deal.pk}/fields/amount/"
    client = signed_in(owner)
    seen = client.get(url, HTTP_HX_REQUEST="true").context["seen"]
    services.record_update(Deal.objects.get(pk=deal.pk), data={"amount": 2_000_000}, by=head)
    slower = client.post(url, {"seen": seen, "amount": "3 000 000"}, HTTP_HX_REQUEST="true")
    (change,) = slower.context["changes"]
    shown = [change[name].replace("\u00a0", " ") for name in ("old", "new", "mine")]
    assert shown == ["1 000 000", "2 000 000", "3 000 000"]
    again = {"mine": "1", "seen": slower.context["seen_now"], **dict(slower.context["write_values"])}
    services.record_update(Deal.objects.get(pk=deal.pk), data={"amount": 2_500_000}, by=head)
    third = client.post(url, again, HTTP_HX_REQUEST="true")
    assert third.status_code == 409
    done = client.post(url, {**again, "seen": third.context["seen_now"]}, HTTP_HX_REQUEST="true")
    assert done.status_code == 204
    assert Deal.objects.get(pk=deal.pk).amount == 3_000_000
    assert signed_in(make_user()).post(url, again, HTTP_HX_REQUEST="true").status_code == 404


@pytest.mark.rule("DEAL-9")
def test_copies_are_made_once_however_often_the_button_is_pressed() -> None:
    owner = make_user()
    mother = make_deal(owner, contact=make_client(owner), amount=700)
    client = signed_in(owner)
    dialog = client.get(f"/leads/copies-of/{mother.pk}/", **HTMX)
    data = {"count": "3", "idempotency_key": dialog.context["idempotency_key"], "row-2-amount": "1 200,50"}
    answers = [client.post(f"/leads/copies-of/{mother.pk}/", data, **HTMX) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    copies = Deal.objects.filter(mother=mother).order_by("pk")
    assert [str(copy.amount) for copy in copies] == ["700.00", "1200.50", "700.00"]
    assert Lead.objects.filter(mother_deal=mother).count() == 3
    assert [row["deal"] for row in answers[0].context["copies"]] == list(copies)
    undone = client.post(answers[0].context["undo_url"], **HTMX)
    assert undone.status_code == 204
    assert not Deal.objects.alive().filter(mother=mother).exists()


@pytest.mark.rule("DEAL-9")
def test_a_number_out_of_bounds_and_a_wrong_cell_are_refused_by_name() -> None:
    owner = make_user()
    mother = make_deal(owner)
    client = signed_in(owner)
    for count in ("0", "101", "много"):
        assert client.post(f"/leads/copies-of/{mother.pk}/", {"count": count}, **HTMX).status_code == 422
    wrong = client.post(f"/leads/copies-of/{mother.pk}/", {"count": "2", "row-2-amount": "дорого"}, **HTMX)
    assert wrong.status_code == 422
    assert "2" in str(wrong.context["form"].non_field_errors())
    assert not CopySet.objects.exists()


def test_products_give_the_amount() -> None:
    owner = make_user()
    deal = make_deal(owner)
    data = {
        "lines-TOTAL_FORMS": "3", "lines-INITIAL_FORMS": "0",
        "lines-0-name": "Каркас", "lines-0-quantity": "57,5", "lines-0-unit": "т", "lines-0-price": "140 000",
        "lines-1-name": "Монтаж", "lines-1-price": "1 000 000",
        "lines-2-name": "",
    }  # fmt: skip
    assert signed_in(owner).post(f"/deals/{deal.pk}/lines/", data, **HTMX).status_code == 204
    deal.refresh_from_db()
    assert (deal.lines.count(), str(deal.amount)) == (2, "9050000.00")


def test_a_new_deal_is_made_for_a_client_whom_the_person_sees() -> None:
    owner, stranger = make_user(), make_user()
    company = make_company(owner)
    refused = signed_in(stranger).post("/deals/new/", {"company": company.pk}, **HTMX)
    assert refused.status_code == 422
    assert signed_in(owner).post("/deals/new/", {"company": company.pk, "amount": "5 млн"}, **HTMX).status_code == 204
    deal = Deal.objects.get()
    assert (deal.company, deal.responsible, deal.stage) == (company, owner, "deal:request_received")


@pytest.mark.rule("ACC-1")
def test_search_as_you_type_offers_only_what_the_reader_sees() -> None:
    owner, stranger = make_user(), make_user()
    company = make_company(owner, name="ООО Ветер")
    mine = signed_in(owner).get("/options/company/?q=ветер").json()["results"]
    assert [row["id"] for row in mine] == [company.pk]
    assert signed_in(stranger).get("/options/company/?q=ветер").json()["results"] == []
    assert signed_in(owner).get("/options/user/").status_code == 404


# -- how many queries a page may take, whatever the number of rows ---------------------------------------------------


QUERIES = {"/deals/": 12, "/deals/board/": 15, "/leads/": 12, "/leads/board/": 15}


def count_queries(user: Any, url: str) -> int:
    client = signed_in(user)
    client.get(url)
    with CaptureQueriesContext(connection) as seen:
        assert client.get(url).status_code == 200
    return len(seen)


@pytest.mark.parametrize("url", QUERIES)
@pytest.mark.parametrize("role", [Role.SALES_HEAD, Role.SALES_MANAGER, Role.PARTNER])
def test_lists_and_boards_take_as_many_queries_for_many_rows_as_for_few(url: str, role: str) -> None:
    from leads.services import lead_create

    user = make_user(role)

    def add(count: int) -> None:
        for _number in range(count):
            if role == Role.PARTNER:
                make_deal(user)
            else:
                make_deal(user, contact=make_client(user), company=make_company(user))
            lead_create(by=user, data={"name": "Иванов", "phone": "+79123456789"})

    add(2)
    few = count_queries(user, url)
    add(12)
    many = count_queries(user, url)
    assert many <= few, f"{url} takes {many} queries for more rows, {few} for few"
    assert many <= QUERIES[url]


@pytest.mark.parametrize("role", [Role.SALES_HEAD, Role.SALES_MANAGER])
def test_a_card_takes_at_most_fifteen_queries(role: str) -> None:
    user = make_user(role)
    deal = make_deal(user, contact=make_client(user), company=make_company(user), amount=5)
    for number in range(10):
        services.note_add(deal, text=f"Заметка {number}", by=user)
    assert count_queries(user, deal.get_absolute_url()) <= 15


def test_a_card_of_the_board_names_the_client_and_a_number_to_call() -> None:
    owner = make_user()
    company = make_company(owner, name="ООО «Ромашка»", phone="+74951234567")
    make_deal(owner, title="Склад — ООО «Ромашка», 972 м²", company=company, contact=make_client(owner))
    card = board_of(owner)["request_received"]["cards"][0]
    assert (card["client"], card["phone"]) == ("ООО «Ромашка»", "+74951234567")
