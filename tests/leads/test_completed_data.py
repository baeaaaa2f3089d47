"""Leads that wait for data go on by themselves once the data are there, and the routing table is asked again."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from accounts.models import Role
from automation.models import Rule
from crm.actors import Actor
from crm.models import Channel, TimelineEntry
from crm.stages import move
from crm.timeline import sentence
from leads.models import Lead, RoutingRule
from leads.routing_services import routing_rule_save
from leads.services import lead_create, lead_update
from objects_registry.models import ConstructionObject
from tests.factories import make_user

pytestmark = pytest.mark.django_db
BUILDING = {"purpose": "warehouse", "address": "Тверь, ул. Ленина, 5", "length": Decimal(60), "width": Decimal(24)}


@pytest.fixture
def head() -> Any:
    return make_user(Role.SALES_HEAD)


def form_lead(**data: Any) -> Lead:
    made = lead_create(by=Actor.form("Сайт"), data={"channel": Channel.FORM, **data}, phones="89123456789")
    return fresh(made)


def fresh(lead: Lead) -> Lead:
    return Lead.objects.get(pk=lead.pk)


def told(lead: Lead) -> str:
    rows = TimelineEntry.objects.filter(record_type="lead", record_id=lead.pk).order_by("id")
    with translation.override("en"):
        return "\n".join(sentence(entry) for entry in rows)


def row_for(head: Any, region: str, person: Any) -> RoutingRule:
    conditions = {"field": "region", "op": "in", "value": [region]}
    data = {"name": f"В {region}", "target": "person", "person": person, "conditions": conditions}
    return routing_rule_save(RoutingRule(), by=head, data=data)


@pytest.mark.rule("LEAD-6")
@pytest.mark.rule("LEAD-7")
@pytest.mark.rule("LEAD-8")
def test_an_operator_fills_in_what_is_missing_and_the_lead_finds_its_manager(client: Client, head: Any) -> None:
    manager, operator = make_user(), make_user(Role.CALL_CENTER)
    row_for(head, "Тверская область", manager)
    lead = form_lead(name="Анна", **BUILDING | {"purpose": None, "region": "Тверская область"})
    assert lead.stage == "lead:needs_data"
    client.force_login(operator)
    url = f"/api/v1/leads/{lead.pk}/"
    answer = client.patch(url, {"purpose": "warehouse"}, content_type="application/json")
    assert answer.status_code == 200
    lead = fresh(lead)
    assert (lead.stage, lead.responsible, lead.missing_minimum) == ("lead:handed_over", manager, [])
    assert lead.object == ConstructionObject.objects.get()
    assert "The data that were missing are there now" in told(lead)
    assert "Routing table, row «В Тверская область»" in told(lead)
    assert client.get(url).status_code == 404


@pytest.mark.rule("LEAD-6")
def test_a_part_of_the_data_is_not_enough(head: Any) -> None:
    lead = form_lead(name="Анна")
    lead_update(lead, by=head, data={"purpose": "warehouse", "address": "Тверь"})
    assert (fresh(lead).stage, fresh(lead).missing_minimum) == ("lead:needs_data", ["size"])


@pytest.mark.rule("LEAD-6")
def test_complete_data_that_somebody_put_back_to_wait_stay_there(head: Any) -> None:
    lead = form_lead(name="Анна", **BUILDING)
    move(lead, "needs_data", by=head, reason="Клиент передумал с размерами")
    lead_update(fresh(lead), by=head, data={"height": Decimal(8)})
    assert fresh(lead).stage == "lead:needs_data"


@pytest.mark.rule("LEAD-6")
def test_the_rule_can_be_switched_off(head: Any) -> None:
    Rule.objects.filter(code="lead_data_completed").update(is_active=False)
    lead = form_lead(name="Анна")
    lead_update(lead, by=head, data=BUILDING)
    assert (fresh(lead).stage, fresh(lead).missing_minimum) == ("lead:needs_data", [])


@pytest.mark.rule("LEAD-8")
def test_a_lead_that_no_row_took_is_shared_out_once_its_region_is_known(head: Any) -> None:
    manager = make_user()
    row_for(head, "Псковская область", manager)
    lead = form_lead(name="Анна", **BUILDING)
    assert (lead.stage, lead.responsible) == ("lead:data_complete", head)
    lead_update(lead, by=head, data={"purpose": "workshop"})
    assert fresh(lead).responsible == head
    assert told(lead).count("No row of the routing table") == 1
    lead_update(fresh(lead), by=head, data={"region": "Псковская область"})
    assert (fresh(lead).stage, fresh(lead).responsible) == ("lead:handed_over", manager)
    assert "Routing table, row «В Псковская область»" in told(lead)


@pytest.mark.rule("LEAD-8")
def test_a_lead_that_somebody_works_at_is_not_taken_away(head: Any) -> None:
    first, second = make_user(), make_user()
    row_for(head, "Тверская область", first)
    row_for(head, "Псковская область", second)
    lead = form_lead(name="Анна", **BUILDING, region="Тверская область")
    assert lead.responsible == first
    lead_update(lead, by=first, data={"region": "Псковская область"})
    assert fresh(lead).responsible == first
