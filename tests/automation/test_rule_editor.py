"""Robots made by hand: the editor in the settings, what it refuses, and what a changed rule does to what is planned."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.utils import translation

from accounts.models import Role
from automation import engine
from automation.models import Rule, RuleRun, ScheduledRun
from automation.rule_check import rule_check
from automation.rule_services import is_as_shipped, rule_copy, rule_delete, rule_reset, rule_save
from automation.services import rule_switch
from automation.shipped import SHIPPED
from automation.wording import sentence
from crm import pipelines
from crm.errors import InvalidInput
from crm.models import Activity, Change, Notification, TimelineEntry
from crm.stages import move
from deals.models import Deal
from deals.services import deal_update
from tests.factories import make_deal, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("AUTO-1")]
PAGE = "/settings/rules/"
# What the browser sends for a robot that gives a task when a deal enters «Переговоры».
FORM = {
    "pipeline": "deal", "trigger": "stage_entered", "stage": "deal:negotiation", "unit": "at_once", "delay": "",
    "action": "create_task", "do-title_ru": "Позвонить", "do-title_en": "", "do-kind": "call", "do-due_days": "2",
    "do-user": "", "name_ru": "Звонок на переговорах", "name_en": "", "is_active": "on",
}  # fmt: skip


@pytest.fixture
def head() -> Any:
    return make_user(Role.SALES_HEAD)


@pytest.fixture
def office(client: Client, head: Any) -> Client:
    client.force_login(head)
    return client


def own() -> Rule:
    return Rule.objects.select_related("pipeline", "stage").get(is_shipped=False)


def rule_of(head: Any, **data: Any) -> Rule:
    """A robot of one's own, which gives a task in the deal pipeline."""
    stage = data.pop("stage", "deal:negotiation")
    values = {
        "name_ru": "Робот", "pipeline": pipelines.catalogue().pipelines["deal"],
        "stage": pipelines.catalogue().stages.get(stage), "trigger": "stage_entered", "action": "create_task",
        "params": {"title_ru": "Дело"}, **data,
    }  # fmt: skip
    return rule_save(Rule(), by=head, data=values)


def at(head: Any, stage: str = "negotiation", **data: Any) -> Deal:
    deal = make_deal(head, **data)
    move(deal, stage, by=head, override=True)
    return deal


def tasks(deal: Deal) -> list[str]:
    rows = Activity.objects.filter(record_type="deal", record_id=deal.pk)
    return list(rows.order_by("id").values_list("title", flat=True))


# -- the page ---------------------------------------------------------------------------------------------------------


