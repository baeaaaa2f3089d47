"""Robots in the API: what happens next to a record, done by those who may change it; rules kept by the head."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Role
from automation.models import Rule, RuleRun, ScheduledRun
from crm import clock as time
from crm.models import Change, TimelineEntry
from crm.stages import move
from partners.handoff import hand_over
from tests.factories import make_client, make_deal, make_team, make_user

pytestmark = pytest.mark.django_db


def waiting_deal(by: Any) -> Any:
    """A deal in delayed demand, for which three steps are planned."""
    deal = make_deal(by, contact=make_client(by))
    move(deal, "delayed_demand", by=by, override=True)
    return deal


def planned(program: Any, deal: Any) -> list[dict[str, Any]]:
    """What the robots are going to do, as the API tells it."""
    answer = program.get(f"deals/{deal.pk}/robots/")
    assert answer.status_code == 200, answer.content
    return list(answer.json()["planned"])


@pytest.mark.rule("AUTO-1", "DEAL-8")
def test_steps_are_listed_skipped_moved_and_done_now(caller: Any, clock: Any) -> None:
    owner = caller(make_user())
    deal = waiting_deal(owner.user)
    first, second, third = planned(owner, deal)
    assert first["state"] == "scheduled"
    assert first["what"]
    assert owner.post(f"robot-runs/{first['id']}/skip/").json()["state"] == "cancelled"
    assert owner.post(f"robot-runs/{first['id']}/skip/").status_code == 200
    past = {"due_at": (time.now() - timedelta(minutes=1)).isoformat()}
    refused = owner.post(f"robot-runs/{second['id']}/postpone/", past)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "/due_at")
    later = {"due_at": (time.now() + timedelta(days=200)).isoformat()}
    moved = owner.post(f"robot-runs/{second['id']}/postpone/", later).json()
    assert (moved["is_moved"], moved["state"]) == (True, "scheduled")
    assert [row["id"] for row in planned(owner, deal)] == [third["id"], second["id"]]
    done = owner.post(f"robot-runs/{third['id']}/now/").json()
    assert done["state"] in {"done", "failed"}
    again = owner.post(f"robot-runs/{first['id']}/now/")
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    entry = TimelineEntry.objects.filter(record_id=deal.pk, action="rule_done", data__outcome="skipped").get()
    assert entry.actor_kind == "token"


@pytest.mark.rule("ACC-1")
def test_who_may_look_and_who_may_change(caller: Any, clock: Any) -> None:
    team = make_team(members_see_each_other=True)
    owner, mate, head = make_user(team=team), caller(make_user(team=team)), caller(make_user(Role.SALES_HEAD))
    deal = waiting_deal(owner)
    run = ScheduledRun.objects.order_by("due_at")[0]
    later = {"due_at": (time.now() + timedelta(days=200)).isoformat()}
    calls: list[tuple[str, Any]] = [("postpone", later), ("skip", {}), ("now", {})]
    for role in (Role.SALES_MANAGER, Role.CALL_CENTER, Role.PARTNER, Role.PARTNER_CONTROL):
        stranger = caller(make_user(role))
        assert stranger.get(f"deals/{deal.pk}/robots/").status_code == 404
        for tail, body in calls:
            assert stranger.post(f"robot-runs/{run.pk}/{tail}/", body).status_code == 404, (role, tail)
    assert len(planned(mate, deal)) == 3
    for tail, body in calls:
        assert mate.post(f"robot-runs/{run.pk}/{tail}/", body).status_code == 403, tail
        assert caller(owner, "read").post(f"robot-runs/{run.pk}/{tail}/", body).status_code == 403, tail
    run.refresh_from_db()
    assert (run.state, run.is_moved) == ("scheduled", False)
    for tail, body in calls[:2]:
        assert head.post(f"robot-runs/{run.pk}/{tail}/", body).status_code == 200, tail


@pytest.mark.rule("ACC-1")
def test_a_partner_learns_nothing_of_the_robots_at_its_own_record(caller: Any, clock: Any) -> None:
    owner, theirs = make_user(), caller(make_user(Role.PARTNER))
    handoff = hand_over(record=make_deal(owner), partner=theirs.user.partner, by=owner)
    rule = Rule.objects.all()[0]
    run = ScheduledRun.objects.create(
        rule=rule, key="x", record_type="deal", record_id=handoff.twin_id, due_at=time.now() + timedelta(days=1)
    )
    answer = theirs.get(f"deals/{handoff.twin_id}/robots/")
    assert answer.json() == {"planned": [], "failed": [], "expected": []}
    for tail in ("skip", "now"):
        assert theirs.post(f"robot-runs/{run.pk}/{tail}/").status_code == 404
    run.refresh_from_db()
    assert run.state == "scheduled"


@pytest.mark.rule("AUTO-1")
def test_rules_are_listed_and_switched_by_heads_alone(caller: Any) -> None:
    admin, head = caller(make_user(Role.ADMINISTRATOR)), caller(make_user(Role.SALES_HEAD))
    rule = Rule.objects.get(code="lead_declined_letter")
    RuleRun.objects.create(rule=rule, record_type="lead", record_id=1, is_ok=False, error="Нет адреса")
    row = next(row for row in head.get("rules/?limit=200").json()["results"] if row["id"] == rule.pk)
    assert (row["code"], row["broken"], row["is_active"]) == (rule.code, 1, True)
    assert "«" in row["when"]
    assert head.get(f"rules/{rule.pk}/runs/").json()["results"][0]["text"] == "Нет адреса"
    assert admin.patch(f"rules/{rule.pk}/", {"is_active": False}).json()["is_active"] is False
    assert Change.objects.get(record_type="rule", record_id=rule.pk).actor_kind == "token"
    assert head.patch(f"rules/{rule.pk}/", {"code": "x"}).status_code == 400
    assert head.get("rules/999999/").status_code == 404
    for role in (Role.SALES_MANAGER, Role.CALL_CENTER, Role.PARTNER, Role.PARTNER_CONTROL):
        other = caller(make_user(role))
        assert other.get("rules/").status_code == other.get(f"rules/{rule.pk}/runs/").status_code == 403
        assert other.patch(f"rules/{rule.pk}/", {"is_active": True}).status_code == 403
    rule.refresh_from_db()
    assert rule.is_active is False
