"""The engine of rules: when they start, what a failure does, what people may change about what is planned."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection

from accounts.models import Role
from automation import actions, engine, services
from automation.models import Rule, RuleRun, ScheduledRun
from automation.schedule import due_at
from automation.selectors import failed_for, planned_for
from crm import conditions
from crm.errors import InvalidInput, StageConflict
from crm.models import Activity, Event, TimelineEntry
from crm.services import record_assign, record_create, record_update
from crm.stages import move
from deals.models import Deal
from deals.services import deal_update
from objects_registry.models import ConstructionObject
from tests.factories import make_deal, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> Any:
    return make_user()


def make_rule(**columns: Any) -> Rule:
    code = columns.pop("code", f"rule{Rule.objects.count()}")
    defaults = {
        "name_ru": f"Правило {code}",
        "name_en": f"Rule {code}",
        "pipeline_id": "deal",
        "trigger": "stage_entered",
        "action": "create_task",
        "params": {"title_ru": f"Задача {code}"},
    }
    return Rule.objects.create(code=code, **{**defaults, **columns})


def titles(deal: Deal) -> list[str]:
    rows = Activity.objects.filter(record_type="deal", record_id=deal.pk)
    return list(rows.order_by("id").values_list("title", flat=True))


# -- triggers and conditions ------------------------------------------------------------------------------------------


@pytest.mark.rule("AUTO-1")
def test_rules_start_on_their_trigger_stage_fields_and_conditions(owner: Any) -> None:
    make_rule(code="created", trigger="created")
    make_rule(code="costing", stage_id="deal:costing")
    make_rule(code="big", stage_id="deal:costing", conditions={"field": "amount", "op": "gt", "value": "1000"})
    make_rule(code="city", trigger="field_changed", fields=["city", "region"])
    make_rule(code="other", pipeline_id="partner_deal")
    make_rule(code="off", trigger="created", is_active=False)
    deal = make_deal(owner, amount=500)
    assert titles(deal) == ["Задача created"]
    move(deal, "costing", by=owner, override=True)
    assert titles(deal) == ["Задача created", "Задача costing"]
    deal_update(deal, by=owner, data={"amount": 5000})
    deal_update(deal, by=owner, data={"city": "Тверь"})
    assert titles(deal)[2:] == ["Задача city"]
    entry = TimelineEntry.objects.filter(record_id=deal.pk, action="task_created").first()
    assert entry is not None
    assert (entry.actor_kind, entry.actor_name) == ("robot", "Правило city")
    assert RuleRun.objects.filter(record_id=deal.pk, is_ok=True, outcome="task_made").count() == 3


@pytest.mark.rule("AUTO-1")
@pytest.mark.parametrize(
    ("tree", "holds"),
    [
        ({}, True),
        ({"field": "amount", "op": "gt", "value": 100}, True),
        ({"field": "amount", "op": "lte", "value": "99.5"}, False),
        ({"field": "address", "op": "empty"}, True),
        ({"field": "city", "op": "filled"}, True),
        ({"field": "city", "op": "in", "value": ["Тверь", "Клин"]}, True),
        ({"not": {"field": "city", "op": "eq", "value": "Тверь"}}, False),
        (
            {"all": [{"field": "city", "op": "eq", "value": "Тверь"}, {"field": "amount", "op": "lt", "value": 1}]},
            False,
        ),
        ({"any": [{"field": "city", "op": "eq", "value": "Клин"}, {"field": "amount", "op": "gte", "value": 1}]}, True),
        ({"field": "construction_start", "op": "lt", "value": "2030-01-01"}, False),
        ({"is": "far_start"}, False),
    ],
)
def test_conditions_are_typed(owner: Any, tree: dict[str, Any], holds: bool) -> None:
    deal = make_deal(owner, amount=500, city="Тверь")
    conditions.check(tree, "deal")
    assert conditions.matches(tree, Deal.objects.get(pk=deal.pk)) is holds
    assert conditions.describe(tree, "deal")


@pytest.mark.rule("AUTO-1")
@pytest.mark.parametrize(
    "tree",
    [
        [],
        {"all": []},
        {"any": {"field": "city", "op": "empty"}},
        {"is": "full_moon"},
        {"field": "password", "op": "eq", "value": 1},
        {"field": "tags", "op": "empty"},
        {"field": "amount", "op": "like", "value": 1},
        {"field": "amount", "op": "gt", "value": "много"},
        {"field": "amount", "op": "in", "value": 5},
        {"not": {"not": {"not": {"not": {"not": {"not": {"not": {}}}}}}}},
    ],
)
def test_conditions_that_cannot_be_evaluated_are_refused_with_a_sentence(tree: Any) -> None:
    with pytest.raises(InvalidInput):
        conditions.check(tree, "deal")


@pytest.mark.rule("OBJ-5")
def test_the_object_follows_the_responsible_of_its_newest_open_deal(clock: Any, owner: Any) -> None:
    obj = record_create(ConstructionObject, data={"name": "Склад"}, by=owner, pipeline="object")
    first = make_deal(owner, object=obj)
    clock.travel(hours=1)
    other, third = make_user(), make_user()
    second = make_deal(other, object=obj)
    assert ConstructionObject.objects.get(pk=obj.pk).responsible == other
    record_assign(second, responsible=third, by=other)
    assert ConstructionObject.objects.get(pk=obj.pk).responsible == third
    record_assign(first, responsible=other, by=owner)
    assert ConstructionObject.objects.get(pk=obj.pk).responsible == third
    move(second, "price_of_delivery", by=third, override=True)
    assert ConstructionObject.objects.get(pk=obj.pk).responsible == other


@pytest.mark.rule("OBJ-5")
def test_a_rule_that_is_switched_off_does_nothing(owner: Any) -> None:
    head = make_user(Role.SALES_HEAD)
    for rule in Rule.objects.filter(action="object_responsible"):
        services.rule_switch(rule, is_active=False, by=head)
    obj = record_create(ConstructionObject, data={"name": "Склад"}, by=head, pipeline="object")
    record_update(obj, data={"responsible": head}, by=head)
    make_deal(owner, object=obj)
    assert ConstructionObject.objects.get(pk=obj.pk).responsible == head


def test_only_a_head_switches_rules(owner: Any) -> None:
    with pytest.raises(PermissionDenied):
        services.rule_switch(Rule.objects.all()[0], is_active=False, by=owner)


@pytest.mark.rule("AUTO-4")
def test_rules_that_feed_each_other_are_cut(owner: Any) -> None:
    make_rule(
        code="there", trigger="field_changed", fields=["city"], action="change_stage", params={"to": "costing"},
        conditions={"field": "stage", "op": "eq", "value": "deal:resumed"},
    )  # fmt: skip
    make_rule(code="on", stage_id="deal:request_received", action="change_stage", params={"to": "resumed"})
    make_rule(code="back", stage_id="deal:resumed", action="change_stage", params={"to": "request_received"})
    deal = make_deal(owner)
    moves = TimelineEntry.objects.filter(record_id=deal.pk, action="stage").count()
    assert moves <= 11
    assert TimelineEntry.objects.filter(record_id=deal.pk, action="robot_note").exists()
    cut = RuleRun.objects.get(record_id=deal.pk, outcome="cut")
    assert (cut.is_ok, cut.rule.code in {"on", "back", "there"}) == (False, True)


@pytest.mark.rule("AUTO-4")
def test_rules_that_feed_each_other_hour_by_hour_are_cut_too(owner: Any, clock: Any) -> None:
    make_rule(
        code="on", stage_id="deal:request_received", delay_hours=1, action="change_stage", params={"to": "resumed"}
    )
    make_rule(
        code="back", stage_id="deal:resumed", delay_hours=1, action="change_stage", params={"to": "request_received"}
    )
    deal = make_deal(owner)
    for _number in range(30):
        clock.travel(hours=24 if clock.now().astimezone(UTC).hour > 13 else 2)
        engine.run_due()
    moves = TimelineEntry.objects.filter(record_id=deal.pk, action="stage").count()
    assert 8 <= moves <= 11
    assert RuleRun.objects.filter(record_id=deal.pk, outcome="cut").count() == 1
    deal.refresh_from_db()
    move(deal, "costing", by=owner, override=True)
    move(deal, "resumed", by=owner, override=True)
    assert ScheduledRun.objects.get(record_id=deal.pk, state="scheduled").depth == 1


# -- failures ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An action that fails until its list is emptied."""
    troubles = ["boom"]

    def run(context: actions.Context) -> actions.Outcome | None:
        context.record.city = "half-done"
        type(context.record).objects.filter(pk=context.record.pk).update(city="half-done")
        if troubles:
            raise RuntimeError(troubles[0])
        return actions.Outcome("qualified")

    monkeypatch.setitem(actions.ACTIONS, "broken", actions.Action("broken", "Broken", run))
    return troubles