def test_a_robot_made_in_the_browser_does_what_it_says(office: Client, head: Any) -> None:
    assert office.get(f"{PAGE}new/").status_code == 200
    answer = office.post(f"{PAGE}new/", {**FORM, "if-amount_gte": "1 000,5", "if-region": ["Тверская область"]})
    assert answer.status_code == 302
    rule = own()
    assert (rule.params, rule.name_en) == ({"title_ru": "Позвонить", "kind": "call", "due_days": 2}, rule.name_ru)
    assert rule.conditions == {
        "all": [
            {"field": "region", "op": "in", "value": ["Тверская область"]},
            {"field": "amount", "op": "gte", "value": "1000.5"},
        ]
    }
    assert tasks(at(head, amount=500, region="Тверская область")) == []
    deal = at(head, amount=5000, region="Тверская область")
    assert tasks(deal) == ["Позвонить"]
    assert TimelineEntry.objects.filter(record_id=deal.pk, actor_kind="robot", actor_name=rule.name).exists()
    assert Change.objects.filter(record_type="rule", record_id=rule.pk, field="created", actor_user=head).exists()
    page = office.get(PAGE).content.decode()
    assert (
        "Когда сделка попадает на стадию «Переговоры», если регион: Тверская область и сумма ≥ 1000.5 – поставить"
        in page
    )
    shown = office.get(f"{PAGE}{rule.pk}/").content.decode()
    assert 'value="Позвонить"' in shown
    assert 'value="1000.5"' in shown


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name_ru": " "}, "Обязательное поле"),
        ({"do-title_ru": ""}, "Обязательное поле"),
        ({"unit": "delay_hours", "delay": ""}, "Укажите, через сколько."),
        ({"unit": "delay_days", "delay": "-3"}, "больше либо равно 0"),
        ({"unit": "delay_hours", "delay": "3000"}, "Нужно число от 0 до 2160."),
        ({"trigger": "inactive", "delay": ""}, "Обязательное поле"),
        ({"trigger": "field_changed"}, "Обязательное поле"),
        ({"if-amount_gte": "много"}, "Введите число"),
        ({"if-amount_gte": "10", "if-amount_lte": "5"}, "«До» меньше, чем «от»."),
        ({"action": "change_stage", "do-to": "negotiation"}, "и так стоит на стадии"),
        ({"action": "change_stage", "do-to": "contract_signed"}, "В воронке нет перехода"),
        ({"action": "close_record", "do-to": "price_of_delivery", "do-comment_ru": "-"}, "своими словами"),
        ({"action": "set_responsible"}, "Укажите, кто станет ответственным."),
        ({"action": "notify_people", "do-text": "Смотрите"}, "Укажите, кого уведомить."),
        ({"action": "set_field", "do-field": "amount", "do-value": "дорого"}, "Введите число"),
        ({"action": "set_field", "do-field": "stage"}, "Выберите корректный вариант"),
        ({"stage": "lead:new"}, "Выберите корректный вариант"),
    ],
)
def test_what_cannot_be_is_said_at_its_field_and_nothing_is_kept(office: Client, wrong: Any, said: str) -> None:
    answer = office.post(f"{PAGE}new/", {**FORM, **wrong})
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not Rule.objects.filter(is_shipped=False).exists()


def test_other_fields_are_asked_for_when_something_else_is_chosen(office: Client) -> None:
    answer = office.post(f"{PAGE}new/", {**FORM, "name_ru": "", "refresh": "1", "action": "send_message"})
    text = answer.content.decode()
    assert answer.status_code == 200
    assert 'name="do-template"' in text
    assert 'name="do-kind"' not in text
    assert "Пожалуйста, исправьте" not in text
    assert "Обязательное поле" not in text
    text = office.post(f"{PAGE}new/", {**FORM, "refresh": "1", "pipeline": "contact"}).content.decode()
    assert "contact:dormant" in text
    assert 'name="if-client_type"' in text
    assert "send_message" not in text
    text = office.post(f"{PAGE}new/", {**FORM, "refresh": "1", "trigger": "field_changed"}).content.decode()
    assert 'name="fields_"' in text
    text = office.post(f"{PAGE}new/", {**FORM, "refresh": "1", "trigger": "schedule"}).content.decode()
    assert '<option value="9" selected>' in text


def test_dates_norms_and_the_clock_are_set_in_the_browser(office: Client, head: Any) -> None:
    before = {"trigger": "date_reached", "date_field": "expected_close_date", "date_side": "before", "delay": "3"}
    by_clock = {"trigger": "schedule", "at_hour": "9", "weekdays": ["1", "5"]}
    for number, wish in enumerate((before, by_clock, {"trigger": "norm_exceeded"}), 1):
        answer = office.post(f"{PAGE}new/", {**FORM, **wish})
        assert (answer.status_code, Rule.objects.filter(is_shipped=False).count()) == (302, number), wish
    dated, timed, _norm = Rule.objects.filter(is_shipped=False).order_by("id")
    assert (dated.date_field, dated.date_offset, dated.delay_days) == ("expected_close_date", -3, 0)
    assert (timed.at_hour, timed.weekdays) == (9, [1, 5])
    shown = office.get(f"{PAGE}{dated.pk}/").content.decode()
    assert 'value="before" selected' in shown
    assert 'value="3"' in shown
    shown = office.get(f"{PAGE}{timed.pk}/").content.decode()
    assert re.findall(r'name="weekdays" value="(\d)"[^>]* checked', shown) == ["1", "5"]
    office.post(f"{PAGE}{dated.pk}/", FORM)
    dated.refresh_from_db()
    assert (dated.trigger, dated.date_field, dated.date_offset) == ("stage_entered", "", 0)


