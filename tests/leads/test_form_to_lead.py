"""From the post of a site's form to a qualified lead with its object: the shipped rules at work."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import Role
from communications.models import WebForm
from crm.clients import contact_create
from leads.models import Lead
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
    assert answer.status_code == 201
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