@pytest.mark.rule("AUTO-3")
def test_a_rule_that_fails_is_shown_tried_again_and_blocks_nobody(clock: Any, owner: Any, broken: list[str]) -> None:
    make_rule(code="broken", stage_id="deal:costing", action="broken", params={}, order=1)
    make_rule(code="next", stage_id="deal:costing", order=2)
    deal = make_deal(owner)
    move(deal, "costing", by=owner, override=True)
    deal.refresh_from_db()
    assert (deal.stage, deal.city) == ("deal:costing", "")
    assert titles(deal) == ["Задача next"]
    assert TimelineEntry.objects.filter(record_id=deal.pk, action="rule_failed").count() == 1
    assert Event.objects.filter(state="failed").count() == 0
    (planned,) = planned_for(deal)
    assert "boom" in planned.note
    clock.travel(minutes=1)
    engine.run_due()
    assert planned_for(deal)[0].due_at == clock.now() + timedelta(minutes=5)
    broken.clear()
    clock.travel(minutes=5)
    engine.run_due()
    assert planned_for(deal) == []
    assert RuleRun.objects.filter(rule__code="broken").order_by("id").values_list("is_ok", flat=True)[2]


@pytest.mark.rule("AUTO-3")
def test_after_the_last_attempt_it_stays_on_the_record_until_somebody_does_it(
    clock: Any, owner: Any, broken: list[str]
) -> None:
    make_rule(code="broken", stage_id="deal:costing", action="broken", params={})
    deal = make_deal(owner)
    move(deal, "costing", by=owner, override=True)
    for _attempt in range(10):
        clock.travel(days=1)
        engine.run_due()
    (failed,) = failed_for(deal)
    assert failed.attempts == engine.MAX_ATTEMPTS
    assert TimelineEntry.objects.filter(record_id=deal.pk, action="rule_failed").count() == 2
    broken.clear()
    assert services.run_now(failed.pk, owner).state == "done"