def test_conditions_of_the_api_stay_when_the_form_is_saved(office: Client, head: Any) -> None:
    tree = {"any": [{"field": "city", "op": "eq", "value": "Тверь"}, {"is": "far_start"}]}
    rule = rule_of(head, conditions={"all": [tree, {"field": "address", "op": "filled"}]})
    office.post(f"{PAGE}{rule.pk}/", {**FORM, "if-filled": ["address", "city"]})
    rule.refresh_from_db()
    assert rule.conditions["all"] == [
        {"field": "address", "op": "filled"}, {"field": "city", "op": "filled"}, tree,
    ]  # fmt: skip


def test_a_robot_is_copied_put_in_order_set_back_and_deleted_in_the_browser(office: Client, head: Any) -> None:
    shipped = Rule.objects.get(code="resumed_task")
    office.post(f"{PAGE}{shipped.pk}/", {"copy": "1"})
    copied = own()
    assert (copied.is_active, copied.name_ru) == (False, f"{shipped.name_ru} (копия)")
    assert "once" not in copied.params
    office.post(f"{PAGE}{copied.pk}/shift/", {"to": "up"})
    order = list(Rule.objects.filter(pipeline="deal").order_by("order").values_list("pk", flat=True))
    assert order[-2] == copied.pk
    office.post(f"{PAGE}order/deal/", {"ids": f"{copied.pk}"})
    assert Rule.objects.filter(pipeline="deal").order_by("order").first() == copied
    assert office.post(f"{PAGE}order/lead/", {"ids": f"{copied.pk}"}, headers={"HX-Request": "true"}).status_code == 422
    rule_save(shipped, by=head, data={"params": {"title_ru": "Другое"}})
    assert "reset" in office.get(f"{PAGE}{shipped.pk}/").content.decode()
    office.post(f"{PAGE}{shipped.pk}/", {"reset": "1"})
    assert is_as_shipped(Rule.objects.get(code="resumed_task"))
    assert office.get(f"{PAGE}{copied.pk}/delete/").status_code == 200
    office.post(f"{PAGE}{copied.pk}/delete/")
    assert not Rule.objects.filter(pk=copied.pk).exists()
    refused = office.post(f"{PAGE}{shipped.pk}/delete/")
    assert "можно только выключить" in refused.content.decode()
    assert Rule.objects.filter(pk=shipped.pk).exists()


@pytest.mark.rule("ACC-1")
def test_only_heads_keep_robots(client: Client, head: Any) -> None:
    rule = rule_of(head)
    for role in (Role.SALES_MANAGER, Role.CALL_CENTER, Role.PARTNER_CONTROL, Role.PARTNER):
        someone = make_user(role)
        client.force_login(someone)
        for path in ("new/", f"{rule.pk}/", f"{rule.pk}/delete/"):
            assert client.get(f"{PAGE}{path}").status_code == 403
            assert client.post(f"{PAGE}{path}", FORM).status_code == 403
        for act in (rule_copy, rule_delete, rule_reset):
            with pytest.raises((PermissionDenied, InvalidInput)):
                act(rule, by=someone)
    assert Rule.objects.filter(is_shipped=False).count() == 1
    client.force_login(head)
    assert client.get(f"{PAGE}999999/").status_code == 404


# -- shipped rules ----------------------------------------------------------------------------------------------------


