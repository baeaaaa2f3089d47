"""Work without leads: in the channels chosen, a request becomes at once a client and a deal."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from communications.models import Submission, WebForm
from communications.requests import LeadRequest
from crm import preferences
from crm.actors import Actor
from crm.attribution import Touch, Utm
from crm.models import Attachment, Company, Contact, ContactPoint, TimelineEntry
from crm.timeline import entries_for
from deals.models import Deal
from leads.intake import intake
from leads.models import Lead, RoutingRule
from tests.api.conftest import Caller
from tests.factories import make_client, make_company, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("LEAD-17")]
FORM = Actor.form("Сайт")


@pytest.fixture(autouse=True)
def head() -> Any:
    return make_user(Role.SALES_HEAD, last_name="Соколов")


@pytest.fixture
def simple() -> None:
    preferences.set_value("simple_channels", ["form"])


def come(**data: Any) -> Any:
    data = {"name": "Пётр Кузнецов", "phones": ("89123456789",), **data}
    return intake(LeadRequest(**data), by=FORM)


def alive() -> tuple[int, int, int]:
    return tuple(model.objects.alive().count() for model in (Lead, Contact, Company))  # type: ignore[return-value]


@pytest.mark.usefixtures("simple")
def test_a_request_becomes_a_contact_and_a_deal_with_everything_it_had(head: Any) -> None:
    deal = come(
        text="Нужен склад",
        purpose="Склад",
        address="Тверь, ул. Ленина, 5",
        length=Decimal(60),
        width=Decimal(24),
        height=Decimal(8),
        consent=True,
        touch=Touch("yandex_direct", "paid", Utm(source="yandex", campaign="sklady")),
        files=(SimpleUploadedFile("план.pdf", b"%PDF-1.4", content_type="application/pdf"),),
    )
    assert isinstance(deal, Deal)
    assert alive() == (0, 1, 0)
    assert (deal.stage, deal.responsible, deal.area) == ("deal:request_received", head, Decimal(1440))
    assert (deal.request_text, deal.utm_source, deal.utm_campaign) == ("Нужен склад", "yandex", "sklady")
    assert deal.contact.full_name == "Кузнецов Пётр"
    assert deal.contact.messages_consent
    assert deal.object is not None
    assert ContactPoint.objects.filter(record_type="contact", value="+79123456789").count() == 1
    assert Attachment.objects.filter(record_type="deal", record_id=deal.pk).count() == 1
    actions = set(entries_for(deal, head).values_list("action", flat=True))
    assert {"created", "file_added", "converted"} <= actions


@pytest.mark.usefixtures("simple")
def test_company_data_make_a_company(head: Any) -> None:
    deal = come(company_name="ООО «Поле»", inn="7707083893", emails=("info@pole.example",))
    assert alive() == (0, 1, 1)
    assert (deal.company.name, deal.company.inn) == ("ООО «Поле»", "7707083893")
    assert deal.contact.company == deal.company
    nameless = come(name="", company_name="ООО «Луг»", phones=("84822123456",))
    assert (nameless.company.name, nameless.contact) == ("ООО «Луг»", None)


@pytest.mark.usefixtures("simple")
def test_a_known_client_gets_a_deal_of_their_own_and_of_their_manager() -> None:
    owner = make_user()
    contact = make_client(owner, email="petr@example.org")
    deal = come(name="", phones=(), emails=("petr@example.org",))
    assert (deal.contact, deal.responsible) == (contact, owner)
    assert alive() == (0, 1, 0)
    company = make_company(owner)
    worker = make_client(owner, email="ivan@example.org", company=company)
    deal = come(name="Иван", phones=(), emails=("ivan@example.org",))
    assert (deal.contact, deal.company, deal.responsible) == (worker, company, owner)
    assert Deal.objects.count() == 2


@pytest.mark.usefixtures("simple")
def test_the_routing_table_names_the_person_of_a_strangers_deal() -> None:
    anna = make_user()
    RoutingRule.objects.create(name="Все", target="person", person=anna)
    assert come().responsible == anna


@pytest.mark.usefixtures("simple")
def test_a_nameless_stranger_stays_a_lead() -> None:
    assert isinstance(come(name="тест"), Lead)
    assert alive() == (1, 0, 0)


def test_other_channels_and_the_classic_mode_make_leads() -> None:
    assert isinstance(come(), Lead)
    preferences.set_value("simple_channels", ["phone"])
    assert isinstance(come(phones=("89120000002",)), Lead)
    assert isinstance(come(channel="phone", phones=("89120000003",)), Deal)


@pytest.mark.usefixtures("simple")
def test_a_post_of_a_site_is_tied_to_its_deal(head: Any, client: Client) -> None:
    form = WebForm.objects.create(name="Сайт", key="site-key")
    body = json.dumps({"name": "Пётр", "phone": "89123456789"})
    answer = Client().post(reverse("form-submission", args=[form.key]), body, content_type="application/json")
    assert answer.status_code == 202
    row, deal = Submission.objects.get(), Deal.objects.get()
    assert (row.state, row.deal_id, row.lead_id) == ("done", deal.pk, None)
    client.force_login(head)
    page = client.get(reverse("settings-submission", args=[row.pk])).content.decode()
    assert deal.get_absolute_url() in page
    assert deal.get_absolute_url() in client.get(f"{reverse('settings-submissions')}?state=").content.decode()
    assert client.get(deal.get_absolute_url()).status_code == 200
    assert not TimelineEntry.objects.filter(record_type="lead", action="lead_qualified").exists()


def test_the_mode_is_set_on_the_page_and_through_the_api(head: Any, client: Client) -> None:
    client.force_login(head)
    page = client.get(reverse("settings-company", args=["leads"]))
    data = {name: field.initial for name, field in page.context["form"].fields.items()}
    data = {name: value for name, value in data.items() if value is not None}
    saved = client.post(reverse("settings-company", args=["leads"]), {**data, "simple_channels": ["form", "phone"]})
    assert saved.status_code == 302, saved.content.decode()
    assert preferences.get("simple_channels") == ["form", "phone"]
    program = Caller(head)
    assert program.get("preferences/").json()["simple_channels"] == ["form", "phone"]
    assert program.patch("preferences/", {"simple_channels": ["messenger"]}).status_code == 200
    assert preferences.get("simple_channels") == ["messenger"]
    refused = program.patch("preferences/", {"simple_channels": ["import"], "merge_undo_days": 5})
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"] == "/simple_channels"
    assert (preferences.get("simple_channels"), preferences.get("merge_undo_days")) == (["messenger"], 30)
    assert program.patch("preferences/", {"nothing": 1}).status_code == 400
    assert program.patch("preferences/", {"clock_shift_seconds": 1}).status_code == 400
    assert Caller(make_user()).get("preferences/").status_code == 403