@pytest.mark.rule("AUTO-3")
def test_a_rule_with_broken_conditions_or_an_unknown_action_is_a_failure_not_a_500(owner: Any) -> None:
    make_rule(code="odd", stage_id="deal:costing", conditions={"field": "no_such", "op": "eq", "value": 1})
    make_rule(code="gone", stage_id="deal:costing", action="no_such_action")
    deal = make_deal(owner)
    move(deal, "costing", by=owner, override=True)
    assert RuleRun.objects.filter(record_id=deal.pk, is_ok=False).count() == 2


# -- what is planned --------------------------------------------------------------------------------------------------


def delayed(owner: Any) -> tuple[Deal, ScheduledRun]:
    make_rule(code="later", stage_id="deal:costing", delay_days=10)
    deal = make_deal(owner, stage="costing")
    return deal, planned_for(deal)[0]


@pytest.mark.rule("AUTO-2")
def test_days_are_counted_on_the_companys_clock(clock: Any) -> None:
    from crm import preferences

    preferences.set_value("company_time_zone", "Europe/Berlin")
    rule = Rule(delay_days=30)
    start = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # 10:00 in Berlin, winter time
    assert due_at(rule, start) == datetime(2026, 4, 1, 8, 0, tzinfo=UTC)


@pytest.mark.rule("DEAL-8")
def test_a_person_may_skip_move_and_hasten_what_is_planned(clock: Any, owner: Any) -> None:
    deal, run = delayed(owner)
    later = clock.now() + timedelta(days=20)
    services.postpone(run.pk, owner, due_at=later)
    clock.travel(days=15)
    engine.run_due()
    assert titles(deal) == []
    assert services.replan() == 0  # set by hand: the settings do not move it
    assert services.run_now(run.pk, owner).state == "done"
    assert titles(deal) == ["Задача later"]
    with pytest.raises(StageConflict):
        services.run_now(run.pk, owner)
    with pytest.raises(StageConflict):
        services.postpone(run.pk, owner, due_at=later)
    second, run = make_deal(owner, stage="costing"), None
    run = planned_for(second)[0]
    assert services.skip(run.pk, owner).state == services.skip(run.pk, owner).state == "cancelled"
    clock.travel(days=30)
    engine.run_due()
    assert titles(second) == []


