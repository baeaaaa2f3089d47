"""What is typed only to get past a stage's question is no answer: in a service, the browser, the API and a robot."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Role
from automation.models import Rule, RuleRun
from crm.errors import MissingFields
from crm.stages import move
from deals.models import Deal
from leads.models import Lead
from leads.services import lead_create
from objects_registry.models import Purpose
from tests.factories import make_company, make_deal, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("PIPE-3")]

TODAY = date(2026, 3, 2)


@pytest.fixture(autouse=True)
def _stopped(clock: Any) -> None:
    """Today is 2 March 2026."""


def signing(owner: Any, **data: Any) -> Deal:
    company = make_company(owner, inn="7707083893")
    data = {"company": company, "amount": 5_000_000, "contract_date": TODAY, **data}
    found: Deal = make_deal(owner, stage="contract_signing", **data)
    return found


def fresh(deal: Deal) -> Deal:
    return Deal.objects.get(pk=deal.pk)


@pytest.mark.parametrize("number", ["-", ".", "тест", "test", "б/н", "нет 1"])
def test_a_placeholder_wins_no_deal(number: str) -> None:
    owner = make_user()
    deal = signing(owner)
    with pytest.raises(MissingFields) as refused:
        move(deal, "contract_signed", by=owner, data={"contract_number": number})
    assert [row["code"] for row in refused.value.errors] == ["placeholder"]
    assert (fresh(deal).is_open, fresh(deal).contract_number) == (True, "")


@pytest.mark.parametrize("number", ["1", "123", "7-К", "№ 5", "15/26", "ДП-2026-03"])
def test_a_short_number_is_a_number(number: str) -> None:
    owner = make_user()
    deal = signing(owner)
    move(deal, "contract_signed", by=owner, data={"contract_number": number})
    assert fresh(deal).contract_number == number


def test_the_api_names_the_field_and_says_that_it_is_a_placeholder(caller: Any) -> None:
    program = caller(make_user())
    deal = signing(program.user)
    wish = {"to": "contract_signed", "data": {"contract_number": "-"}}
    answer = program.post(f"deals/{deal.pk}/move/", wish)
    assert (answer.status_code, answer.json()["code"]) == (422, "missing_fields")
    (row,) = answer.json()["errors"]
    assert (row["pointer"], row["code"], row["fields"]) == ("/data/contract_number", "placeholder", ["contract_number"])
    assert "«-»" in row["message"]
    assert caller(make_user()).post(f"deals/{deal.pk}/move/", wish).status_code == 404


def test_the_dialog_says_it_at_the_field_and_keeps_asking() -> None:
    owner = make_user(Role.SALES_HEAD)
    lead = lead_create(by=owner, data={"name": "Анна Ким", "phone": "+79160000001", "area": 900, "responsible": owner})
    page = Client()
    page.force_login(owner)
    purpose = Purpose.objects.first()
    assert purpose is not None
    data = {"to": "data_complete", "fields": "1", "purpose": purpose.pk, "address": "тест"}
    answer = page.post(f"/leads/{lead.pk}/move/", data, headers={"HX-Request": "true"})
    assert answer.status_code == 422
    assert "тест" in answer.context["form"].errors["address"][0]
    assert Lead.objects.get(pk=lead.pk).stage != "lead:data_complete"
    done = page.post(f"/leads/{lead.pk}/move/", {**data, "address": "Тверь"}, headers={"HX-Request": "true"})
    assert done.status_code == 204


def test_a_placeholder_already_in_the_record_is_asked_for_with_what_is_wrong() -> None:
    owner = make_user()
    deal = signing(owner, contract_number="-")
    page = Client()
    page.force_login(owner)
    answer = page.post(f"/deals/{deal.pk}/move/", {"to": "contract_signed"}, headers={"HX-Request": "true"})
    assert set(answer.context["form"].fields) == {"contract_number"}
    assert "«-»" in answer.context["form"].fields["contract_number"].help_text


def test_a_robot_moves_on_no_placeholder() -> None:
    owner = make_user()
    Rule.objects.create(
        code="win", name_ru="Выиграть", name_en="Win", pipeline_id="deal", trigger="created", action="change_stage",
        params={"to": "contract_signed"},
    )  # fmt: skip
    deal = signing(owner, contract_number="test")
    assert fresh(deal).is_open
    assert RuleRun.objects.filter(rule__code="win", record_id=deal.pk, is_ok=False).exists()


@pytest.mark.parametrize(("days", "is_refused"), [(0, False), (7, False), (8, True), (3650, True), (-400, False)])
def test_a_contract_is_not_dated_far_ahead(days: int, is_refused: bool) -> None:
    owner = make_user()
    deal = signing(owner)
    given = {"contract_number": "7", "contract_date": TODAY + timedelta(days=days)}
    if not is_refused:
        assert move(deal, "contract_signed", by=owner, data=given).stage == "deal:contract_signed"
        return
    with pytest.raises(MissingFields) as refused:
        move(deal, "contract_signed", by=owner, data=given)
    assert [(row["pointer"], row["code"]) for row in refused.value.errors] == [("/data/contract_date", "in_future")]
    assert f"{given['contract_date']:%d.%m.%Y}" in refused.value.message


@pytest.mark.parametrize(
    ("to", "name"), [("negotiation", "construction_start"), ("contract_signing", "expected_close_date")]
)
def test_what_is_planned_does_not_lie_in_the_past(to: str, name: str) -> None:
    owner = make_user()
    deal = make_deal(owner, stage="proposal_sent", amount=5, company=make_company(owner), **{name: date(2025, 5, 1)})
    with pytest.raises(MissingFields) as refused:
        move(deal, to, by=owner)
    assert [(row["pointer"], row["code"]) for row in refused.value.errors] == [(f"/data/{name}", "in_past")]
    assert "01.05.2025" in refused.value.message
    assert move(deal, to, by=owner, data={name: TODAY}).stage == f"deal:{to}"
