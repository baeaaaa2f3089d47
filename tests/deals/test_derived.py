"""What follows from a deal's fields: title, amount, area and tonnage, until a hand sets them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from crm import preferences, services
from crm.errors import InvalidInput
from crm.models import Change, TimelineEntry
from deals.models import Deal, DealLine
from deals.services import deal_create, deal_lines_set, deal_update
from objects_registry.models import ConstructionObject, Purpose, SteelConsumption
from tests.factories import make_client, make_company, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> Any:
    return make_user()


@pytest.fixture
def purpose() -> Purpose:
    SteelConsumption.objects.all().delete()
    made = Purpose.objects.create(code="test-store", name_ru="Склад", name_en="Warehouse")
    SteelConsumption.objects.create(purpose=made, span_to=24, height_to=6, kg_per_m2=Decimal(40))
    SteelConsumption.objects.create(purpose=made, span_to=36, height_to=12, kg_per_m2=Decimal(60))
    return made


# -- title ------------------------------------------------------------------------------------------------------------


@pytest.mark.rule("DEAL-1")
def test_the_title_follows_the_template_until_it_is_written_by_hand(owner: Any) -> None:
    deal = deal_create(by=owner, data={"company": make_company(owner, name="ООО «Зерно»"), "area": 1440})
    assert deal.title == "ООО «Зерно», 1440 м²"
    obj = services.record_create(ConstructionObject, data={"name": "Ангар в Твери"}, by=owner, pipeline="object")
    deal_update(deal, by=owner, data={"object": obj})
    assert deal.title == "Ангар в Твери — ООО «Зерно», 1440 м²"
    deal_update(deal, by=owner, data={"title": "Ангар для Ивана"})
    deal_update(deal, by=owner, data={"area": 1500})
    assert Deal.objects.get(pk=deal.pk).title == "Ангар для Ивана"
    deal_update(deal, by=owner, data={"title": ""})
    assert Deal.objects.get(pk=deal.pk).title == "Ангар в Твери — ООО «Зерно», 1500 м²"


@pytest.mark.rule("DEAL-1")
def test_a_form_that_sends_the_title_back_does_not_make_it_manual(owner: Any) -> None:
    deal = deal_create(by=owner, data={"contact": make_client(owner, last_name="Ким"), "area": 100})
    deal_update(deal, by=owner, data={"title": deal.title, "area": 200})
    assert deal.title == "Ким Иван, 200 м²"


@pytest.mark.rule("DEAL-1")
def test_without_an_object_what_is_to_be_built_stands_in_the_title(owner: Any, purpose: Purpose) -> None:
    deal = deal_create(by=owner, data={"purpose": purpose, "width": 24, "length": 60})
    assert deal.title == "Склад 60×24 — 1440 м²"


def test_a_deal_about_which_nothing_is_known_has_a_title_too(owner: Any, settings: Any) -> None:
    settings.LANGUAGE_CODE = "en"
    assert deal_create(by=owner, data={}).title == "New deal"


@pytest.mark.rule("DEAL-1")
def test_the_template_is_a_setting(owner: Any) -> None:
    from crm.models import Preference

    Preference.objects.create(key="deal_title_template", value="{client}: {city}")
    assert preferences.get("deal_title_template") == "{client}: {city}"
    assert deal_create(by=owner, data={"city": "Тверь"}).title == "Тверь"


# -- amount -----------------------------------------------------------------------------------------------------------


@pytest.mark.rule("DEAL-1")
def test_the_amount_follows_the_lines_until_it_is_set_by_hand(owner: Any) -> None:
    deal = deal_create(by=owner, data={"title": "Ангар"})
    deal_lines_set(deal, by=owner, lines=[{"name": "Каркас", "quantity": "1.5", "price": "100.33"}])
    assert deal.amount == Decimal("150.50")  # a kopeck is rounded per line
    deal_lines_set(deal, by=owner, lines=[{"name": "Каркас", "price": 100}, {"name": "Монтаж", "price": 50}])
    assert (deal.amount, deal.amount_is_manual) == (Decimal(150), False)
    deal_update(deal, by=owner, data={"amount": Decimal(140)})
    deal_lines_set(deal, by=owner, lines=[{"name": "Каркас", "price": 500}])
    assert (deal.amount, deal.amount_is_manual) == (Decimal(140), True)
    deal_update(deal, by=owner, data={"amount": None})
    assert (deal.amount, deal.amount_is_manual) == (Decimal(500), False)
    deal_lines_set(deal, by=owner, lines=[])
    assert Deal.objects.get(pk=deal.pk).amount is None


@pytest.mark.rule("DEAL-1")
def test_a_typed_amount_stays_when_lines_come(owner: Any) -> None:
    deal = deal_create(by=owner, data={"title": "Ангар", "amount": "1000", "lines": [{"name": "Каркас", "price": 1}]})
    deal.refresh_from_db()
    assert (deal.amount, deal.currency) == (Decimal(1000), "RUB")


@pytest.mark.rule("DEAL-1")
@pytest.mark.parametrize(
    ("line", "pointer"),
    [
        ({"name": "", "price": 1}, "/lines/1/name"),
        ({"name": "Каркас", "price": -1}, "/lines/1/price"),
        ({"name": "Каркас", "price": "дорого"}, "/lines/1/price"),
        ({"name": "Каркас"}, "/lines/1/price"),
        ({"name": "Каркас", "price": 1, "quantity": "NaN"}, "/lines/1/quantity"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_changed(owner: Any, line: dict[str, Any], pointer: str) -> None:
    deal = deal_create(by=owner, data={"title": "Ангар", "lines": [{"name": "Каркас", "price": 7}]})
    with pytest.raises(InvalidInput) as refused:
        deal_lines_set(deal, by=owner, lines=[{"name": "Кровля", "price": 1}, line])
    assert refused.value.errors[0]["pointer"] == pointer
    assert [row.name for row in DealLine.objects.filter(deal=deal)] == ["Каркас"]


def test_tags_are_made_once_and_cleaned(owner: Any) -> None:
    deal = deal_create(by=owner, data={"title": "А", "tags": ["опт ", "  опт", "срочно  сегодня", ""]})
    assert list(deal.tags.values_list("name", flat=True)) == ["опт", "срочно сегодня"]
    deal_update(deal, by=owner, data={"tags": []})
    assert not deal.tags.exists()


# -- area and tonnage -------------------------------------------------------------------------------------------------


@pytest.mark.rule("DEAL-2")
def test_area_and_tonnage_follow_the_sizes(owner: Any, purpose: Purpose) -> None:
    deal = deal_create(by=owner, data={"purpose": purpose, "width": 24, "length": 60, "height": 6})
    assert (deal.area, deal.tonnage) == (Decimal(1440), Decimal("57.6"))
    deal_update(deal, by=owner, data={"height": 8})
    assert deal.tonnage == Decimal("86.4")
    deal_update(deal, by=owner, data={"length": 30})
    assert (deal.area, deal.tonnage) == (Decimal(720), Decimal("43.2"))
    deal_update(deal, by=owner, data={"width": 60, "length": 60})  # wider than any row of the table: no guess
    assert Deal.objects.get(pk=deal.pk).tonnage is None
    changed = set(Change.objects.filter(record_type="deal", record_id=deal.pk).values_list("field", flat=True))
    assert {"area", "tonnage"} <= changed


@pytest.mark.rule("DEAL-2")
def test_a_hand_entered_value_stays_and_is_flagged(owner: Any, purpose: Purpose) -> None:
    deal = deal_create(by=owner, data={"purpose": purpose, "width": 24, "length": 60, "height": 6})
    deal_update(deal, by=owner, data={"tonnage": 70, "area": 1500})
    assert (deal.tonnage_is_manual, deal.area_is_manual) == (True, True)
    deal_update(deal, by=owner, data={"length": 30, "height": 5})
    deal.refresh_from_db()
    assert (deal.area, deal.tonnage) == (Decimal(1500), Decimal(70))
    deal_update(deal, by=owner, data={"tonnage": None})
    assert (deal.tonnage, deal.tonnage_is_manual) == (Decimal(60), False)


@pytest.mark.rule("DEAL-2")
def test_objects_and_leads_weigh_the_same_way(owner: Any, purpose: Purpose) -> None:
    from leads.models import Lead

    sizes = {"purpose": purpose, "width": 24, "length": 60, "height": 6}
    obj = services.record_create(ConstructionObject, data={"name": "Склад", **sizes}, by=owner, pipeline="object")
    lead = services.record_create(Lead, data={"name": "Иван", **sizes}, by=owner, pipeline="lead")
    assert obj.tonnage == lead.tonnage == Decimal("57.6")


def test_a_partner_makes_deals_of_their_own_pipeline_only() -> None:
    partner = make_user("partner")
    deal = deal_create(by=partner, data={"title": "Свой"}, pipeline="deal")
    assert (deal.pipeline_id, deal.partner, deal.responsible) == ("partner_deal", partner.partner, partner)


def test_a_new_responsible_takes_the_open_tasks_along(clock: Any, owner: Any) -> None:
    deal = deal_create(by=owner, data={"title": "Ангар"})
    task = services.activity_create(deal, title="Звонок", due_at=clock.now(), responsible=owner, by=owner)
    other = make_user()
    deal_update(deal, by=owner, data={"responsible": other})
    task.refresh_from_db()
    assert (deal.responsible, task.responsible) == (other, other)
    assert TimelineEntry.objects.filter(record_type="deal", record_id=deal.pk, action="responsible").exists()
