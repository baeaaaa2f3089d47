"""The routing table through the API: the same rows, the same answers, for the sales head alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import Role
from crm.actors import Actor
from leads.models import Lead, RoutingRule
from leads.services import lead_create
from tests.factories import make_team, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("LEAD-8")]


@pytest.fixture
def head(caller: Callable[..., Any]) -> Any:
    return caller(make_user(Role.SALES_HEAD, last_name="Соколов"))


def test_rows_are_made_changed_ordered_tried_and_deleted(head: Any) -> None:
    anna, team = make_user(last_name="Орлова"), make_team(name="Юг")
    boris = make_user(team=team)
    first = head.post("routing-rules/", {
        "name": "Большие", "target": "person", "person": anna.pk,
        "conditions": {"all": [{"field": "area", "op": "gte", "value": 1000}]},
    })  # fmt: skip
    assert first.status_code == 201, first.content
    second = head.post("routing-rules/", {"name": "Все", "target": "team", "team": team.pk, "share": "round_robin"})
    assert second.status_code == 201, second.content
    one, two = first.json()["id"], second.json()["id"]
    tried = head.post("routing-rules/try/", {"area": "1200", "region": "Тверская область"}).json()
    assert (tried["rule"], tried["to"], tried["to_id"]) == (one, str(anna), anna.pk)
    assert tried["rows"][0]["parts"] == [{"text": "площадь, м² ≥ 1000", "holds": True, "found": "1200"}]
    assert head.post("routing-rules/order/", {"ids": [two, one]}).status_code == 200
    assert [row["id"] for row in head.get("routing-rules/").json()] == [two, one]
    assert head.post("routing-rules/try/", {"area": "1200"}).json()["to_id"] == boris.pk
    changed = head.patch(f"routing-rules/{two}/", {"is_active": False})
    assert (changed.status_code, changed.json()["is_active"]) == (200, False)
    assert head.call("delete", f"routing-rules/{one}/").status_code == 204
    assert RoutingRule.objects.count() == 1


def test_a_lead_is_routed_by_number_and_the_last_days_are_counted(head: Any) -> None:
    anna = make_user()
    data = {"name": "Пётр", "channel": "form", "purpose": "warehouse", "address": "Тверь", "area": 500}
    lead = lead_create(by=Actor.form("Сайт"), data=data, phones="89120000001")
    RoutingRule.objects.create(name="Все", target="person", person=anna)
    assert head.get("routing-rules/replay/?days=1").json()[0]["count"] == 1
    answer = head.post(f"leads/{lead.pk}/route/")
    assert answer.status_code == 200, answer.content
    assert Lead.objects.get(pk=lead.pk).responsible == anna
    assert head.post(f"leads/{lead.pk}/route/").status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x", "target": "team"},
        {"name": "x", "target": "nobody"},
        {"name": "x", "target": "person", "person": 0},
        {"name": "x", "target": "person", "person": None},
        {"name": "x", "target": "person", "conditions": []},
        {"name": "x", "target": "person", "conditions": {"all": [{"field": "secret", "op": "eq", "value": 1}]}},
        {"name": "x", "target": "person", "conditions": {"all": [[]]}},
        {"name": "x", "target": "person", "conditions": {"field": "area", "op": "in", "value": 5}},
    ],
)
def test_a_wrong_row_is_refused_with_the_field_named(head: Any, body: dict[str, Any]) -> None:
    if body.get("target") == "person" and "person" not in body:
        body = {**body, "person": head.user.pk}
    answer = head.post("routing-rules/", body)
    assert answer.status_code in {400, 422}
    assert answer.json()["errors"]
    assert not RoutingRule.objects.exists()


@pytest.mark.parametrize("role", [Role.SALES_MANAGER, Role.CALL_CENTER, Role.PARTNER, Role.PARTNER_CONTROL])
def test_nobody_else_sees_or_changes_the_table(caller: Callable[..., Any], role: str) -> None:
    someone = caller(make_user(role))
    assert someone.get("routing-rules/").status_code == 403
    assert someone.post("routing-rules/try/", {}).status_code == 403
    assert someone.post("routing-rules/order/", {"ids": []}).status_code == 403