@pytest.mark.rule("DEAL-8")
def test_a_moment_that_is_past_is_refused(clock: Any, owner: Any) -> None:
    _deal, run = delayed(owner)
    with pytest.raises(InvalidInput):
        services.postpone(run.pk, owner, due_at=clock.now() - timedelta(minutes=1))


@pytest.mark.rule("ACC-1")
@pytest.mark.parametrize("role", [Role.SALES_MANAGER, Role.CALL_CENTER, Role.PARTNER, Role.PARTNER_CONTROL])
def test_a_stranger_cannot_touch_what_is_planned(clock: Any, owner: Any, role: str) -> None:
    _deal, run = delayed(owner)
    stranger = make_user(role)
    for touch in (services.skip, services.run_now):
        with pytest.raises(ScheduledRun.DoesNotExist):
            touch(run.pk, stranger)
    with pytest.raises(ScheduledRun.DoesNotExist):
        services.postpone(run.pk, stranger, due_at=clock.now() + timedelta(days=1))


@pytest.mark.rule("AUTO-2")
def test_conditions_are_asked_again_on_the_day(clock: Any, owner: Any) -> None:
    make_rule(code="later", stage_id="deal:costing", delay_days=1, conditions={"field": "amount", "op": "empty"})
    deal = make_deal(owner, stage="costing")
    deal_update(deal, by=owner, data={"amount": 5})
    clock.travel(days=2)
    engine.run_due()
    assert titles(deal) == []
    assert ScheduledRun.objects.get().state == "cancelled"


@pytest.mark.rule("AUTO-2")
def test_a_deleted_record_and_a_rule_that_is_off_end_what_was_planned(clock: Any, owner: Any) -> None:
    from crm.services import record_delete

    deal, _run = delayed(owner)
    other = make_deal(owner, stage="costing")
    record_delete(deal, by=owner)
    Rule.objects.filter(code="later").update(is_active=False)
    clock.travel(days=11)
    engine.run_due()
    assert titles(deal) == titles(other) == []
    assert set(ScheduledRun.objects.values_list("state", flat=True)) == {"cancelled"}


@pytest.mark.postgres
@pytest.mark.rule("AUTO-2")
@pytest.mark.django_db(transaction=True)
def test_six_workers_at_once_carry_out_each_run_once(owner: Any) -> None:
    make_rule(code="later", stage_id="deal:costing", delay_days=1)
    deals = [make_deal(owner, stage="costing") for _number in range(20)]
    # Late by minutes only: what is later waits for working hours, and this test runs at any hour.
    ScheduledRun.objects.update(due_at=datetime.now(UTC) - timedelta(minutes=5))
    done: list[int] = []

    def work() -> None:
        try:
            done.append(engine.run_due())
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _number in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert sum(done) == 20
    assert [len(titles(deal)) for deal in deals] == [1] * 20
