"""The window of the conversion: what will be there afterwards, what the deal requires, whose each phone is."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from crm.actors import Actor
from crm.clients import contact_create
from crm.contact_points import points_of
from crm.errors import MissingFields
from crm.models import ATTRIBUTION_FIELDS, Company, Contact, Stage
from crm.stages import move
from deals.models import Deal
from leads.conversion import ConversionChoice, convert
from leads.conversion_preview import preview
from leads.models import Lead, LeadConversion
from leads.services import lead_create
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("LEAD-10")]
HTMX = {"HX-Request": "true", "HX-Target": "dialog-body"}


@pytest.fixture
def owner() -> Any:
    return make_user()


def make_lead(owner: Any, **data: Any) -> Lead:
    given = {"name": "Кузнецов Пётр", "company_name": "ООО «Сталь»", "inn": "7707083893", "utm_source": "yandex"}
    lead = lead_create(
        by=Actor.system(), data={**given, "responsible": owner, **data}, phones="89123456789, 84951234567"
    )
    lead.refresh_from_db()
    return lead if lead.stage == "lead:handed_over" else move(lead, "handed_over", by=Actor.system())


def require(field: str) -> None:
    Stage.objects.filter(pk="deal:request_received").update(required=[field])


def test_the_preview_is_what_the_conversion_makes_and_keeps_nothing(owner: Any) -> None:
    lead = make_lead(owner)
    shown = preview(lead_id=lead.pk, by=owner, choice=ConversionChoice("company"))
    assert [(line.record_type, line.is_new, line.points) for line in shown.lines] == [
        ("contact", True, ("+7 (912) 345-67-89",)),
        ("company", True, ("+7 (495) 123-45-67",)),
        ("deal", True, ()),
    ]
    assert (Contact.objects.count(), Company.objects.count(), Deal.objects.count()) == (0, 0, 0)
    assert not LeadConversion.objects.exists()
    lead.refresh_from_db()
    assert lead.stage == "lead:handed_over"
    made = convert(lead_id=lead.pk, by=owner, choice=ConversionChoice("company"))
    assert [line.name for line in shown.lines] == [str(made.contact), str(made.company), str(made.deal)]


def test_the_preview_tells_what_existing_ones_get_and_why_it_cannot_be_done(owner: Any) -> None:
    lead = make_lead(owner)
    contact = contact_create(by=owner, data={"name": "Ким Анна", "responsible": owner}, phones="89123456789")
    shown = preview(lead_id=lead.pk, by=owner, choice=ConversionChoice("person", contact_id=contact.pk))
    assert (shown.lines[0].is_new, shown.lines[0].points) == (False, ("+7 (495) 123-45-67",))
    wrong = preview(lead_id=lead.pk, by=owner, choice=ConversionChoice("company", company={"inn": "7707083894"}))
    assert "ИНН" in wrong.problem
    assert wrong.lines == ()


@pytest.mark.rule("ACC-1")
def test_a_stranger_gets_no_preview(owner: Any, client: Client) -> None:
    lead, stranger = make_lead(owner), make_user()
    with pytest.raises(Lead.DoesNotExist):
        preview(lead_id=lead.pk, by=stranger, choice=ConversionChoice("company"))
    client.force_login(stranger)
    assert client.post(f"/leads/{lead.pk}/convert/?preview", {"kind": "company"}).status_code == 404


def test_the_window_shows_it_and_follows_what_is_changed(owner: Any, client: Client) -> None:
    lead = make_lead(owner)
    client.force_login(owner)
    window = client.get(f"/leads/{lead.pk}/convert/", headers=HTMX).content.decode()
    assert "convert-preview" in window
    assert "ООО «Сталь»" in window
    data = {"kind": "person", "contact": "new", "company": "new", "deal": "new", "last_name": "Ким", "first_name": "Ян"}
    part = client.post(f"/leads/{lead.pk}/convert/?preview", data, headers=HTMX).content.decode()
    assert "Ким Ян" in part
    assert "ООО «Сталь»" not in part
    assert not Deal.objects.exists()


@pytest.mark.rule("PIPE-3")
def test_what_the_deal_requires_is_asked_in_the_same_window(owner: Any, client: Client) -> None:
    lead = make_lead(owner)
    require("construction_start")
    with pytest.raises(MissingFields):
        convert(lead_id=lead.pk, by=owner, choice=ConversionChoice("person"))
    assert not Deal.objects.exists()
    client.force_login(owner)
    window = client.get(f"/leads/{lead.pk}/convert/", headers=HTMX).content.decode()
    assert 'name="deal_construction_start"' in window
    data = {"kind": "person", "contact": "new", "company": "new", "deal": "new", "last_name": "Ким", "first_name": "Ян"}
    assert client.post(f"/leads/{lead.pk}/convert/", data, headers=HTMX).status_code == 422
    data |= {"deal_field": "construction_start", "deal_construction_start": "01.06.2027"}
    assert client.post(f"/leads/{lead.pk}/convert/", data, headers=HTMX).status_code == 204
    assert str(Deal.objects.get().construction_start) == "2027-06-01"


def test_no_other_field_of_the_deal_can_be_smuggled_in(owner: Any, client: Client) -> None:
    lead = make_lead(owner)
    client.force_login(owner)
    data = {"kind": "person", "contact": "new", "company": "new", "deal": "new", "last_name": "Ким", "first_name": "Ян"}
    data |= {"deal_field": "stage", "deal_stage": "deal:contract_signed"}
    assert client.post(f"/leads/{lead.pk}/convert/", data, headers=HTMX).status_code == 204
    assert Deal.objects.get().stage == "deal:request_received"


@pytest.mark.rule("LEAD-11")
def test_the_switch_decides_whose_a_phone_is_and_utm_is_equal_in_all(owner: Any, client: Client) -> None:
    lead = make_lead(owner)
    client.force_login(owner)
    data = {
        "kind": "company",
        "contact": "new",
        "company": "new",
        "deal": "new",
        "last_name": "Ким",
        "first_name": "Ян",
    }
    data |= {
        "company_name": "Сталь",
        "inn": "7707083893",
        "owner-0": "contact",
        "owner-1": "contact",
        "first_name": "Ян",
    }
    client.post(f"/leads/{lead.pk}/convert/", data, headers=HTMX)
    contact, company, deal = Contact.objects.get(), Company.objects.get(), Deal.objects.get()
    assert {point.value for point in points_of(contact)} == {"+79123456789", "+74951234567"}
    assert points_of(company) == []
    for record in (contact, company, deal):
        for name in ATTRIBUTION_FIELDS:
            assert getattr(record, name) == getattr(lead, name)


def test_by_api(owner: Any, client: Client) -> None:
    lead = make_lead(owner)
    client.force_login(owner)
    url = f"/api/v1/leads/{lead.pk}/convert/?dry_run=1"
    body = {"kind": "company"}
    shown = client.post(url, body, content_type="application/json").json()
    assert [line["record_type"] for line in shown["lines"]] == ["contact", "company", "deal"]
    assert not Deal.objects.exists()
