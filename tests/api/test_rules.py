"""Robots made and changed through the API: the same checks as in the browser, said by pointer."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Role
from automation.models import Rule, ScheduledRun
from crm.models import Activity, Change
from crm.stages import move
from tests.factories import make_deal, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("AUTO-1")]
BODY = {
    "name_ru": "Звонок", "pipeline": "deal", "stage": "deal:negotiation", "trigger": "stage_entered",
    "action": "create_task", "params": {"title_ru": "Позвонить"},
}  # fmt: skip


@pytest.fixture
def head(caller: Any) -> Any:
    return caller(make_user(Role.SALES_HEAD))


def test_a_robot_is_made_changed_copied_and_deleted(head: Any) -> None:
    made = head.post("rules/", {**BODY, "delay_working_days": 2, "conditions": {"field": "amount", "op": "filled"}})
    assert made.status_code == 201, made.content
    row = made.json()
    assert row["code"].startswith("own_")
    assert "через 2 рабочих дня" in row["sentence"]
    deal = make_deal(head.user, amount=10)
    move(deal, "negotiation", by=head.user, override=True)
    assert ScheduledRun.objects.get(rule=row["id"]).state == "scheduled"
    changed = head.patch(f"rules/{row['id']}/", {"delay_working_days": 0, "delay_days": 30, "planned": "cancel"})
    assert (changed.status_code, changed.json()["delay_days"]) == (200, 30)
    assert ScheduledRun.objects.get(rule=row["id"]).state == "cancelled"
    watching = head.patch(f"rules/{row['id']}/", {"trigger": "field_changed", "fields": ["city"], "stage": None})
    assert (watching.json()["fields"], watching.json()["stage"]) == (["city"], None)
    copied = head.post(f"rules/{row['id']}/copy/").json()
    assert (copied["is_active"], copied["params"]) == (False, BODY["params"])
    ids = [copied["id"], row["id"]]
    order = head.post("rules/order/", {"pipeline": "deal", "ids": ids}).json()
    assert [one["id"] for one in order][:2] == ids
    assert head.call("delete", f"rules/{row['id']}/").status_code == 204
    assert head.get(f"rules/{row['id']}/").status_code == 404
    fields = Change.objects.filter(record_type="rule", record_id=row["id"]).values_list("field", flat=True)
    assert {"created", "delay_days", "trigger", "deleted"} <= set(fields)
    assert not Activity.objects.filter(record_id=deal.pk).exists()


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"name_ru": ""}, "/name_ru"),
        ({"trigger": "full_moon"}, "/trigger"),
        ({"stage": "lead:new"}, "/stage"),
        ({"stage": "deal:nowhere"}, "/stage"),
        ({"pipeline": "none"}, "/pipeline"),
        ({"trigger": "field_changed", "fields": ["colour"]}, "/fields"),
        ({"trigger": "field_changed"}, "/fields"),
        ({"delay_hours": -1}, "/delay_hours"),
        ({"delay_hours": 1, "delay_days": 1}, "/delay_days"),
        ({"trigger": "inactive"}, "/delay_days"),
        ({"conditions": {"field": "amount", "op": "gt", "value": "много"}}, "/conditions"),
        ({"conditions": {"field": "source", "op": "eq", "value": "nowhere"}}, "/conditions"),
        ({"action": "qualify_lead", "params": {}}, "/action"),
        ({"action": "dance"}, "/action"),
        ({"params": {}}, "/params/title_ru"),
        ({"params": {"title_ru": {"a": 1}}}, "/params/title_ru"),
        ({"params": {"title_ru": "Дело", "user": 999999}}, "/params/user"),
        ({"action": "change_stage", "params": {"to": "contract_signed"}}, "/params/to"),
        ({"action": "send_message", "params": {"template": "none", "title_ru": "Дело"}}, "/params/template"),
        ({"action": "set_field", "params": {"field": "responsible", "value": 1}}, "/params/field"),
        ({"is_shipped": True}, "/is_shipped"),
    ],
)
def test_what_is_wrong_is_named(head: Any, wrong: Any, pointer: str) -> None:
    answer = head.post("rules/", {**BODY, **wrong})
    assert answer.status_code == 400, answer.content
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert not Rule.objects.filter(is_shipped=False).exists()


def test_a_shipped_robot_is_set_back_and_not_deleted(head: Any) -> None:
    rule = Rule.objects.get(code="resumed_task")
    head.patch(f"rules/{rule.pk}/", {"params": {"title_ru": "Другое"}})
    assert head.call("delete", f"rules/{rule.pk}/").status_code == 400
    assert head.post(f"rules/{rule.pk}/reset/").json()["params"]["once"] == "resume"
    own = head.post("rules/", BODY).json()
    assert head.post(f"rules/{own['id']}/reset/").status_code == 400


@pytest.mark.rule("ACC-1")
def test_only_heads_make_and_change_robots(caller: Any) -> None:
    rule = Rule.objects.get(code="resumed_task")
    for role in (Role.SALES_MANAGER, Role.CALL_CENTER, Role.PARTNER, Role.PARTNER_CONTROL):
        other = caller(make_user(role))
        assert other.post("rules/", BODY).status_code == 403
        assert other.post(f"rules/{rule.pk}/copy/").status_code == 403
        assert other.post("rules/order/", {"pipeline": "deal", "ids": []}).status_code == 403
        assert other.call("delete", f"rules/{rule.pk}/").status_code == 403
    assert Rule.objects.filter(is_shipped=False).count() == 0


# -- tried, and applied to what stands there --------------------------------------------------------------------------


def at_negotiation(by: Any) -> Any:
    deal = make_deal(by)
    move(deal, "negotiation", by=by, override=True)
    return deal


@pytest.mark.rule("AUTO-5")
def test_a_rule_is_tried_on_the_past_kept_or_not(caller: Any, head: Any) -> None:
    deal = at_negotiation(head.user)
    found = head.post("rules/try/", {**BODY, "days": 7}).json()
    assert (found["matched"], found["lines"][0]["record_id"], found["record_type"]) == (1, deal.pk, "deal")
    assert head.post("rules/try/", {**BODY, "params": {}}).status_code == 400
    rule = head.post("rules/", BODY).json()["id"]
    assert head.get(f"rules/{rule}/try/?days=7").json()["matched"] == 1
    assert head.get(f"rules/{rule}/try/?days=9999").status_code == 400
    assert not Activity.objects.filter(record_id=deal.pk, title="Позвонить").exists()
    stranger = caller(make_user())
    assert stranger.post("rules/try/", BODY).status_code == stranger.get(f"rules/{rule}/try/").status_code == 403


def test_a_rule_is_applied_to_what_stands_there_by_heads_alone(caller: Any, head: Any) -> None:
    deal = at_negotiation(head.user)
    rule = head.post("rules/", BODY).json()["id"]
    stranger = caller(make_user())
    assert stranger.post(f"rules/{rule}/apply/", {}).status_code == 403
    assert stranger.get(f"rules/{rule}/standing/").status_code == 403
    assert head.get(f"rules/{rule}/standing/").json()["lines"][0]["record_id"] == deal.pk
    assert head.post(f"rules/{rule}/apply/", {"since": "never"}).status_code == 400
    applied = head.post(f"rules/{rule}/apply/", {})
    assert (applied.status_code, applied.json()["done"]) == (202, 1)
    assert Activity.objects.filter(record_id=deal.pk, title="Позвонить").count() == 1
    assert head.post(f"rules/{rule}/apply/", {}).status_code == 400
    silent = head.post("rules/", {**BODY, "trigger": "inactive", "delay_days": 3}).json()["id"]
    assert head.post(f"rules/{silent}/apply/", {}).status_code == 400
