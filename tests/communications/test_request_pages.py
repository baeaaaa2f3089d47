"""Requests that need attention, web forms and templates in the settings."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import Role
from communications.models import MessageTemplate, Submission, WebForm
from crm.models import Change
from leads.models import Lead
from objects_registry.models import Purpose, SteelConsumption
from tests.factories import make_client, make_deal, make_user

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def head() -> Any:
    return make_user(Role.SALES_HEAD, language="en")


@pytest.fixture
def office(client: Client, head: Any) -> Client:
    client.force_login(head)
    return client


@pytest.mark.parametrize(
    "path",
    [
        "/settings/submissions/", "/settings/forms/", "/settings/templates/", "/settings/purposes/", "/settings/steel/",
        "/settings/forms/new/", "/settings/templates/delayed_reminder_1/", "/settings/steel/new/",
    ],
)  # fmt: skip
def test_pages_open_for_the_head_alone(office: Client, path: str) -> None:
    assert office.get(path).status_code == 200
    for role in (Role.SALES_MANAGER, Role.CALL_CENTER, Role.PARTNER, Role.PARTNER_CONTROL):
        office.force_login(make_user(role))
        assert office.get(path).status_code == 403
        assert office.post(path, {}).status_code in {403, 405}


@pytest.mark.rule("COM-6")
def test_a_form_is_made_and_what_is_shown_to_connect_it_works(office: Client) -> None:
    office.post("/settings/forms/new/", {"name": "Лендинг ангаров", "is_active": "on"})
    form = WebForm.objects.get(name="Лендинг ангаров")
    page = office.get(f"/settings/forms/{form.pk}/connect/", headers=HTMX).content.decode()
    url = f"/api/v1/forms/{form.key}/submissions/"
    assert f"http://testserver{url}" in page
    answer = Client().post(url, {"name": "Иван", "phone": "8 912 345-67-89"}, content_type="application/json")
    assert answer.status_code < 300
    assert Lead.objects.get().phone == "+79123456789"


@pytest.mark.rule("LEAD-2")
def test_what_could_not_be_processed_is_listed_with_its_error_and_processed_again(office: Client, head: Any) -> None:
    form = WebForm.objects.create(name="Сайт")
    url = f"/api/v1/forms/{form.key}/submissions/"
    Client().post(url, {"comment": "хочу ангар"}, content_type="application/json")
    row = Submission.objects.get()
    assert row.state == "failed"
    page = office.get("/settings/submissions/").content.decode()
    assert "хочу ангар" in page
    assert office.get("/").context["menu"][-1]["badge"] == 1
    detail = office.get(f"/settings/submissions/{row.pk}/").content.decode()
    assert "хочу ангар" in detail
    again = office.post(f"/settings/submissions/{row.pk}/again/", headers=HTMX)
    assert again.status_code == 422
    WebForm.objects.filter(pk=form.pk).update(field_map={"comment": "name"})
    row.refresh_from_db()
    Submission.objects.filter(pk=row.pk).update(body=b'{"name": "\xd0\x98", "phone": "8 912 345-67-89"}')
    office.post(f"/settings/submissions/{row.pk}/again/")
    row.refresh_from_db()
    assert row.state == "done"
    assert Lead.objects.filter(pk=row.lead_id).exists()


@pytest.mark.rule("COM-1")
def test_a_template_is_changed_and_shown_on_a_real_deal(office: Client, head: Any) -> None:
    template = MessageTemplate.objects.get(pk="delayed_reminder_1")
    data = {"name_ru": template.name_ru, "name_en": "", "subject": "О складе", "text": "Здравствуйте, {contact}!"}
    office.post(f"/settings/templates/{template.pk}/", data)
    deal = make_deal(head, contact=make_client(head, first_name="Анна", patronymic="Олеговна"))
    page = office.get(f"/settings/templates/{template.pk}/preview/?number={deal.pk}", headers=HTMX).content.decode()
    assert "Здравствуйте, Анна Олеговна!" in page
    wrong = office.post(f"/settings/templates/{template.pk}/", {**data, "text": "{nonsense}"})
    assert wrong.status_code == 422
    assert "nonsense" in wrong.content.decode()
    assert Change.objects.filter(record_type="template", field="text").count() == 1


@pytest.mark.rule("DEAL-2")
def test_steel_and_purposes_are_kept(office: Client) -> None:
    office.post("/settings/purposes/new/", {"name_ru": "Мойка", "synonyms": "автомойка, car wash", "order": "5",
                                            "is_active": "on"})  # fmt: skip
    purpose = Purpose.objects.get(pk="moyka")
    assert purpose.synonyms == ["автомойка", "car wash"]
    office.post("/settings/steel/new/", {"purpose": "moyka", "span_to": "18", "kg_per_m2": "32,5"})
    row = SteelConsumption.objects.get(purpose=purpose)
    assert str(row.kg_per_m2) == "32.50"
    assert office.post(f"/settings/steel/{row.pk}/", {"purpose": "moyka", "kg_per_m2": "0"}).status_code == 422
    office.post(f"/settings/steel/{row.pk}/", {"delete": "1"})
    assert not SteelConsumption.objects.filter(pk=row.pk).exists()
