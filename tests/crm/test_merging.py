"""Merging of duplicates: what the main record takes over, what vanishes, and that all of it can be undone."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import PermissionDenied
from django.db import models

from accounts.models import Role
from crm import contact_points, events, merge_links, merging, preferences, services, stages
from crm.errors import InvalidInput, StageError
from crm.merging import MergeError, merge, merge_preview, surviving, undo_merge
from crm.models import (
    Activity,
    Attachment,
    Change,
    Company,
    Contact,
    ContactPoint,
    Event,
    NotDuplicate,
    RecordRef,
    StageHistory,
    TimelineEntry,
)
from crm.not_duplicates import mark_not_duplicate
from deals.models import Deal
from leads.models import Lead
from objects_registry.matching import candidates_for
from objects_registry.models import ConstructionObject
from objects_registry.services import object_create
from tests.factories import make_user

pytestmark = pytest.mark.django_db
BARN: dict[str, Any] = {"purpose": "warehouse", "width": Decimal(24), "length": Decimal(60), "address": "Тверь"}


@pytest.fixture
def head() -> Any:
    return make_user(Role.SALES_HEAD)


def make_object(by: Any, **data: Any) -> ConstructionObject:
    return object_create(by=by, data={**BARN, **data})


def make_deal(by: Any, **data: Any) -> Deal:
    return services.record_create(Deal, data={"title": "С", "responsible": by, **data}, by=by, pipeline="deal")


def make_lead(by: Any, **data: Any) -> Lead:
    return services.record_create(Lead, data={"title": "Л", "responsible": by, **data}, by=by, pipeline="lead")


def make_contact(by: Any, phone: str = "", **data: Any) -> Contact:
    contact = services.record_create(
        Contact, data={"last_name": "Ким", "responsible": by, **data}, by=by, pipeline="contact"
    )
    contact_points.add_points(contact, contact_points.read_points(phone))
    return contact


def join(main: Any, *others: Any, by: Any, **choices: int) -> Any:
    return merge(
        record_type=main.RECORD_TYPE,
        main_id=main.pk,
        other_ids=[other.pk for other in others],
        choices=choices,
        by=by,
    )


def fresh(record: Any) -> Any:
    return type(record).objects.get(pk=record.pk)


# -- the registry of links --------------------------------------------------------------------------------------------


def pointing_at(model: Any) -> set[str]:
    """Every foreign key that points at a model, hidden ones and automatic tables included."""
    found = set()
    for relation in model._meta.get_fields(include_hidden=True):
        if isinstance(relation, models.ManyToOneRel):
            found.add(f"{relation.related_model._meta.label}.{relation.field.name}")
    return found


@pytest.mark.rule("OBJ-4")
@pytest.mark.parametrize("label", merge_links.FOREIGN_KEYS)
def test_every_foreign_key_to_a_mergeable_record_is_handled(label: str) -> None:
    handled = {link.key for link in merge_links.FOREIGN_KEYS[label]}
    assert pointing_at(apps.get_model(label)) == handled


@pytest.mark.rule("OBJ-4")
def test_every_table_that_hangs_on_records_is_handled() -> None:
    hanging = {model._meta.label for model in apps.get_models() if issubclass(model, RecordRef)}
    assert hanging == {link.model for link in merge_links.HANGING}


@pytest.mark.rule("OBJ-4")
def test_every_loose_id_column_is_accounted_for() -> None:
    loose = {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if model.__module__.split(".")[0] not in {"django", "allauth"}
        and isinstance(field, models.IntegerField)
        and not isinstance(field, models.AutoField | models.BigAutoField)
        and field.name.endswith("_id")
        and not (issubclass(model, RecordRef) and field.name == "record_id")
    }
    assert loose == set(merge_links.LOOSE)


@pytest.mark.rule("OBJ-4")
def test_the_guard_of_the_registry_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    label = merge_links.OBJECT
    monkeypatch.setitem(merge_links.FOREIGN_KEYS, label, merge_links.FOREIGN_KEYS[label][1:])
    with pytest.raises(AssertionError):
        test_every_foreign_key_to_a_mergeable_record_is_handled(label)


# -- merging ----------------------------------------------------------------------------------------------------------


@pytest.mark.rule("OBJ-4")
def test_everything_that_hung_on_the_duplicates_hangs_on_the_main_one(head: Any, clock: Any) -> None:
    main, other = make_object(head), make_object(head)
    contact = make_contact(head)
    other.contacts.add(contact)
    deal, lead = make_deal(head, object=other), make_lead(head, object=other)
    services.note_add(other, text="Участок готов", by=head)
    task = services.activity_create(other, title="Замер", due_at=clock.now(), responsible=head, by=head)
    Attachment.objects.create(record_type="object", record_id=other.pk, name="план.pdf", size=1, content_type="x")
    join(main, other, by=head)
    assert (fresh(deal).object, fresh(lead).object) == (main, main)
    assert list(main.contacts.all()) == [contact]
    texts = TimelineEntry.objects.filter(record_type="object", record_id=main.pk, action="note")
    assert [entry.data["text"] for entry in texts] == ["Участок готов"]
    assert Activity.objects.get(pk=task.pk).record_id == main.pk
    assert Attachment.objects.get().record_id == main.pk
    assert fresh(main).next_activity_title == "Замер"
    assert fresh(other).next_activity_at is None


@pytest.mark.rule("OBJ-4")
def test_values_are_chosen_per_field_and_empty_ones_filled(head: Any) -> None:
    main = make_object(head, name="Склад А", notes="")
    second = make_object(head, name="Склад Б", notes="Сваи забиты", height=Decimal(7))
    third = make_object(head, name="Склад В", notes="Нет дороги", height=Decimal(9))
    join(main, second, third, by=head, name=third.pk, height=third.pk)
    main = fresh(main)
    assert (main.name, main.notes, main.height) == ("Склад В", "Сваи забиты", Decimal(9))
    assert "склад в" in main.search_text


@pytest.mark.rule("OBJ-4")
def test_the_preview_shows_the_fields_side_by_side_and_proposes_the_fullest(head: Any) -> None:
    poor, rich = make_object(head, name="А"), make_object(head, name="Б", notes="Есть", height=Decimal(8))
    make_deal(head, object=poor)
    preview = merge_preview("object", [poor.pk, rich.pk], head)
    assert preview.main == rich
    rows = {row.name: row for row in preview.rows}
    assert rows["name"].differs
    assert not rows["width"].differs
    assert [cell.shown for cell in rows["name"].cells] == ["Б", "А"]
    assert sum(preview.counts[poor.pk].values()) > sum(preview.counts[rich.pk].values())
    chosen = merge_preview("object", [poor.pk, rich.pk], head, main_id=poor.pk)
    assert {row.name: row.chosen_id for row in chosen.rows}["notes"] == rich.pk


@pytest.mark.rule("OBJ-4")
def test_the_duplicate_vanishes_and_leads_to_the_main_one(head: Any) -> None:
    main, other, last = make_object(head), make_object(head), make_object(head)
    join(main, other, by=head)
    assert fresh(other).stage == "object:merged"
    assert other not in ConstructionObject.objects.alive()
    assert surviving(fresh(other)) == main
    join(last, main, by=head)
    assert surviving(fresh(other)) == last
    with pytest.raises(StageError):
        stages.move(fresh(other), "planned", by=head, reason="Вернуть")


@pytest.mark.rule("OBJ-4")
def test_a_merge_is_silent(head: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    for name in ("stage_changed", "fields_changed", "responsible_changed"):
        monkeypatch.setitem(events.HANDLERS, name, [("test", lambda event: heard.append(event.name))])
    main, other = make_object(head), make_object(head, notes="Новое")
    make_deal(head, object=other)
    heard.clear()
    before = Event.objects.count()
    done = join(main, other, by=head)
    undo_merge(merge_id=done.pk, by=head)
    assert (heard, Event.objects.count()) == ([], before)


@pytest.mark.rule("OBJ-4")
@pytest.mark.rule("ACC-5")
def test_the_audit_trail_tells_of_the_links_too(head: Any) -> None:
    main, other = make_object(head), make_object(head)
    deal = make_deal(head, object=other)
    version = fresh(deal).version
    join(main, other, by=head)
    row = Change.objects.get(record_type="deal", record_id=deal.pk, field="object", new=main.pk)
    assert (row.old, row.actor_user) == (other.pk, head)
    assert fresh(deal).version > version


@pytest.mark.rule("OBJ-4")
def test_only_the_head_merges_and_only_two_to_ten_living_ones(head: Any) -> None:
    manager = make_user()
    records = [make_object(manager) for _number in range(11)]
    with pytest.raises(PermissionDenied):
        join(records[0], records[1], by=manager)
    with pytest.raises(InvalidInput):
        join(*records, by=head)
    with pytest.raises(InvalidInput):
        join(records[0], records[0], by=head)
    with pytest.raises(InvalidInput):
        join(records[0], records[1], by=head, stage=records[1].pk)
    with pytest.raises(InvalidInput):
        join(records[0], records[1], by=head, name=records[5].pk)
    join(records[0], records[1], by=head)
    with pytest.raises(MergeError):
        join(records[2], records[1], by=head)
    services.record_delete(records[3], by=head)
    with pytest.raises(ConstructionObject.DoesNotExist):
        join(records[2], records[3], by=head)
    with pytest.raises(MergeError):
        merge(record_type="deal", main_id=1, other_ids=[2], choices={}, by=head)


# -- contacts and companies -------------------------------------------------------------------------------------------


@pytest.mark.rule("OBJ-4")
def test_contacts_bring_their_phones_and_the_same_phone_stays_once(head: Any) -> None:
    main = make_contact(head, "+79161234567")
    other = make_contact(head, "+79161234567, +79037654321", position="Директор")
    deal = make_deal(head, contact=other)
    done = join(main, other, by=head)
    points = ContactPoint.objects.filter(record_type="contact", record_id=main.pk)
    assert {point.value for point in points} == {"+79161234567", "+79037654321"}
    assert [point.value for point in points if point.is_primary] == ["+79161234567"]
    assert fresh(main).position == "Директор"
    assert "79037654321" in fresh(main).search_text
    assert (fresh(deal).contact, fresh(other).merged_into) == (main, main)
    undo_merge(merge_id=done.pk, by=head)
    assert {point.value for point in contact_points.points_of(other)} == {"+79161234567", "+79037654321"}
    assert fresh(main).position == ""
    assert "79037654321" not in fresh(main).search_text


@pytest.mark.rule("OBJ-4")
def test_companies_bring_their_contacts(head: Any) -> None:
    main, other = (
        services.record_create(Company, data={"name": name}, by=head, pipeline="company")
        for name in ("Завод А", "Завод Б")
    )
    contact = make_contact(head, company=other)
    join(main, other, by=head)
    assert fresh(contact).company == main


# -- undoing ----------------------------------------------------------------------------------------------------------


@pytest.mark.rule("OBJ-4")
def test_an_undo_puts_every_link_and_value_back(head: Any) -> None:
    main, other = make_object(head, name="А"), make_object(head, name="Б", notes="Сваи")
    deal = make_deal(head, object=other)
    moved = StageHistory.objects.filter(record_type="object").count()
    entered = fresh(other).stage_entered_at
    done = join(main, other, by=head, name=other.pk)
    undo_merge(merge_id=done.pk, by=head)
    assert (fresh(main).name, fresh(main).notes, fresh(deal).object) == ("А", "", other)
    other = fresh(other)
    assert (other.stage, other.merged_into, other.closed_at) == ("object:planned", None, None)
    assert other.stage_entered_at == entered
    assert StageHistory.objects.filter(record_type="object").count() == moved
    actions = TimelineEntry.objects.filter(record_type="object", record_id=main.pk).values_list("action", flat=True)
    assert {"merged", "merge_undone"} <= set(actions)


@pytest.mark.rule("OBJ-4")
def test_what_was_done_after_the_merge_stays(head: Any) -> None:
    main, other, third = make_object(head, name="А"), make_object(head, notes="Сваи"), make_object(head)
    first, second = make_deal(head, object=other), make_deal(head, object=other)
    done = join(main, other, by=head)
    services.record_update(fresh(main), data={"notes": "Сваи и плита"}, by=head)
    services.record_update(fresh(first), data={"object": third}, by=head)
    note = services.note_add(fresh(main), text="После объединения", by=head)
    undo_merge(merge_id=done.pk, by=head)
    assert fresh(main).notes == "Сваи и плита"
    assert (fresh(first).object, fresh(second).object) == (third, other)
    assert TimelineEntry.objects.get(pk=note.pk).record_id == main.pk


@pytest.mark.rule("OBJ-4")
def test_after_thirty_days_or_a_second_time_it_is_refused(head: Any, clock: Any) -> None:
    main, other = make_object(head), make_object(head)
    done = join(main, other, by=head)
    clock.travel(days=30, seconds=1)
    with pytest.raises(MergeError, match="30"):
        undo_merge(merge_id=done.pk, by=head)
    preferences.set_value("merge_undo_days", 40)
    undo_merge(merge_id=done.pk, by=head)
    with pytest.raises(MergeError):
        undo_merge(merge_id=done.pk, by=head)
    with pytest.raises(PermissionDenied):
        undo_merge(merge_id=done.pk, by=make_user())


@pytest.mark.rule("OBJ-4")
def test_merges_are_undone_in_the_order_in_which_they_hang_on_each_other(head: Any) -> None:
    first, second, third = (make_object(head, name=name) for name in "АБВ")
    deal = make_deal(head, object=first)
    inner = join(second, first, by=head)
    outer = join(third, second, by=head)
    assert fresh(deal).object == third
    with pytest.raises(MergeError):
        undo_merge(merge_id=inner.pk, by=head)
    undo_merge(merge_id=outer.pk, by=head)
    assert (fresh(deal).object, fresh(first).merged_into) == (second, second)
    undo_merge(merge_id=inner.pk, by=head)
    assert fresh(deal).object == first


# -- not a duplicate --------------------------------------------------------------------------------------------------


@pytest.mark.rule("OBJ-4")
def test_not_a_duplicate_is_remembered_for_everybody(head: Any) -> None:
    manager = make_user()
    first, second = make_object(manager), make_object(manager)
    assert candidates_for(first, head)
    mark_not_duplicate(record_type="object", ids=[second.pk, first.pk], by=manager, reason="Две очереди")
    mark_not_duplicate(record_type="object", ids=[first.pk, second.pk], by=head)
    assert NotDuplicate.objects.get().reason == "Две очереди"
    assert candidates_for(first, head) == candidates_for(second, manager) == []
    with pytest.raises(ConstructionObject.DoesNotExist):
        mark_not_duplicate(record_type="object", ids=[first.pk, second.pk], by=make_user())


def test_the_fields_to_choose_are_those_a_person_may_set() -> None:
    names = {field.name for field in merging.mergeable_fields(ConstructionObject)}
    assert {"name", "notes", "address", "width", "responsible"} <= names
    assert not names & {"stage", "pipeline", "place_key", "merged_into", "version", "area_is_manual"}