def test_every_shipped_rule_can_be_kept_as_it_is_and_set_back(head: Any) -> None:
    rules = list(Rule.objects.filter(is_shipped=True).select_related("pipeline", "stage"))
    assert {rule.code for rule in rules} == SHIPPED.keys()
    for rule in rules:
        before = dict(rule.params)
        rule_check(rule)
        assert rule.params == before, rule.code
        assert is_as_shipped(rule), rule.code
        assert sentence(rule)
        assert rule.name_ru != rule.name_en
    changed = Rule.objects.get(code="delayed_reminder_1")
    rule_save(changed, by=head, data={"delay_plan": "", "delay_days": 7, "name_ru": "Иначе"})
    assert not is_as_shipped(Rule.objects.get(pk=changed.pk))
    rule_reset(changed, by=head)
    assert is_as_shipped(Rule.objects.get(pk=changed.pk))


@pytest.mark.parametrize("language", ["ru", "en"])
def test_a_rule_reads_as_a_sentence(head: Any, language: str) -> None:
    rule = rule_of(head, delay_working_days=3, conditions={"field": "amount", "op": "gte", "value": "100"})
    said = {
        "ru": "Когда сделка попадает на стадию «Переговоры», если сумма ≥ 100, через 3 рабочих дня"
        " – поставить задачу: «Дело»",
        "en": "When the deal enters the stage «Negotiation», if amount ≥ 100, in 3 working days – give a task: «Дело»",
    }  # fmt: skip
    with translation.override(language):
        assert sentence(Rule.objects.select_related("pipeline", "stage").get(pk=rule.pk)) == said[language]


# -- delays and plans -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("delay", "due"),
    [
        # Friday 13 March 2026, 17:30 in Moscow; work is from 9 to 18, Monday to Friday.
        ({"delay_hours": 2}, datetime(2026, 3, 16, 6, 0, tzinfo=UTC)),
        ({"delay_working_days": 1}, datetime(2026, 3, 16, 14, 30, tzinfo=UTC)),
        ({"delay_working_days": 3}, datetime(2026, 3, 18, 14, 30, tzinfo=UTC)),
        ({"delay_days": 1}, datetime(2026, 3, 16, 14, 30, tzinfo=UTC)),
    ],
)
def test_hours_and_working_days_are_counted_by_the_companys_week(head: Any, clock: Any, delay: Any, due: Any) -> None:
    clock.travel(days=11, hours=5, minutes=30)
    rule_of(head, **delay)
    deal = at(head)
    run = ScheduledRun.objects.get()
    assert run.due_at == due
    clock.travel(seconds=(due - clock.now()).total_seconds() + 60)
    engine.run_due()
    assert tasks(deal) == ["Дело"]


@pytest.mark.parametrize(
    ("planned", "days", "state"), [("follow", 3, "scheduled"), ("keep", 10, "scheduled"), ("cancel", 10, "cancelled")]
)
def test_what_is_planned_goes_with_the_changed_moment_as_wished(
    head: Any, clock: Any, planned: str, days: int, state: str
) -> None:
    rule = rule_of(head, delay_days=10)
    deal = at(head)
    rule_save(rule, by=head, data={"delay_days": 3}, planned=planned)
    run = ScheduledRun.objects.get()
    assert (run.state, (run.due_at.date() - clock.now().date()).days) == (state, days)
    clock.travel(days=3, minutes=5)
    engine.run_due()
    assert tasks(deal) == (["Дело"] if planned == "follow" else [])


def test_what_waits_is_done_at_once_when_the_delay_is_taken_away(head: Any, clock: Any) -> None:
    rule = rule_of(head, delay_days=10)
    deal = at(head)
    rule_save(rule, by=head, data={"delay_days": 0}, planned="follow")
    engine.run_due()
    assert tasks(deal) == ["Дело"]


def test_a_robot_that_is_moved_to_another_stage_lets_go_what_it_planned(head: Any) -> None:
    rule = rule_of(head, delay_days=10)
    at(head)
    rule_save(rule, by=head, data={"stage": pipelines.catalogue().stages["deal:costing"]}, planned="keep")
    assert ScheduledRun.objects.get().state == "cancelled"


