"""What the sales head sets in the browser is what the product does from then on."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import Role
from crm import pipelines, preferences, scope
from crm.errors import InvalidInput, MissingFields
from crm.models import Change, Pipeline, RefusalReason, Source, Stage
from crm.settings_services import stage_add, stage_delete
from crm.stages import move
from deals.services import deal_create
from tests.factories import make_user

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def head() -> Any:
    return make_user(Role.SALES_HEAD, language="en")


@pytest.fixture
def office(client: Client, head: Any) -> Client:
    client.force_login(head)
    return client


def make_deal(by: Any, **data: Any) -> Any:
    return deal_create(by=by, data={"title": "Склад", **data})


def audited(kind: str) -> set[str]:
    return set(Change.objects.filter(record_type=kind).values_list("field", flat=True))


@pytest.mark.parametrize(
    "path",
    [
        "/settings/pipelines/deal/", "/settings/pipelines/lead/", "/settings/pipelines/deal/required/",
        "/settings/pipelines/deal/reasons/", "/settings/company/", "/settings/sources/",
        "/settings/stages/deal:costing/",
        "/settings/pipelines/new/", "/settings/pipelines/deal/stages/new/", "/settings/pipelines/deal/change/",
    ],
)  # fmt: skip
def test_pages_open_for_the_head_and_nobody_below(office: Client, path: str) -> None:
    assert office.get(path).status_code == 200
    for role in (Role.SALES_MANAGER, Role.CALL_CENTER, Role.PARTNER, Role.PARTNER_CONTROL):
        office.force_login(make_user(role))
        assert office.get(path).status_code == 403
        assert office.post(path, {"name_ru": "x"}).status_code == 403


@pytest.mark.rule("PIPE-3", "ACC-5")
def test_a_field_ticked_in_the_matrix_is_asked_at_the_next_move(office: Client, head: Any) -> None:
    deal = make_deal(head, amount="100")
    stage = Stage.objects.get(pk="deal:costing")
    needed = [*stage.required, "expected_close_date"]
    page = office.get("/settings/pipelines/deal/required/").content.decode()
    assert 'name="need:costing" value="expected_close_date"' in page
    data = {f"need:{row.code}": row.required for row in Stage.objects.filter(pipeline="deal", is_start=False)}
    office.post("/settings/pipelines/deal/required/", {**data, "need:costing": needed})
    with pytest.raises(MissingFields) as refused:
        move(deal, "costing", by=head)
    assert "expected_close_date" in [item.code for item in refused.value.missing]
    assert audited("stage") == {"required"}


@pytest.mark.rule("PIPE-4")
def test_a_new_reason_is_offered_and_one_out_of_use_is_not(office: Client, head: Any) -> None:
    office.post("/settings/stages/deal:delivery_time/reasons/new/", {"name_ru": "Долго везти", "is_active": "on"})
    reason = RefusalReason.objects.get(name_ru="Долго везти")
    assert reason.name_en == "Долго везти"
    deal = make_deal(head)
    assert "Долго везти" in office.get(f"/deals/{deal.pk}/refuse/", headers=HTMX).content.decode()
    office.post(f"/settings/reasons/{reason.pk}/", {"name_ru": "Долго везти", "name_en": "Slow"})
    assert "Slow" not in office.get(f"/deals/{deal.pk}/refuse/", headers=HTMX).content.decode()
    assert {"created", "is_active", "name_en"} <= audited("reason")


@pytest.mark.rule("PIPE-4")
def test_the_last_reason_of_a_refusal_stage_stays(office: Client) -> None:
    reasons = list(RefusalReason.objects.filter(stage="deal:delivery_time", is_active=True))
    for reason in reasons[1:]:
        RefusalReason.objects.filter(pk=reason.pk).update(is_active=False)
    answer = office.post(f"/settings/reasons/{reasons[0].pk}/", {"name_ru": "x", "name_en": "x"})
    assert answer.status_code == 422
    assert RefusalReason.objects.get(pk=reasons[0].pk).is_active


@pytest.mark.rule("PIPE-1")
def test_a_stage_is_renamed_and_its_code_and_kind_stay(office: Client) -> None:
    data = {"name_ru": "Смета", "name_en": "Estimate", "colour": "pink", "norm_hours": "12", "probability": "15"}
    office.post("/settings/stages/deal:costing/", {**data, "code": "x", "kind": "failure"})
    stage = Stage.objects.get(pk="deal:costing")
    assert (stage.name_ru, stage.colour, stage.norm_hours, stage.code, stage.kind) == (
        "Смета", "pink", 12, "costing", "open",
    )  # fmt: skip
    assert "Estimate" in office.get("/deals/board/").content.decode()


@pytest.mark.rule("PIPE-1")
def test_a_stage_of_ones_own_stands_where_it_was_put_and_can_be_entered(office: Client, head: Any) -> None:
    data = {"name_ru": "Замер", "kind": "open", "colour": "teal", "after": "deal:costing"}
    office.post("/settings/pipelines/deal/stages/new/", data)
    row = [stage.name_ru for stage in Stage.objects.filter(pipeline="deal").order_by("order")]
    assert row[row.index("Расчёт стоимости") + 1] == "Замер"
    pipelines.changed()
    stage = Stage.objects.get(name_ru="Замер")
    deal = make_deal(head)
    move(deal, stage.key, by=head)
    assert deal.stage == stage.key


def test_up_and_down_change_places_and_the_start_stays_first(office: Client) -> None:
    office.post("/settings/stages/deal:negotiation/shift/", {"to": "up"})
    codes = list(Stage.objects.filter(pipeline="deal", kind="open").order_by("order").values_list("code", flat=True))
    assert codes[:4] == ["request_received", "costing", "negotiation", "proposal_sent"]
    assert office.post("/settings/stages/deal:costing/shift/", {"to": "up"}, headers=HTMX).status_code == 422


@pytest.mark.rule("PIPE-5")
def test_deleting_a_stage_asks_where_its_cards_go(office: Client, head: Any) -> None:
    stage = stage_add(
        Pipeline.objects.get(pk="deal"), by=head, name_ru="Пауза", kind="open", colour="gray",
        after=Stage.objects.get(pk="deal:costing"),
    )  # fmt: skip
    deal = make_deal(head)
    move(deal, stage.key, by=head)
    with pytest.raises(InvalidInput):
        stage_delete(stage, by=head)
    page = office.get(f"/settings/stages/{stage.key}/delete/", headers=HTMX).content.decode()
    assert 'name="move_to"' in page
    office.post(f"/settings/stages/{stage.key}/delete/", {"move_to": "deal:costing"})
    deal.refresh_from_db()
    assert deal.stage == "deal:costing"
    # It has a past, so the history still names it.
    assert Stage.objects.get(pk=stage.key).is_hidden


def test_shipped_and_occupied_stages_are_neither_deleted_nor_hidden(office: Client, head: Any) -> None:
    make_deal(head)
    assert office.post("/settings/stages/deal:costing/delete/", {"x": "1"}, headers=HTMX).status_code == 422
    data = {"name_ru": "x", "name_en": "x", "colour": "blue", "probability": "1", "is_hidden": "on"}
    deal = make_deal(head)
    move(deal, "costing", by=head, override=True)
    assert office.post("/settings/stages/deal:costing/", data).status_code == 422
    assert not Stage.objects.get(pk="deal:costing").is_hidden


def test_a_further_direction_has_stages_and_reasons_of_its_own(office: Client, head: Any) -> None:
    office.post("/settings/pipelines/new/", {"name_ru": "Сервис", "like": "deal"})
    made = Pipeline.objects.get(name_ru="Сервис")
    assert made.stages.count() == Stage.objects.filter(pipeline="deal", is_hidden=False).count()
    assert RefusalReason.objects.filter(stage__pipeline=made).exists()
    pipelines.changed()
    deal = deal_create(by=head, data={"title": "Ремонт"}, pipeline=made.pk)
    assert deal.stage == f"{made.pk}:request_received"
    assert "Сервис" in office.get("/deals/board/").content.decode()
    assert office.post(f"/settings/pipelines/{made.pk}/change/", {"name_ru": "Сервис"}).status_code == 422


@pytest.mark.rule("LEAD-3", "ACC-5")
def test_company_settings_are_kept_all_or_none(office: Client) -> None:
    page = office.get("/settings/company/deals/")
    data = {name: field.initial for name, field in page.context["form"].fields.items() if field.initial is not None}
    good = {**data, "deal_title_template": "{client} — {city}", "delayed_demand_days": "45, 30, 20"}
    assert office.post("/settings/company/deals/", good).status_code == 302
    scope.forget()
    assert preferences.get("deal_title_template") == "{client} — {city}"
    assert preferences.get("delayed_demand_days") == [45, 30, 20]
    assert {"deal_title_template", "delayed_demand_days"} <= audited("preference")
    bad = {**good, "delayed_demand_months": "7", "deal_title_template": "{nonsense}", "delayed_demand_days": "x"}
    answer = office.post("/settings/company/deals/", bad)
    assert answer.status_code == 422
    assert {"deal_title_template", "delayed_demand_days"} <= answer.context["form"].errors.keys()
    scope.forget()
    assert preferences.get("delayed_demand_months") == 6


def test_a_source_gets_a_code_of_its_name(office: Client) -> None:
    office.post("/settings/sources/new/", {"name_ru": "Выставка «Щит»", "order": "5", "is_active": "on"})
    source = Source.objects.get(name_ru="Выставка «Щит»")
    assert source.pk == "vystavka_schit"
    office.post(f"/settings/sources/{source.pk}/", {"name_ru": "Выставка", "name_en": "Fair", "order": "5"})
    source.refresh_from_db()
    assert (source.name_en, source.is_active) == ("Fair", False)
    assert {"created", "name_ru", "name_en", "is_active"} <= audited("source")
