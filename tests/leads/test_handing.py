"""Passing a lead on ends with a sales manager: by the table, or by whom the person chooses."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import Role
from crm.actors import Actor
from crm.errors import MissingFields
from crm.jobs import job_start, job_undo
from crm.models import Notification
from crm.services import record_assign
from crm.stages import move
from leads.models import Lead, RoutingRule
from leads.services import lead_create
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("LEAD-6")]
HTMX = {"HX-Request": "true"}


@pytest.fixture
def head() -> Any:
    return make_user(Role.SALES_HEAD)


@pytest.fixture
def manager() -> Any:
    return make_user()


def lead_of(head: Any) -> Lead:
    made = lead_create(by=head, data={"name": "Анна Ким", "phone": "+79160000001", "responsible": head})
    found: Lead = Lead.objects.get(pk=made.pk)
    assert (found.stage, found.responsible) == ("lead:new", head)
    return found


def fresh(lead: Lead) -> Lead:
    return Lead.objects.get(pk=lead.pk)


@pytest.mark.parametrize("role", [Role.SALES_HEAD, Role.CALL_CENTER])
def test_the_dialog_asks_to_whom_and_the_manager_has_it(head: Any, manager: Any, role: str) -> None:
    lead = lead_of(head)
    page = Client()
    page.force_login(head if role == Role.SALES_HEAD else make_user(role))
    asked = page.post(f"/leads/{lead.pk}/move/", {"to": "handed_over"}, headers=HTMX)
    assert (asked.status_code, list(asked.context["form"].fields)) == (422, ["responsible"])
    assert asked.context["form"]["responsible"].value() is None
    again = page.post(
        f"/leads/{lead.pk}/move/", {"to": "handed_over", "fields": "1", "responsible": head.pk}, headers=HTMX
    )
    assert (again.status_code, fresh(lead).stage) == (422, "lead:new")
    data = {"to": "handed_over", "fields": "1", "responsible": manager.pk}
    assert page.post(f"/leads/{lead.pk}/move/", data, headers=HTMX).status_code == 204
    assert (fresh(lead).stage, fresh(lead).responsible) == ("lead:handed_over", manager)
    assert Notification.objects.filter(user=manager, kind="responsible", record_id=lead.pk).exists()


@pytest.mark.parametrize("by_table", [False, True])
def test_taken_back_it_is_with_whom_it_was(head: Any, manager: Any, client: Client, by_table: bool) -> None:
    if by_table:
        RoutingRule.objects.create(name="Все", target="person", person=manager, conditions={})
    client.force_login(head)
    first, second, third = (move(lead_of(head), "needs_data", by=head) for _number in range(3))
    body = {"to": "handed_over", "data": {"responsible": manager.pk}}
    for lead in (first, second):
        moved = client.post(f"/api/v1/leads/{lead.pk}/move/", body, content_type="application/json")
        assert (moved.status_code, fresh(lead).responsible) == (200, manager)
        if lead == second:  # given on meanwhile: it stays with whom it is
            record_assign(fresh(lead), responsible=make_user(), by=head)
        taken_back = client.post(moved["Undo-Location"])
        assert (taken_back.status_code, fresh(lead).stage) == (200, "lead:needs_data")
    assert fresh(first).responsible == head
    assert fresh(second).responsible not in {head, manager}
    job = job_start(by=head, kind="move", rows=[("lead", third.pk)], params=body, record_type="lead")
    assert fresh(third).responsible == manager
    job_undo(job)
    assert (fresh(third).stage, fresh(third).responsible) == ("lead:needs_data", head)


def test_many_handed_over_by_one_call_go_back_to_whom_they_were_with(head: Any, manager: Any, client: Client) -> None:
    client.force_login(head)
    leads = [move(lead_of(head), "needs_data", by=head) for _number in range(2)]
    body = {
        "action": "move",
        "to": "handed_over",
        "data": {"responsible": manager.pk},
        "ids": [lead.pk for lead in leads],
    }
    answer = client.post("/api/v1/leads/bulk/", body, content_type="application/json").json()
    assert (answer["done"], {fresh(lead).responsible for lead in leads}) == (2, {manager})
    assert client.post(f"/api/v1/jobs/{answer['job']}/undo/").status_code == 200
    assert {(fresh(lead).stage, fresh(lead).responsible) for lead in leads} == {("lead:needs_data", head)}


@pytest.mark.rule("LEAD-8")
def test_the_table_answers_where_it_can(head: Any, manager: Any) -> None:
    RoutingRule.objects.create(name="Все", order=1, target="person", person=manager, conditions={})
    lead = lead_of(head)
    move(lead, "handed_over", by=head)
    assert (lead.stage, fresh(lead).responsible) == ("lead:handed_over", manager)


def test_a_lead_that_a_manager_has_stays_with_them(head: Any, manager: Any) -> None:
    other = make_user()
    RoutingRule.objects.create(name="Все", order=1, target="person", person=other, conditions={})
    lead = lead_of(head)
    Lead.objects.filter(pk=lead.pk).update(responsible=manager)
    move(fresh(lead), "handed_over", by=head)
    assert fresh(lead).responsible == manager


def test_the_api_and_bulk_moves_ask_too(head: Any, manager: Any, client: Any) -> None:
    lead = lead_of(head)
    client.force_login(head)
    url = f"/api/v1/leads/{lead.pk}/move/"
    refused = client.post(url, {"to": "handed_over"}, content_type="application/json")
    (row,) = refused.json()["errors"]
    assert (refused.status_code, row["pointer"], row["code"]) == (422, "/data/responsible", "not_a_manager")
    done = client.post(url, {"to": "handed_over", "data": {"responsible": manager.pk}}, content_type="application/json")
    assert (done.status_code, fresh(lead).responsible) == (200, manager), done.content.decode()
    stranger = Client()
    stranger.force_login(make_user())
    assert stranger.post(url, {"to": "handed_over"}, content_type="application/json").status_code == 404


def test_the_product_and_a_company_without_managers_are_not_asked(head: Any) -> None:
    first, second = lead_of(head), lead_of(head)
    move(second, "handed_over", by=head)
    assert fresh(second).responsible == head
    make_user()
    move(first, "handed_over", by=Actor.system())
    assert fresh(first).responsible == head
    with pytest.raises(MissingFields):
        move(lead_of(head), "handed_over", by=head)
