"""Templates in two languages, and the placeholders that the browser offers."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from accounts.models import Role
from communications.models import MessageTemplate
from communications.services import message_queue
from communications.templates_render import MissingValue, render
from communications.timeline import _lasted
from crm import preferences, settings_services
from crm.errors import InvalidInput
from tests.factories import make_client, make_deal, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("COM-1")]


@pytest.fixture
def head() -> Any:
    return make_user(Role.SALES_HEAD)


@pytest.fixture
def template() -> MessageTemplate:
    return MessageTemplate.objects.create(
        code="t", name_ru="Т", name_en="T", subject="Склад", text="Здравствуйте, {contact}!",
        subject_en="Warehouse", text_en="Hello, {contact}! It starts {construction_start}.",
    )  # fmt: skip


def deal_of(person: Any, **more: Any) -> Any:
    return make_deal(person, contact=make_client(person, first_name="Анна", email="anna@example.org"), **more)


def test_letters_go_in_the_language_of_the_company_settings(head: Any, template: MessageTemplate) -> None:
    deal = deal_of(head, construction_start="2027-05-01")
    deal.refresh_from_db()

    def queued() -> Any:
        return message_queue(record=deal, contact=deal.contact, channel="email", by=head, template="t")

    assert queued().text == "Здравствуйте, Анна!"
    settings_services.preferences_set({"letters_language": "en"}, by=head)
    assert (queued().subject, queued().text) == ("Warehouse", "Hello, Анна! It starts 01.05.2027.")
    MessageTemplate.objects.update(text_en="")
    assert (queued().subject, queued().text) == (
        "Склад",
        "Здравствуйте, Анна!",
    )  # none in English: all of it in Russian


def test_a_value_that_only_one_language_needs_is_named_for_that_one(head: Any, template: MessageTemplate) -> None:
    deal = deal_of(head)
    assert render(template, deal, deal.contact).text == "Здравствуйте, Анна!"
    with pytest.raises(MissingValue, match="планируемое начало строительства"):
        render(template, deal, deal.contact, language="en")
    with translation.override("en"), pytest.raises(MissingValue, match="planned construction start"):
        render(template, deal, deal.contact, language="en")


def test_every_shipped_template_has_both_texts() -> None:
    assert not MessageTemplate.objects.filter(text_en="").exists()
    for row in MessageTemplate.objects.all():
        assert ("{responsible}" in row.text) == ("{responsible}" in row.text_en)


def test_both_texts_are_kept_checked_and_tried_in_browser_and_api(
    client: Client, head: Any, template: MessageTemplate
) -> None:
    deal = deal_of(head, construction_start="2027-05-01")
    client.force_login(head)
    url = "/settings/templates/t/preview/"
    assert "Здравствуйте, Анна!" in client.get(url, {"number": deal.pk}).content.decode()
    assert "Hello, Анна!" in client.get(url, {"number": deal.pk, "language": "en"}).content.decode()
    shown = client.get("/api/v1/templates/t/preview/", {"deal": deal.pk, "language": "en"}).json()
    assert shown["subject"] == "Warehouse"
    assert client.get("/api/v1/templates/t/preview/", {"deal": deal.pk, "language": "de"}).status_code == 400
    data = {
        "name_ru": "Т",
        "name_en": "T",
        "subject": "С",
        "text": "{contact}",
        "subject_en": "S",
        "text_en": "{nobody}",
    }
    assert client.post("/settings/templates/t/", data).status_code == 422
    wrong = client.patch("/api/v1/templates/t/", {"text_en": "{nobody}"}, content_type="application/json")
    assert wrong.status_code == 400
    assert client.post("/settings/templates/t/", {**data, "text_en": "{title}"}).status_code == 302
    template.refresh_from_db()
    assert (template.subject_en, template.text_en) == ("S", "{title}")
    page = client.get("/settings/templates/t/", headers={"HX-Request": "true"}).content.decode()
    assert page.count("data-complete") == 4


def test_a_language_that_there_is_none_is_refused(head: Any) -> None:
    with pytest.raises((InvalidInput, Exception), match="язык"):
        settings_services.preferences_set({"letters_language": "de"}, by=head)
    assert preferences.get("letters_language") == "ru"


@pytest.mark.parametrize(
    ("seconds", "words"), [(5, "5 с"), (225, "3 мин 45 с"), (3600, "1 ч"), (3725, "1 ч 2 мин 5 с")]
)
def test_a_calls_length_reads_as_people_say_it(seconds: int, words: str) -> None:
    assert _lasted(seconds) == words
