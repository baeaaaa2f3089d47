"""Posts of site forms: what is understood, who gets which answer, what is kept."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from urllib.parse import quote_from_bytes

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from communications.models import Submission, WebForm
from crm.clients import contact_create
from crm.models import Attachment, ContactPoint, TimelineEntry
from deals.models import Deal
from leads.models import Lead
from tests.factories import make_user

pytestmark = pytest.mark.django_db

FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def form() -> WebForm:
    return WebForm.objects.create(name="Сайт", key="site-key", source_id="direct")


def address(form: WebForm) -> str:
    return reverse("form-submission", args=[form.key])


def post(form: WebForm, body: Any, content_type: str = "application/json", **headers: str) -> Any:
    if isinstance(body, dict):
        body = json.dumps(body)
    return Client(enforce_csrf_checks=True).post(address(form), body, content_type=content_type, headers=headers)


@pytest.mark.rule("LEAD-1")
def test_a_json_post_becomes_a_lead_with_everything_in_its_place(form: WebForm) -> None:
    answer = post(
        form,
        {
            "name": "Пётр Кузнецов",
            "phone": "8 (912) 345-67-89",
            "email": "PETR@Mail.ru",
            "message": "Нужен ангар\nпод технику",
            "purpose": "Ангар под технику",
            "length": "60",
            "width": "24 м",
            "height": "8,5",
            "city": "Тверь",
            "company": "ООО «Поле»",
            "inn": "7707083893",
            "utm_source": "yandex",
            "utm_medium": "cpc",
            "utm_campaign": "angary",
            "utm_content": "banner",
            "utm_term": "ангар цена",
            "yclid": "123",
            "roistat": "r1",
            "referrer": "https://yandex.ru/search",
            "page_url": "https://site.ru/angary",
            "color": "красный",
        },
    )
    assert answer.status_code == 202
    lead = Lead.objects.get()
    submission = Submission.objects.get()
    assert answer.json() == {"id": submission.pk, "status": "received"}
    assert (submission.state, submission.lead_id) == ("done", lead.pk)
    assert (lead.name, lead.phone, lead.email) == ("Пётр Кузнецов", "+79123456789", "petr@mail.ru")
    assert (lead.phone_original, lead.email_original) == ("8 (912) 345-67-89", "")
    assert lead.request_text.startswith("Нужен ангар\nпод технику")
    assert "Цвет: красный" in lead.request_text
    assert (lead.purpose_id, lead.length, lead.width, lead.height) == ("hangar", 60, 24, Decimal("8.5"))
    assert (lead.area, lead.city, lead.company_name, lead.inn) == (1440, "Тверь", "ООО «Поле»", "7707083893")
    assert (lead.source_id, lead.channel) == ("yandex_direct", "form")
    marks = (lead.utm_source, lead.utm_medium, lead.utm_campaign, lead.utm_content, lead.utm_term)
    assert marks == ("yandex", "cpc", "angary", "banner", "ангар цена")
    assert lead.click_ids == {"yclid": "123", "roistat": "r1"}
    assert (lead.referrer, lead.landing_page) == ("https://yandex.ru/search", "https://site.ru/angary")
    entry = TimelineEntry.objects.get(record_type="lead", record_id=lead.pk, action="created")
    assert (entry.actor_kind, entry.actor_name) == ("form", "Сайт")


@pytest.mark.rule("LEAD-1")
@pytest.mark.parametrize(
    "fields",
    [
        {"Name": "Анна", "Phone": "+7 (912) 345-67-89", "Comments": "Склад"},
        {"имя": "Анна", "телефон": "89123456789", "Сообщение": "Склад"},
        {"ФИО": "Анна", "Ваш телефон *": "8-912-345-67-89", "Вопрос": "Склад"},
        {"your-name": "Анна", "your-phone": "9123456789", "your-message": "Склад"},
        {"fio": "Анна", "tel": "7 912 345 67 89", "text": "Склад"},
        {"fields[name][value]": "Анна", "fields[phone][value]": "+79123456789", "fields[message][value]": "Склад"},
    ],
)
def test_the_usual_spellings_of_field_names_are_known(form: WebForm, fields: dict[str, str]) -> None:
    assert post(form, fields).status_code == 202
    lead = Lead.objects.get()
    assert (lead.name, lead.phone, lead.request_text) == ("Анна", "+79123456789", "Склад")


@pytest.mark.rule("LEAD-1")
def test_the_forms_own_map_of_names_comes_first(form: WebForm) -> None:
    form.field_map = {"f1": "name", "F2": "phone", "comment": "city", "src": "utm_source", "f3": "nonsense"}
    form.save()
    post(form, {"f1": "Анна", "f2": "89123456789", "comment": "Тверь", "src": "vk", "f3": "красный"})
    lead = Lead.objects.get()
    assert (lead.name, lead.phone, lead.city) == ("Анна", "+79123456789", "Тверь")
    assert (lead.utm_source, lead.request_text) == ("vk", "F3: красный")


@pytest.mark.rule("COM-6")
def test_tilda_gets_its_ok_and_its_marks_are_read(form: WebForm) -> None:
    cookies = "TILDAUTM=utm_source%3Dvk%7C%7C%7Cutm_medium%3Dcpc%7C%7C%7Cutm_campaign%3Dautumn; _ym_uid=77"
    body = {
        "Name": "Анна", "Phone": "+7 (999) 111-22-33", "Comments": "Навес", "Checkbox": "yes",
        "tranid": "123:456", "formid": "form789", "COOKIES": cookies,
    }  # fmt: skip
    client = Client()
    for _ in range(2):
        answer = client.post(address(form), body)
        assert (answer.status_code, answer.content) == (200, b"ok")
    lead = Lead.objects.get()
    assert (lead.utm_source, lead.utm_campaign, lead.source_id) == ("vk", "autumn", "vk_ads")
    assert lead.click_ids == {"ym_client_id": "77"}
    assert "Галочка: да" in lead.request_text
    assert "TILDAUTM" not in lead.request_text


@pytest.mark.rule("COM-6")
def test_tildas_trial_of_the_address_makes_no_lead(form: WebForm) -> None:
    answer = Client().post(address(form), {"test": "test"})
    assert (answer.status_code, answer.content) == (200, b"ok")
    assert not Lead.objects.exists()


@pytest.mark.rule("COM-6")
def test_a_post_in_cp1251_is_read(form: WebForm) -> None:
    text = "&".join(
        f"{quote_from_bytes(name.encode('cp1251'))}={quote_from_bytes(value.encode('cp1251'))}"
        for name, value in {"имя": "Пётр", "телефон": "89123456789", "комментарий": "Цех №5"}.items()
    )
    assert post(form, text, FORM).status_code == 202
    raw = "Имя=Анна&Телефон=89123456780".encode("cp1251")
    assert post(form, raw, FORM).status_code == 202
    assert set(Lead.objects.values_list("name", flat=True)) == {"Пётр", "Анна"}
    assert Lead.objects.filter(request_text="Цех №5").exists()


@pytest.mark.rule("COM-6")
def test_a_multipart_post_keeps_its_files(form: WebForm) -> None:
    drawing = SimpleUploadedFile("Чертёж ангара.pdf", b"%PDF-1.4 drawing")
    virus = SimpleUploadedFile("setup.exe", b"MZ")
    data = {"name": "Анна", "phone": "89123456789", "file": [drawing, virus]}
    answer = Client().post(address(form), data)
    assert answer.status_code == 202
    lead = Lead.objects.get()
    attachment = Attachment.objects.get(record_type="lead", record_id=lead.pk)
    assert (attachment.name, attachment.file.read()) == ("Чертёж ангара.pdf", b"%PDF-1.4 drawing")
    note = TimelineEntry.objects.get(record_type="lead", record_id=lead.pk, action="note")
    assert "setup.exe" in note.data["text"]


@pytest.mark.rule("COM-6")
def test_a_browser_gets_a_page_or_goes_back_to_the_site(form: WebForm) -> None:
    client, html = Client(), {"Accept": "text/html,application/xhtml+xml"}
    data = {"name": "Анна", "phone": "89123456789"}
    page = client.post(address(form), data, headers=html)
    assert page.status_code == 200
    assert "text/html" in page["Content-Type"]
    here = {**html, "Referer": "https://site.ru/form.html"}
    sent = client.post(address(form), {**data, "name": "Пётр", "_next": "/thanks.html"}, headers=here)
    assert (sent.status_code, sent["Location"]) == (303, "https://site.ru/thanks.html")


@pytest.mark.parametrize(
    "wanted",
    ["https://evil.example/x", "//evil.example", "javascript:alert(1)", "https:\\\\evil.example", "http://[::1"],
)
def test_nobody_is_sent_to_another_site(form: WebForm, wanted: str) -> None:
    data = {"name": "Анна", "phone": "89123456789", "_next": wanted}
    headers = {"Accept": "text/html", "Referer": "https://site.ru/form.html"}
    answer = Client().post(address(form), data, headers=headers)
    assert answer.status_code == 200
    assert "evil" not in answer.content.decode()


def test_sites_may_post_from_their_pages(form: WebForm) -> None:
    options = Client().options(address(form), headers={"Origin": "https://site.ru"})
    assert options.status_code == 204
    assert options["Access-Control-Allow-Origin"] == "*"
    assert "Idempotency-Key" in options["Access-Control-Allow-Headers"]
    assert Client().get(address(form)).status_code == 405


def test_an_unknown_key_and_a_form_out_of_use_are_not_found(form: WebForm) -> None:
    form.is_active = False
    form.save()
    for key in ("nonsense", form.key):
        answer = Client().post(f"/api/v1/forms/{key}/submissions/", {"phone": "89123456789"})
        assert answer.status_code == 404
        assert answer["Content-Type"] == "application/problem+json"
    assert not Submission.objects.exists()


@pytest.mark.rule("LEAD-2")
@pytest.mark.parametrize(
    "body",
    [
        {"name": "Анна", "phone": "звоните вечером", "message": "Нужен склад"},
        {"message": "Просто вопрос"},
        {"name": "Анна", "email": "нет"},
        {"phone": "123"},
        {"nothing": "here"},
    ],
)
def test_a_post_without_contact_data_is_kept_and_the_fields_are_named(form: WebForm, body: dict[str, str]) -> None:
    answer = post(form, body)
    assert answer.status_code == 422
    assert "\\u04" not in answer.content.decode(), "readable where it is read most: in a terminal"
    told = answer.json()
    assert told["code"] == "needs_attention"
    assert {row["pointer"] for row in told["errors"]} == {"/phone", "/email"}
    submission = Submission.objects.get(pk=told["id"])
    assert submission.state == "failed"
    assert submission.error
    assert json.loads(bytes(submission.body)) == body
    assert not Lead.objects.exists()


@pytest.mark.rule("LEAD-2")
def test_a_browser_without_contact_data_gets_a_page_that_says_so(form: WebForm) -> None:
    answer = Client().post(address(form), {"name": "Анна"}, headers={"Accept": "text/html"})
    assert answer.status_code == 422
    assert "text/html" in answer["Content-Type"]
    assert Submission.objects.get().state == "failed"


@pytest.mark.rule("LEAD-2")
def test_tilda_is_not_asked_to_send_again_what_needs_attention(form: WebForm) -> None:
    answer = Client().post(address(form), {"Name": "Анна", "tranid": "1:2", "formid": "f"})
    assert (answer.status_code, answer.content) == (200, b"ok")
    assert Submission.objects.get().state == "failed"


@pytest.mark.rule("LEAD-5")
def test_a_phone_in_the_text_is_a_phone(form: WebForm) -> None:
    assert post(form, {"name": "Анна", "message": "Перезвоните на 8 912 345-67-89, склад 24х60"}).status_code == 202
    lead = Lead.objects.get()
    assert lead.phone == "+79123456789"
    assert "Перезвоните" in lead.request_text


@pytest.mark.rule("LEAD-5")
def test_all_phones_and_mails_of_a_post_are_kept(form: WebForm) -> None:
    post(form, {"phone": ["89123456789", "8 495 123-45-67 доб. 3"], "email": "a@mail.ru; b@mail.ru"})
    values = ContactPoint.objects.filter(record_type="lead").values_list("value", flat=True)
    assert set(values) == {"+79123456789", "+74951234567", "a@mail.ru", "b@mail.ru"}


@pytest.mark.rule("LEAD-1")
@pytest.mark.parametrize(
    ("value", "sizes"),
    [
        ("24х60х8", (60, 24, 8)),
        ("60 x 24", (60, 24, None)),
        ("24м × 60м", (60, 24, None)),
        ("от 24 до 60", (None, None, None)),
        ("большой", (None, None, None)),
    ],
)
def test_sizes_in_one_field_are_read_and_stay_in_the_text(form: WebForm, value: str, sizes: tuple[Any, ...]) -> None:
    post(form, {"phone": "89123456789", "Размеры": value})
    lead = Lead.objects.get()
    assert (lead.length, lead.width, lead.height) == sizes
    assert f"Размеры: {value}" in lead.request_text


def test_what_does_not_fit_its_column_is_kept_in_the_text(form: WebForm) -> None:
    name = "Анна " * 200
    answer = post(form, {"name": name, "phone": "89123456789", "length": "-5", "area": "9" * 40, "ИНН": "123"})
    assert answer.status_code == 202
    lead = Lead.objects.get()
    assert len(lead.name) <= 255
    for piece in (name.strip(), "Длина: -5", f"Площадь: {'9' * 40}", "ИНН: 123"):
        assert piece in lead.request_text
    assert (lead.length, lead.area, lead.inn) == (None, None, "")


def test_consent_to_messages_is_taken_only_when_it_is_about_messages(form: WebForm) -> None:
    post(form, {"phone": "89123456789", "privacy": "on"})
    post(form, {"phone": "89123456780", "Согласие на рассылку": "on"})
    assert list(Lead.objects.order_by("pk").values_list("messages_consent", flat=True)) == [False, True]


@pytest.mark.rule("LEAD-6")
def test_a_request_of_a_known_client_is_a_contact_on_their_open_deals(form: WebForm, monkeypatch: Any) -> None:
    from crm import events, services

    heard: list[tuple[str, int]] = []
    monkeypatch.setattr(events, "HANDLERS", {})
    events.on("client_contact", lambda event: heard.append((event.record_type, event.record_id)))
    user = make_user()
    contact = contact_create(by=user, data={"name": "Анна Ким", "responsible": user}, phones="89123456789")
    deal = services.record_create(Deal, data={"title": "Ангар", "contact": contact}, by=user, pipeline="deal")
    post(form, {"name": "Аня", "phone": "8 912 345 67 89"})
    assert ("deal", deal.pk) in heard


def test_an_intake_takes_few_queries(form: WebForm, django_assert_max_num_queries: Any, monkeypatch: Any) -> None:
    from crm import events

    # What the rules do with the lead is theirs to count.
    monkeypatch.setattr(events, "HANDLERS", {})
    body = {"name": "Пётр", "phone": "89123456789", "email": "p@mail.ru", "purpose": "Склад", "length": 60, "width": 24}
    with django_assert_max_num_queries(32):
        assert post(form, body).status_code == 202
