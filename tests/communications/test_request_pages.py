"""Requests that need attention, web forms and templates in the settings."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils.html import escape

from accounts.models import Role
from automation.models import Rule
from communications.models import MessageTemplate, Submission, WebForm
from crm.models import Change
from leads.models import Lead
from leads.services import lead_create
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
def test_a_template_is_tried_on_a_record_found_by_words(office: Client, head: Any) -> None:
    template = MessageTemplate.objects.get(pk="delayed_reminder_1")
    MessageTemplate.objects.filter(pk=template.pk).update(text="{contact}, {title}, {responsible_phone}!")
    url = f"/settings/templates/{template.pk}/preview/"
    for number in (1, 2):
        make_deal(head, title=f"Коровник {number}", contact=make_client(head, first_name="Анна"))
    data = {"title": "Зернохранилище", "name": "Игорь", "responsible": head, "channel": "phone"}
    lead = lead_create(by=head, data=data, phones="89123456789")
    head.phone = ""
    head.save(update_fields=["phone"])
    page = office.get(url, {"q": "коровник"}, headers=HTMX).content.decode()
    assert page.count("<li>") == 1  # the other one that was found
    assert "phone of the responsible" in page  # what is missing, in words, before anything is sent
    head.phone = "+79123456789"
    head.save(update_fields=["phone"])
    assert "Анна" in office.get(url, {"q": "коровник 1"}, headers=HTMX).content.decode()
    missing = office.get(url, {"kind": "lead", "q": "зернохранилище"}, headers=HTMX).content.decode()
    assert lead.get_absolute_url() in missing
    assert "how the person is addressed" in missing
    for wrong in ({"kind": "user"}, {"number": "x"}, {"q": "нет такого"}, {"kind": "lead", "number": "999999"}):
        assert office.get(url, wrong, headers=HTMX).status_code == 200


@pytest.mark.rule("COM-1")
def test_a_template_names_its_robots_and_is_copied(office: Client) -> None:
    template = MessageTemplate.objects.get(pk="delayed_reminder_1")
    rule = Rule.objects.filter(params__template=template.pk).first()
    assert rule is not None
    page = office.get("/settings/templates/").content.decode()
    assert escape(rule.name) in page
    dialog = office.get(f"/settings/templates/new/?like={template.pk}", headers=HTMX).content.decode()
    assert f"{template.name_ru} (copy)" in dialog
    assert 'data-insert="{contact}"' in dialog
    data = {"name_ru": "Копия", "name_en": "", "subject": template.subject, "text": template.text}
    assert office.post("/settings/templates/new/", data).status_code == 302
    assert MessageTemplate.objects.get(name_ru="Копия").pk != template.pk


@pytest.mark.rule("COM-1")
def test_a_template_is_changed_and_shown_on_a_real_deal(office: Client, head: Any) -> None:
    template = MessageTemplate.objects.get(pk="delayed_reminder_1")
    data = {"name_ru": template.name_ru, "name_en": "", "subject": "О складе", "text": "Здравствуйте, {contact}!"}
    office.post(f"/settings/templates/{template.pk}/", data)
    deal = make_deal(head, contact=make_client(head, first_name="Анна", patronymic="Олеговна"))
    page = office.get(f"/settings/templates/{template.pk}/preview/?number={deal.pk}", headers=HTMX).content.decode()
    assert "Здравствуйте, Анна Олеговна!" in page
    for text in ("{nonsense}", "{имя}", "{Contact}", "{ contact }"):  # the client would read the last three as they are
        wrong = office.post(f"/settings/templates/{template.pk}/", {**data, "text": text})
        assert wrong.status_code == 422
        assert text.strip("{} ") in wrong.content.decode()
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