def test_the_page_asks_what_becomes_of_what_is_planned(office: Client, head: Any) -> None:
    rule = rule_of(head, delay_days=10)
    assert 'name="planned"' not in office.get(f"{PAGE}{rule.pk}/").content.decode()
    at(head)
    assert 'name="planned"' in office.get(f"{PAGE}{rule.pk}/").content.decode()
    office.post(f"{PAGE}{rule.pk}/", {**FORM, "unit": "delay_days", "delay": "5", "planned": "cancel"})
    assert ScheduledRun.objects.get().state == "cancelled"


# -- leaving a stage --------------------------------------------------------------------------------------------------


def test_leaving_a_stage_starts_a_robot_whatever_comes_next(head: Any, clock: Any) -> None:
    rule_of(head, trigger="stage_left", stage="deal:costing", params={"title_ru": "Сразу"})
    rule_of(head, trigger="stage_left", stage="deal:costing", delay_days=2, params={"title_ru": "Потом"})
    deal = at(head, "costing")
    assert tasks(deal) == []
    move(deal, "negotiation", by=head, override=True)
    assert tasks(deal) == ["Сразу"]
    move(deal, "contract_signing", by=head, override=True)
    clock.travel(days=2, minutes=5)
    engine.run_due()
    assert tasks(deal) == ["Сразу", "Потом"]


# -- actions ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("city", "Тверь", "Тверь"),
        ("amount", "1500.50", "1500.50"),
        ("city", "", ""),
        ("contract_date", 5, "2026-03-07"),
    ],
)
def test_a_field_is_set_in_its_own_type(head: Any, clock: Any, name: str, value: Any, kept: str) -> None:
    rule = rule_of(head, action="set_field", params={"field": name, "value": value})
    deal = at(head, city="Клин")
    deal.refresh_from_db()
    assert str(getattr(deal, name)) == kept
    change = Change.objects.filter(record_type="deal", record_id=deal.pk, field=name).last()
    assert change is not None
    assert change.actor_name == rule.name


def test_a_comment_is_written_and_people_who_may_see_the_record_are_told(head: Any) -> None:
    stranger, owner = make_user(), make_user()
    rule_of(head, action="write_comment", params={"text": "Проверить смету"})
    rule_of(
        head, action="notify_people", params={"text": "Смотрите", "users": [stranger.pk, head.pk], "responsible": True}
    )
    deal = at(owner)
    assert TimelineEntry.objects.filter(record_id=deal.pk, action="note", is_internal=True).exists()
    told = Notification.objects.filter(action="robot_says").values_list("user", flat=True)
    assert sorted(told) == sorted([head.pk, owner.pk])


def test_a_task_goes_to_whom_the_rule_names_and_to_the_responsible_when_they_have_left(head: Any) -> None:
    helper, owner = make_user(), make_user()
    rule_of(head, params={"title_ru": "Помочь", "user": helper.pk})
    assert Activity.objects.get(record_id=at(owner).pk).responsible == helper
    helper.is_active = False
    helper.save()
    assert Activity.objects.get(record_id=at(owner).pk).responsible == owner


def test_a_robot_that_is_switched_on_counts_silence_from_now_on(head: Any, clock: Any) -> None:
    rule = rule_of(head, trigger="inactive", stage="", delay_days=5, is_active=False)
    deal = make_deal(head)
    clock.travel(days=30)
    rule_switch(rule, is_active=True, by=head)
    engine.plan_inactive()
    assert not ScheduledRun.objects.exists()
    clock.travel(days=5, hours=1)
    engine.plan_inactive()
    clock.travel(days=3)
    engine.run_due()
    assert tasks(deal) == ["Дело"]
    assert RuleRun.objects.filter(rule=rule).exists()


def test_a_changed_deal_still_starts_robots_of_the_field(head: Any) -> None:
    rule_of(head, trigger="field_changed", fields=["city"], stage="")
    deal = make_deal(head)
    deal_update(deal, by=head, data={"city": "Тверь"})
    assert tasks(deal) == ["Дело"]
