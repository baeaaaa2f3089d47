"""The one mover: what it allows, what it refuses, what it writes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Role
from crm import clock, pipelines, services, stages
from crm.errors import MissingFields, RefusalNeeded, StageConflict, StageError
from crm.models import Contact, RefusalReason, StageHistory, TimelineEntry
from crm.stages import Refusal, move
from deals.models import Deal
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def make_deal(owner: Any, **data: Any) -> Deal:
    return services.record_create(
        Deal, data={"title": "Ангар 24×60", "responsible": owner, **data}, by=owner, pipeline="deal"
    )


def at(owner: Any, stage: str, **data: Any) -> Deal:
    return services.record_create(
        Deal, data={"title": "Ангар", "responsible": owner, **data}, by=owner, pipeline="deal", stage=stage
    )


@pytest.mark.rule("PIPE-3")
def test_a_move_with_missing_fields_names_them_and_changes_nothing() -> None:
    owner = make_user()
    deal = make_deal(owner)
    contact = services.record_create(Contact, data={"last_name": "Ким"}, by=owner, pipeline="contact")
    services.record_update(deal, data={"contact": contact, "area": 1440}, by=owner)
    with pytest.raises(MissingFields) as refused:
        move(deal, "costing", by=owner)
    assert [item.code for item in refused.value.missing] == ["purpose"]
    assert Deal.objects.get(pk=deal.pk).stage == "deal:request_received"


@pytest.mark.rule("PIPE-2")
def test_a_manager_cannot_move_back_and_the_head_needs_a_reason() -> None:
    owner, head = make_user(), make_user(Role.SALES_HEAD)
    deal = at(owner, "negotiation")
    with pytest.raises(StageError):
        move(deal, "request_received", by=owner, reason="ошибка")
    with pytest.raises(StageError):
        move(deal, "request_received", by=head)
    move(deal, "request_received", by=head, reason="Ошибся стадией")
    assert deal.stage == "deal:request_received"
    row = StageHistory.objects.filter(record_type="deal", record_id=deal.pk).last()
    assert row is not None
    assert row.is_back
    assert row.reason == "Ошибся стадией"


@pytest.mark.rule("PIPE-2")
def test_from_resumed_a_deal_goes_to_any_open_stage() -> None:
    owner = make_user()
    deal = at(owner, "resumed")
    move(deal, "request_received", by=owner)
    assert deal.stage == "deal:request_received"


@pytest.mark.rule("PIPE-4")
@pytest.mark.parametrize("comment", ["", "-", ".", "test", "тест", "х", "отказ", "Отказался."])
def test_a_refusal_needs_a_real_comment(comment: str) -> None:
    owner = make_user()
    deal = make_deal(owner)
    reason = RefusalReason.objects.filter(stage="deal:price_of_structures").first()
    assert reason is not None
    with pytest.raises(RefusalNeeded):
        move(deal, "price_of_structures", by=owner, refusal=Refusal(reason.pk, comment))
    assert Deal.objects.get(pk=deal.pk).is_open


@pytest.mark.rule("PIPE-4")
def test_all_that_a_refusal_lacks_is_said_at_once() -> None:
    owner = make_user()
    deal = make_deal(owner)
    with pytest.raises(RefusalNeeded) as refused:
        move(deal, "price_of_structures", by=owner)
    assert [row["pointer"] for row in refused.value.errors] == ["/refusal/comment", "/refusal/reason"]
    with pytest.raises(RefusalNeeded) as refused:
        move(deal, "price_of_structures", by=owner, refusal=Refusal(None, "Дорого для нас"))
    assert [row["pointer"] for row in refused.value.errors] == ["/refusal/reason"]


@pytest.mark.rule("PIPE-4")
def test_a_refusal_keeps_reason_comment_and_competitor() -> None:
    owner = make_user()
    deal = make_deal(owner)
    reason = RefusalReason.objects.get(stage="deal:price_of_structures", asks_competitor=True)
    move(
        deal,
        "price_of_structures",
        by=owner,
        refusal=Refusal(reason.pk, "Нашли дешевле на 10 %", "Завод МК", "1500000"),
    )
    deal = Deal.objects.get(pk=deal.pk)
    assert (deal.refusal_reason, deal.competitor) == (reason, "Завод МК")
    assert deal.closed_at is not None
    assert TimelineEntry.objects.filter(record_type="deal", record_id=deal.pk, action="stage").exists()


@pytest.mark.rule("PIPE-4")
@pytest.mark.parametrize("competitor", ["", " ", "-", "не знаю"])
def test_a_refusal_for_a_competitors_price_names_the_competitor(competitor: str) -> None:
    owner = make_user()
    deal = make_deal(owner)
    reason = RefusalReason.objects.get(stage="deal:price_of_structures", asks_competitor=True)
    with pytest.raises(RefusalNeeded) as refused:
        move(deal, "price_of_structures", by=owner, refusal=Refusal(reason.pk, "Нашли дешевле", competitor))
    assert [row["pointer"] for row in refused.value.errors] == ["/refusal/competitor"]
    assert Deal.objects.get(pk=deal.pk).is_open


@pytest.mark.rule("PIPE-2")
def test_a_board_offers_what_the_machine_allows() -> None:
    owner, head = make_user(), make_user(Role.SALES_HEAD)
    rows = pipelines.stages_of("deal")
    sent = next(stage for stage in rows if stage.code == "proposal_sent")
    for_owner = {stage.code for stage in stages.allowed_by_machine(sent, rows, owner)}
    assert {"negotiation", "price_of_structures"} <= for_owner
    assert not for_owner & {"request_received", "proposal_sent", "contract_signed"}
    assert "request_received" in {stage.code for stage in stages.allowed_by_machine(sent, rows, head)}


@pytest.mark.rule("PIPE-6")
def test_the_second_of_two_movers_gets_a_conflict() -> None:
    owner = make_user()
    first = at(owner, "resumed")
    second = Deal.objects.get(pk=first.pk)
    soon = clock.today() + timedelta(days=30)
    move(first, "negotiation", by=owner, data={"amount": 5, "construction_start": soon}, expected="resumed")
    with pytest.raises(StageConflict):
        move(second, "proposal_sent", by=owner, data={"amount": 5}, expected="resumed")
    assert StageHistory.objects.filter(record_type="deal", record_id=first.pk).count() == 2


def test_a_stranger_cannot_move() -> None:
    deal = make_deal(make_user())
    with pytest.raises(Deal.DoesNotExist):
        stages.move(deal, "price_of_structures", by=make_user())
