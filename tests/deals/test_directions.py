"""A deal goes over to another direction: where it lands, what is asked and refused, what happens to robots."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from accounts.models import Role, User
from automation.engine import run_due
from automation.models import Rule, ScheduledRun
from crm import (
    direction_settings,
    directions,
    events,
    jobs,
    pipelines,
    settings_services,
    settings_transfer,
    stages,
    timeline,
)
from crm.errors import InvalidInput, MissingFields, StageConflict, StageError
from crm.models import ListJob, Pipeline, Stage, StageHistory, StageMapping, TimelineEntry
from deals.models import Deal
from partners.handoff import hand_over
from tests.api.conftest import Caller
from tests.factories import make_client, make_deal, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("DEAL-10")]
HTMX = {"HX-Request": "true", "HX-Target": "dialog-body"}


@pytest.fixture(autouse=True)
def _in_english() -> Any:
    with translation.override("en"):
        yield


@pytest.fixture
def head() -> User:
    return make_user(Role.SALES_HEAD, language="en")


@pytest.fixture
def owner() -> User:
    return make_user(language="en")


@pytest.fixture
def service(head: User) -> Pipeline:
    """A second direction with the stages of the main one."""
    like = Pipeline.objects.get(pk="deal")
    return settings_services.pipeline_add(by=head, name_ru="Сервис", name_en="Service", like=like)


def signed_in(user: User) -> Client:
    client = Client(headers=HTMX)
    client.force_login(user)
    return client


def over(deal: Deal, to: str, by: User, **given: Any) -> Deal:
    return stages.move(deal, to, by=by, may_switch=True, **given)


def put_at(deal: Deal, code: str) -> Deal:
    return stages.move(deal, code, by=make_user(Role.SALES_HEAD), override=True)


def test_a_deal_goes_over_with_its_history(owner: User, service: Pipeline) -> None:
    deal = make_deal(owner)
    over(deal, f"{service.pk}:request_received", owner)
    row = Deal.objects.get(pk=deal.pk)
    assert (row.pipeline_id, row.stage) == (service.pk, f"{service.pk}:request_received")
    last = StageHistory.objects.filter(record_type="deal", record_id=deal.pk).latest("pk")
    assert (last.from_stage_id, last.to_stage_id) == ("deal:request_received", f"{service.pk}:request_received")
    assert (last.pipeline_id, last.is_back, last.actor_user) == (service.pk, False, owner)
    assert last.seconds is not None
    entry = TimelineEntry.objects.filter(record_type="deal", record_id=deal.pk, action="stage").latest("pk")
    assert timeline.sentence(entry) == "Stage: «Main: Request received» → «Service: Request received»."


def test_an_ordinary_move_stays_within_the_pipeline(owner: User, service: Pipeline) -> None:
    with pytest.raises(StageError):
        stages.move(make_deal(owner), f"{service.pk}:costing", by=owner)


def test_a_lead_does_not_become_a_deal_by_it(owner: User) -> None:
    with pytest.raises(StageError):
        over(make_deal(owner), "lead:new", owner)


def test_required_fields_of_the_stage_there_are_asked(owner: User, service: Pipeline) -> None:
    deal = put_at(make_deal(owner), "proposal_sent")
    with pytest.raises(MissingFields) as refused:
        over(deal, f"{service.pk}:proposal_sent", owner)
    assert [item.code for item in refused.value.missing] == ["amount"]
    over(deal, f"{service.pk}:proposal_sent", owner, data={"amount": 100})
    assert Deal.objects.get(pk=deal.pk).amount == 100


def test_who_sees_an_old_stage_gets_a_conflict(owner: User, service: Pipeline) -> None:
    deal = make_deal(owner)
    over(deal, f"{service.pk}:request_received", owner)
    with pytest.raises(StageConflict):
        stages.move(deal, "costing", by=owner, expected="deal:request_received")


def test_only_the_head_goes_back_by_the_way_round(owner: User, head: User, service: Pipeline) -> None:
    deal = put_at(make_deal(owner, amount=5), "proposal_sent")
    back = f"{service.pk}:request_received"
    with pytest.raises(StageError, match="sales head"):
        over(deal, back, owner, reason="Просчитать заново")
    with pytest.raises(StageError, match="Write why"):
        over(deal, back, head)
    assert over(deal, back, head, reason="Просчитать заново").stage == back


@pytest.mark.parametrize("target", ["contract_signed", "construction_cancelled"])
def test_it_goes_on_at_an_open_stage(owner: User, service: Pipeline, target: str) -> None:
    with pytest.raises(StageError, match="open stage"):
        over(make_deal(owner), f"{service.pk}:{target}", owner)


def test_a_finished_deal_is_reopened_first(owner: User, head: User, service: Pipeline) -> None:
    deal = put_at(make_deal(owner), "contract_signed")
    with pytest.raises(StageError, match="reopen"):
        over(deal, f"{service.pk}:request_received", head, reason="Надо")


def test_what_is_with_a_partner_is_recalled_first(owner: User, head: User, service: Pipeline) -> None:
    dealer = make_user(Role.PARTNER)
    deal = make_deal(owner, contact=make_client(owner))
    handoff = hand_over(record=deal, partner=dealer.partner, by=head)
    deal.refresh_from_db()
    with pytest.raises(StageError, match="recall"):
        over(deal, f"{service.pk}:request_received", head, reason="Надо")
    twin = Deal.objects.get(pk=handoff.twin_id)
    with pytest.raises(StageError, match="own pipeline"):
        over(twin, f"{service.pk}:request_received", head, reason="Надо")
    text = signed_in(head).get(f"/deals/{twin.pk}/direction/").content.decode()
    assert "handed over and recalled instead" in text


def test_robots_of_the_old_pipeline_are_called_off(owner: User, service: Pipeline) -> None:
    rule = Rule.objects.create(
        code="late_task", name_ru="Потом", name_en="Later", pipeline_id="deal", trigger="created",
        action="create_task", params={"title": "Напомнить"}, delay_days=3, is_active=True,
    )  # fmt: skip
    deal = make_deal(owner)
    events.dispatch_due()
    run = ScheduledRun.objects.get(rule=rule, record_id=deal.pk)
    over(deal, f"{service.pk}:request_received", owner)
    events.dispatch_due()
    run.refresh_from_db()
    assert (run.state, run_due()) == ("cancelled", 0)


# -- which stage answers to which -------------------------------------------------------------------------------------


def test_stages_match_by_code_then_by_place(head: User, service: Pipeline) -> None:
    costing = pipelines.stage("deal:costing")
    assert directions.proposal(costing, service.pk).code == "costing"
    Stage.objects.filter(pk=f"{service.pk}:costing").update(is_hidden=True)
    pipelines.changed()
    assert directions.proposal(costing, service.pk).code == "proposal_sent"
    last = pipelines.stage("deal:contract_signing")
    Stage.objects.filter(pk=f"{service.pk}:contract_signing").update(is_hidden=True)
    pipelines.changed()
    assert directions.proposal(last, service.pk).code == "negotiation"


def test_what_the_head_settles_is_proposed_kept_and_carried(head: User, owner: User, service: Pipeline) -> None:
    main = Pipeline.objects.get(pk="deal")
    assert direction_settings.mapping_set(main, service, {"costing": "negotiation"}, by=head) == ["costing"]
    assert directions.proposal(pipelines.stage("deal:costing"), service.pk).code == "negotiation"
    assert settings_transfer.dump()["mapping"] == [
        {"from_stage": "deal:costing", "to_pipeline": service.pk, "to_stage": f"{service.pk}:negotiation"}
    ]
    assert direction_settings.mapping_set(main, service, {"costing": ""}, by=head) == ["costing"]
    assert not StageMapping.objects.exists()
    with pytest.raises(InvalidInput):
        direction_settings.mapping_set(main, service, {"costing": "contract_signed"}, by=head)


def test_the_page_of_the_settings_keeps_the_mapping(head: User, owner: User, service: Pipeline) -> None:
    address = "/settings/pipelines/deal/directions/"
    assert signed_in(owner).get(address).status_code == 403
    browser = signed_in(head)
    assert "as proposed: Costing" in browser.get(address).content.decode()
    browser.post(address, {f"{service.pk}:costing": "negotiation"})
    assert StageMapping.objects.get().to_stage_id == f"{service.pk}:negotiation"
    assert browser.get("/settings/pipelines/partner_deal/directions/").status_code == 404


# -- the card and the list --------------------------------------------------------------------------------------------


def test_the_card_offers_it_where_there_is_another_pipeline(owner: User, head: User) -> None:
    deal = make_deal(owner)
    browser = signed_in(owner)
    assert "/direction/" not in browser.get(f"/deals/{deal.pk}/", headers={"HX-Request": ""}).content.decode()
    like = Pipeline.objects.get(pk="deal")
    settings_services.pipeline_add(by=head, name_ru="Сервис", like=like)
    assert f"/deals/{deal.pk}/direction/" in browser.get(f"/deals/{deal.pk}/").content.decode()


def test_the_dialog_asks_what_is_missing_and_can_be_undone(owner: User, head: User, service: Pipeline) -> None:
    deal = put_at(make_deal(owner), "proposal_sent")
    browser, address = signed_in(head), f"/deals/{deal.pk}/direction/"
    page = browser.get(address).content.decode()
    assert "Service: Proposal sent (matches)" in page
    assert signed_in(make_user()).get(address).status_code == 404
    given = {"to": f"{service.pk}:proposal_sent", "reason": "", "remember": "on", "expected_stage": deal.stage}
    asked = browser.post(address, given)
    assert (asked.status_code, 'name="amount"' in asked.content.decode()) == (422, True)
    done = browser.post(address, {**given, "fields": "1", "amount": "1 200,50"})
    assert done.status_code == 204
    deal.refresh_from_db()
    assert (deal.stage, str(deal.amount)) == (f"{service.pk}:proposal_sent", "1200.50")
    assert StageMapping.objects.get().from_stage_id == "deal:proposal_sent"
    browser.post(json.loads(done["HX-Trigger"])["toast"]["undo_url"])
    deal.refresh_from_db()
    assert (deal.pipeline_id, deal.stage) == ("deal", "deal:proposal_sent")


def test_many_go_with_a_look_at_what_stays_and_an_undo(owner: User, head: User, service: Pipeline) -> None:
    fit, poor = make_deal(owner), put_at(make_deal(owner), "negotiation")
    browser, ids = signed_in(owner), {"ids": [fit.pk, poor.pk]}
    asked = browser.post("/deals/bulk/direction/", ids).content.decode()
    assert "map_request_received" in asked
    assert "map_negotiation" in asked
    mapped = {**ids, "confirmed": "1", "pipeline": service.pk, "mapped": "1", "reason": ""}
    mapped |= {"map_request_received": "request_received", "map_negotiation": "negotiation"}
    look = browser.post("/deals/bulk/direction/", mapped).content.decode()
    assert str(poor) in look
    done = browser.post("/deals/bulk/direction/", {**mapped, "go": "1", "amount": "", "construction_start": ""})
    assert {Deal.objects.get(pk=row.pk).pipeline_id for row in (fit, poor)} == {service.pk, "deal"}
    job = ListJob.objects.get(kind="direction")
    assert (job.done, len(job.failed)) == (1, 1)
    assert done.status_code in {200, 422}
    jobs.job_undo(job)
    assert Deal.objects.get(pk=fit.pk).stage == "deal:request_received"


# -- programs ---------------------------------------------------------------------------------------------------------


def test_programs_take_over_one_and_many(owner: User, head: User, service: Pipeline) -> None:
    deal, poor = make_deal(owner), put_at(make_deal(owner), "negotiation")
    program, stranger = Caller(owner), Caller(make_user())
    address = f"deals/{deal.pk}/direction/"
    assert stranger.get(address).status_code == stranger.post(address, {"pipeline": service.pk}).status_code == 404
    offered = program.get(address).json()
    assert [(row["pipeline"], row["proposed"]) for row in offered] == [(service.pk, f"{service.pk}:request_received")]
    assert program.post(address, {"pipeline": "partner_deal"}).status_code == 400
    done = program.post(address, {"pipeline": service.pk, "expected_stage": "deal:request_received"})
    assert (done.status_code, done.json()["stage"]) == (200, f"{service.pk}:request_received")
    assert program.post(done["Undo-Location"]).status_code == 200
    assert Deal.objects.get(pk=deal.pk).pipeline_id == "deal"
    missing = program.post(f"deals/{poor.pk}/direction/", {"pipeline": service.pk})
    assert (missing.status_code, missing.json()["code"]) == (422, "missing_fields")
    many = {"action": "direction", "ids": [deal.pk, poor.pk], "to": service.pk, "map": {}}
    answer = program.post("deals/bulk/", many).json()
    assert [row["ok"] for row in answer["results"]] == [True, False]
    assert program.post("deals/bulk/", {**many, "to": "nowhere"}).json()["failed"] == 2
    all_found = {"query": "pipeline=deal", "action": "direction", "to": service.pk, "dry_run": True}
    look = program.post("deals/bulk/found/", all_found).json()
    assert (look["count"], [row["id"] for row in look["stays"]]) == (1, [poor.pk])
    assert program.post("deals/bulk/found/", {**all_found, "to": "nowhere"}).status_code == 400
    assert program.post(f"jobs/{answer['job']}/undo/").status_code == 200
    assert Deal.objects.get(pk=deal.pk).pipeline_id == "deal"


def test_programs_of_the_head_keep_the_mapping(owner: User, head: User, service: Pipeline) -> None:
    program, address = Caller(head), "pipelines/deal/mapping/"
    assert Caller(owner).get(f"{address}?to={service.pk}").status_code == 403
    assert program.get(f"{address}?to=lead").status_code == 400
    kept = program.call("put", address, {"to": service.pk, "map": {"costing": "negotiation"}}).json()
    assert {"stage": "costing", "to": "negotiation", "is_settled": True} in kept
    assert {"stage": "negotiation", "to": "negotiation", "is_settled": False} in kept
