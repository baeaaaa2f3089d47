"""Moving a deal in the browser: the same address for the board, the menu and the card, each answer a person can use."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from accounts.models import Role
from crm.models import RefusalReason, StageHistory
from crm.stages import move
from deals.models import Deal
from objects_registry.models import Purpose
from tests.factories import make_client, make_company, make_deal, make_user

pytestmark = pytest.mark.django_db
HTMX = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "dialog-body"}


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def ready_deal(owner: Any, **data: Any) -> Deal:
    """A deal that lacks nothing for costing."""
    given = {"contact": make_client(owner), "purpose": Purpose.objects.first(), "area": 1440, **data}
    return make_deal(owner, **given)


def post_move(owner: Any, deal: Deal, to: str, **more: Any) -> Any:
    data = {"to": to, "expected_stage": deal.stage, **more}
    return signed_in(owner).post(f"/deals/{deal.pk}/move/", data, **HTMX)


def test_a_move_answers_204_with_a_toast_that_can_be_undone() -> None:
    owner = make_user()
    deal = ready_deal(owner)
    answer = post_move(owner, deal, "costing")
    assert answer.status_code == 204
    told = json.loads(answer["HX-Trigger"])
    assert told["recordChanged"]["id"] == deal.pk
    assert "closeDialog" in told
    undo = signed_in(owner).post(told["toast"]["undo_url"], **HTMX)
    assert undo.status_code == 204
    deal.refresh_from_db()
    assert deal.stage == "deal:request_received"
    last = StageHistory.objects.filter(record_type="deal", record_id=deal.pk).order_by("-id").first()
    assert last is not None
    assert last.reason
    assert (last.actor_user, last.is_back) == (owner, True)


def test_an_undo_is_refused_when_somebody_moved_the_deal_on() -> None:
    owner = make_user()
    deal = ready_deal(owner, amount=100)
    told = json.loads(post_move(owner, deal, "costing")["HX-Trigger"])
    move(Deal.objects.get(pk=deal.pk), "proposal_sent", by=make_user(Role.SALES_HEAD))
    undo = signed_in(owner).post(told["toast"]["undo_url"], **HTMX)
    assert json.loads(undo["HX-Trigger"])["toast"]["level"] == "error"
    assert Deal.objects.get(pk=deal.pk).stage == "deal:proposal_sent"


def test_an_undo_belongs_to_its_author_alone() -> None:
    owner = make_user()
    deal = ready_deal(owner)
    told = json.loads(post_move(owner, deal, "costing")["HX-Trigger"])
    signed_in(make_user(Role.SALES_HEAD)).post(told["toast"]["undo_url"], **HTMX)
    assert Deal.objects.get(pk=deal.pk).stage == "deal:costing"


@pytest.mark.rule("PIPE-3")
def test_the_dialog_asks_only_for_the_missing_fields_and_completes_the_move() -> None:
    owner = make_user()
    deal = make_deal(owner, contact=make_client(owner))
    answer = post_move(owner, deal, "costing")
    assert answer.status_code == 422
    assert set(answer.context["form"].fields) == {"purpose", "length", "width", "area"}
    purpose = Purpose.objects.first()
    assert purpose is not None
    done = post_move(owner, deal, "costing", fields="1", purpose=purpose.pk, length="24 м", width="60,5")
    assert done.status_code == 204
    deal = Deal.objects.get(pk=deal.pk)
    assert (deal.stage, str(deal.area), deal.area_is_manual) == ("deal:costing", "1452.00", False)


@pytest.mark.rule("PIPE-3")
def test_a_dialog_left_incomplete_changes_nothing() -> None:
    owner = make_user()
    deal = make_deal(owner, contact=make_client(owner))
    answer = post_move(owner, deal, "costing", fields="1", purpose="", length="24")
    assert answer.status_code == 422
    assert "purpose" in answer.context["form"].errors
    fresh = Deal.objects.get(pk=deal.pk)
    assert (fresh.stage, fresh.length) == ("deal:request_received", None)


@pytest.mark.rule("DEAL-13")
@pytest.mark.rule("PIPE-3")
def test_winning_asks_for_the_contract_and_the_inn_of_the_company() -> None:
    owner = make_user()
    company = make_company(owner)
    deal = make_deal(owner, stage="contract_signing", company=company, amount=5_000_000)
    answer = post_move(owner, deal, "contract_signed")
    assert set(answer.context["form"].fields) == {"contract_number", "contract_date", "company__inn"}
    wrong = post_move(
        owner, deal, "contract_signed", fields="1", contract_number="12", contract_date="2026-03-01", company__inn="123"
    )
    assert "company__inn" in wrong.context["form"].errors
    good = post_move(
        owner, deal, "contract_signed",
        fields="1", contract_number="12", contract_date="01.03.2026", company__inn="7707083893",
    )  # fmt: skip
    assert good.status_code == 204
    company.refresh_from_db()
    assert company.inn == "7707083893"
    assert Deal.objects.get(pk=deal.pk).stage == "deal:contract_signed"


@pytest.mark.rule("PIPE-4")
def test_a_drop_on_a_refusal_stage_asks_for_reason_and_comment() -> None:
    owner = make_user()
    deal = make_deal(owner)
    assert post_move(owner, deal, "price_of_structures").status_code == 422
    reason = RefusalReason.objects.get(stage="deal:price_of_structures", asks_competitor=True)
    dash = post_move(owner, deal, "price_of_structures", choice=reason.pk, comment="-")
    assert dash.status_code == 422
    assert "comment" in dash.context["form"].errors
    done = post_move(
        owner, deal, "price_of_structures",
        choice=reason.pk, comment="У соседей дешевле на 10 %", competitor="Завод МК", competitor_price="1 500 000,50",
    )  # fmt: skip
    assert done.status_code == 204
    deal = Deal.objects.get(pk=deal.pk)
    assert (deal.refusal_reason, deal.competitor) == (reason, "Завод МК")
    assert str(deal.competitor_price) == "1500000.50"


@pytest.mark.rule("PIPE-4")
def test_the_refusal_dialog_offers_all_six_ways_and_the_reason_says_which() -> None:
    owner = make_user()
    deal = make_deal(owner)
    page = signed_in(owner).get(f"/deals/{deal.pk}/refuse/", **HTMX)
    groups = [name for name, _options in page.context["form"].fields["choice"].choices]
    assert len(groups) == 6
    reason = RefusalReason.objects.filter(stage="deal:delivery_time").first()
    assert reason is not None
    data = {"choice": reason.pk, "comment": "Нужно к маю", "expected_stage": deal.stage}
    assert signed_in(owner).post(f"/deals/{deal.pk}/refuse/", data, **HTMX).status_code == 204
    assert Deal.objects.get(pk=deal.pk).stage == "deal:delivery_time"


@pytest.mark.rule("PIPE-6")
def test_the_slower_of_two_gets_a_conflict_that_says_who_moved_it() -> None:
    owner, head = make_user(), make_user(Role.SALES_HEAD, last_name="Орлова")
    deal = ready_deal(owner)
    seen = deal.stage
    move(Deal.objects.get(pk=deal.pk), "costing", by=head)
    answer = signed_in(owner).post(f"/deals/{deal.pk}/move/", {"to": "costing", "expected_stage": seen}, **HTMX)
    assert answer.status_code == 409
    assert "Орлова" in answer.content.decode()
    assert StageHistory.objects.filter(record_type="deal", record_id=deal.pk).count() == 2


@pytest.mark.rule("PIPE-2")
def test_a_way_back_is_refused_to_a_manager_and_asks_the_head_for_a_reason() -> None:
    owner, head = make_user(), make_user(Role.SALES_HEAD)
    deal = make_deal(owner, stage="proposal_sent")
    refused = post_move(owner, deal, "request_received")
    assert refused.status_code == 422
    assert "components/message_dialog.html" in {template.name for template in refused.templates}
    asked = post_move(head, deal, "request_received")
    assert (asked.status_code, list(asked.context["form"].fields)) == (422, ["reason"])
    assert post_move(head, deal, "request_received", reason="...").status_code == 422
    assert post_move(head, deal, "request_received", reason="Ошиблись стадией").status_code == 204


def test_without_scripts_a_move_redirects_to_the_card() -> None:
    owner = make_user()
    deal = ready_deal(owner)
    answer = signed_in(owner).post(f"/deals/{deal.pk}/move/", {"to": "costing"})
    assert (answer.status_code, answer["Location"]) == (302, deal.get_absolute_url())


def test_without_scripts_the_dialog_is_a_page() -> None:
    owner = make_user()
    deal = make_deal(owner)
    answer = signed_in(owner).post(f"/deals/{deal.pk}/move/", {"to": "costing"})
    assert answer.status_code == 422
    assert b"<html" in answer.content


@pytest.mark.rule("ACC-1")
def test_a_stranger_finds_no_deal_and_a_teammate_may_only_look() -> None:
    from tests.factories import make_team

    team = make_team(members_see_each_other=True)
    owner, mate = make_user(team=team), make_user(team=team)
    deal = ready_deal(owner)
    assert post_move(make_user(), deal, "costing").status_code == 404
    assert post_move(mate, deal, "costing").status_code == 403
    assert signed_in(mate).get(f"/deals/{deal.pk}/").status_code == 200


def test_the_menu_offers_only_where_it_may_go() -> None:
    owner = make_user()
    deal = ready_deal(owner)
    page = signed_in(owner).get(f"/deals/{deal.pk}/move/", **HTMX)
    codes = [stage.code for stage in page.context["targets"]]
    assert "costing" in codes
    assert "contract_signed" not in codes
    assert page.context["refuse_url"]
