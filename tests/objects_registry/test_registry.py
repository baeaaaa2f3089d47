"""The registry of objects: what is derived on saving, and objects made from leads and deals."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from accounts.models import Role
from crm import services, stages
from crm.actors import Actor
from crm.errors import StageError
from crm.models import Company, Contact, NotDuplicate, TimelineEntry
from deals.models import Deal
from leads.models import Lead
from objects_registry.matching import candidates_for, certain_duplicate, duplicate_warning
from objects_registry.models import ConstructionObject, Purpose, SteelConsumption
from objects_registry.selectors import links_of
from objects_registry.services import (
    DuplicateObjects,
    object_create,
    object_follow_responsible,
    object_from_record,
    object_update,
)
from tests.factories import make_user

pytestmark = pytest.mark.django_db
BARN: dict[str, Any] = {
    "purpose": "warehouse",
    "width": Decimal(24),
    "length": Decimal(60),
    "height": Decimal(8),
    "address": "Тверская обл., г. Тверь, ул. Ленина, д. 5",
}


def make_object(by: Any, **changes: Any) -> ConstructionObject:
    return object_create(by=by, data={**BARN, **changes})


def make_lead(by: Any, **changes: Any) -> Lead:
    data = {"title": "Заявка", "name": "Иван", "responsible": by, **BARN, **changes}
    return services.record_create(Lead, data=data, by=by, pipeline="lead", stage="handed_over")


def make_deal(by: Any, **changes: Any) -> Deal:
    data = {"title": "Сделка", "responsible": by, **BARN, **changes}
    return services.record_create(Deal, data=data, by=by, pipeline="deal")


@pytest.mark.rule("OBJ-1")
def test_an_object_reads_town_and_region_from_its_address_and_names_itself() -> None:
    obj = make_object(make_user())
    assert (obj.city, obj.region) == ("Тверь", "Тверская область")
    assert obj.name == "Склад 60×24, Тверь"
    assert (obj.area, obj.short_side, obj.long_side) == (Decimal(1440), Decimal(24), Decimal(60))


@pytest.mark.rule("OBJ-1")
def test_a_new_address_takes_its_town_along_but_not_over_a_town_written_by_hand() -> None:
    head = make_user(Role.SALES_HEAD)
    obj = make_object(head)
    object_update(obj, by=head, data={"address": "г. Казань, ул. Баумана, 1"})
    assert obj.city == "Казань"
    object_update(obj, by=head, data={"city": "Зеленодольск"})
    object_update(obj, by=head, data={"address": "г. Омск, ул. Мира, 3"})
    assert obj.city == "Зеленодольск"


def test_purposes_and_steel_are_laid_with_the_words_by_which_they_are_called() -> None:
    farm = Purpose.objects.get(name_ru="Ферма (КРС)")
    assert "коровник" in farm.synonyms
    assert Purpose.objects.count() == 12
    assert SteelConsumption.objects.filter(purpose=None, span_to=24, height_to=6).get().kg_per_m2 == Decimal("35.00")


@pytest.mark.rule("OBJ-2")
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"width": Decimal(60), "length": Decimal(24)},
        {"address": "тверь, Ленина ул., 5"},
        {"width": Decimal("24.2")},
    ],
)
def test_all_six_agreeing_is_a_certain_duplicate(changes: dict[str, Any]) -> None:
    owner = make_user()
    known = make_object(owner)
    found = certain_duplicate(make_lead(owner, **changes))
    assert found is not None
    assert found.object == known
    assert found.reasons


@pytest.mark.rule("OBJ-2")
def test_without_a_height_the_same_building_is_only_probable() -> None:
    owner = make_user()
    make_object(owner)
    found = candidates_for(make_lead(owner, height=None))
    assert [item.match.certain for item in found] == [False]
    assert "same_place" in found[0].match.reasons


@pytest.mark.rule("OBJ-2")
@pytest.mark.parametrize(
    "changes",
    [
        {"address": "г. Омск, ул. Мира, 3"},
        {"address": "", "city": "", "region": ""},
        {"width": Decimal(12), "length": Decimal(18), "purpose": "farm"},
    ],
)
def test_another_place_or_another_size_is_no_duplicate(changes: dict[str, Any]) -> None:
    owner = make_user()
    make_object(owner)
    assert candidates_for(make_lead(owner, **changes)) == []


@pytest.mark.rule("OBJ-2")
def test_the_tolerance_is_a_setting() -> None:
    from crm import preferences

    owner = make_user()
    make_object(owner)
    lead = make_lead(owner, width=Decimal("24.5"), length=Decimal(61), height=Decimal("8.1"))
    assert certain_duplicate(lead) is None
    preferences.set_value("object_tolerance_percent", "5")
    assert certain_duplicate(lead) is not None


@pytest.mark.rule("OBJ-2")
def test_merged_deleted_and_distinguished_objects_are_no_candidates() -> None:
    head = make_user(Role.SALES_HEAD)
    first, second, third = (make_object(head) for _number in range(3))
    assert {item.object for item in candidates_for(first)} == {second, third}
    NotDuplicate.objects.create(record_type="object", low_id=first.pk, high_id=second.pk, by=head)
    assert {item.object for item in candidates_for(first)} == {third}
    services.record_delete(third, by=head)
    assert candidates_for(first) == []


@pytest.mark.rule("OBJ-2")
def test_looking_for_duplicates_costs_one_query_however_many_there_are(
    django_assert_num_queries: Any,
) -> None:
    head = make_user(Role.SALES_HEAD)
    for number in range(12):
        make_object(head, notes=str(number))
    lead = make_lead(head)
    lead.object_id = None
    from crm import scope

    with scope.opened():
        candidates_for(lead)
        with django_assert_num_queries(1):
            candidates_for(lead)


@pytest.mark.rule("ACC-1")
@pytest.mark.rule("DEAL-3")
def test_a_warning_shows_only_what_the_person_may_see() -> None:
    owner, stranger, head = make_user(), make_user(), make_user(Role.SALES_HEAD)
    known = make_object(owner)
    deal = make_deal(stranger)
    assert [item.object for item in duplicate_warning(deal, head).candidates] == [known]
    assert not duplicate_warning(deal, stranger)
    partner_user = make_user(Role.PARTNER)
    twin = services.record_create(
        Deal, data={"title": "Т", **BARN}, by=Actor.system(), pipeline="partner_deal", partner=partner_user.partner
    )
    warning = duplicate_warning(twin, partner_user)
    assert (warning.candidates, warning.exists_already) == ([], True)


@pytest.mark.rule("OBJ-3")
@pytest.mark.rule("OBJ-1")
@pytest.mark.parametrize("make", [make_lead, make_deal])
def test_an_object_takes_over_the_fields_and_is_linked_both_ways(make: Any) -> None:
    owner = make_user()
    company = services.record_create(Company, data={"name": "ООО Ромашка"}, by=owner, pipeline="company")
    contact = services.record_create(Contact, data={"last_name": "Ким"}, by=owner, pipeline="contact")
    record = make(owner, company=company, contact=contact, construction_start="2027-05-01")
    obj = object_from_record(record, by=owner)
    assert record.object_id == obj.pk
    assert (obj.width, obj.length, obj.height) == (Decimal(24), Decimal(60), Decimal(8))
    assert (obj.purpose_id, obj.address, obj.responsible) == ("warehouse", BARN["address"], owner)
    assert (list(obj.contacts.all()), list(obj.companies.all())) == ([contact], [company])
    links = links_of(owner, obj)
    assert record in [*links.leads, *links.deals]
    for kind, pk in ((record.RECORD_TYPE, record.pk), ("object", obj.pk)):
        actions = TimelineEntry.objects.filter(record_type=kind, record_id=pk).values_list("action", flat=True)
        assert {"object_made", "object_origin"} & set(actions)


@pytest.mark.rule("OBJ-3")
def test_asked_twice_it_is_the_same_object() -> None:
    owner = make_user()
    lead = make_lead(owner)
    assert object_from_record(lead, by=owner) == object_from_record(Lead.objects.get(pk=lead.pk), by=owner)
    assert ConstructionObject.objects.count() == 1


@pytest.mark.rule("OBJ-3")
def test_where_similar_ones_exist_the_person_chooses() -> None:
    owner = make_user()
    known = make_object(owner, height=None)
    lead = make_lead(owner)
    with pytest.raises(DuplicateObjects) as asked:
        object_from_record(lead, by=owner)
    assert asked.value.errors[0]["id"] == known.pk
    assert ConstructionObject.objects.count() == 1
    assert object_from_record(lead, by=owner, existing_id=known.pk) == known
    other = make_deal(owner)
    made = object_from_record(other, by=owner, force_new=True)
    assert made != known
    noted = TimelineEntry.objects.get(record_type="deal", record_id=other.pk, action="object_made")
    assert noted.data["despite"] == [known.name]


@pytest.mark.rule("OBJ-3")
def test_a_robot_makes_a_probable_one_but_never_a_certain_second_copy() -> None:
    owner, robot = make_user(), Actor.robot("Объект")
    known = make_object(owner)
    with pytest.raises(DuplicateObjects):
        object_from_record(make_lead(owner), by=robot)
    made = object_from_record(make_lead(owner, height=None), by=robot)
    assert made != known


@pytest.mark.rule("ACC-1")
def test_neither_a_foreign_record_nor_a_foreign_object_can_be_used() -> None:
    owner, stranger = make_user(), make_user()
    known, lead = make_object(owner), make_lead(stranger)
    with pytest.raises(Lead.DoesNotExist):
        object_from_record(lead, by=owner)
    with pytest.raises(ConstructionObject.DoesNotExist):
        object_from_record(lead, by=stranger, existing_id=known.pk)
    for role in (Role.PARTNER, Role.CALL_CENTER, Role.PARTNER_CONTROL):
        with pytest.raises(PermissionDenied):
            make_object(make_user(role))


@pytest.mark.rule("OBJ-5")
def test_the_responsible_follows_the_newest_open_deal_then_the_newest_open_lead(clock: Any) -> None:
    first, second, third = make_user(), make_user(), make_user()
    obj = make_object(first)
    make_lead(second, object=obj)
    assert object_follow_responsible(obj).responsible == second
    clock.travel(hours=1)
    deal = make_deal(third, object=obj)
    clock.travel(hours=1)
    make_lead(first, object=obj)
    assert object_follow_responsible(obj).responsible == third
    stages.move(deal, "construction_cancelled", by=Actor.system(), override=True)
    assert object_follow_responsible(obj).responsible == first


@pytest.mark.rule("OBJ-5")
def test_an_object_without_open_records_keeps_its_responsible() -> None:
    owner = make_user()
    obj = make_object(owner)
    assert object_follow_responsible(obj).responsible == owner


@pytest.mark.rule("OBJ-1")
def test_the_client_of_a_deal_becomes_the_objects_client_whenever_it_is_set() -> None:
    owner = make_user()
    obj = make_object(owner)
    deal = make_deal(owner, object=obj)
    contact = services.record_create(Contact, data={"last_name": "Ким"}, by=owner, pipeline="contact")
    services.record_update(deal, data={"contact": contact}, by=owner)
    assert list(obj.contacts.all()) == [contact]


@pytest.mark.rule("OBJ-4")
def test_nobody_moves_an_object_to_merged_by_hand() -> None:
    head = make_user(Role.SALES_HEAD)
    obj = make_object(head)
    assert "merged" not in {stage.code for stage in stages.allowed_targets(obj, head)}
    with pytest.raises(StageError):
        stages.move(obj, "merged", by=head, refusal=stages.Refusal(None, "Дубликат другого объекта"))
