"""Robots tried on the past, and applied to what stands at their stage already."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Role
from automation import engine
from automation.models import Rule, RuleRun, ScheduledRun
from automation.rule_services import rule_draft, rule_save
from automation.standing import standing_apply, standing_count, standing_preview
from automation.trial import rule_try
from communications.services import client_contacted
from crm import clock as time
from crm import pipelines
from crm.errors import InvalidInput
from crm.models import Activity, ListJob, TimelineEntry
from crm.stages import move
from deals.services import deal_update
from tests.factories import make_client, make_deal, make_user

pytestmark = pytest.mark.django_db
PAGE = "/settings/rules/"
FORM = {
    "pipeline": "deal", "trigger": "stage_entered", "stage": "deal:costing", "unit": "at_once", "delay": "",
    "action": "create_task", "do-title_ru": "Дело", "do-kind": "task", "do-due_days": "1", "name_ru": "Робот",
    "is_active": "on", "days": "30",
}  # fmt: skip


@pytest.fixture
def head(clock: Any) -> Any:
    return make_user(Role.SALES_HEAD)


def data(trigger: str = "stage_entered", *, stage: str = "costing", **more: Any) -> dict[str, Any]:
    return {
        "name_ru": "Робот", "pipeline": pipelines.catalogue().pipelines["deal"], "trigger": trigger,
        "stage": pipelines.catalogue().stages.get(f"deal:{stage}"), "action": "create_task",
        "params": {"title_ru": "Дело"}, **more,
    }  # fmt: skip


def tried(head: Any, trigger: str = "stage_entered", days: int = 30, **more: Any) -> Any:
    return rule_try(rule_draft(Rule(), data(trigger, **more)), head, days=days)


def at_costing(head: Any, **fields: Any) -> Any:
    deal = make_deal(head, **fields)
    move(deal, "costing", by=head, override=True)
    return deal


def tasks() -> int:
    return Activity.objects.filter(title="Дело").count()


# -- the past ---------------------------------------------------------------------------------------------------------


@pytest.mark.rule("AUTO-5")
def test_it_says_what_would_have_matched_and_does_nothing(head: Any, clock: Any) -> None:
    old = at_costing(head, amount=5000)
    clock.travel(days=40)
    big, small = at_costing(head, amount=5000), at_costing(head, amount=5)
    make_deal(head, amount=5000)
    before = TimelineEntry.objects.count()
    condition = {"field": "amount", "op": "gte", "value": "1000"}
    found = tried(head, conditions=condition, delay_days=2)
    assert (found.occasions, found.matched, [line.record for line in found.lines]) == (2, 1, [big])
    assert "«Дело»" in found.lines[0].what
    assert found.lines[0].due > time.now()
    everything = tried(head, days=60)
    assert {line.record.pk for line in everything.lines} == {old.pk, big.pk, small.pk}
    assert (Rule.objects.filter(is_shipped=False).count(), RuleRun.objects.count(), tasks()) == (0, 0, 0)
    assert TimelineEntry.objects.count() == before


@pytest.mark.rule("AUTO-5")
def test_every_trigger_is_read_from_its_own_history(head: Any, clock: Any) -> None:
    deal = at_costing(head, contact=make_client(head), expected_close_date=time.today() + timedelta(days=1))
    deal_update(deal, by=head, data={"city": "Тверь"})
    client_contacted(deal.contact, "call", head)
    clock.travel(days=20)
    found = {
        "created": tried(head, "created", stage=""),
        "stage_left": tried(head, "stage_left", stage="request_received"),
        "field_changed": tried(head, "field_changed", fields=["city"]),
        "client_contact": tried(head, "client_contact"),
        "inactive": tried(head, "inactive", delay_days=10),
        "date_reached": tried(head, "date_reached", date_field="expected_close_date", date_offset=3),
        "schedule": tried(head, "schedule", at_hour=9),
    }
    assert {name: one.matched for name, one in found.items()} == dict.fromkeys(found, 1)
    move(deal, "proposal_sent", by=head, override=True)
    stages = pipelines.stage("deal:costing").__class__.objects.filter(pk="deal:costing")
    stages.update(norm_hours=24)
    pipelines.changed()
    assert tried(head, "norm_exceeded").matched == 1
    stages.update(norm_hours=24 * 30)
    pipelines.changed()
    assert tried(head, "norm_exceeded").matched == 0


@pytest.mark.rule("AUTO-5")
def test_a_predicate_is_asked_record_by_record_and_the_rest_is_counted(head: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("automation.trial.SHOWN", 1)
    monkeypatch.setattr("automation.trial.LOOKED_AT", 2)
    for _number in range(3):
        at_costing(head, construction_start=time.today() + timedelta(days=400))
    found = tried(head, conditions={"is": "far_start"})
    assert (found.occasions, found.looked_at, found.matched, found.more) == (3, 2, 2, 1)
    plain = tried(head)
    assert (plain.looked_at, plain.matched, plain.more) == (None, 3, 2)


@pytest.mark.rule("AUTO-5")
def test_it_is_tried_in_the_browser_before_it_is_kept(client: Client, head: Any) -> None:
    client.force_login(head)
    deal = at_costing(head, title="Склад на Волге")
    shown = client.post(f"{PAGE}new/", {**FORM, "try": "1", "name_ru": ""})
    assert shown.status_code == 200
    assert str(deal) in shown.content.decode()
    assert "Сработал бы 1 раз" in shown.content.decode()
    assert not Rule.objects.filter(is_shipped=False).exists()
    assert client.post(f"{PAGE}new/", {**FORM, "try": "1", "do-title_ru": ""}).status_code == 422
    wrong = client.post(f"{PAGE}new/", {**FORM, "try": "1", "days": "0"})
    assert (wrong.status_code, "больше либо равно 1" in wrong.content.decode()) == (422, True)


# -- what stands there already ----------------------------------------------------------------------------------------


@pytest.mark.rule("AUTO-1")
def test_what_stands_there_is_taken_once_and_only_what_fits(head: Any, clock: Any) -> None:
    big, small = at_costing(head, amount=5000), at_costing(head, amount=5)
    make_deal(head, amount=5000)
    rule = rule_save(Rule(), by=head, data=data(conditions={"field": "amount", "op": "gte", "value": "1000"}))
    fresh = at_costing(head, amount=9000)
    assert tasks() == 1
    preview = standing_preview(rule, head)
    assert (preview.count, [line.record for line in preview.lines], preview.lines[0].due) == (1, [big], None)
    assert tasks() == 1
    job = standing_apply(rule, by=head)
    assert (job.state, job.done, job.kind) == (ListJob.State.DONE, 1, "rule")
    assert {row.record_id for row in Activity.objects.filter(title="Дело")} == {big.pk, fresh.pk}
    assert standing_count(rule, head) == 0
    with pytest.raises(InvalidInput):
        standing_apply(rule, by=head)
    assert small.pk not in {row.record_id for row in RuleRun.objects.filter(rule=rule)}


@pytest.mark.rule("AUTO-1", "AUTO-2")
@pytest.mark.parametrize(("since", "days"), [("entry", 7), ("now", 10)])
def test_a_delay_is_counted_from_the_entry_or_from_now(head: Any, clock: Any, since: str, days: int) -> None:
    at_costing(head)
    clock.travel(days=3)
    rule = rule_save(Rule(), by=head, data=data(delay_days=10))
    standing_apply(rule, by=head, since=since)
    run = ScheduledRun.objects.get(rule=rule)
    assert (run.due_at.date() - time.now().date()).days in {days, days + 1, days + 2}  # a day off gives way
    clock.travel(seconds=(run.due_at - time.now()).total_seconds() + 60)
    engine.run_due()
    assert tasks() == 1


@pytest.mark.rule("AUTO-3")
def test_a_record_that_cannot_be_done_is_listed_and_the_rest_is_done(head: Any) -> None:
    at_costing(head, amount=1)
    at_costing(head)
    rule = rule_save(Rule(), by=head, data=data(action="change_stage", params={"to": "contract_signing"}))
    job = standing_apply(rule, by=head)
    assert job.done + len(job.failed) == 2
    assert len(job.failed) >= 1
    assert "заполните" in job.failed[0][2]


@pytest.mark.rule("AUTO-1")
def test_the_browser_asks_about_what_stands_there_and_applies(client: Client, head: Any) -> None:
    client.force_login(head)
    deal = at_costing(head)
    answer = client.post(f"{PAGE}new/", FORM)
    rule = Rule.objects.get(is_shipped=False)
    assert answer["Location"] == f"{PAGE}{rule.pk}/"
    assert "1 запись уже стоит на стадии" in client.get(answer["Location"]).content.decode()
    assert str(deal) in client.get(f"{PAGE}{rule.pk}/standing/").content.decode()
    applied = client.post(f"{PAGE}{rule.pk}/standing/")
    assert applied["Location"].startswith("/jobs/")
    assert client.get(applied["Location"]).status_code == 200
    assert tasks() == 1
    client.post(f"{PAGE}{rule.pk}/switch/", {"on": "0"})
    at_costing(head)
    back = client.post(f"{PAGE}{rule.pk}/switch/", {"on": "1"})
    assert back["Location"] == f"{PAGE}{rule.pk}/"
