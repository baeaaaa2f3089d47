"""The shapes in which sites, page builders and other CRMs nest the fields of a form."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from communications.models import Submission, WebForm
from crm.models import ContactPoint
from leads.models import Lead

pytestmark = [pytest.mark.django_db, pytest.mark.rule("LEAD-1"), pytest.mark.rule("COM-6")]
URL = "/api/v1/forms/site-key/submissions/"

# What is posted -> name, phone, e-mail, and pieces of the text that a person reads.
Expected = tuple[str, str, str, list[str]]
JSON_SHAPES: dict[str, tuple[Any, Expected]] = {
    "a name in parts": (
        {"name": {"first": "Анна", "last": "Ким"}, "phone": "89123456789"},
        ("Ким Анна", "+79123456789", "", []),
    ),
    "a name as a list": ({"name": ["Анна", "Ким"], "phone": "89123456789"}, ("Анна Ким", "+79123456789", "", [])),
    "a phone in code and number": (
        {"name": "Анна", "phone": {"code": "+375", "number": "291234567"}},
        ("Анна", "+375291234567", "", []),
    ),
    "phones and mails as lists": (
        {"phone": ["89123456789"], "email": ["a@mail.ru"], "name": "Анна"},
        ("Анна", "+79123456789", "a@mail.ru", []),
    ),
    "a comment as an object": (
        {"comment": {"text": "Нужен склад"}, "phone": "89123456789"},
        ("", "+79123456789", "", ["Нужен склад"]),
    ),
    "fields of another CRM": (
        {
            "fields": {
                "TITLE": "Заявка",
                "NAME": "Глеб",
                "LAST_NAME": "Титов",
                "PHONE": [{"VALUE": "89123456789", "VALUE_TYPE": "WORK"}],
                "EMAIL": [{"VALUE": "g@mail.ru", "VALUE_TYPE": "HOME"}],
            },
            "params": {"REGISTER_SONET_EVENT": "Y"},
        },
        ("Титов Глеб", "+79123456789", "g@mail.ru", ["Заявка"]),
    ),
    "custom fields by code": (
        {
            "name": "Заявка с сайта",
            "_embedded": {
                "contacts": [
                    {
                        "first_name": "Анна",
                        "custom_fields_values": [
                            {
                                "field_code": "PHONE",
                                "field_name": "Телефон",
                                "values": [{"value": "89123456789", "enum_code": "WORK"}],
                            },
                            {"field_code": "EMAIL", "values": [{"value": "a@mail.ru"}]},
                        ],
                    }
                ]
            },
        },
        ("Анна", "+79123456789", "a@mail.ru", ["Название: Заявка с сайта"]),
    ),
    "questions and answers of a quiz": (
        {
            "contacts": {"name": "Анна", "phone": "89123456789"},
            "answers": [{"q": "Какой ангар нужен?", "a": "Тёплый"}, {"q": "Когда?", "a": ["Весной", "Летом"]}],
            "extra": {"href": "https://site.ru/quiz", "utm": {"source": "yandex", "medium": "cpc"}},
        },
        ("Анна", "+79123456789", "", ["Какой ангар нужен: Тёплый", "Когда: Весной"]),
    ),
    "a list of titled fields": (
        [
            {"id": "field_1", "type": "text", "title": "Ваше имя", "value": "Анна"},
            {"id": "field_2", "type": "tel", "title": "Куда позвонить", "value": "89123456789"},
            {"id": "field_3", "type": "text", "title": "Цвет стен", "value": "Серый"},
        ],
        ("Анна", "+79123456789", "", ["Цвет стен: Серый"]),
    ),
    "products beside the person": (
        {"name": "Анна", "phone": "89123456789", "products": [{"name": "Ангар 24×60", "price": 100}]},
        ("Анна", "+79123456789", "", ["Продукт: Ангар 24×60", "Цена: 100"]),
    ),
}
FORM_SHAPES: dict[str, tuple[list[tuple[str, str]], Expected]] = {
    "brackets of an account's hook": (
        [
            ("leads[add][0][id]", "5"),
            ("leads[add][0][name]", "Заявка с лендинга"),
            ("leads[add][0][price]", "34343"),
            ("contacts[add][0][name]", "Анна Ким"),
            ("contacts[add][0][custom_fields][0][id]", "77"),
            ("contacts[add][0][custom_fields][0][name]", "Телефон"),
            ("contacts[add][0][custom_fields][0][values][0][value]", "8 912 345-67-89"),
            ("contacts[add][0][custom_fields][0][values][0][enum]", "WORK"),
            ("contacts[add][0][custom_fields][1][code]", "EMAIL"),
            ("contacts[add][0][custom_fields][1][values][0][value]", "a@mail.ru"),
        ],
        ("Анна Ким", "+79123456789", "a@mail.ru", ["Заявка с лендинга"]),
    ),
    "a value without a name beside it": (
        [
            ("contacts[add][0][custom_fields][0][values][0][value]", "8 912 345-67-89"),
            ("leads[add][0][name]", "Заявка"),
        ],
        ("", "+79123456789", "", ["Заявка"]),
    ),
    "a page builder's fields": (
        [
            ("form[id]", "a1"),
            ("form[name]", "Новая форма"),
            ("fields[name][id]", "name"),
            ("fields[name][type]", "text"),
            ("fields[name][title]", "Имя"),
            ("fields[name][value]", "Анна"),
            ("fields[name][raw_value]", "Анна"),
            ("fields[name][required]", "1"),
            ("fields[field_2][id]", "field_2"),
            ("fields[field_2][type]", "tel"),
            ("fields[field_2][title]", "Телефон"),
            ("fields[field_2][value]", "89123456789"),
            ("meta[page_url][title]", "Page URL"),
            ("meta[page_url][value]", "https://site.ru/a"),
            ("meta[remote_ip][value]", "1.2.3.4"),
        ],
        ("Анна", "+79123456789", "", []),
    ),
    "a page builder's own names": (
        [("form_fields[name]", "Анна"), ("form_fields[email]", "a@mail.ru"), ("form_fields[message]", "Нужен склад")],
        ("Анна", "", "a@mail.ru", ["Нужен склад"]),
    ),
    "a contact form's names": (
        [
            ("your-name", "Анна"),
            ("your-email", "a@mail.ru"),
            ("your-subject", "Склад"),
            ("your-message", "24 на 60"),
            ("_wpcf7", "12"),
            ("_wpcf7_unit_tag", "wpcf7-f12-p1-o1"),
        ],
        ("Анна", "", "a@mail.ru", ["24 на 60", "Тема: Склад"]),
    ),
    "a form as an array": (
        [
            ("form[name]", "Анна"),
            ("form[phone]", "89123456789"),
            ("form[services][]", "Монтаж"),
            ("form[services][]", "Проект"),
        ],
        ("Анна", "+79123456789", "", ["Услуга: Монтаж", "Услуга: Проект"]),
    ),
    "an order of a shop": (
        [
            ("order[billing][first_name]", "Анна"),
            ("order[billing][phone]", "89123456789"),
            ("order[items][0][name]", "Навес"),
        ],
        ("Анна", "+79123456789", "", ["Навес"]),
    ),
}
SHAPES = [
    *(pytest.param(json.dumps(body), "application/json", want, id=name) for name, (body, want) in JSON_SHAPES.items()),
    *(
        pytest.param(urlencode(body), "application/x-www-form-urlencoded", want, id=name)
        for name, (body, want) in FORM_SHAPES.items()
    ),
]


@pytest.fixture(autouse=True)
def form() -> WebForm:
    return WebForm.objects.create(name="Сайт", key="site-key")


@pytest.mark.parametrize(("body", "content_type", "want"), SHAPES)
def test_nested_fields_are_taken_for_what_they_are(body: str, content_type: str, want: Expected) -> None:
    answer = Client().post(URL, body, content_type=content_type)
    assert answer.status_code == 202, answer.content.decode()
    lead = Lead.objects.get()
    name, phone, email, pieces = want
    assert (lead.name, lead.phone, lead.email) == (name, phone, email)
    for piece in pieces:
        assert piece in lead.request_text
    for code in ("[", "field_", "WORK", "wpcf7", "raw_value", "remote_ip", "Новая форма"):
        assert code not in lead.request_text
    assert bytes(Submission.objects.get().body) == body.encode()


def test_marks_that_lie_deep_are_read() -> None:
    body = {"phone": "89123456789", "tracking": {"utm": {"source": "vk", "medium": "cpc"}, "utm_campaign": "весна"}}
    Client().post(URL, json.dumps(body), content_type="application/json")
    lead = Lead.objects.get()
    assert (lead.utm_source, lead.utm_medium, lead.utm_campaign) == ("vk", "cpc", "весна")
    assert lead.source_id == "vk_ads"


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            {"phone": "89123456789", "Какой_ангар_нужен": "Тёплый", "roofColor": "Серый", "floors-count": "2"},
            "Какой ангар нужен: Тёплый\nRoof Color: Серый\nFloors count: 2",
        ),
        ({"phone": "89123456789", "privacy": "on", "city": "Тверь"}, "Согласие на обработку персональных данных: да"),
        ({"phone": "89123456789", "purpose": "Склад", "length": "большая"}, "Назначение: Склад\nДлина: большая"),
    ],
)
def test_a_form_without_a_message_reads_like_a_text(fields: dict[str, str], text: str) -> None:
    Client().post(URL, fields)
    assert Lead.objects.get().request_text == text
    assert [name for name, _value in Submission.objects.get().fields] == list(fields)


def test_two_phones_in_two_contacts_are_both_kept() -> None:
    body = {"contacts": [{"name": "Анна", "phone": "89123456789"}, {"name": "Пётр", "phone": "89120000000"}]}
    Client().post(URL, json.dumps(body), content_type="application/json")
    assert ContactPoint.objects.filter(record_type="lead", kind="phone").count() == 2
    assert "Пётр" in Lead.objects.get().request_text
