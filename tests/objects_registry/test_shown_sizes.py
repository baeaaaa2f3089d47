"""Sizes and computed values as the cards show them: one order everywhere, a flag only on what was overridden."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from crm import scope
from deals.screens import amount_fact
from deals.services import deal_create, deal_lines_set, deal_update
from leads.services import lead_create
from objects_registry.models import Purpose, SteelConsumption
from objects_registry.services import object_create
from objects_registry.showing import area_fact, short_size, size_text, tonnage_fact
from objects_registry.steel import MEMO
from tests.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> Any:
    return make_user()


def test_length_stands_before_width_in_titles_cards_lists_and_boards(owner: Any, client: Client) -> None:
    sizes = {"length": "60", "width": "24.5", "height": "8", "purpose": Purpose.objects.first(), "city": "Тверь"}
    lead = lead_create(by=owner, data={"name": "Пётр", "phone": "89123456789", **sizes})
    deal = deal_create(by=owner, data=sizes)
    obj = object_create(by=owner, data=sizes)
    assert "60×24,5" in lead.title
    assert "60×24,5" in deal.title
    assert "60×24,5" in obj.name
    obj.refresh_from_db()
    assert size_text(obj).replace("\u00a0", " ") == "60 × 24,5 × 8 м"
    assert short_size(obj) == "60×24,5"
    client.force_login(owner)
    assert "60 × 24,5 × 8" in client.get("/objects/").content.decode()
    assert "Длина × ширина × высота" in client.get(obj.get_absolute_url()).content.decode()


@pytest.mark.rule("LEAD-4")
def test_an_area_is_flagged_only_where_the_sides_say_something_else(owner: Any) -> None:
    lead = lead_create(by=owner, data={"name": "Пётр", "area": "1500"})
    lead.refresh_from_db()
    assert "flag" not in area_fact(lead)
    lead.length, lead.width = Decimal(60), Decimal(24)
    shown = area_fact(lead)
    assert shown["flag"] == "вручную"
    assert shown["note"].replace("\u00a0", " ") == "60 × 24 = 1 440 м²"
    lead.area = Decimal(1440)
    assert "flag" not in area_fact(lead)


@pytest.mark.rule("DEAL-2")
def test_a_tonnage_is_flagged_only_where_the_table_says_something_else(owner: Any) -> None:
    SteelConsumption.objects.all().delete()
    deal = deal_create(by=owner, data={"area": 1000, "tonnage": 70})
    deal.refresh_from_db()
    assert "flag" not in tonnage_fact(deal)
    SteelConsumption.objects.create(kg_per_m2=Decimal(40))
    scope.forget(MEMO)
    shown = tonnage_fact(deal)
    assert (shown["flag"], "40" in shown["note"]) == ("вручную", True)


@pytest.mark.rule("DEAL-1")
def test_an_amount_is_flagged_only_over_the_sum_of_the_lines(owner: Any) -> None:
    deal = deal_create(by=owner, data={"title": "Ангар", "amount": 1000})
    assert "flag" not in amount_fact(deal)
    deal_lines_set(deal, by=owner, lines=[{"name": "Каркас", "price": 900}])
    deal.refresh_from_db()
    shown = amount_fact(deal)
    assert shown["flag"] == "вручную"
    assert "900" in shown["note"]
    deal_update(deal, by=owner, data={"amount": Decimal(900)})
    assert "flag" not in amount_fact(deal)
