"""Global search finds what the person may see, however it is typed, in few queries."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import Role
from crm.clients import company_create, contact_create
from objects_registry.services import object_create
from tests.factories import make_user
from web.search import palette, search

pytestmark = pytest.mark.django_db


def titles(found: Any) -> set[str]:
    return {item["title"] for group in found.groups for item in group.items}


def make_client(by: Any, **points: str) -> Any:
    return contact_create(by=by, data={"name": "Иванов Пётр Сергеевич", "responsible": by}, **points)


@pytest.mark.rule("LEAD-5")
@pytest.mark.parametrize("query", ["иванов", "Ivanov ", "bdfyjd", "6789", "+7 (912) 345-67-89", "8 912 345 67 89"])
def test_it_finds_a_person_by_name_layout_and_phone(query: str) -> None:
    head = make_user(Role.SALES_HEAD)
    make_client(head, phones="8 912 345-67-89")
    wanted = {"Иванов Пётр Сергеевич"} if query != "Ivanov " else set()
    assert titles(search(head, query)) == wanted


def test_it_finds_a_company_by_inn_and_an_object_by_size_and_place() -> None:
    head = make_user(Role.SALES_HEAD)
    company_create(by=head, data={"name": "ООО «Ромашка»", "inn": "7707083893", "responsible": head})
    object_create(by=head, data={"name": "Склад Казань", "width": "24", "length": "60", "address": "Казань"})
    assert titles(search(head, "7707083893")) == {"ООО «Ромашка»"}
    assert titles(search(head, "24x60 казань")) == {"Склад Казань"}
    assert titles(search(head, "60х24 Казань")) == {"Склад Казань"}


@pytest.mark.rule("ACC-1")
def test_a_stranger_finds_nothing_of_anothers() -> None:
    owner, stranger, partner = make_user(), make_user(), make_user(Role.PARTNER)
    make_client(owner, phones="8 912 345-67-89")
    assert titles(search(owner, "6789")) == {"Иванов Пётр Сергеевич"}
    assert search(stranger, "6789").total == 0
    assert search(partner, "6789").total == 0


@pytest.mark.rule("ACC-1")
def test_an_operator_learns_of_a_client_only_the_name_and_the_responsible() -> None:
    manager, operator = make_user(last_name="Ответственный"), make_user(Role.CALL_CENTER)
    make_client(manager, phones="8 912 345-67-89", emails="p.ivanov@example.com")
    found = search(operator, "345-67-89")
    assert found.groups == []
    assert [(caller.name, caller.responsible) for caller in found.callers] == [("Иванов Пётр Сергеевич", manager)]
    assert search(operator, "иванов").total == 0
    assert search(operator, "789").total == 0


def test_it_takes_at_most_twelve_queries(client: Client, django_assert_max_num_queries: Any) -> None:
    head = make_user(Role.SALES_HEAD)
    for number in range(8):
        make_client(head, phones=f"8 912 345-60-{number:02}")
    client.force_login(head)
    with django_assert_max_num_queries(12):
        answer = client.get("/search/", {"q": "Иванов"})
    assert answer.status_code == 200
    with django_assert_max_num_queries(12):
        answer = client.get("/search/palette/", {"q": "bdfyjd"}, headers={"HX-Request": "true"})
    assert "Иванов Пётр" in answer.content.decode()


@pytest.mark.parametrize("query", ["", "   ", "\x00", "%_'\"\\", "9" * 400, "№ 12", "—"])
def test_odd_queries_are_answered(client: Client, query: str) -> None:
    client.force_login(make_user(Role.SALES_HEAD))
    assert client.get("/search/", {"q": query}).status_code == 200
    assert client.get("/search/palette/", {"q": query}).status_code == 200


def test_the_palette_offers_pages_and_actions_of_the_role() -> None:
    head, partner = make_user(Role.SALES_HEAD, language="en"), make_user(Role.PARTNER, language="en")
    urls = {item["url"] for group in palette(head, "") for item in group["items"]}
    partner_urls = {item["url"] for group in palette(partner, "") for item in group["items"]}
    assert "/settings/" in urls
    assert "/settings/" not in partner_urls


def test_a_head_finds_whose_work_to_hand_over_and_nobody_else_does() -> None:
    head, left = make_user(Role.SALES_HEAD), make_user(last_name="Королёв")
    left.is_active = False
    left.save()
    make_user(Role.PARTNER, last_name="Королёва")
    items = [item for group in palette(head, "королев") for item in group["items"] if "person=" in item["url"]]
    assert [(item["url"], "Королёв" in item["title"]) for item in items] == [
        (f"/settings/work/?person={left.pk}", True)
    ]
    assert items[0]["note"]
    assert not [item for group in palette(head, "ко") for item in group["items"] if "person=" in item["url"]]
    for other in (make_user(), make_user(Role.CALL_CENTER), make_user(Role.PARTNER_CONTROL)):
        assert "person=" not in str(palette(other, "королев"))


@pytest.mark.rule("LEAD-16")
def test_it_is_cut_by_the_type_of_client(client: Client) -> None:
    head, operator = make_user(Role.SALES_HEAD), make_user(Role.CALL_CENTER)
    company_create(by=head, data={"name": "Ромашка"})
    company_create(by=head, data={"name": "Ромашка Сталь", "client_type": "supplier"})
    object_create(by=head, data={"name": "Склад Ромашка"})
    client.force_login(head)
    page = client.get("/search/", {"q": "ромашка", "client_type": "supplier"}).content.decode()
    assert "Ромашка Сталь" in page
    assert "Склад Ромашка" not in page
    rows = client.get("/api/v1/search/", {"q": "ромашка", "client_type": "supplier"}).json()["groups"]
    assert [(row["record_type"], [item["title"] for item in row["items"]]) for row in rows] == [
        ("company", ["Ромашка Сталь"])
    ]
    assert rows[0]["items"][0]["note"].startswith("Поставщик")
    assert client.get("/api/v1/search/", {"q": "ромашка", "client_type": "vip"}).status_code == 400
    assert client.get("/search/", {"q": "ромашка", "client_type": "vip"}).content.decode().count("Ромашка") > 2
    client.force_login(operator)
    assert "client_type" not in client.get("/search/", {"q": "ромашка"}).content.decode()
