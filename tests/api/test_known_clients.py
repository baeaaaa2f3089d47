"""Making a client that is there already: the API asks, and says nothing of what the caller may not see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import Role
from crm.clients import company_create, contact_create
from crm.models import Company, Contact
from leads.models import Lead
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("LEAD-14")]
PHONE = "8 912 345-67-89"
ANNA = {"last_name": "Ким", "first_name": "Анна", "phones": ["+7 912 345 67 89"]}


@pytest.fixture
def owner() -> Any:
    return make_user()


def test_a_known_phone_is_asked_about_and_made_when_it_is_meant(owner: Any, caller: Callable[..., Any]) -> None:
    known = contact_create(by=owner, data={"name": "Анна Ким", "responsible": owner}, phones=PHONE)
    program = caller(owner)
    answer = program.post("contacts/", ANNA, **{"Idempotency-Key": "k1"})
    assert (answer.status_code, answer.json()["code"]) == (409, "possible_duplicate")
    assert answer["Content-Type"].startswith("application/problem+json")
    (row,) = answer.json()["errors"]
    assert (row["record_type"], row["id"], row["name"]) == ("contact", known.pk, str(known))
    assert "912" in row["message"]
    assert Contact.objects.count() == 1
    # What was refused is kept under no key: the same one serves for the second try.
    again = program.post("contacts/?duplicates=allow", ANNA, **{"Idempotency-Key": "k1"})
    assert (again.status_code, Contact.objects.count()) == (201, 2)


def test_a_known_inn_or_e_mail_is_asked_about_for_companies(owner: Any, caller: Callable[..., Any]) -> None:
    company_create(by=owner, data={"name": "Сталь", "inn": "7707083893", "responsible": owner}, emails="info@stal.ru")
    program = caller(owner)
    for body in ({"inn": "7707083893"}, {"emails": ["INFO@stal.ru"]}):
        assert program.post("companies/", {"name": "ООО «Сталь»", **body}).status_code == 409
    hint = program.post("companies/", {"name": "ООО «Сталь»"})  # a name alone is a hint
    assert (hint.status_code, Company.objects.count()) == (201, 2)
    assert [(row["name"], row["is_sure"]) for row in hint.json()["possible_duplicates"]] == [("Сталь", False)]


def test_leads_are_made_unless_the_caller_wants_to_be_asked(owner: Any, caller: Callable[..., Any]) -> None:
    contact_create(by=owner, data={"name": "Анна Ким", "responsible": owner}, phones=PHONE)
    program, body = caller(owner), {"name": "Анна", "phones": [PHONE]}
    assert program.post("leads/?duplicates=ask", body).status_code == 409
    assert Lead.objects.count() == 0
    made = program.post("leads/", body, **{"Idempotency-Key": "k2"}).json()
    assert made["is_repeat"] is True
    (row,) = made["possible_duplicates"]
    assert (row["record_type"], row["name"], row["is_sure"]) == ("contact", "Ким Анна", True)
    assert "912" in row["reasons"][0]
    assert program.post("leads/", body, **{"Idempotency-Key": "k2"}).json() == made
    assert "possible_duplicates" not in program.post("leads/?duplicates=allow", body).json()
    assert program.post("leads/", {"name": "Новый Клиент"}).json()["possible_duplicates"] == []
    assert program.post("contacts/?duplicates=tell", ANNA).status_code == 201
    wrong = program.post("leads/?duplicates=maybe", body)
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (400, "/duplicates")


@pytest.mark.rule("ACC-1")
def test_clients_out_of_sight_are_not_told_of(owner: Any, caller: Callable[..., Any]) -> None:
    contact_create(by=owner, data={"name": "Анна Ким", "responsible": owner}, phones=PHONE)
    assert caller(make_user()).post("contacts/", ANNA).status_code == 201
    partner = caller(make_user(Role.PARTNER))
    answer = partner.post("leads/?duplicates=ask", {"name": "Анна", "phones": [PHONE]})
    (row,) = answer.json()["errors"]
    assert answer.status_code == 409
    assert row.keys() == {"pointer", "code", "message"}
    assert "Ким" not in answer.content.decode()
    (told,) = partner.post("leads/", {"name": "Анна", "phones": [PHONE]}).json()["possible_duplicates"]
    assert (told["id"], told["name"], told["is_sure"]) == (None, None, True)
    quiet = caller(make_user()).post("leads/", {"name": "Анна", "phones": [PHONE]}).json()
    assert quiet["possible_duplicates"] == []
