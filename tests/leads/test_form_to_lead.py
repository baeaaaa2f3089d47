"""From the post of a site's form to a qualified lead with its object: the shipped rules at work."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import Role
from communications.models import WebForm
from crm.clients import contact_create
from deals.models import Deal
from leads.conversion import ConversionChoice, convert
from leads.models import Lead
from leads.services import lead_update
from objects_registry.models import ConstructionObject
from tests.factories import make_user

pytestmark = pytest.mark.django_db

FULL = {
    "name": "Пётр Кузнецов",
    "phone": "89123456789",
    "purpose": "склад",
    "address": "Тверь, ул. Ленина, 5",
    "length": "60",
    "width": "24",
}


def post(**data: Any) -> Lead:
    form, _ = WebForm.objects.get_or_create(key="site-key", defaults={"name": "Сайт"})
    answer = Client().post(f"/api/v1/forms/{form.key}/submissions/", data, content_type="application/json")
    assert answer.status_code == 202
    return Lead.objects.latest("pk")


@pytest.mark.rule("LEAD-6")
@pytest.mark.rule("LEAD-7")
def test_a_full_post_is_qualified_and_has_its_object_when_the_answer_comes() -> None:
    head = make_user(Role.SALES_HEAD)
    lead = post(**FULL)
    assert (lead.stage, lead.responsible) == ("lead:data_complete", head)
    assert lead.object == ConstructionObject.objects.get()


@pytest.mark.rule("LEAD-6")
def test_a_post_that_lacks_data_waits_for_them() -> None:
    make_user(Role.SALES_HEAD)
    lead = post(name="Анна", phone="89123456789")
    assert (lead.stage, lead.missing_minimum) == ("lead:needs_data", ["purpose", "place", "size"])


@pytest.mark.rule("LEAD-6")
def test_a_post_of_a_known_client_goes_to_their_manager() -> None:
    make_user(Role.SALES_HEAD)
    manager = make_user()
    contact = contact_create(by=manager, data={"name": "Анна Ким", "responsible": manager}, phones="89123456789")
    lead = post(**FULL)
    assert (lead.stage, lead.responsible, lead.contact, lead.is_repeat) == (
        "lead:handed_over",
        manager,
        contact,
        True,
    )


@pytest.mark.rule("LEAD-10")
def test_a_qualified_lead_is_converted_with_the_rules_at_work() -> None:
    head = make_user(Role.SALES_HEAD)
    lead = post(**FULL, company="ООО «Поле»")
    made = convert(lead_id=lead.pk, by=head, choice=ConversionChoice("company"))
    deal = Deal.objects.get()
    assert (made.deal, deal.object, deal.responsible) == (deal, lead.object, head)
    assert (deal.contact.stage, deal.company.stage) == ("contact:in_work", "company:in_work")
    assert list(deal.object.contacts.all()) == [deal.contact]
    assert list(deal.object.companies.all()) == [deal.company]
    assert Lead.objects.get().stage == "lead:converted"


@pytest.mark.rule("LEAD-2")
@pytest.mark.rule("LEAD-6")
def test_the_next_post_of_that_client_is_a_repeat_lead() -> None:
    head, manager = make_user(Role.SALES_HEAD), make_user()
    first = post(**FULL)
    lead_update(first, by=head, data={"responsible": manager})
    convert(lead_id=first.pk, by=manager, choice=ConversionChoice("person"))
    again = post(name="Пётр", phone="+7 912 345 67 89", message="Ещё один склад")
    assert (again.is_repeat, again.responsible, again.contact) == (True, manager, Deal.objects.get().contact)
    assert again.stage == "lead:handed_over"
