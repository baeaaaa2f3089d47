"""Who is found to be the same client while typing, on sending a form and on the card (LEAD-14)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Role
from crm.clients import company_create, contact_create
from crm.duplicates import client_matches, duplicates_of
from crm.models import Company, Contact
from crm.normalize.sameness import company_key, person_key
from crm.not_duplicates import mark_not_duplicate
from leads.models import Lead
from leads.services import lead_create
from tests.factories import make_user

pytestmark = pytest.mark.rule("LEAD-14")
HTMX = {"HX-Request": "true"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ООО «Ромашка»", "ромашка"),
        ("Ромашка, ООО", 'ЗАО "РОМАШКА"'),
        ("Общество с ограниченной ответственностью «Сталь Монтаж»", "Монтаж сталь"),
        ("ИП Семёнов П. И.", "Семенов П И"),
        ("Берёзка", "БЕРЕЗКА"),
    ],
)
def test_spellings_of_a_company_are_one(one: str, other: str) -> None:
    assert company_key(one) == company_key(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Семёнов Пётр", "петр семенов"),
        ("Семёнов Пётр Ильич", "Семенов Петр"),
        ("Кузнецова Саша", "Александра Кузнецова"),
        ("Дима Орлов", "ОРЛОВ ДМИТРИЙ"),
    ],
)
def test_spellings_of_a_person_are_one(one: str, other: str) -> None:
    assert person_key(one) == person_key(other) != ""


@pytest.mark.parametrize("name", ["", "Иван", "И. И.", "123 456", "ООО", "—"])
def test_what_says_nothing_has_no_key(name: str) -> None:
    assert person_key(name) == ""
    assert company_key("ООО") == company_key("«»") == ""


@given(st.lists(st.text(alphabet="абвгдеёжзиклмн", min_size=2, max_size=8), min_size=2, max_size=2, unique=True))
def test_order_case_and_yo_never_matter(words: list[str]) -> None:
    key = person_key(" ".join(words))
    assert key == person_key(" ".join(reversed(words)).upper()) == person_key(" ".join(words).replace("ё", "е"))
    assert company_key(" ".join(words)) == company_key(f"ООО «{' '.join(reversed(words)).title()}»")


@given(st.text(max_size=60))
def test_any_text_has_a_key(text: str) -> None:
    assert len(person_key(text)) <= 200
    assert len(company_key(text)) <= 200


@pytest.fixture
def owner(db: Any) -> Any:
    return make_user()


def test_a_short_form_is_a_hint_and_a_phone_is_sure(owner: Any) -> None:
    contact = contact_create(by=owner, data={"name": "Орлов Дмитрий", "responsible": owner}, phones="89123456789")
    (hint,) = client_matches(name="Дима Орлов", user=owner)
    assert (hint.record, hint.is_sure) == (contact, False)
    (same,) = client_matches(name="орлов дмитрий", user=owner)
    assert same.reasons != hint.reasons
    (sure,) = client_matches(phones="8 912 345-67-89", name="Дима Орлов", user=owner)
    assert (sure.is_sure, len(sure.reasons)) == (True, 2)
    assert client_matches(name="Дмитрий", user=owner) == []


def test_other_patronymics_are_other_people(owner: Any) -> None:
    contact_create(by=owner, data={"name": "Орлов Дмитрий Ильич", "responsible": owner})
    assert client_matches(name="Орлов Дмитрий Петрович", user=owner) == []
    assert len(client_matches(name="Орлов Дмитрий", user=owner)) == 1


def test_leads_are_found_by_names_of_person_and_company(owner: Any) -> None:
    lead = lead_create(by=owner, data={"name": "Ли Вей", "company_name": "ООО «Восток»", "responsible": owner})
    assert [match.record for match in client_matches(name="вей ли", user=owner)] == [lead]
    assert [match.record for match in client_matches(company_name="Восток", user=owner)] == [lead]


def test_what_was_found_different_is_no_longer_told(owner: Any) -> None:
    one = contact_create(by=owner, data={"name": "Ким Анна", "responsible": owner}, phones="89123456789")
    two = contact_create(by=owner, data={"name": "Ли Вей", "responsible": owner}, phones="89123456789")
    lead = lead_create(by=owner, data={"title": "Л", "responsible": owner}, phones="89123456789")
    assert [match.record for match in duplicates_of(one, owner)] == [two, lead]
    mark_not_duplicate(record_type="contact", ids=[one.pk, two.pk], by=owner)
    mark_not_duplicate(record_type="lead", ids=[lead.pk, one.pk], by=owner, other_type="contact")
    assert duplicates_of(one, owner) == []
    assert [match.record for match in duplicates_of(lead, owner)] == [two]


# -- forms ------------------------------------------------------------------------------------------------------------


def test_a_form_is_asked_once_and_then_makes_it(client: Client, owner: Any) -> None:
    known = contact_create(by=owner, data={"name": "Ким Анна", "responsible": owner}, phones="89123456789")
    client.force_login(owner)
    data = {"name": "Ли Вей", "phone": "8 (912) 345-67-89", "client_type": "client"}
    asked = client.post("/contacts/new/", data, headers=HTMX)
    assert asked.status_code == 409
    text = asked.content.decode()
    assert "Ким Анна" in text
    seen = re.search(r'name="seen_duplicates" value="([^"]+)"', text)
    assert seen is not None
    assert seen[1] == f"contact:{known.pk}"
    assert Contact.objects.count() == 1
    assert client.post("/contacts/new/", {**data, "seen_duplicates": seen[1]}, headers=HTMX).status_code == 204
    assert Contact.objects.count() == 2


def test_what_was_shown_while_typing_is_not_asked_again(client: Client, owner: Any) -> None:
    known = contact_create(by=owner, data={"name": "Ким Анна", "responsible": owner}, phones="89123456789")
    client.force_login(owner)
    url = "/client-matches/?record_type=lead&phone=89123456789"
    assert f'value="contact:{known.pk}"' in client.get(url, headers=HTMX).content.decode()
    data = {"name": "Вей", "phone": "89123456789", "seen_duplicates": f"contact:{known.pk}"}
    assert client.post("/leads/new/", data, headers=HTMX).status_code == 204
    assert Lead.objects.count() == 1


def test_a_name_alone_stops_nobody(client: Client, owner: Any) -> None:
    company_create(by=owner, data={"name": "ООО «Ромашка»", "responsible": owner})
    client.force_login(owner)
    shown = client.get("/client-matches/?record_type=company&name=ромашка", headers=HTMX).content.decode()
    assert "Ромашка" in shown
    assert client.post("/companies/new/", {"name": "Ромашка", "client_type": "client"}, headers=HTMX).status_code == 204
    assert Company.objects.count() == 2


def test_a_wrong_inn_says_so_while_typing(client: Client, owner: Any) -> None:
    client.force_login(owner)
    wrong = client.get("/client-matches/?record_type=company&inn=7707083894", headers=HTMX).content.decode()
    assert "ИНН" in wrong
    assert "ИНН" not in client.get("/client-matches/?record_type=company&inn=7707083893", headers=HTMX).content.decode()


@pytest.mark.rule("ACC-1")
def test_a_partner_learns_only_that_it_exists_and_a_stranger_nothing(client: Client, owner: Any) -> None:
    contact_create(by=owner, data={"name": "Ким Анна", "responsible": owner}, phones="89123456789")
    partner, stranger = make_user(Role.PARTNER), make_user()
    data = {"name": "Вей", "phone": "89123456789"}
    client.force_login(partner)
    asked = client.post("/leads/new/", data, headers=HTMX)
    assert asked.status_code == 409
    assert "Ким" not in asked.content.decode()
    assert client.post("/leads/new/", {**data, "seen_duplicates": "hidden"}, headers=HTMX).status_code == 204
    client.force_login(stranger)
    assert client.post("/leads/new/", data, headers=HTMX).status_code == 204


# -- cards ------------------------------------------------------------------------------------------------------------


def test_the_card_tells_why_and_what_to_do(client: Client, owner: Any) -> None:
    head = make_user(Role.SALES_HEAD)
    one = contact_create(by=owner, data={"name": "Ким Анна", "responsible": owner}, phones="89123456789")
    two = contact_create(by=owner, data={"name": "Ли Вей", "responsible": owner}, phones="89123456789")
    client.force_login(owner)
    banner = client.get(f"{one.get_absolute_url()}warnings/").content.decode()
    assert "+7 (912) 345-67-89" in banner
    assert f"{one.get_absolute_url()}not-duplicate/" in banner
    assert "/contacts/merge/" not in banner
    client.force_login(head)
    assert (
        f"/contacts/merge/?ids={one.pk},{two.pk}" in client.get(f"{one.get_absolute_url()}warnings/").content.decode()
    )
    client.force_login(make_user())
    assert client.get(f"{one.get_absolute_url()}warnings/").status_code == 404


def test_a_leads_card_links_clients_and_merges_leads(client: Client, owner: Any) -> None:
    head = make_user(Role.SALES_HEAD)
    contact = contact_create(by=owner, data={"name": "Ким Анна", "responsible": owner}, emails="anna@mail.ru")
    one, two = (
        lead_create(by=owner, data={"title": f"Л{n}", "responsible": owner}, phones="89990001122") for n in "12"
    )
    Lead.objects.update(stage="lead:new", contact=None, company=None)
    client.force_login(head)
    banner = client.get(f"/leads/{one.pk}/warnings/").content.decode()
    assert f"/leads/merge/?ids={one.pk},{two.pk}" in banner
    assert contact.full_name not in banner
