"""The shared filters: each cuts what its name says, in the company's calendar."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client

from accounts.models import Role
from crm import clock, services
from crm.clients import company_create, contact_create
from crm.models import Tag
from crm.stages import Refusal, move
from deals.filters import DealFilter
from deals.models import Deal
from leads.filters import LeadFilter
from leads.models import Lead
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def lead(owner: Any, **data: Any) -> Lead:
    return services.record_create(
        Lead, data={"title": "Заявка", "responsible": owner, **data}, by=owner, pipeline="lead"
    )


def ids(found: Any) -> list[int]:
    return sorted(found.qs.values_list("pk", flat=True))


def test_days_are_those_of_the_company() -> None:
    owner = make_user()
    with clock.frozen(datetime(2026, 3, 31, 21, 30, tzinfo=UTC)):  # 1 April 00:30 in Moscow
        april = lead(owner)
    assert ids(LeadFilter({"created_from": "2026-04-01"}, Lead.objects.all())) == [april.pk]
    assert ids(LeadFilter({"created_to": "2026-03-31"}, Lead.objects.all())) == []


def test_search_finds_words_in_any_order_and_any_tail_of_a_phone() -> None:
    owner = make_user()
    found = lead(owner, name="Алёна Королёва", phone="+79123456789")
    lead(owner, name="Пётр")
    for query in ("королева алена", "6789", "8 912 345", f"#{found.pk}"):
        assert ids(LeadFilter({"search": query}, Lead.objects.all())) == [found.pk], query


def test_reached_and_lost_from_read_the_history() -> None:
    owner = make_user()
    deal = services.record_create(
        Deal, data={"title": "А", "responsible": owner}, by=owner, pipeline="deal", stage="resumed"
    )
    other = services.record_create(Deal, data={"title": "Б", "responsible": owner}, by=owner, pipeline="deal")
    reason = deal.stage_row.pipeline.stages.get(code="delivery_time").reasons.first()
    move(deal, "delivery_time", by=owner, refusal=Refusal(reason.pk, "Нужно к маю"))
    assert ids(DealFilter({"reached": "deal:resumed"}, Deal.objects.all())) == [deal.pk]
    assert ids(DealFilter({"lost_from": "deal:resumed"}, Deal.objects.all())) == [deal.pk]
    assert ids(DealFilter({"lost_from": "deal:costing"}, Deal.objects.all())) == []
    assert ids(DealFilter({"kind": "open"}, Deal.objects.all())) == [other.pk]
    assert ids(DealFilter({"kind": "closed"}, Deal.objects.all())) == [deal.pk]


def tagged_deals() -> Any:
    """Deals, one of which has both tags."""
    owner = make_user()
    deal = services.record_create(Deal, data={"title": "Ангар", "responsible": owner}, by=owner, pipeline="deal")
    deal.tags.set([Tag.objects.create(pk=1, name="срочно"), Tag.objects.create(pk=2, name="крупный")])
    return Deal.objects.all()


@pytest.mark.parametrize(
    "query", ["pipeline=deal", "stage=deal:costing", "source=other", "channel=form", "tag=1&tag=2"]
)
def test_no_filter_makes_the_database_sort_out_doubles(query: str) -> None:
    found = DealFilter(QueryDict(query), tagged_deals())
    assert found.is_valid()
    assert "DISTINCT" not in str(found.qs.query)


def test_a_record_with_two_of_the_tags_is_found_once() -> None:
    found = DealFilter(QueryDict("tag=1&tag=2"), tagged_deals())
    assert len(found.qs) == 1


@pytest.mark.rule("LEAD-16")
def test_deals_are_cut_by_the_type_of_the_client_and_so_are_the_reports(client: Client) -> None:
    head = make_user(Role.SALES_HEAD)
    supplier = company_create(by=head, data={"name": "Сталь", "client_type": "supplier"})
    person = contact_create(by=head, data={"name": "Иванов Пётр", "responsible": head})
    make = lambda **data: services.record_create(  # noqa: E731
        Deal, data={"title": "С", "responsible": head, **data}, by=head, pipeline="deal"
    )
    ours, private, nobodys = make(company=supplier, contact=person), make(contact=person), make()
    assert ids(DealFilter(QueryDict("client_type=supplier"), Deal.objects.all())) == [ours.pk]
    assert ids(DealFilter(QueryDict("client_type=client"), Deal.objects.all())) == [private.pk]
    assert nobodys.pk not in ids(DealFilter(QueryDict("client_type=client&client_type=supplier"), Deal.objects.all()))
    client.force_login(head)
    asked = {"pipeline": "deal", "client_type": "supplier"}
    report = client.get("/api/v1/reports/funnel/", asked).json()
    assert report["outcome"]["created"]["value"] == 1
    assert "client_type=supplier" in report["outcome"]["created"]["url"]
    assert client.get("/api/v1/reports/funnel/", {**asked, "client_type": "vip"}).status_code == 400
    assert b'name="client_type"' in client.get("/reports/funnel/", asked).content
