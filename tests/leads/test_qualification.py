"""Whose a new lead is and where it goes by itself, and the object that it describes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Role
from crm import events, preferences
from crm.actors import Actor
from crm.clients import company_create, contact_create
from crm.contact_points import read_points
from crm.models import Channel, TimelineEntry
from crm.recognition import recognise
from crm.stages import Refusal, move
from crm.timeline import sentence
from leads.models import Lead
from leads.qualification import missing_minimum, qualify_new, register_object
from leads.services import lead_create, lead_update
from objects_registry.models import ConstructionObject
from objects_registry.services import object_create
from tests.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def without_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """The functions themselves are tested here; that the shipped rules call them, in test_form_to_lead.py."""
    monkeypatch.setattr(events, "HANDLERS", {})


ROBOT = Actor.robot("Разбор новых лидов")
FORM = Actor.form("Сайт")
BUILDING = {
    "purpose": "warehouse",
    "address": "Тверь, ул. Ленина, 5",
    "length": Decimal(60),
    "width": Decimal(24),
    "height": Decimal(8),
}
COMPLETE = {"name": "Пётр Кузнецов", "channel": Channel.FORM, **BUILDING}


def new_lead(*, phones: str = "89123456789", **data: Any) -> Lead:
    return lead_create(by=FORM, data={"channel": Channel.FORM, **data}, phones=phones)


def why(lead: Lead) -> str:
    entry = TimelineEntry.objects.get(record_type="lead", record_id=lead.pk, action="lead_qualified")
    assert sentence(entry)
    return str(entry.data["why"])


@pytest.mark.rule("LEAD-6")
def test_a_request_to_the_shared_mailbox_goes_to_the_head_and_stays_new() -> None:
    head = make_user(Role.SALES_HEAD)
    lead = qualify_new(new_lead(**COMPLETE | {"channel": Channel.EMAIL_SHARED}), ROBOT)
    assert (lead.responsible, lead.stage, lead.is_repeat) == (head, "lead:new", False)


@pytest.mark.rule("LEAD-6")
def test_a_form_with_the_minimum_data_goes_on_by_itself() -> None:
    head = make_user(Role.SALES_HEAD)
    lead = qualify_new(new_lead(**COMPLETE), ROBOT)
    assert (lead.responsible, lead.stage, lead.missing_minimum) == (head, "lead:data_complete", [])
    assert why(lead) == "complete"


@pytest.mark.rule("LEAD-6")
@pytest.mark.parametrize(
    ("left_out", "missing"),
    [
        (["name"], ["name"]),
        (["purpose"], ["purpose"]),
        (["address"], ["place"]),
        (["length"], ["size"]),
        (["name", "purpose", "address", "length", "width"], ["name", "purpose", "place", "size"]),
    ],
)
def test_a_form_without_some_of_them_waits_and_the_missing_ones_are_listed(
    left_out: list[str], missing: list[str]
) -> None:
    head = make_user(Role.SALES_HEAD)
    data = {name: value for name, value in COMPLETE.items() if name not in left_out}
    lead = qualify_new(new_lead(**data), ROBOT)
    lead.refresh_from_db()
    assert (lead.responsible, lead.stage) == (head, "lead:needs_data")
    assert lead.missing_minimum == missing
    assert why(lead) == "incomplete"


@pytest.mark.rule("LEAD-6")
def test_the_area_alone_is_size_enough_and_what_is_filled_in_leaves_the_list() -> None:
    head = make_user(Role.SALES_HEAD)
    lead = qualify_new(new_lead(name="Анна", area=Decimal(500), city="Тверь"), ROBOT)
    assert lead.missing_minimum == ["purpose"]
    lead_update(lead, by=head, data={"purpose": "hangar"})
    assert Lead.objects.get(pk=lead.pk).missing_minimum == []


@pytest.mark.rule("LEAD-6")
def test_the_minimum_is_a_setting_but_never_less_than_the_stage_requires() -> None:
    make_user(Role.SALES_HEAD)
    preferences.set_value("lead_minimum", ["name", "contact_point", "height"])
    lead = new_lead(name="Анна")
    assert [item.code for item in missing_minimum(lead)] == ["height", "purpose", "place", "size"]
    lead_update(lead, by=FORM, data={"height": 8})
    assert qualify_new(lead, ROBOT).stage == "lead:needs_data"


@pytest.mark.rule("LEAD-6")
def test_a_known_client_goes_to_whoever_is_responsible_and_is_marked_repeat() -> None:
    make_user(Role.SALES_HEAD)
    manager = make_user()
    company = company_create(by=manager, data={"name": "ООО «Сталь»", "responsible": manager})
    contact = contact_create(
        by=manager, data={"name": "Анна Ким", "company": company, "responsible": manager}, phones="89123456789"
    )
    lead = qualify_new(new_lead(**COMPLETE), ROBOT)
    lead.refresh_from_db()
    assert (lead.responsible, lead.stage, lead.is_repeat) == (manager, "lead:handed_over", True)
    assert (lead.contact, lead.company) == (contact, company)
    assert why(lead) == "repeat"


@pytest.mark.rule("LEAD-6")
@pytest.mark.parametrize("trouble", ["inactive", "absent", "partner", "nobody"])
def test_a_known_client_whose_responsible_cannot_take_it_goes_to_the_head_with_a_note(trouble: str, clock: Any) -> None:
    head, manager = make_user(Role.SALES_HEAD), make_user()
    today = clock.now().date()
    match trouble:
        case "inactive":
            manager.is_active = False
        case "absent":
            manager.absent_from = today
        case "partner":
            manager = make_user(Role.PARTNER)
    manager.save()
    data = {"name": "Анна Ким", "responsible": None if trouble == "nobody" else manager}
    contact_create(by=head, data=data, phones="89123456789")
    lead = qualify_new(new_lead(), ROBOT)
    assert (lead.responsible, lead.stage, lead.is_repeat) == (head, "lead:handed_over", True)
    assert why(lead).startswith("repeat_")


@pytest.mark.rule("LEAD-6")
def test_a_day_off_does_not_take_the_client_away(clock: Any) -> None:
    make_user(Role.SALES_HEAD)
    today = clock.now().date()
    manager = make_user(absent_from=today, absent_to=today)
    contact_create(by=manager, data={"name": "Анна Ким", "responsible": manager}, phones="89123456789")
    assert qualify_new(new_lead(), ROBOT).responsible == manager


@pytest.mark.rule("LEAD-6")
def test_a_lead_that_came_to_a_manager_is_handed_over_to_them() -> None:
    make_user(Role.SALES_HEAD)
    manager = make_user()
    lead = qualify_new(new_lead(responsible=manager, channel=Channel.PHONE), ROBOT)
    assert (lead.responsible, lead.stage, lead.is_repeat) == (manager, "lead:handed_over", False)


@pytest.mark.rule("LEAD-6")
def test_the_known_client_comes_before_the_owner_of_the_mailbox_and_both_before_the_form() -> None:
    make_user(Role.SALES_HEAD)
    manager, other = make_user(), make_user()
    contact_create(by=manager, data={"name": "Анна Ким", "responsible": manager}, phones="89123456789")
    assert qualify_new(new_lead(**COMPLETE, responsible=other), ROBOT).responsible == manager
    owned = qualify_new(new_lead(phones="89120000000", **COMPLETE, responsible=other), ROBOT)
    assert (owned.responsible, owned.stage) == (other, "lead:handed_over")


@pytest.mark.rule("LEAD-6")
def test_a_lead_without_what_the_stage_requires_stays_with_a_sentence() -> None:
    make_user(Role.SALES_HEAD)
    manager = make_user()
    lead = qualify_new(lead_create(by=manager, data={"name": "Анна"}), ROBOT)
    assert (lead.responsible, lead.stage) == (manager, "lead:new")
    entry = TimelineEntry.objects.get(record_id=lead.pk, action="lead_qualified")
    assert entry.data["missing"] == ["contact_point"]


@pytest.mark.rule("LEAD-6")
def test_without_anybody_to_give_it_to_nothing_breaks() -> None:
    lead = qualify_new(new_lead(**COMPLETE), ROBOT)
    assert (lead.responsible, lead.stage) == (None, "lead:new")
    assert why(lead) == "no_head"


@pytest.mark.rule("LEAD-6")
def test_qualifying_twice_changes_nothing() -> None:
    make_user(Role.SALES_HEAD)
    lead = qualify_new(new_lead(**COMPLETE), ROBOT)
    version = Lead.objects.get(pk=lead.pk).version
    qualify_new(lead, ROBOT)
    assert Lead.objects.get(pk=lead.pk).version == version


@pytest.mark.rule("LEAD-5")
def test_recognition_covers_contacts_companies_and_open_leads_and_forgets_the_deleted() -> None:
    head = make_user(Role.SALES_HEAD)
    contact = contact_create(by=head, data={"name": "Анна Ким"}, phones="89121111111", emails="anna@mail.ru")
    company = company_create(by=head, data={"name": "ООО «Сталь»"}, phones="8 495 123-45-67")
    lead = new_lead(phones="89122222222")
    assert recognise(read_points("+7 912 111-11-11")).contact == contact
    assert recognise(read_points(emails="ANNA@mail.ru")).contact == contact
    assert recognise(read_points("84951234567")).company == company
    known = recognise(read_points("89122222222"))
    assert (known.is_known, known.lead_ids) == (False, (lead.pk,))
    move(lead, "erroneous", by=head, refusal=Refusal(_first_reason("lead:erroneous"), "Ошиблись номером"))
    assert recognise(read_points("89122222222")).lead_ids == ()
    contact.deleted_at = head.date_joined
    contact.save()
    assert recognise(read_points("89121111111")).contact is None


def _first_reason(stage: str) -> int:
    from crm.models import RefusalReason

    return RefusalReason.objects.filter(stage=stage).values_list("pk", flat=True)[0]


@pytest.mark.rule("LEAD-7")
def test_a_complete_lead_makes_its_object_linked_both_ways() -> None:
    head = make_user(Role.SALES_HEAD)
    lead = register_object(qualify_new(new_lead(**COMPLETE), ROBOT), ROBOT)
    lead.refresh_from_db()
    obj = ConstructionObject.objects.get()
    assert (lead.object, obj.responsible) == (obj, head)
    assert (obj.length, obj.width, obj.area, obj.purpose_id) == (60, 24, 1440, "warehouse")
    assert list(obj.leads.all()) == [lead]
    register_object(lead, ROBOT)
    assert ConstructionObject.objects.count() == 1


@pytest.mark.rule("LEAD-7")
def test_a_certain_duplicate_is_shown_and_nothing_is_made() -> None:
    head = make_user(Role.SALES_HEAD)
    known = object_create(by=head, data={**BUILDING, "length": Decimal(24), "width": Decimal(60)})
    lead = register_object(qualify_new(new_lead(**COMPLETE), ROBOT), ROBOT)
    lead.refresh_from_db()
    assert ConstructionObject.objects.count() == 1
    assert (lead.object, lead.duplicate_object, lead.duplicate_is_certain) == (None, known, True)
    assert TimelineEntry.objects.filter(record_type="lead", record_id=lead.pk, action="object_duplicate").exists()


@pytest.mark.rule("LEAD-7")
def test_a_probable_duplicate_is_shown_beside_the_new_object() -> None:
    head = make_user(Role.SALES_HEAD)
    known = object_create(by=head, data={**BUILDING, "height": None})
    lead = register_object(qualify_new(new_lead(**COMPLETE), ROBOT), ROBOT)
    lead.refresh_from_db()
    assert ConstructionObject.objects.count() == 2
    assert (lead.duplicate_object, lead.duplicate_is_certain) == (known, False)
    assert lead.object not in {None, known}


@pytest.mark.rule("LEAD-5", "LEAD-6")
def test_a_second_request_of_an_open_lead_goes_to_whoever_has_the_first() -> None:
    make_user(Role.SALES_HEAD)
    manager = make_user()
    first = new_lead(responsible=manager)
    move(first, "handed_over", by=ROBOT)
    again = qualify_new(new_lead(phones="+7 912 345-67-89"), ROBOT)
    assert (again.is_repeat, again.responsible, again.stage) == (True, manager, "lead:handed_over")
    entry = TimelineEntry.objects.get(record_type="lead", record_id=again.pk, action="linked")
    assert f"№ {first.pk} " in sentence(entry)


@pytest.mark.rule("LEAD-5", "LEAD-6")
def test_a_second_request_of_an_open_lead_that_the_head_has_is_marked_and_goes_on_as_a_form() -> None:
    head = make_user(Role.SALES_HEAD)
    qualify_new(new_lead(**COMPLETE), ROBOT)
    again = qualify_new(new_lead(phones="8 (912) 345 67 89", name="Пётр"), ROBOT)
    assert (again.is_repeat, again.responsible, again.stage) == (True, head, "lead:needs_data")


@pytest.mark.rule("LEAD-5")
def test_a_closed_lead_makes_no_repeat() -> None:
    head = make_user(Role.SALES_HEAD)
    first = qualify_new(new_lead(), ROBOT)
    reason = first.stage_row.pipeline.stages.get(code="no_contact").reasons.first()
    move(first, "no_contact", by=head, refusal=Refusal(reason.pk, "Пять звонков, не отвечает"))
    assert not qualify_new(new_lead(), ROBOT).is_repeat
