"""Lists and cards of contacts and companies, as a person meets them over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import Role
from crm.clients import company_create, contact_create
from crm.models import Change, Company, Contact, ContactPoint
from tests.factories import make_team, make_user

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def manager() -> Any:
    return make_user(language="en")


@pytest.fixture
def browser_of(client: Client) -> Any:
    def sign_in(user: Any) -> Client:
        client.force_login(user)
        return client

    return sign_in


def make_contact(by: Any, name: str = "Петров Иван", **points: str) -> Contact:
    return contact_create(by=by, data={"name": name, "responsible": by}, **points)


@pytest.mark.parametrize("path", ["/contacts/", "/companies/", "/contacts/board/", "/companies/board/"])
def test_lists_and_boards_open_empty_and_full(browser_of: Any, manager: Any, path: str) -> None:
    browser = browser_of(manager)
    assert browser.get(path).status_code == 200
    make_contact(manager)
    company_create(by=manager, data={"name": "Петров и сыновья", "responsible": manager})
    assert "Петров" in browser.get(path).content.decode()


@pytest.mark.parametrize("path", ["/contacts/", "/companies/"])
def test_lists_take_at_most_twelve_queries(
    browser_of: Any, manager: Any, path: str, django_assert_max_num_queries: Any
) -> None:
    for number in range(15):
        company = company_create(by=manager, data={"name": f"Фирма {number}", "responsible": manager})
        contact_create(by=manager, data={"name": f"Петров Пётр {number}", "company": company, "responsible": manager})
    browser = browser_of(manager)
    browser.get(path)
    with django_assert_max_num_queries(12):
        assert browser.get(path).content.decode().count("data-row=") == 15


@pytest.mark.rule("ACC-1")
def test_owner_teammate_and_stranger(client: Client) -> None:
    team = make_team(members_see_each_other=True)
    owner, teammate, stranger = make_user(team=team), make_user(team=team), make_user()
    contact = make_contact(owner)
    url = contact.get_absolute_url()
    for user, status in ((owner, 200), (teammate, 200), (stranger, 404), (make_user(Role.PARTNER), 404)):
        client.force_login(user)
        assert client.get(url).status_code == status
    client.force_login(teammate)
    assert client.get(f"{url}edit/").status_code == 403
    assert client.post(f"{url}points/", {"text": "8 912 000-00-00"}).status_code == 403
    client.force_login(stranger)
    assert client.post(f"{url}points/", {"text": "8 912 000-00-00"}).status_code == 404
    assert client.post(f"{url}edit/", {"last_name": "X"}).status_code == 404


@pytest.mark.rule("LEAD-13")
@pytest.mark.parametrize("name", ["", "тест", "123", "без имени", "+7 912 345-67-89"])
def test_a_contact_without_a_real_name_is_refused_and_kept_as_a_lead(browser_of: Any, manager: Any, name: str) -> None:
    browser = browser_of(manager)
    answer = browser.post("/contacts/new/", {"name": name, "phone": "8 912 345-67-89", "client_type": "client"})
    assert answer.status_code == 422
    assert "/leads/new/?full=1&amp;phone=8+912+345-67-89" in answer.content.decode()
    assert not Contact.objects.exists()


def test_a_contact_is_made_from_the_dialog(browser_of: Any, manager: Any) -> None:
    browser = browser_of(manager)
    data = {"name": "Иванова Анна Петровна", "phone": "8 912 345-67-89, 84951234567", "client_type": "supplier"}
    answer = browser.post("/contacts/new/", data, headers=HTMX)
    contact = Contact.objects.get()
    assert answer["HX-Redirect"] == contact.get_absolute_url()
    assert (contact.last_name, contact.patronymic, contact.client_type) == ("Иванова", "Петровна", "supplier")
    assert contact.responsible == manager
    values = ContactPoint.objects.filter(record_type="contact", record_id=contact.pk).values_list("value", flat=True)
    assert set(values) == {"+79123456789", "+74951234567"}


def test_a_company_is_made_from_the_page_with_all_fields(browser_of: Any, manager: Any) -> None:
    browser = browser_of(manager)
    data = {"name": "ООО «Ромашка»", "inn": "7707083893", "client_type": "client", "responsible": manager.pk}
    answer = browser.post("/companies/new/?full=1", data)
    company = Company.objects.get()
    assert answer.status_code == 302
    assert company.inn == "7707083893"
    wrong = browser.post("/companies/new/?full=1", {**data, "inn": "7707083894"})
    assert wrong.status_code == 422
    assert Company.objects.count() == 1


@pytest.mark.rule("LEAD-16")
def test_the_type_is_shown_and_asked(browser_of: Any, manager: Any) -> None:
    page = browser_of(manager).get("/contacts/new/", headers=HTMX).content.decode()
    assert 'name="client_type"' in page
    make_contact(manager)
    contact_create(by=manager, data={"name": "Поставщиков Олег", "client_type": "supplier", "responsible": manager})
    found = browser_of(manager).get("/contacts/?client_type=supplier").content.decode()
    assert "Поставщиков" in found
    assert "Петров Иван" not in found


@pytest.mark.rule("ACC-5", "LEAD-5")
def test_phones_are_added_made_main_and_removed_with_a_trace(browser_of: Any, manager: Any) -> None:
    browser = browser_of(manager)
    contact = make_contact(manager, phones="8 912 345-67-89")
    url = f"{contact.get_absolute_url()}points/"
    assert browser.post(url, {"text": "8(495)123-45-67"}, headers=HTMX).status_code == 200
    fresh = ContactPoint.objects.get(value="+74951234567")
    browser.post(url, {"point": fresh.pk, "main": "1"}, headers=HTMX)
    contact.refresh_from_db()
    assert contact.phone == "+74951234567"
    browser.post(url, {"point": fresh.pk, "remove": "1"}, headers=HTMX)
    contact.refresh_from_db()
    assert contact.phone == "+79123456789"
    rows = Change.objects.filter(record_type="contact", record_id=contact.pk, field="point_phone").order_by("id")
    assert [(row.old, row.new) for row in rows] == [
        (None, "+74951234567"),
        ("+79123456789", "+74951234567"),
        ("+74951234567", None),
    ]


@pytest.mark.parametrize("text", ["звоните вечером", "", "8 912 345-67-89"])
def test_what_is_no_phone_or_known_already_is_refused_with_the_text_kept(
    browser_of: Any, manager: Any, text: str
) -> None:
    contact = make_contact(manager, phones="8 912 345-67-89")
    answer = browser_of(manager).post(f"{contact.get_absolute_url()}points/", {"text": text}, headers=HTMX)
    assert answer.status_code == 422
    assert f'value="{text}"' in answer.content.decode()
    assert ContactPoint.objects.count() == 1


@pytest.mark.rule("LEAD-14")
def test_the_form_warns_of_a_known_phone(browser_of: Any, manager: Any) -> None:
    contact = make_contact(manager, phones="8 912 345-67-89")
    answer = browser_of(manager).get("/client-matches/", {"phone": "+7 912 345 67 89"}, headers=HTMX)
    assert contact.get_absolute_url() in answer.content.decode()


def test_the_card_edits_a_field_in_place_and_shows_it_in_the_timeline(browser_of: Any, manager: Any) -> None:
    browser = browser_of(manager)
    contact = make_contact(manager)
    url = f"{contact.get_absolute_url()}fields/position/"
    page = browser.get(url, headers=HTMX).content.decode()
    assert 'name="position"' in page
    assert browser.post(url, {"position": "Директор", "seen": ""}, headers=HTMX).status_code == 200
    card = browser.get(contact.get_absolute_url()).content.decode()
    assert card.count("Директор") >= 2


def test_a_different_owner_of_the_company_is_shown_and_mended(browser_of: Any, client: Client) -> None:
    head = make_user(Role.SALES_HEAD, language="en")
    other = make_user()
    company = company_create(by=head, data={"name": "Ромашка", "responsible": other})
    contact = contact_create(by=head, data={"name": "Иванов Пётр", "company": company})
    Contact.objects.filter(pk=contact.pk).update(responsible=head)
    browser = browser_of(head)
    assert "different owners" in browser.get(contact.get_absolute_url()).content.decode()
    browser.post(f"{contact.get_absolute_url()}follow-company/")
    contact.refresh_from_db()
    assert contact.responsible == other


def test_sections_of_a_card_answer_under_their_own_rights(browser_of: Any, manager: Any) -> None:
    company = company_create(by=manager, data={"name": "Ромашка", "responsible": manager})
    contact_create(by=manager, data={"name": "Иванов Пётр", "company": company, "responsible": manager})
    stranger = make_user()
    url = f"/contacts/section/?company={company.pk}"
    assert "Иванов" in browser_of(manager).get(url, headers=HTMX).content.decode()
    assert "Иванов" not in browser_of(stranger).get(url, headers=HTMX).content.decode()
    assert browser_of(manager).get(url).status_code == 302
