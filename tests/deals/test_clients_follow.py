"""Contacts, companies and objects follow the deals tied to them."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection

from accounts.models import Role
from communications.services import call_add
from crm import nightly, services
from crm.actors import Actor
from crm.models import RefusalReason, StageHistory
from crm.stages import Refusal, move
from deals.models import Deal
from deals.services import deal_create, deal_update
from objects_registry.models import ConstructionObject
from tests.factories import make_client, make_company, make_deal, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> Any:
    return make_user()


def at(record: Any) -> str:
    return str(type(record).objects.get(pk=record.pk).stage.partition(":")[2])


def win(deal: Deal) -> None:
    move(Deal.objects.get(pk=deal.pk), "contract_signed", by=Actor.system(), override=True)


def cancel(deal: Deal) -> None:
    reason = RefusalReason.objects.filter(stage="deal:construction_cancelled").first()
    assert reason is not None
    move(deal, "construction_cancelled", by=deal.responsible, refusal=Refusal(reason.pk, "Не дали кредит"))


def make_object(owner: Any) -> ConstructionObject:
    return services.record_create(ConstructionObject, data={"name": "Склад"}, by=owner, pipeline="object")


@pytest.mark.rule("PIPE-1")
def test_clients_climb_with_their_deals(owner: Any) -> None:
    company = make_company(owner)
    contact = make_client(owner, company=company)
    assert (at(contact), at(company)) == ("prospect", "prospect")
    first = make_deal(owner, contact=contact, company=company)
    assert (at(contact), at(company)) == ("in_work", "in_work")
    win(first)
    assert (at(contact), at(company)) == ("client", "client")
    second = make_deal(owner, contact=contact)
    assert (at(contact), at(company)) == ("client", "client")
    win(second)
    assert (at(contact), at(company)) == ("regular", "client")
    row = StageHistory.objects.filter(record_type="contact", record_id=contact.pk).last()
    assert row is not None
    assert row.actor_kind == "system"


def test_a_client_given_to_a_deal_later_follows_it_too(owner: Any) -> None:
    contact = make_client(owner)
    deal_update(make_deal(owner), by=owner, data={"contact": contact})
    assert at(contact) == "in_work"


def test_a_partners_twin_counts_for_nothing(owner: Any) -> None:
    contact = make_client(owner)
    partner = make_user(Role.PARTNER)
    deal = make_deal(owner, contact=contact)
    twin = deal_create(
        by=Actor.system(),
        data={"contact": contact, "responsible": partner},
        pipeline="partner_deal",
        partner=partner.partner,
        origin=deal,
    )
    move(twin, "won", by=Actor.system(), override=True)
    assert at(contact) == "in_work"
    win(deal)
    assert at(contact) == "client"


def test_what_a_person_set_by_hand_is_not_taken_down(owner: Any) -> None:
    contact = make_client(owner)
    move(contact, "client", by=owner)
    make_deal(owner, contact=contact)
    assert at(contact) == "client"


def test_a_deal_won_by_mistake_takes_the_client_back(owner: Any) -> None:
    head = make_user(Role.SALES_HEAD)
    contact = make_client(owner)
    deal = make_deal(owner, contact=contact)
    win(deal)
    move(deal, "request_received", by=head, reason="Подписали не тот договор")
    assert at(contact) == "in_work"


def test_an_excluded_client_stays_excluded(owner: Any) -> None:
    contact = make_client(owner)
    move(contact, "excluded", by=owner, override=True)
    make_deal(owner, contact=contact)
    assert at(contact) == "excluded"


@pytest.mark.rule("PIPE-1")
def test_a_client_of_whom_nothing_was_heard_for_a_year_falls_asleep_and_wakes(clock: Any, owner: Any) -> None:
    company = make_company(owner)
    sleeper = make_client(owner, company=company)
    won = make_deal(owner, contact=sleeper)
    win(won)
    busy = make_client(owner)
    make_deal(owner, contact=busy)
    clock.travel(days=300)
    recent = make_client(owner)
    clock.travel(days=66)
    assert nightly.run_all()["dormant clients"] == 2
    assert [at(record) for record in (sleeper, company, busy, recent)] == ["dormant", "dormant", "in_work", "prospect"]
    assert nightly.run_all()["dormant clients"] == 0
    call_add(sleeper, direction="in", by=owner)
    assert (at(sleeper), at(company)) == ("client", "prospect")


def test_a_new_deal_wakes_a_dormant_client(clock: Any, owner: Any) -> None:
    contact = make_client(owner)
    clock.travel(days=400)
    nightly.run_all()
    make_deal(owner, contact=contact)
    assert at(contact) == "in_work"


@pytest.mark.rule("PIPE-1")
def test_an_object_follows_its_deals(owner: Any) -> None:
    obj = make_object(owner)
    deal = make_deal(owner, object=obj)
    assert at(obj) == "planned"
    move(deal, "costing", by=owner, override=True)
    assert at(obj) == "estimating"
    win(deal)
    assert at(obj) == "contracted"


@pytest.mark.rule("PIPE-1")
def test_an_object_is_cancelled_when_the_client_gave_up_in_all_its_deals(owner: Any) -> None:
    obj = make_object(owner)
    first, second = make_deal(owner, object=obj), make_deal(owner, object=obj)
    cancel(first)
    assert at(obj) == "planned"
    cancel(second)
    assert at(obj) == "cancelled"
    third = make_deal(owner, object=obj)
    assert at(obj) == "planned"
    move(third, "price_of_structures", by=Actor.system(), override=True)
    assert at(obj) == "planned"


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_deals_won_at_once_make_a_regular_client(owner: Any) -> None:
    contact = make_client(owner)
    deals = [make_deal(owner, contact=contact) for _number in range(2)]
    gate = threading.Barrier(2)

    def sign(deal: Deal) -> None:
        try:
            gate.wait(10)
            win(deal)
        finally:
            connection.close()

    threads = [threading.Thread(target=sign, args=(deal,)) for deal in deals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert at(contact) == "regular"
