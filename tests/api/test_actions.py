"""The dialogs of the browser as calls: conversion, objects, copies, merging."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Role
from crm import clients
from crm.models import Company, Contact
from deals.models import Deal
from deals.services import deal_create
from leads.models import Lead
from leads.services import lead_create
from objects_registry.models import ConstructionObject, Purpose
from objects_registry.services import object_create
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def ready_lead(owner: Any, **data: Any) -> Lead:
    """A lead that can be won: it was handed over to a manager."""
    values = {"name": "Ким Анна", "company_name": "ООО «Ким»", "responsible": owner, **data}
    return lead_create(by=owner, data=values, phones="+79120001122, +74952003040", stage="handed_over")


@pytest.mark.rule("LEAD-10")
@pytest.mark.rule("LEAD-11")
def test_a_lead_is_looked_at_and_converted_once(caller: Any) -> None:
    program = caller(make_user())
    lead = ready_lead(program.user, utm_source="yandex")
    plan = program.get(f"leads/{lead.pk}/convert/").json()
    assert plan["kind"] == "company"
    assert {point["value"]: point["owner"] for point in plan["points"]} == {
        "+79120001122": "contact",
        "+74952003040": "company",
    }
    assert not Deal.objects.exists()
    wish = {"kind": "company", "company": {"inn": "7707083893"}, "deal": {"title": "Склад Ким"}}
    first = program.post(f"leads/{lead.pk}/convert/", wish)
    assert first.status_code == 200, first.content
    again = program.post(f"leads/{lead.pk}/convert/", wish)
    assert again.json() == {**first.json(), "is_repeat": True}
    deal = Deal.objects.get()
    assert (deal.pk, deal.title, deal.utm_source) == (first.json()["deal"], "Склад Ким", "yandex")
    assert (deal.company, deal.contact) == (Company.objects.get(), Contact.objects.get())
    assert program.get(f"leads/{lead.pk}/").json()["stage"] == "lead:converted"


@pytest.mark.rule("LEAD-10")
@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"kind": "robot"},
        {"kind": "person", "contact_id": 999},
        {"kind": "person", "contact_id": 10**30},
        {"kind": "person", "deal_id": 999},
        {"kind": "company", "company": {"inn": "123"}},
        {"kind": "company", "company": {"phones": ["1"]}},
        {"kind": "person", "point_owners": {"+79120001122": "cat"}},
        {"kind": "person", "contact": []},
    ],
)
def test_a_wrong_choice_is_named_and_nothing_is_made(caller: Any, wish: dict[str, Any]) -> None:
    program = caller(make_user())
    lead = ready_lead(program.user)
    answer = program.post(f"leads/{lead.pk}/convert/", wish)
    assert answer.status_code == 400, answer.content
    assert answer.json()["errors"]
    assert not any(model.objects.exists() for model in (Deal, Contact, Company))


@pytest.mark.rule("ACC-1")
def test_a_stranger_converts_nothing(caller: Any) -> None:
    lead = ready_lead(make_user())
    stranger = caller(make_user())
    assert stranger.get(f"leads/{lead.pk}/convert/").status_code == 404
    assert stranger.post(f"leads/{lead.pk}/convert/", {"kind": "person"}).status_code == 404
    assert not Deal.objects.exists()


@pytest.mark.rule("LEAD-12")
def test_a_lead_is_attached_to_a_known_client(caller: Any) -> None:
    program = caller(make_user())
    contact = clients.contact_create(by=program.user, data={"last_name": "Пак", "responsible": program.user})
    lead = ready_lead(program.user)
    assert program.post(f"leads/{lead.pk}/client/", {}).status_code == 400
    linked = program.post(f"leads/{lead.pk}/client/", {"contact": contact.pk}).json()
    assert (linked["contact"], linked["is_repeat"]) == (contact.pk, True)
    matches = program.get("client-matches/?phones=89120001122").json()
    assert {"record_type": "contact", "id": contact.pk} in [
        {"record_type": row["record_type"], "id": row["id"]} for row in matches
    ]
    assert caller(make_user()).get("client-matches/?phones=89120001122").json() == []
    assert program.get("client-matches/?phone=1").status_code == 400


@pytest.mark.rule("OBJ-3")
def test_an_object_is_made_or_chosen(caller: Any) -> None:
    program = caller(make_user())
    purpose = Purpose.objects.first()
    size = {"purpose": purpose, "width": 24, "length": 60, "height": 6, "city": "Тверь", "address": "Тверь, Мира, 1"}
    known = object_create(by=program.user, data={"name": "Склад", **size})
    lead, deal = ready_lead(program.user, **size), deal_create(by=program.user, data={"title": "Склад", **size})
    asked = program.post(f"leads/{lead.pk}/object/", {})
    assert (asked.status_code, asked.json()["code"]) == (409, "duplicate_objects")
    assert asked.json()["errors"][0]["id"] == known.pk
    assert program.post(f"leads/{lead.pk}/object/", {"existing": known.pk}).json()["object"] == known.pk
    made = program.post(f"deals/{deal.pk}/object/", {"force_new": True}).json()["object"]
    assert made != known.pk
    candidates = program.get(f"objects/{made}/duplicates/").json()
    assert candidates[0]["object"]["id"] == known.pk
    assert candidates[0]["certain"] is True
    assert candidates[0]["reasons"]


@pytest.mark.rule("DEAL-9")
def test_copies_are_made_once_and_taken_back(caller: Any) -> None:
    program = caller(make_user())
    contact = clients.contact_create(by=program.user, data={"last_name": "Пак", "responsible": program.user})
    deal = deal_create(by=program.user, data={"title": "Склад", "contact": contact, "amount": 7})
    address, wish = f"deals/{deal.pk}/copies/", {"count": 3, "rows": [{"amount": "9.50"}]}
    first = program.post(address, wish, **{"Idempotency-Key": "a"})
    assert first.status_code == 201, first.content
    assert program.post(address, wish, **{"Idempotency-Key": "a"}).json() == first.json()
    assert len(first.json()["deals"]) == len(first.json()["leads"]) == 3
    assert {str(copy.amount) for copy in Deal.objects.filter(mother=deal)} == {"9.50", "7.00"}
    for wrong in ({}, {"count": 0}, {"count": 101}, {"count": 1, "rows": [{"stage": "x"}]}, {"count": "много"}):
        assert program.post(address, wrong, **{"Idempotency-Key": "c"}).status_code == 400, wrong
    keyless = program.post(address, wish)
    assert keyless.status_code == 400, "a retry without a key would double them"
    assert "Idempotency-Key" in keyless.json()["detail"]
    stranger = caller(make_user())
    assert stranger.post(address, wish, **{"Idempotency-Key": "b"}).status_code == 404
    assert stranger.post(f"copy-sets/{first.json()['id']}/undo/").status_code == 404
    undone = program.post(f"copy-sets/{first.json()['id']}/undo/")
    assert undone.json()["undone_at"]
    assert program.ids("deals/") == [deal.pk]


@pytest.mark.rule("OBJ-4")
def test_objects_are_merged_after_a_look_and_split_again(caller: Any) -> None:
    head, manager = caller(make_user(Role.SALES_HEAD)), caller(make_user())
    main = object_create(by=head.user, data={"name": "Склад", "city": "Тверь"})
    other = object_create(by=head.user, data={"name": "Склад 2", "width": 24})
    wish = {"main": main.pk, "others": [other.pk]}
    assert manager.post("objects/merge/", wish).status_code == 403
    look = head.post("objects/merge/?dry_run=1", wish)
    assert look.status_code == 200, look.content
    assert look.json()["id"] is None
    assert {row["name"] for row in look.json()["fields"]} >= {"name", "width", "city"}
    assert ConstructionObject.objects.filter(merged_into__isnull=False).count() == 0
    done = head.post("objects/merge/", {**wish, "choices": {"name": other.pk}})
    assert done.status_code == 200, done.content
    assert head.ids("objects/") == [main.pk]
    kept = head.get(f"objects/{main.pk}/").json()
    assert (kept["name"], kept["width"], kept["city"]) == ("Склад 2", "24.00", "Тверь")
    moved = head.get(f"objects/{other.pk}/")
    assert (moved.status_code, moved["Location"]) == (308, f"/api/v1/objects/{main.pk}/")
    assert manager.get(f"objects/{other.pk}/").status_code == 404
    for wrong in ({**wish, "others": [main.pk]}, {**wish, "others": []}, {"main": 10**30, "others": [1]}, {}):
        assert head.post("objects/merge/", wrong).status_code == 400, wrong
    assert head.post("objects/merge/", {"main": main.pk, "others": [99999]}).status_code == 404
    assert manager.post(f"merges/{done.json()['id']}/undo/").status_code == 404
    assert head.post(f"merges/{done.json()['id']}/undo/").json()["undone_at"]
    assert sorted(head.ids("objects/")) == [main.pk, other.pk]
    assert head.post("objects/not-duplicates/", {"ids": [main.pk, other.pk]}).status_code == 204


def test_products_of_a_deal_are_replaced_as_a_whole(caller: Any) -> None:
    program = caller(make_user())
    deal = deal_create(by=program.user, data={"title": "Склад"})
    rows = [{"name": "Ферма", "quantity": "2.5", "unit": "т", "price": "100000"}, {"name": "Монтаж", "price": 5}]
    put = program.call("put", f"deals/{deal.pk}/lines/", {"lines": rows})
    assert put.status_code == 200, put.content
    assert [row["total"] for row in put.json()] == ["250000.00", "5.00"]
    assert program.get(f"deals/{deal.pk}/").json()["amount"] == "250005.00"
    wrong = program.call("put", f"deals/{deal.pk}/lines/", {"lines": [{"name": "Ферма", "price": -1}]})
    assert wrong.status_code == 400
    assert len(program.get(f"deals/{deal.pk}/lines/").json()) == 2
