"""«Создать копию ЛИД + Сделка»: what copies take over, that they are made once, and that they can be taken back."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from accounts.models import Role
from crm import services
from crm.errors import DomainError, InvalidInput
from crm.models import Company, Contact, Source, StageHistory, TimelineEntry
from crm.stages import move
from deals.models import CopySet, Deal
from deals.services import deal_create, deal_update
from leads import copies
from leads.copies import make_copies, undo_copies
from leads.models import Lead
from objects_registry.models import ConstructionObject
from tests.factories import make_client, make_company, make_deal, make_user

N = 30
pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> Any:
    return make_user()


@pytest.fixture
def mother(owner: Any) -> Deal:
    company = make_company(owner, inn="7707083893")
    obj = services.record_create(
        ConstructionObject, data={"name": "Склад на Лесной", "width": 24, "length": 60}, by=owner, pipeline="object"
    )
    source = Source.objects.get_or_create(code="direct", defaults={"name_ru": "Директ", "name_en": "Direct"})[0]
    return deal_create(
        by=owner,
        stage="contract_signing",
        data={
            "contact": make_client(owner, company=company),
            "company": company,
            "object": obj,
            "source": source,
            "channel": "form",
            "utm_source": "yandex",
            "utm_campaign": "angary",
            "click_ids": {"yclid": "1"},
            "request_text": "Нужен склад",
            "width": 24,
            "length": 60,
            "city": "Тверь",
            "tags": ["опт", "повтор"],
            "lines": [{"name": "Каркас", "quantity": 2, "price": 1000}],
            "contract_number": "12",
        },
    )


def fields_of(model: type) -> set[str]:
    return {field.name for field in (*model._meta.concrete_fields, *model._meta.many_to_many)}


@pytest.mark.rule("DEAL-9")
@pytest.mark.parametrize(
    ("model", "lists"),
    [
        (Deal, (copies.DEAL_COPIED, copies.DEAL_RESET, copies.DEAL_LINKED)),
        (Lead, (copies.LEAD_COPIED, copies.LEAD_COPIED_FROM_CLIENT, copies.LEAD_RESET, copies.LEAD_LINKED)),
    ],
)
def test_every_field_is_in_exactly_one_list(model: type, lists: tuple[tuple[str, ...], ...]) -> None:
    named = [name for names in lists for name in names]
    assert sorted(named) == sorted(set(named))
    assert set(named) == fields_of(model)


@pytest.mark.rule("DEAL-9")
def test_copies_carry_everything_over_and_begin_anew(clock: Any, owner: Any, mother: Deal) -> None:
    by = make_user(Role.SALES_HEAD)
    clock.travel(days=3)
    made = make_copies(deal_id=mother.pk, by=by, count=3, key="a")
    deals, leads = list(made.deals.order_by("id")), list(made.leads.order_by("id"))
    assert len(deals) == len(leads) == 3
    for deal in deals:
        for name in set(copies.DEAL_COPIED) - {"tags"}:
            assert getattr(deal, name) == getattr(mother, name), name
        assert set(deal.tags.values_list("name", flat=True)) == {"опт", "повтор"}
        assert [(line.name, line.total) for line in deal.lines.all()] == [("Каркас", Decimal("2000.00"))]
        assert (deal.stage, deal.contract_number, deal.version) == ("deal:request_received", "", 1)
        assert (deal.object, deal.mother, deal.upsell_by, deal.responsible) == (mother.object, mother, by, owner)
        assert deal.created_at == clock.now()
    for number, lead in enumerate(leads, 1):
        assert lead.title == f"Повторный лид из сделки №{mother.pk} ({number}/3)"
        assert (lead.stage, lead.deal, lead.mother_deal) == ("lead:converted", deals[number - 1], mother)
        assert (lead.contact, lead.company, lead.inn) == (mother.contact, mother.company, "7707083893")
        assert (lead.source, lead.channel, lead.utm_campaign) == (mother.source, "form", "angary")
        assert (lead.upsell_by, lead.responsible, lead.is_repeat) == (by, owner, True)
        assert lead.closed_at is not None
        assert StageHistory.objects.filter(record_type="lead", record_id=lead.pk).count() == 1


@pytest.mark.rule("DEAL-9")
def test_mother_and_client_tell_of_the_copies_with_links(owner: Any, mother: Deal) -> None:
    made = make_copies(deal_id=mother.pk, by=owner, count=2, key="a")
    ids = [deal.pk for deal in made.deals.order_by("id")]
    for record in (mother, mother.company):
        entry = TimelineEntry.objects.get(record_type=record.RECORD_TYPE, record_id=record.pk, action="copies_made")
        assert [pk for pk, _title in entry.data["deals"]] == ids


@pytest.mark.rule("DEAL-9")
def test_sending_it_twice_makes_one_set(owner: Any, mother: Deal) -> None:
    first = make_copies(deal_id=mother.pk, by=owner, count=2, key="a")
    assert make_copies(deal_id=mother.pk, by=owner, count=2, key="a") == first
    assert make_copies(deal_id=mother.pk, by=owner, count=1, key="b") != first
    assert Deal.objects.filter(mother=mother).count() == Lead.objects.filter(mother_deal=mother).count() == 3


@pytest.mark.rule("DEAL-9")
def test_rows_make_copies_differ(owner: Any, mother: Deal) -> None:
    other = services.record_create(
        ConstructionObject, data={"name": "Цех", "width": 18, "length": 30}, by=owner, pipeline="object"
    )
    services.record_update(other, data={"responsible": owner}, by=owner)
    rows = [{"object": str(other.pk), "amount": "500"}, {"length": "90", "title": "Вторая очередь"}]
    made = make_copies(deal_id=mother.pk, by=owner, count=3, key="a", rows=rows)
    first, second, third = made.deals.order_by("id")
    assert (first.object, first.area, first.amount) == (other, Decimal(540), Decimal(500))
    assert (second.object, second.area, second.title) == (mother.object, Decimal(2160), "Вторая очередь")
    assert (third.area, third.amount) == (mother.area, mother.amount)
    assert Lead.objects.get(deal=first).area == Decimal(540)


@pytest.mark.rule("DEAL-9")
@pytest.mark.parametrize(
    ("wish", "pointer"),
    [
        ({"count": 0}, "/count"),
        ({"count": 101}, "/count"),
        ({"key": ""}, "/key"),
        ({"key": "x" * 200}, "/key"),
        ({"rows": [{}, {}]}, "/rows"),
        ({"rows": [{"responsible": 1}]}, "/rows/0/responsible"),
        ({"rows": [{"object": "999999"}]}, "/rows/0/object"),
        ({"rows": [{"object": "чужой"}]}, "/rows/0/object"),
        ({"rows": [{"amount": "много"}]}, "/amount"),
    ],
)
def test_a_wrong_wish_makes_nothing(owner: Any, mother: Deal, wish: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        make_copies(**{"deal_id": mother.pk, "by": owner, "count": 1, "key": "a", **wish})
    assert refused.value.errors[0]["pointer"] == pointer
    assert not CopySet.objects.exists()
    assert not Deal.objects.filter(mother=mother).exists()


@pytest.mark.rule("DEAL-9")
@pytest.mark.rule("ACC-1")
def test_a_stranger_a_teammate_and_a_partner_cannot_copy(owner: Any, mother: Deal) -> None:
    for stranger in (make_user(), make_user(Role.CALL_CENTER), make_user(Role.PARTNER)):
        with pytest.raises(Deal.DoesNotExist):
            make_copies(deal_id=mother.pk, by=stranger, count=1, key="a")


@pytest.mark.rule("DEAL-9")
def test_a_row_cannot_reach_an_object_that_the_person_does_not_see(owner: Any, mother: Deal) -> None:
    stranger = make_user()
    hidden = services.record_create(
        ConstructionObject, data={"name": "Чужой", "responsible": stranger}, by=stranger, pipeline="object"
    )
    with pytest.raises(InvalidInput):
        make_copies(deal_id=mother.pk, by=owner, count=1, key="a", rows=[{"object": hidden.pk}])


@pytest.mark.rule("DEAL-9")
def test_a_partners_twin_is_not_copied(mother: Deal) -> None:
    partner = make_user(Role.PARTNER)
    twin = deal_create(by=partner, data={"title": "У партнёра"})
    with pytest.raises(DomainError):
        make_copies(deal_id=twin.pk, by=make_user(Role.SALES_HEAD), count=1, key="a")


@pytest.mark.rule("DEAL-9")
def test_an_untouched_set_can_be_undone(clock: Any, owner: Any, mother: Deal) -> None:
    made = make_copies(deal_id=mother.pk, by=owner, count=2, key="a")
    undo_copies(copy_set_id=made.pk, by=owner)
    assert not Deal.objects.alive().filter(mother=mother).exists()
    assert not Lead.objects.alive().filter(mother_deal=mother).exists()
    assert undo_copies(copy_set_id=made.pk, by=owner).undone_at == clock.now()
    actions = TimelineEntry.objects.filter(record_type="deal", record_id=mother.pk, action="copies_undone")
    assert actions.count() == 1


def note(deal: Deal, owner: Any) -> None:
    services.note_add(deal, text="Звонил, ждут", by=owner)


def task(deal: Deal, owner: Any) -> None:
    from crm import clock

    services.activity_create(deal, title="Позвонить", due_at=clock.now(), responsible=owner, by=owner)


def moved(deal: Deal, owner: Any) -> None:
    move(deal, "costing", by=owner, override=True)


def changed(deal: Deal, owner: Any) -> None:
    deal_update(deal, by=owner, data={"amount": 7})


def letter(deal: Deal, owner: Any) -> None:
    from communications.services import message_queue

    message_queue(record=deal, contact=deal.contact, channel="email", by=owner, text="Здравствуйте")


def lines(deal: Deal, owner: Any) -> None:
    from deals.services import deal_lines_set

    deal_lines_set(deal, by=owner, lines=[{"name": "Кровля", "price": 1}])


def copied_further(deal: Deal, owner: Any) -> None:
    make_copies(deal_id=deal.pk, by=owner, count=1, key="further")


def lead_joined(deal: Deal, owner: Any) -> None:
    services.record_create(Lead, data={"name": "Иван"}, by=owner, pipeline="lead", deal=deal)


@pytest.mark.rule("DEAL-9")
@pytest.mark.parametrize("work", [note, task, moved, changed, letter, lines, copied_further, lead_joined])
def test_a_set_that_was_worked_at_cannot_be_undone(owner: Any, mother: Deal, work: Any) -> None:
    made = make_copies(deal_id=mother.pk, by=owner, count=2, key="a")
    work(made.deals.order_by("id")[1], owner)
    with pytest.raises(DomainError):
        undo_copies(copy_set_id=made.pk, by=owner)
    assert Deal.objects.alive().filter(copy_set=made).count() == 2


@pytest.mark.rule("DEAL-9")
def test_copies_start_no_qualification_and_no_letters(owner: Any, mother: Deal) -> None:
    from communications.models import Message

    head = make_user(Role.SALES_HEAD)
    made = make_copies(deal_id=mother.pk, by=owner, count=2, key="a")
    assert {lead.responsible for lead in made.leads.all()} == {owner} != {head}
    assert not Message.objects.exists()


def test_thirty_copies_of_a_private_persons_deal(owner: Any) -> None:
    deal = make_deal(owner, contact=make_client(owner, last_name="Ким"))
    made = make_copies(deal_id=deal.pk, by=owner, count=N, key="a")
    assert made.deals.count() == N
    assert {lead.name for lead in made.leads.all()} == {"Ким Иван"}
    assert Contact.objects.count() == 1
    assert Company.objects.count() == 0


@pytest.mark.postgres
@pytest.mark.rule("DEAL-9")
@pytest.mark.django_db(transaction=True)
def test_six_clicks_at_once_make_one_set(owner: Any, mother: Deal) -> None:
    made: list[int] = []

    def click() -> None:
        try:
            made.append(make_copies(deal_id=mother.pk, by=owner, count=3, key="a").pk)
        finally:
            connection.close()

    clicks = [threading.Thread(target=click) for _number in range(6)]
    for thread in clicks:
        thread.start()
    for thread in clicks:
        thread.join(60)
    assert len(made) == 6
    assert len(set(made)) == 1
    assert Deal.objects.filter(mother=mother).count() == 3
