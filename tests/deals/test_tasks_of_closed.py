"""Tasks when a record is closed: what robots planned ends with it and comes back with it, what people planned stays."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Role
from crm.models import Activity, RefusalReason, TimelineEntry
from crm.services import activity_complete, activity_create
from crm.stages import Refusal, move
from crm.timeline import FORMATTERS
from deals.models import Deal
from leads.models import Lead
from leads.services import lead_create
from tests.factories import make_company, make_deal, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("ACT-1")]
HTMX = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "dialog-body"}


def signing(owner: Any, clock: Any) -> Deal:
    company = make_company(owner, inn="7707083893")
    deal: Deal = make_deal(
        owner,
        stage="contract_signing",
        company=company,
        amount=5,
        contract_number="7",
        contract_date=clock.now().date(),
    )
    return deal


def plan(record: Any, owner: Any, clock: Any, title: str, key: str | None = None) -> Activity:
    due = clock.now() + timedelta(days=1)
    return activity_create(record, title=title, due_at=due, responsible=owner, by=owner, key=key)


def undone(record: Any) -> list[str]:
    rows = Activity.objects.undone().filter(record_type=record.RECORD_TYPE, record_id=record.pk)
    return sorted(rows.values_list("title", flat=True))


def test_a_won_deal_keeps_only_what_people_planned_and_says_so(clock: Any) -> None:
    owner = make_user()
    deal = signing(owner, clock)
    plan(deal, owner, clock, "Напомнить клиенту", key="task:1")
    plan(deal, owner, clock, "Отвезти договор")
    clock.travel(hours=1)
    page = Client()
    page.force_login(owner)
    answer = page.post(f"/deals/{deal.pk}/move/", {"to": "contract_signed"}, **HTMX)
    assert answer.status_code == 204
    assert undone(deal) == ["Отвезти договор"]
    assert "1" in json.loads(answer["HX-Trigger"])["toast"]["text"].rsplit("»", 1)[1]
    assert Deal.objects.get(pk=deal.pk).next_activity_title == "Отвезти договор"
    line = TimelineEntry.objects.get(record_type="deal", record_id=deal.pk, action="task_cancelled")
    assert "Договор подписан" in FORMATTERS["task_cancelled"](line.data)


def test_undoing_the_move_brings_them_back_but_not_what_was_done_before(clock: Any) -> None:
    owner = make_user()
    deal = signing(owner, clock)
    plan(deal, owner, clock, "Напомнить клиенту", key="task:1")
    activity_complete(plan(deal, owner, clock, "Позвонить", key="task:2"), by=owner)
    clock.travel(hours=1)
    page = Client()
    page.force_login(owner)
    told = json.loads(page.post(f"/deals/{deal.pk}/move/", {"to": "contract_signed"}, **HTMX)["HX-Trigger"])
    assert undone(deal) == []
    page.post(told["toast"]["undo_url"], **HTMX)
    deal = Deal.objects.get(pk=deal.pk)
    assert (deal.stage, undone(deal)) == ("deal:contract_signing", ["Напомнить клиенту"])
    assert deal.next_activity_title == "Напомнить клиенту"


def test_a_lost_lead_reopened_by_the_head_has_its_tasks_again_and_none_of_its_refusal(clock: Any) -> None:
    head = make_user(Role.SALES_HEAD)
    lead = lead_create(by=head, data={"name": "Анна Ким", "phone": "+79160000001", "responsible": head})
    lead = Lead.objects.get(pk=lead.pk)
    plan(lead, head, clock, "Уточнить размеры", key="task:9")
    clock.travel(hours=1)
    reason = RefusalReason.objects.filter(stage="lead:declined_by_us").first()
    assert reason is not None
    move(lead, "declined_by_us", by=head, refusal=Refusal(reason.pk, "Объём мал для нас"))
    # No address is known: the letter of refusal cannot be sent, which is a task of its own (LEAD-9).
    assert len(undone(lead)) == 1
    assert "Уточнить размеры" not in undone(lead)
    clock.travel(hours=1)
    move(Lead.objects.get(pk=lead.pk), "new", by=head, reason="Клиент вернулся")
    assert undone(lead) == ["Уточнить размеры"]


def test_a_client_who_became_a_client_keeps_every_task(clock: Any) -> None:
    owner = make_user()
    company = make_company(owner, inn="7707083893")
    plan(company, owner, clock, "Поздравить", key="task:3")
    deal = make_deal(
        owner,
        stage="contract_signing",
        company=company,
        amount=5,
        contract_number="7",
        contract_date=clock.now().date(),
    )
    move(deal, "contract_signed", by=owner)
    assert undone(company) == ["Поздравить"]
