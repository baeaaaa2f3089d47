"""Contacts and companies: how they are made, what is refused, and who is found to be the same."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import Role
from crm import services
from crm.clients import company_create, company_update, contact_create, contact_update
from crm.duplicates import client_matches
from crm.errors import InvalidInput
from crm.models import Company, Contact, ContactPoint
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def points(record: Any) -> list[tuple[str, bool]]:
    rows = ContactPoint.objects.filter(record_type=record.RECORD_TYPE, record_id=record.pk)
    return list(rows.values_list("value", "is_primary"))


@pytest.mark.rule("LEAD-5")
def test_phones_are_kept_in_one_form_with_the_original_and_the_extension() -> None:
    contact = contact_create(
        by=make_user(), data={"name": "Иванов Иван"}, phones="8 (912) 345-67-89 доб. 12", emails="Ivan@Mail.RU"
    )
    contact.refresh_from_db()
    assert (contact.last_name, contact.first_name) == ("Иванов", "Иван")
    assert (contact.phone, contact.email) == ("+79123456789", "ivan@mail.ru")
    point = ContactPoint.objects.get(record_type="contact", record_id=contact.pk, kind="phone")
    assert (point.original, point.extension) == ("8 (912) 345-67-89 доб. 12", "12")


@pytest.mark.rule("LEAD-13")
@pytest.mark.parametrize(
    "name", ["", "1", "2", "123", "тест", "-", "без имени", "+7 912 345-67-89", "a@b.ru", " ", "Тест Тест"]
)
def test_a_contact_without_a_real_name_is_refused_however_it_is_made(name: str) -> None:
    user = make_user()
    with pytest.raises(InvalidInput) as refused:
        contact_create(by=user, data={"name": name}, phones="89123456789")
    assert refused.value.errors[0]["pointer"] == "/last_name"
    with pytest.raises(InvalidInput):
        services.record_create(Contact, data={"last_name": name}, by=user, pipeline="contact")
    assert not Contact.objects.exists()


@pytest.mark.rule("LEAD-13")
@pytest.mark.parametrize("name", ["Ян", "Ия", "Ли Вей", "Иванов", "John Smith"])
def test_short_real_names_are_names(name: str) -> None:
    assert contact_create(by=make_user(), data={"name": name}).pk


@pytest.mark.rule("LEAD-13")
def test_a_contact_cannot_be_renamed_to_a_dummy() -> None:
    user = make_user()
    contact = contact_create(by=user, data={"name": "Анна Ким"})
    with pytest.raises(InvalidInput):
        contact_update(contact, by=user, data={"name": "тест"})


@pytest.mark.rule("LEAD-13")
@pytest.mark.parametrize("name", ["-", ".", "123", "тест", "ООО", "ООО «Тест»", "без имени", "+7 912 345-67-89", "х"])
def test_a_company_without_a_real_name_is_refused_however_it_is_made_or_renamed(name: str) -> None:
    user = make_user()
    known = company_create(by=user, data={"name": "ООО «Завод»"})
    for attempt in (
        lambda: company_create(by=user, data={"name": name}),
        lambda: company_update(known, by=user, data={"name": name}),
    ):
        with pytest.raises(InvalidInput) as refused:
            attempt()
        assert [(row["pointer"], row["code"]) for row in refused.value.errors] == [("/name", "dummy_name")]
    assert Company.objects.get().name == "ООО «Завод»"
    page = Client()
    page.force_login(user)
    answer = page.post("/companies/new/", {"name": name, "client_type": "client"})
    assert (answer.status_code, "name" in answer.context["form"].errors) == (422, True)
    told = page.post("/api/v1/companies/", {"name": name}, content_type="application/json")
    assert (told.status_code, told.json()["errors"][0]["pointer"]) == (400, "/name")


@pytest.mark.rule("LEAD-13")
@pytest.mark.parametrize("name", ["ООО «585»", "1С", "Контакт", "ИП Ли", "АО «Я»", "220 Вольт", "X5", "33 метра"])
def test_short_real_names_of_companies_are_names(name: str) -> None:
    assert company_create(by=make_user(), data={"name": name}).pk


@pytest.mark.parametrize(("field", "value"), [("phones", "звоните вечером"), ("emails", "нет почты")])
def test_an_unreadable_phone_or_mail_is_refused_by_name(field: str, value: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        contact_create(by=make_user(), data={"name": "Анна Ким"}, **{field: value})
    assert refused.value.errors[0]["pointer"] == f"/{field}"


@pytest.mark.rule("LEAD-5")
def test_a_phone_written_into_the_record_itself_is_normalised_and_becomes_the_main_one() -> None:
    user = make_user()
    contact = contact_create(by=user, data={"name": "Анна Ким"}, phones="89123456789")
    services.record_update(contact, data={"phone": "8 495 123-45-67"}, by=user)
    contact.refresh_from_db()
    assert contact.phone == "+74951234567"
    assert points(contact) == [("+74951234567", True), ("+79123456789", False)]
    assert "74951234567" in contact.search_text
    services.record_update(contact, data={"phone": ""}, by=user)
    contact.refresh_from_db()
    assert contact.phone == "+79123456789"
    with pytest.raises(InvalidInput):
        services.record_update(contact, data={"phone": "позже"}, by=user)


def test_the_inn_of_a_company_is_checked() -> None:
    user = make_user()
    company = company_create(by=user, data={"name": "ООО «Ромашка»", "inn": " 7707083893 "})
    assert company.inn == "7707083893"
    with pytest.raises(InvalidInput) as refused:
        company_update(company, by=user, data={"inn": "7707083894"})
    assert refused.value.errors[0]["pointer"] == "/inn"


@pytest.mark.rule("LEAD-14")
def test_duplicates_are_found_by_phone_mail_inn_and_name_with_reasons() -> None:
    head = make_user(Role.SALES_HEAD)
    contact = contact_create(by=head, data={"name": "Кузнецова Анна"}, phones="89123456789", emails="anna@mail.ru")
    company = company_create(by=head, data={"name": "ООО «Стальмонтаж»", "inn": "7707083893"})
    by_phone = client_matches(phones="+7 912 345 67 89", user=head)
    assert [match.record for match in by_phone] == [contact]
    assert "+7 (912) 345-67-89" in by_phone[0].reasons[0]
    assert [match.record for match in client_matches(emails="ANNA@mail.ru", user=head)] == [contact]
    assert [match.record for match in client_matches(inn="7707083893", user=head)] == [company]
    assert [match.record for match in client_matches(name="стальмонтаж", user=head)] == [company]
    assert client_matches(phones="89123456789", user=head, exclude=contact) == []
    assert client_matches(name="тест", phones="вечером", user=head) == []


@pytest.mark.rule("ACC-1")
def test_a_manager_is_not_warned_of_what_they_may_not_see_and_a_partner_only_that_it_exists() -> None:
    owner, stranger, partner = make_user(), make_user(), make_user(Role.PARTNER)
    contact = contact_create(by=owner, data={"name": "Анна Ким", "responsible": owner}, phones="89123456789")
    assert [match.record for match in client_matches(phones="89123456789", user=owner)] == [contact]
    assert client_matches(phones="89123456789", user=stranger) == []
    told = client_matches(phones="89123456789", user=partner)
    assert [match.record for match in told] == [None]
    assert "Ким" not in told[0].reasons[0]


def test_finding_duplicates_takes_few_queries(django_assert_max_num_queries: Any) -> None:
    head = make_user(Role.SALES_HEAD)
    for number in range(5):
        contact_create(by=head, data={"name": f"Ким {'аб'[number % 2]}нна"}, phones=f"8912345678{number}")
    with django_assert_max_num_queries(8):
        client_matches(phones="89123456781, 89123456782", name="Анна Ким", inn="7707083893", user=head)
