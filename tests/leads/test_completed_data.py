"""Leads that wait for data go on by themselves once the data are there, and the routing table is asked again."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from accounts.models import Role
from automation.models import Rule
from crm import nightly
from crm.actors import Actor
from crm.models import Change, Channel, Stage, TimelineEntry
from crm.settings_revert import setting_revert
from crm.settings_services import preferences_set, required_set
from crm.stages import move
from crm.timeline import sentence
from crm.views.settings_company import CompanyForm
from leads import minimum, tasks
from leads.models import Lead, RoutingRule
from leads.routing_services import routing_rule_save
from leads.services import lead_create, lead_update
from objects_registry.models import ConstructionObject
from tests.factories import make_partner, make_user

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


def company_form(**changed: Any) -> dict[str, Any]:
    """What the page of the settings for leads sends."""
    form = CompanyForm(section="leads")
    sent = {name: form[name].value() for name in form.fields}
    return {name: value for name, value in {**sent, **changed}.items() if value is not None}


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


@pytest.mark.rule("LEAD-6")
def test_leads_that_wait_go_on_when_the_company_asks_for_less(client: Client, head: Any) -> None:
    manager, other = make_user(), make_user()
    row_for(head, "Тверская область", manager)
    near = {**BUILDING, "purpose": None, "region": "Тверская область"}
    waits, lacks = form_lead(name="Анна", **near), form_lead(name="Анна", **near | {"address": "", "region": ""})
    taken = form_lead(name="Анна", **near)
    move(taken, "handed_over", by=head, data={"responsible": other})
    put_back = form_lead(name="Анна", **BUILDING)
    move(put_back, "needs_data", by=head, reason="Клиент передумал с размерами")
    client.force_login(head)
    page = client.post(
        "/settings/company/leads/", company_form(lead_minimum=["name", "contact_point", "place", "size"])
    )
    assert page.status_code in {200, 204, 302}
    assert minimum.recheck() == 3
    assert (fresh(waits).stage, fresh(waits).responsible) == ("lead:handed_over", manager)
    assert "The data that were missing are there now" in told(waits)
    assert (fresh(lacks).stage, fresh(lacks).missing_minimum) == ("lead:needs_data", ["place"])
    assert (fresh(taken).responsible, fresh(taken).missing_minimum) == (other, [])
    assert fresh(put_back).stage == "lead:needs_data"
    assert minimum.recheck() == 0


@pytest.mark.rule("LEAD-6")
def test_what_is_newly_asked_for_is_listed_and_takes_no_work_back(head: Any) -> None:
    done, waits = form_lead(name="Анна", **BUILDING), form_lead(name="Анна")
    stranger = form_lead(name="Анна", **BUILDING)
    with_partner = Lead.objects.filter(pk=stranger.pk)
    with_partner.update(partner=make_partner(), stage="partner_lead:received", pipeline="partner_lead")
    preferences_set({"lead_minimum": ["height", "name"]}, by=head)
    minimum.recheck()
    assert (fresh(done).stage, fresh(done).missing_minimum) == ("lead:data_complete", ["height"])
    assert (fresh(waits).stage, fresh(waits).missing_minimum) == ("lead:needs_data", ["height"])
    assert fresh(stranger).missing_minimum == []


@pytest.mark.rule("LEAD-6")
def test_what_the_stage_requires_besides_is_listed_too_and_awaited(head: Any) -> None:
    stage = Stage.objects.get(key="lead:data_complete")
    required_set(stage.pipeline, by=head, wanted={stage.key: [*stage.required, "height"]})
    lead = form_lead(name="Анна", **BUILDING)
    assert (lead.stage, lead.missing_minimum) == ("lead:needs_data", ["height"])
    lead_update(lead, by=head, data={"height": Decimal(8)})
    assert (fresh(lead).stage, fresh(lead).missing_minimum) == ("lead:data_complete", [])
    waits = form_lead(name="Пётр", **BUILDING)
    required_set(stage.pipeline, by=head, wanted={stage.key: ["name"]})
    minimum.recheck()
    assert fresh(waits).stage == "lead:data_complete"


@pytest.mark.rule("LEAD-6")
def test_the_stage_requires_the_minimum_and_what_it_did_besides(head: Any) -> None:
    stage = Stage.objects.get(key="lead:data_complete")
    required_set(stage.pipeline, by=head, wanted={stage.key: ["name", "purpose", "company_name"]})
    preferences_set({"lead_minimum": ["name", "height"]}, by=head)
    assert set(Stage.objects.get(key=stage.key).required) == {"name", "company_name", "height"}
    change = Change.objects.filter(record_type="preference").latest("id")
    setting_revert(change, by=head)
    assert set(Stage.objects.get(key=stage.key).required) >= {"name", "purpose", "company_name"}


@pytest.mark.rule("LEAD-6")
def test_other_settings_look_at_no_lead_and_a_broker_that_is_down_waits_for_the_night(
    head: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(tasks.recheck_minimum, "delay", lambda: asked.append("asked") or 1 / 0)
    lead = form_lead(name="Анна", **BUILDING | {"purpose": None})
    preferences_set({"company_name": "Завод"}, by=head)
    assert asked == []
    preferences_set({"lead_minimum": ["name"]}, by=head)
    assert (set(asked), fresh(lead).stage) == ({"asked"}, "lead:needs_data")
    assert nightly.run_all()["what leads lack"] == 1
    assert fresh(lead).stage == "lead:data_complete"


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
