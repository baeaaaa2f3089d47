"""Invoices that were not paid in time start robots: once each, not after the money came, not for what is old."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from accounts.models import Role, User
from automation import engine
from automation.models import Rule, ScheduledRun
from automation.rule_services import rule_save
from automation.selectors import expected_for
from automation.standing import apply_one, standing_count
from automation.trial import rule_try
from automation.wording import sentence
from crm import pipelines
from crm.clock import company_zone as zone
from crm.errors import InvalidInput
from crm.models import Activity
from deals.document_content import Wish
from deals.document_states import document_pay
from deals.documents import document_create
from deals.models import Deal, Document
from deals.services import deal_lines_set
from tests.api.conftest import Caller
from tests.factories import make_company, make_deal, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("AUTO-1", "AUTO-2")]


@pytest.fixture
def head(clock: Any) -> User:
    # A shipped rule was switched on when the database was made, and the clock of this test stands before that.
    Rule.objects.filter(code="invoice_overdue").update(switched_on_at=clock.now())
    return make_user(Role.SALES_HEAD, language="ru")


@pytest.fixture
def deal(head: User) -> Deal:
    made = make_deal(head, company=make_company(head))
    return deal_lines_set(made, by=head, lines=[{"name": "Каркас", "quantity": "1", "unit": "т", "price": "100000"}])


def invoice(deal: Deal, days: int = 5) -> Document:
    from crm import clock

    until = clock.today() + timedelta(days=days)
    return document_create(deal, by=deal.responsible, wish=Wish("invoice", until=until), is_new=True)


def shipped() -> Rule:
    return Rule.objects.select_related("pipeline", "stage").get(code="invoice_overdue")


def day_passes(clock: Any, days: int) -> None:
    clock.travel(days=days)
    engine.plan_overdue()
    engine.run_due()


def tasks(deal: Deal) -> list[Activity]:
    return list(Activity.objects.filter(record_type="deal", record_id=deal.pk).order_by("pk"))


def test_each_overdue_invoice_brings_one_task_that_says_what_is_owed(head: User, deal: Deal, clock: Any) -> None:
    first = invoice(deal, days=8)
    invoice(deal, days=30)
    assert "просрочен" in sentence(shipped())
    # The card says what is coming: a day after the one to pay by, and one more as the rule says.
    days = [row["at"].astimezone(zone()).date() for row in expected_for(deal)]
    assert days == [date(2026, 3, 12), date(2026, 4, 3)]
    client = Client()
    client.force_login(head)
    plans = client.get("/robots/planned/").content.decode()
    assert "Если счета не оплатят" in plans
    ahead = Caller(head).get("robot-runs/unpaid/").json()
    assert [(row["count"], row["owed"]) for row in ahead] == [(1, "100000.00")]  # the other is later
    assert Caller(make_user()).get("robot-runs/unpaid/").json() == []
    assert Caller(make_user(Role.PARTNER)).get("robot-runs/unpaid/").status_code == 403
    document_pay(first, paid=Decimal(40000), paid_on=None, by=head)
    day_passes(clock, 9)
    assert tasks(deal) == []  # a day late is no day over the day that the rule gives
    day_passes(clock, 1)
    (task,) = tasks(deal)
    assert (task.responsible, task.kind) == (head, "call")
    assert first.label in task.text
    assert "\n" not in task.text  # the later one is not due yet
    assert "60" in task.text  # the rest, not the total alone
    day_passes(clock, 3)
    assert len(tasks(deal)) == 1
    day_passes(clock, 30)
    assert len(tasks(deal)) == 2


def test_money_that_comes_meanwhile_calls_it_off(head: User, deal: Deal, clock: Any) -> None:
    bill = invoice(deal, days=8)
    clock.travel(days=10)
    assert engine.plan_overdue() == 1
    assert engine.plan_overdue() == 0
    document_pay(bill, paid=bill.total, paid_on=None, by=head)
    engine.run_due()
    run = ScheduledRun.objects.get(rule__code="invoice_overdue")
    assert (run.state, bool(run.note), tasks(deal)) == ("cancelled", True, [])


def test_what_was_overdue_before_it_was_switched_on_is_taken_only_when_asked_for(
    head: User, deal: Deal, clock: Any
) -> None:
    invoice(deal)
    clock.travel(days=20)
    rule = rule_save(
        Rule(), by=head,
        data={
            "name_ru": "Просрочено", "pipeline": pipelines.catalogue().pipelines["deal"], "trigger": "invoice_overdue",
            "delay_days": 3, "action": "create_task", "params": {"title_ru": "Требование"},
        },
    )  # fmt: skip
    Rule.objects.filter(code="invoice_overdue").update(is_active=False)
    day_passes(clock, 10)
    assert tasks(deal) == []
    assert (rule_try(rule, head, days=60).matched, standing_count(rule, head)) == (1, 1)
    apply_one(deal, head, {"rule": rule.pk, "since": "now"})
    engine.run_due()
    assert ([task.title for task in tasks(deal)], standing_count(rule, head)) == (["Требование"], 0)


def test_lost_deals_and_other_kinds_of_record_are_none_of_it(head: User, deal: Deal, clock: Any) -> None:
    invoice(deal)
    Deal.objects.filter(pk=deal.pk).update(stage="deal:price_of_delivery")
    day_passes(clock, 30)
    assert tasks(deal) == []
    Deal.objects.filter(pk=deal.pk).update(stage="deal:contract_signed")
    day_passes(clock, 1)
    assert len(tasks(deal)) == 1  # a deal that was won is still to be paid for
    with pytest.raises(InvalidInput):
        rule_save(
            Rule(), by=head,
            data={
                "name_ru": "Не туда", "pipeline": pipelines.catalogue().pipelines["lead"],
                "trigger": "invoice_overdue", "action": "create_task", "params": {"title_ru": "x"},
            },
        )  # fmt: skip


def test_only_so_many_a_day_and_those_left_out_take_nobodys_place(head: User, clock: Any) -> None:
    """The oldest invoices are of a deal that the rule does not mean: the next ones are taken all the same."""
    line = {"name": "Каркас", "quantity": "1", "unit": "т", "price": "100000"}
    other, meant = make_deal(head), make_deal(head, company=make_company(head))
    for deal, first_day in ((other, 2), (meant, 12)):
        deal_lines_set(deal, by=head, lines=[line])
        for number in range(3):
            invoice(deal, days=first_day + number)
    Rule.objects.filter(code="invoice_overdue").update(
        conditions={"field": "company", "op": "filled"}, params=shipped().params | {"per_day": 2}
    )
    clock.travel(days=30)
    assert engine.plan_overdue() == 2
    assert engine.plan_overdue() == 0
    clock.travel(days=1)
    assert engine.plan_overdue() == 1
    assert {run.record_id for run in ScheduledRun.objects.filter(rule__code="invoice_overdue")} == {meant.pk}
