"""Pages, filters, search, choice of fields: the lists of the API."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Role
from crm import clients
from crm.services import record_update
from deals.models import Deal
from deals.services import deal_create
from leads.services import lead_create
from objects_registry.services import object_create
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def walk(program: Any, path: str, between: Any = None) -> Iterator[int]:
    """All ids of a list, page by page; `between` happens between two pages."""
    while path:
        body = program.get(path).json()
        yield from (row["id"] for row in body["results"])
        assert body["has_more"] == bool(body["next"])
        path = (body["next"] or "").replace("http://testserver", "")
        if between:
            between()


def make_deals(owner: Any, clock: Any, count: int) -> list[int]:
    made = []
    for number in range(count):
        clock.travel(minutes=number % 2)  # pairs made at the same moment: the key must break the tie
        amount = None if number % 3 == 0 else number % 4
        made.append(deal_create(by=owner, data={"title": f"Склад {number % 5}", "amount": amount}).pk)
    return made


@pytest.mark.rule("DATA-3")
@pytest.mark.parametrize(
    "ordering", ["", "id", "-id", "created_at", "-created_at", "title", "-title", "amount", "-amount", "-updated_at"]
)
def test_every_order_walks_each_row_once(caller: Any, clock: Any, ordering: str) -> None:
    program = caller(make_user())
    made = make_deals(program.user, clock, 11)
    found = list(walk(program, f"deals/?limit=2&ordering={ordering}" if ordering else "deals/?limit=2"))
    assert sorted(found) == made
    if ordering in {"-created_at", ""}:
        assert found == made[::-1]
    if ordering == "amount":
        amounts = [Deal.objects.get(pk=pk).amount for pk in found]
        known = [amount for amount in amounts if amount is not None]
        assert amounts == sorted(known) + [None] * (len(amounts) - len(known))


@pytest.mark.rule("DATA-3")
def test_rows_that_come_and_go_meanwhile_lose_and_double_nothing(caller: Any, clock: Any) -> None:
    program = caller(make_user())
    made = make_deals(program.user, clock, 8)

    def somebody_works() -> None:
        clock.travel(minutes=5)
        deal_create(by=program.user, data={"title": "Новая"})
        record_update(Deal.objects.get(pk=made[0]), data={"amount": clock.now().minute}, by=program.user)

    found = list(walk(program, "deals/?limit=3", somebody_works))
    assert found == made[::-1]


SENSELESS = [
    "limit=0",
    "limit=201",
    "limit=abc",
    "limit=-1",
    "limit=" + "9" * 50,
    "cursor=abc",
    "cursor=W10",
    "cursor=" + "W" * 5000,
    "cursor=%00",
    "cursor=ééé",
    "ordering=password",
    "ordering=responsible__password",
    "ordering=--id",
    "count=all",
    "fields=id,nothing",
    "expand=created_by",
    "nmae=x",
    "page=2",
    "stage=deal:nowhere",
    "responsible=abc",
    "responsible=" + "9" * 30,
    "id=abc",
    "id=1,x",
    "id=" + "9" * 30,
    "contact=1.5",
    "contact=-1",
    "contact=" + "9" * 30,
    "partner=x",
    "area_from=NaN",
    "area_from=Infinity",
    "area_from=широко",
    "created_from=вчера",
    "created_from=0001-01-01",
    "created_to=9999-12-31",
    "updated_since=0001-01-01T00:00:00%2B14:00",
    "updated_since=9999-12-31T23:59:59-14:00",
    "updated_since=now",
    "kind=lost",
    "search=%00",
    "mine=perhaps",
    "next_step=never",
    "reached=deal:none",
    "source=%F0%9F%92%A9",
]


def test_a_senseless_query_is_a_400_that_names_it(caller: Any) -> None:
    program = caller(make_user())
    deal_create(by=program.user, data={"title": "Склад"})
    for query in SENSELESS:
        answer = program.get(f"deals/?{query}")
        assert answer.status_code == 400, (query, answer.content)
        assert answer["Content-Type"] == "application/problem+json"
        name = query.split("=", maxsplit=1)[0]
        assert any(row["pointer"].startswith(f"/{name}") for row in answer.json()["errors"]), (query, answer.content)


def test_an_extreme_query_does_no_harm(caller: Any) -> None:
    program = caller(make_user())
    deal_create(by=program.user, data={"title": "Склад", "area": 5, "amount": 5})
    for query in ("area_from=1e40", "area_from=" + "9" * 49, "amount_to=1e-40", "search=" + "9" * 60, "city=%25"):
        assert program.get(f"deals/?{query}").status_code in {200, 400}, query


def test_a_cursor_of_another_order_is_refused(caller: Any, clock: Any) -> None:
    program = caller(make_user())
    make_deals(program.user, clock, 3)
    cursor = program.get("deals/?limit=1").json()["next_cursor"]
    assert program.get(f"deals/?limit=1&cursor={cursor}").status_code == 200
    assert program.get(f"deals/?limit=1&ordering=title&cursor={cursor}").status_code == 400


def test_counting_is_done_only_when_asked_for(caller: Any, clock: Any) -> None:
    program = caller(make_user())
    make_deals(program.user, clock, 3)
    with CaptureQueriesContext(connection) as queries:
        body = program.get("deals/?limit=1").json()
    assert "count" not in body
    assert not any("COUNT(" in query["sql"] for query in queries)
    assert program.get("deals/?limit=1&count=exact").json()["count"] == 3
    assert program.get("deals/?limit=1&count=capped").json()["count"] == 3


def test_fields_and_names_of_references_on_request(caller: Any) -> None:
    program = caller(make_user(last_name="Пак", first_name=""))
    contact = clients.contact_create(by=program.user, data={"last_name": "Ким", "responsible": program.user})
    deal_create(by=program.user, data={"title": "Склад", "contact": contact})
    row = program.get("deals/?fields=id,contact,responsible&expand=contact").json()["results"][0]
    assert row == {"id": row["id"], "contact": {"id": contact.pk, "name": "Ким"}, "responsible": program.user.pk}
    one = program.get(f"deals/{row['id']}/?fields=title&expand=responsible").json()
    assert one == {"title": "Склад"}


def test_the_filters_are_those_of_the_lists(caller: Any) -> None:
    program = caller(make_user())
    small = deal_create(by=program.user, data={"title": "Склад", "area": 100, "city": "Тверь"}).pk
    large = deal_create(by=program.user, data={"title": "Ангар", "area": 2000, "city": "Пермь"}, stage="resumed").pk
    for query, found in (
        ("area_from=500", [large]),
        ("city=Тверь", [small]),
        ("search=анг", [large]),
        (f"id={small},{large}&ordering=id", [small, large]),
        ("stage=deal:resumed&stage=deal:costing", [large]),
        ("kind=closed", []),
        ("mine=true&ordering=-id", [large, small]),
        ("next_step=none&ordering=id", [small]),
    ):
        assert program.ids(f"deals/?{quote(query, safe='=&:,')}") == found, query


@pytest.mark.rule("LEAD-5")
@pytest.mark.parametrize("query", ["ким", "1122", "912 000", "+7 (912) 000-11-22"])
def test_a_contact_is_found_by_name_and_any_part_of_the_phone(caller: Any, query: str) -> None:
    program = caller(make_user())
    body = {"last_name": "Ким", "phones": ["8 912 000 11 22"]}
    pk = program.post("contacts/", body).json()["id"]
    program.post("contacts/", {"last_name": "Пак", "phones": ["8 913 555 66 77"]})
    assert program.ids(f"contacts/?search={quote(query)}") == [pk]


@pytest.mark.parametrize("path", ["leads/", "deals/", "contacts/", "companies/", "objects/", "tasks/"])
@pytest.mark.parametrize("role", [Role.SALES_HEAD, Role.SALES_MANAGER])
def test_a_list_takes_as_many_queries_for_many_rows_as_for_few(caller: Any, path: str, role: Role) -> None:
    program = caller(make_user(role))
    head = make_user(Role.SALES_HEAD)

    def add(count: int) -> None:
        for number in range(count):
            company = clients.company_create(by=head, data={"name": f"ООО {number}", "responsible": program.user})
            contact = clients.contact_create(
                by=head,
                data={"last_name": "Ким", "company": company, "responsible": program.user},
                phones="+79120001122",
            )
            building = object_create(by=head, data={"name": f"Склад {number}", "responsible": program.user})
            data = {"contact": contact, "company": company, "object": building, "responsible": program.user}
            deal = deal_create(by=head, data={**data, "title": "Склад", "tags": ["срочно"]})
            lead = lead_create(by=head, data={**data, "name": "Ким"})
            body = {"title": "Позвонить", "due_at": "2026-12-01T09:00:00Z", "responsible": program.user.pk}
            assert caller(head).post(f"deals/{deal.pk}/tasks/", body).status_code == 201
            assert lead.pk

    expand = {"tasks/": "", "companies/": "&expand=responsible"}.get(path, "&expand=responsible")
    program.get("me/")  # notes the time of the token's last use
    add(2)
    with CaptureQueriesContext(connection) as few:
        assert len(program.ids(f"{path}?limit=100{expand}")) >= 2
    add(5)
    with CaptureQueriesContext(connection) as many:
        assert len(program.ids(f"{path}?limit=100{expand}")) >= 7
    assert len(many) == len(few) <= 8, [query["sql"][:150] for query in many]


def test_changes_since_a_moment_can_be_polled(caller: Any, clock: Any) -> None:
    program = caller(make_user())
    old = deal_create(by=program.user, data={"title": "Склад"})
    since = clock.travel(hours=1)
    clock.travel(seconds=1)
    new = deal_create(by=program.user, data={"title": "Ангар"})
    path = f"deals/?updated_since={quote(since.isoformat())}&ordering=updated_at"
    assert program.ids(path) == [new.pk]
    record_update(old, data={"amount": 5}, by=program.user)
    assert set(program.ids(path)) == {new.pk, old.pk}
    assert since + timedelta(0) < clock.now()
