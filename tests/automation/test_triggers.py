"""What starts robots besides events: a date of the record, the norm of a stage, the clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from accounts.models import Role
from automation import by_clock, engine
from automation.models import Rule, ScheduledRun
from automation.rule_services import rule_save
from automation.services import replan
from automation.wording import sentence
from crm import clock as time
from crm import pipelines
from crm.errors import InvalidInput
from crm.models import Activity
from crm.stages import move
from deals.models import Deal
from deals.services import deal_update
from tests.factories import make_deal, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("AUTO-1", "AUTO-2")]


@pytest.fixture
def head(clock: Any) -> Any:
    return make_user(Role.SALES_HEAD)


def rule_of(head: Any, trigger: str, *, stage: str = "", **data: Any) -> Rule:
    values = {
        "name_ru": "Робот", "pipeline": pipelines.catalogue().pipelines["deal"], "trigger": trigger,
        "stage": pipelines.catalogue().stages.get(f"deal:{stage}"), "action": "create_task",
        "params": {"title_ru": "Дело"}, **data,
    }  # fmt: skip
    return rule_save(Rule(), by=head, data=values)


def tasks(deal: Deal) -> int:
    return Activity.objects.filter(record_type="deal", record_id=deal.pk, title="Дело").count()


def planned() -> list[date]:
    rows = ScheduledRun.objects.filter(state="scheduled").order_by("due_at")
    return [run.due_at.astimezone(time.company_zone()).date() for run in rows]


def go(clock: Any, day: date) -> None:
    """Morning of a day, an hour after work began; what is due is done."""
    moment = datetime(day.year, day.month, day.day, 7, 0, tzinfo=UTC)
    clock.travel(seconds=(moment - clock.now()).total_seconds())
    engine.run_due()


# -- a date of the record ---------------------------------------------------------------------------------------------


def test_a_date_that_moves_forward_and_back_takes_its_plan_along(head: Any, clock: Any) -> None:
    rule_of(head, "date_reached", date_field="expected_close_date", date_offset=-3)
    deal = make_deal(head)
    assert planned() == []
    deal_update(deal, by=head, data={"expected_close_date": date(2026, 4, 10)})
    assert planned() == [date(2026, 4, 7)]
    deal_update(deal, by=head, data={"expected_close_date": date(2026, 5, 15)})
    assert planned() == [date(2026, 5, 12)]
    deal_update(deal, by=head, data={"expected_close_date": date(2026, 4, 10)})
    assert planned() == [date(2026, 4, 7)]
    go(clock, date(2026, 4, 7))
    assert tasks(deal) == 1
    deal_update(deal, by=head, data={"city": "Тверь"})
    deal_update(deal, by=head, data={"expected_close_date": date(2026, 6, 19)})
    go(clock, date(2026, 6, 16))
    assert tasks(deal) == 2
    deal_update(deal, by=head, data={"expected_close_date": None})
    assert planned() == []


def test_a_date_near_at_hand_is_served_at_once_and_one_gone_by_not_at_all(head: Any, clock: Any) -> None:
    rule_of(head, "date_reached", date_field="expected_close_date", date_offset=-3)
    near = make_deal(head, expected_close_date=time.today() + timedelta(days=1))
    engine.run_due()
    assert tasks(near) == 1
    deal = make_deal(head)
    Deal.objects.filter(pk=deal.pk).update(expected_close_date=time.today() - timedelta(days=1))
    replan()
    assert tasks(deal) == 0


def test_a_closed_deal_and_one_that_left_the_stage_are_left_in_peace(head: Any, clock: Any) -> None:
    rule_of(head, "date_reached", date_field="construction_start", date_offset=1)
    rule_of(head, "date_reached", stage="costing", date_field="construction_start")
    deal = make_deal(head, construction_start=date(2026, 4, 10))
    assert planned() == [date(2026, 4, 13)]  # the 11th is a Saturday
    move(deal, "costing", by=head, override=True)
    assert planned() == [date(2026, 4, 10), date(2026, 4, 13)]
    move(deal, "proposal_sent", by=head, override=True)
    assert planned() == [date(2026, 4, 13)]
    move(deal, "costing", by=head, override=True)
    assert len(planned()) == 2
    move(deal, "contract_signed", by=head, override=True)
    assert planned() == []


def test_conditions_that_come_true_later_bring_the_plan(head: Any, clock: Any) -> None:
    condition = {"field": "amount", "op": "gte", "value": "1000"}
    rule_of(head, "date_reached", date_field="expected_close_date", conditions=condition)
    deal = make_deal(head, amount=10, expected_close_date=date(2026, 4, 10))
    assert planned() == []
    deal_update(deal, by=head, data={"amount": 5000})
    assert planned() == [date(2026, 4, 10)]


def test_a_date_changed_behind_the_back_of_events_is_found_when_it_is_due(head: Any, clock: Any) -> None:
    rule_of(head, "date_reached", date_field="expected_close_date")
    deal = make_deal(head, expected_close_date=date(2026, 4, 10))
    Deal.objects.filter(pk=deal.pk).update(expected_close_date=date(2026, 4, 17))
    replan()
    assert planned() == [date(2026, 4, 17)]
    Deal.objects.filter(pk=deal.pk).update(expected_close_date=date(2026, 4, 24))
    go(clock, date(2026, 4, 17))
    assert tasks(deal) == 0


# -- the norm ---------------------------------------------------------------------------------------------------------


def test_a_deal_that_stands_longer_than_the_norm_starts_a_robot_once(head: Any, clock: Any) -> None:
    stage = pipelines.stage("deal:costing")
    stage.__class__.objects.filter(pk=stage.pk).update(norm_hours=48)
    pipelines.changed()
    rule_of(head, "norm_exceeded", stage="costing")
    quick, slow = make_deal(head), make_deal(head)
    for deal in (quick, slow):
        move(deal, "costing", by=head, override=True)
    clock.travel(hours=40)
    move(quick, "proposal_sent", by=head, override=True)
    engine.run_due()
    assert (tasks(quick), tasks(slow)) == (0, 0)
    clock.travel(hours=9)
    engine.run_due()
    engine.run_due()
    assert (tasks(quick), tasks(slow)) == (0, 1)


def test_a_changed_norm_moves_what_is_planned_by_it(head: Any, clock: Any) -> None:
    stages = pipelines.stage("deal:costing").__class__.objects.filter(pk="deal:costing")
    stages.update(norm_hours=24)
    pipelines.changed()
    rule_of(head, "norm_exceeded")
    move(make_deal(head), "costing", by=head, override=True)
    assert date(2026, 3, 3) in planned()
    stages.update(norm_hours=72)
    pipelines.changed()
    replan()
    assert date(2026, 3, 3) not in planned()
    assert date(2026, 3, 5) in planned()


# -- the clock --------------------------------------------------------------------------------------------------------


def test_a_robot_by_the_clock_takes_each_record_once_on_its_days(head: Any, clock: Any) -> None:
    # Now it is Monday, 12:00 in Moscow.
    condition = {"field": "amount", "op": "gte", "value": "1000"}
    rule_of(head, "schedule", stage="costing", at_hour=15, weekdays=[1, 3], conditions=condition)
    big, small = make_deal(head, amount=5000), make_deal(head, amount=5)
    for deal in (big, small):
        move(deal, "costing", by=head, override=True)
    assert by_clock.plan_by_clock() == 0
    clock.travel(hours=3, minutes=1)
    assert by_clock.plan_by_clock() == 1
    assert by_clock.plan_by_clock() == 0
    engine.run_due()
    assert (tasks(big), tasks(small)) == (1, 0)
    clock.travel(days=1)
    assert by_clock.plan_by_clock() == 0
    clock.travel(days=1)
    assert by_clock.plan_by_clock() == 1
    engine.run_due()
    assert tasks(big) == 2


def test_what_was_due_while_nothing_ran_is_not_made_up_for_on_another_day(head: Any, clock: Any) -> None:
    rule_of(head, "schedule", at_hour=15, weekdays=[1])
    make_deal(head)
    clock.travel(days=1)
    assert by_clock.plan_by_clock() == 0


def test_a_robot_by_the_clock_with_a_predicate_and_a_limit(head: Any, clock: Any) -> None:
    rule_of(head, "schedule", at_hour=13, conditions={"is": "far_start"}, params={"title_ru": "Дело", "per_day": 1})
    for _number in range(2):
        make_deal(head, construction_start=date(2027, 6, 1))
    make_deal(head)
    clock.travel(hours=2)
    assert by_clock.plan_by_clock() == 1


# -- what cannot be, and words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trigger", "data", "pointer"),
    [
        ("date_reached", {}, "/date_field"),
        ("date_reached", {"date_field": "amount"}, "/date_field"),
        ("date_reached", {"date_field": "expected_close_date", "delay_days": 3}, "/delay_days"),
        ("schedule", {}, "/at_hour"),
        ("schedule", {"at_hour": 24}, "/at_hour"),
        ("schedule", {"at_hour": 9, "weekdays": [0]}, "/weekdays"),
        ("norm_exceeded", {"delay_hours": 3}, "/delay_hours"),
    ],
)
def test_what_cannot_be_is_refused(head: Any, trigger: str, data: Any, pointer: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        rule_of(head, trigger, **data)
    assert refused.value.errors[0]["pointer"] == pointer


def test_they_read_as_sentences(head: Any) -> None:
    before = rule_of(head, "date_reached", stage="costing", date_field="expected_close_date", date_offset=-3)
    after = rule_of(head, "date_reached", date_field="expected_close_date")
    norm = rule_of(head, "norm_exceeded", stage="costing")
    weekly = rule_of(head, "schedule", at_hour=9, weekdays=[1, 5])
    assert [sentence(rule).split(" – ")[0] for rule in (before, after, norm, weekly)] == [
        "За 3 дня до даты «ожидаемое закрытие», на стадии «Расчёт стоимости»",
        "В день даты «ожидаемое закрытие»",
        "Когда сделка стоит дольше нормы, на стадии «Расчёт стоимости»",
        "По дням недели (понедельник, пятница) в 9:00, на любой открытой стадии",
    ]
