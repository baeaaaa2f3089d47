"""A lead becomes a client and a deal: what is proposed, what is made, what goes along."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from accounts.models import Role
from crm import events, services, timeline
from crm.actors import Actor
from crm.clients import company_create, contact_create
from crm.contact_points import read_points
from crm.errors import InvalidInput, MissingFields, StageError
from crm.models import (
    ATTRIBUTION_FIELDS,
    Activity,
    Attachment,
    Company,
    Contact,
    ContactPoint,
    RefusalReason,
    TimelineEntry,
)
from crm.stages import Refusal, move
from deals.models import Deal
from deals.services import deal_create
from leads.conversion import CARRIED, NOT_CARRIED, ConversionChoice, convert, default_owners, plan
from leads.models import Lead
from leads.services import lead_create
from objects_registry.models import BUILDING_FIELDS
from objects_registry.services import object_from_record
from tests.factories import make_user

pytestmark = pytest.mark.django_db

FORM = Actor.form("Сайт")
REQUEST = {
    "name": "Кузнецов Пётр Ильич",
    "company_name": "ООО «Стальмонтаж»",
    "inn": "7707083893",
    "request_text": "Нужен склад под зерно",
    "purpose": "warehouse",
    "address": "Тверь, ул. Ленина, 5",
    "length": Decimal(60),
    "width": Decimal(24),
    "height": Decimal("8.5"),
    "area": Decimal(1500),
    "tonnage": Decimal("77.5"),
    "construction_start": date(2026, 6, 1),
    "amount": Decimal("12500000.50"),
    "channel": "form",
    "source": "yandex_direct",
    "utm_source": "yandex",
    "utm_medium": "cpc",
    "utm_campaign": "angary",
    "utm_content": "b1",
    "utm_term": "склад",
    "referrer": "https://yandex.ru/",
    "landing_page": "https://site.ru/?x=1",
    "click_ids": {"yclid": "1"},
    "messages_consent": True,
    "tags": ["срочно"],
}
PHONES = "8 912 345-67-89, 8 495 123-45-67"
EMAILS = "petr@mail.ru, info@stal.ru"


@pytest.fixture(autouse=True)
def without_rules(request: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rules qualify new leads by themselves; here leads are put where the test needs them."""
    monkeypatch.setattr(events, "HANDLERS", {})


@pytest.fixture
def owner() -> Any:
    return make_user()


def make_lead(
    owner: Any, *, stage: str = "handed_over", phones: str = PHONES, emails: str = EMAILS, **data: Any
) -> Lead:
    lead = lead_create(by=FORM, data={**REQUEST, "responsible": owner, **data}, phones=phones, emails=emails)
    return move(lead, stage, by=FORM) if stage != "new" else lead


def points_of(record: Any) -> set[str]:
    rows = ContactPoint.objects.filter(record_type=record.RECORD_TYPE, record_id=record.pk)
    return set(rows.values_list("value", flat=True))


def test_every_field_of_a_lead_is_either_carried_or_not() -> None:
    fields = {field.name for field in Lead._meta.concrete_fields} | {field.name for field in Lead._meta.many_to_many}
    assert fields == CARRIED.keys() | NOT_CARRIED
    assert not CARRIED.keys() & NOT_CARRIED


@pytest.mark.rule("LEAD-10")
def test_a_legal_entity_becomes_company_contact_and_deal_with_everything(owner: Any) -> None:
    lead = make_lead(owner)
    obj = object_from_record(lead, by=FORM)
    made = convert(lead_id=lead.pk, by=owner, choice=ConversionChoice("company"))
    lead.refresh_from_db()
    deal, contact, company = Deal.objects.get(), Contact.objects.get(), Company.objects.get()
    assert (made.deal, made.contact, made.company, made.is_repeat) == (deal, contact, company, False)
    assert (lead.stage, lead.deal, lead.contact, lead.company) == ("lead:converted", deal, contact, company)
    assert (deal.stage, deal.contact, deal.company, deal.object) == ("deal:request_received", contact, company, obj)
    assert (contact.full_name, contact.company, contact.messages_consent) == ("Кузнецов Пётр Ильич", company, True)
    assert (company.name, company.inn) == ("ООО «Стальмонтаж»", "7707083893")
    for name in (*BUILDING_FIELDS, "request_text", "amount"):
        assert getattr(deal, name) == getattr(lead, name), name
    for record in (deal, contact, company):
        assert record.responsible == owner
        for name in ATTRIBUTION_FIELDS:
            assert getattr(record, name) == getattr(lead, name), name
    assert [tag.name for tag in deal.tags.all()] == ["срочно"]


@pytest.mark.rule("LEAD-10")
def test_a_private_person_becomes_contact_and_deal(owner: Any) -> None:
    lead = make_lead(owner, company_name="", inn="")
    convert(lead_id=lead.pk, by=owner, choice=ConversionChoice("person"))
    deal = Deal.objects.get()
    assert (deal.contact, deal.company) == (Contact.objects.get(), None)
    assert not Company.objects.exists()
    assert points_of(deal.contact) == {"+79123456789", "+74951234567", "petr@mail.ru", "info@stal.ru"}


@pytest.mark.rule("LEAD-10")
@pytest.mark.parametrize("stage", ["new", "needs_data", "handed_over"])
def test_a_passer_by_is_saved_as_a_contact_without_a_deal(owner: Any, stage: str) -> None:
    lead = make_lead(owner, stage=stage)
    made = convert(lead_id=lead.pk, by=owner, choice=ConversionChoice("contact_only"))
    assert (made.lead.stage, made.deal) == ("lead:contact_saved", None)
    assert made.lead.contact == Contact.objects.get()
    assert not Deal.objects.exists()
    assert not Company.objects.exists()


@pytest.mark.rule("LEAD-10")
def test_files_tasks_and_timeline_go_along(owner: Any, clock: Any) -> None:
    lead = make_lead(owner)
    upload = SimpleUploadedFile("plan.pdf", b"%PDF-1.4")
    services.attachment_add(lead, upload=upload, by=owner)
    services.note_add(lead, text="Просил перезвонить в мае", by=owner)
    services.activity_create(
        lead, title="Позвонить", due_at=clock.now() + timedelta(days=1), responsible=owner, by=owner
    )
    deal = convert(lead_id=lead.pk, by=owner, choice=ConversionChoice("company")).deal
    assert deal is not None
    deal.refresh_from_db()
    kept = Attachment.objects.get(record_type="deal", record_id=deal.pk)
    assert (kept.name, kept.file.read()) == ("plan.pdf", b"%PDF-1.4")
    assert Attachment.objects.filter(record_type="lead", record_id=lead.pk).exists()
    task = Activity.objects.get()
    assert (task.record_type, task.record_id) == ("deal", deal.pk)
    assert (deal.next_activity_title, Lead.objects.get(pk=lead.pk).next_activity_at) == ("Позвонить", None)
    told = [timeline.sentence(entry) for entry in timeline.entries_for(deal, owner)]
    assert "Просил перезвонить в мае" in told


@pytest.mark.rule("LEAD-10")
def test_converting_twice_makes_one_deal(owner: Any) -> None:
    lead = make_lead(owner)
    first = convert(lead_id=lead.pk, by=owner, choice=ConversionChoice("company"))
    again = convert(lead_id=lead.pk, by=owner, choice=ConversionChoice("person"))
    assert (again.deal, again.contact, again.company, again.is_repeat) == (
        first.deal,
        first.contact,
        first.company,
        True,
    )
    assert (Deal.objects.count(), Contact.objects.count(), Company.objects.count()) == (1, 1, 1)


@pytest.mark.rule("LEAD-10")
def test_a_lead_that_was_reopened_comes_back_to_its_deal(owner: Any) -> None:
    head = make_user(Role.SALES_HEAD)
    lead = make_lead(owner)
    deal = convert(lead_id=lead.pk, by=owner, choice=ConversionChoice("company")).deal
    lead.refresh_from_db()
    move(lead, "handed_over", by=head, reason="Закрыли рано")
    choice = ConversionChoice("company", contact_id=lead.contact_id, company_id=lead.company_id)
    assert convert(lead_id=lead.pk, by=head, choice=choice).deal == deal
    assert Deal.objects.count() == 1


@pytest.mark.rule("LEAD-10")
def test_an_existing_client_and_an_open_deal_are_proposed_and_taken(owner: Any) -> None:
    company = company_create(by=owner, data={"name": "Стальмонтаж", "inn": "7707083893", "responsible": owner})
    contact = contact_create(by=owner, data={"name": "Кузнецов Пётр", "responsible": owner}, phones="89123456789")
    open_deal = deal_create(by=owner, data={"company": company, "contact": contact, "city": "Клин"})
    lead = make_lead(owner)
    proposed = plan(lead, owner)
    assert (proposed.kind, proposed.contact_id, proposed.company_id) == ("company", contact.pk, company.pk)
    assert [match.record for match in proposed.contact_matches] == [contact]
    assert [match.record for match in proposed.company_matches] == [company]
    assert proposed.deals == [open_deal]
    choice = ConversionChoice("company", contact_id=contact.pk, company_id=company.pk, deal_id=open_deal.pk)
    made = convert(lead_id=lead.pk, by=owner, choice=choice)
    open_deal.refresh_from_db()
    assert (made.deal, Deal.objects.count(), Contact.objects.count(), Company.objects.count()) == (open_deal, 1, 1, 1)
    assert (open_deal.city, open_deal.purpose_id) == ("Клин", "warehouse")
    entry = TimelineEntry.objects.get(record_type="deal", record_id=open_deal.pk, action="request_joined")
    assert "Нужен склад под зерно" in timeline.sentence(entry)
    contact.refresh_from_db()
    assert contact.company == company


@pytest.mark.rule("LEAD-11")
def test_each_phone_and_mail_goes_to_one_owner(owner: Any) -> None:
    lead = make_lead(
        owner, phones="89123456789, 84951234567, 88001234567", emails="petr@mail.ru, info@stal.ru, ivan@stal.ru"
    )
    made = convert(lead_id=lead.pk, by=owner, choice=ConversionChoice("company"))
    assert points_of(made.contact) == {"+79123456789", "petr@mail.ru"}
    assert points_of(made.company) == {"+74951234567", "+78001234567", "info@stal.ru", "ivan@stal.ru"}


@pytest.mark.rule("LEAD-11")
def test_a_person_can_change_whose_a_phone_is(owner: Any) -> None:
    lead = make_lead(owner)
    owners = {"+79123456789": "company", "info@stal.ru": "contact"}
    made = convert(lead_id=lead.pk, by=owner, choice=ConversionChoice("company", point_owners=owners))
    assert points_of(made.contact) == {"petr@mail.ru", "info@stal.ru"}
    assert points_of(made.company) == {"+79123456789", "+74951234567"}


@pytest.mark.rule("LEAD-11")
def test_what_the_client_has_already_stays_with_its_owner(owner: Any) -> None:
    company = company_create(by=owner, data={"name": "Сталь", "responsible": owner}, phones="89123456789")
    lead = make_lead(owner)
    made = convert(lead_id=lead.pk, by=owner, choice=ConversionChoice("company", company_id=company.pk))
    assert "+79123456789" not in points_of(made.contact)
    assert not points_of(made.contact) & points_of(made.company)


@pytest.mark.rule("LEAD-11")
def test_the_proposal_says_whose_each_is(owner: Any) -> None:
    proposed = plan(make_lead(owner), owner)
    owners = {point.value: point.owner for point in proposed.points}
    assert owners == {
        "+79123456789": "contact",
        "+74951234567": "company",
        "petr@mail.ru": "contact",
        "info@stal.ru": "company",
    }
    assert set(default_owners(read_points(PHONES, EMAILS), "person").values()) == {"contact"}


@pytest.mark.rule("LEAD-13")
@pytest.mark.parametrize("name", ["", "тест", "123", "+7 912 345-67-89"])
def test_a_person_without_a_real_name_cannot_become_a_contact(owner: Any, name: str) -> None:
    lead = make_lead(owner, name=name)
    assert plan(lead, owner).name_is_missing
    for kind in ("person", "contact_only"):
        with pytest.raises(InvalidInput):
            convert(lead_id=lead.pk, by=owner, choice=ConversionChoice(kind))
    assert not Contact.objects.exists()
    assert Lead.objects.get().stage == "lead:handed_over"
    made = convert(lead_id=lead.pk, by=owner, choice=ConversionChoice("company"))
    assert made.contact is None
    assert points_of(made.company) == {"+79123456789", "+74951234567", "petr@mail.ru", "info@stal.ru"}


@pytest.mark.rule("LEAD-13")
def test_the_name_can_be_given_at_conversion(owner: Any) -> None:
    lead = make_lead(owner, name="")
    with pytest.raises(InvalidInput):
        convert(lead_id=lead.pk, by=owner, choice=ConversionChoice("person", contact={"name": "тест"}))
    made = convert(lead_id=lead.pk, by=owner, choice=ConversionChoice("person", contact={"name": "Анна Ким"}))
    assert made.contact is not None
    assert made.contact.full_name == "Ким Анна"


@pytest.mark.rule("LEAD-10")
def test_nothing_is_left_behind_by_a_conversion_that_is_refused(owner: Any) -> None:
    lead = make_lead(owner, stage="new")
    with pytest.raises((StageError, MissingFields)):
        convert(lead_id=lead.pk, by=owner, choice=ConversionChoice("company"))
    refused = make_lead(owner, stage="new")
    reason = RefusalReason.objects.filter(stage="lead:erroneous").values_list("pk", flat=True)[0]
    move(refused, "erroneous", by=owner, refusal=Refusal(reason, "Ошиблись номером"))
    with pytest.raises(StageError):
        convert(lead_id=refused.pk, by=owner, choice=ConversionChoice("company"))
    assert [model.objects.count() for model in (Deal, Contact, Company)] == [0, 0, 0]


@pytest.mark.parametrize(
    ("choice", "pointer"),
    [
        (ConversionChoice("nonsense"), "/kind"),
        (ConversionChoice("person", contact_id=999), "/contact_id"),
        (ConversionChoice("company", company_id=999), "/company_id"),
        (ConversionChoice("person", deal_id=999), "/deal_id"),
        (ConversionChoice("company", company={"name": " "}), "/company/name"),
        (ConversionChoice("company", company={"inn": "123"}), "/company/inn"),
        (ConversionChoice("person", point_owners={"+79123456789": "both"}), "/point_owners"),
    ],
)
def test_a_wrong_choice_is_named(owner: Any, choice: ConversionChoice, pointer: str) -> None:
    lead = make_lead(owner)
    with pytest.raises(InvalidInput) as refused:
        convert(lead_id=lead.pk, by=owner, choice=choice)
    assert refused.value.errors[0]["pointer"] == pointer
    assert not Deal.objects.exists()


@pytest.mark.rule("ACC-1")
def test_only_whoever_may_change_the_lead_converts_it_and_only_with_clients_they_see(owner: Any) -> None:
    stranger = make_user()
    lead = make_lead(owner)
    with pytest.raises(Lead.DoesNotExist):
        convert(lead_id=lead.pk, by=stranger, choice=ConversionChoice("company"))
    foreign = contact_create(by=stranger, data={"name": "Чужой Клиент", "responsible": stranger})
    with pytest.raises(InvalidInput):
        convert(lead_id=lead.pk, by=owner, choice=ConversionChoice("person", contact_id=foreign.pk))


@pytest.mark.rule("PART-3")
def test_a_partners_lead_becomes_a_deal_of_the_partners_pipeline() -> None:
    user = make_user(Role.PARTNER)
    lead = lead_create(by=user, data={**REQUEST, "tags": []}, phones="89123456789")
    for stage in ("contacted", "qualified"):
        move(lead, stage, by=user)
    made = convert(lead_id=lead.pk, by=user, choice=ConversionChoice("company"))
    assert made.deal is not None
    assert (made.deal.pipeline_id, made.deal.partner, made.lead.stage) == (
        "partner_deal",
        user.partner,
        "partner_lead:converted",
    )


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.rule("LEAD-10")
def test_two_people_converting_at_once_make_one_deal() -> None:
    owner = make_user()
    lead = make_lead(owner)
    found: list[Any] = []
    start = threading.Barrier(2)

    def run() -> None:
        try:
            start.wait(10)
            found.append(convert(lead_id=lead.pk, by=owner, choice=ConversionChoice("company")).deal)
        except Exception as error:
            found.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == [Deal.objects.get()] * 2
    assert (Contact.objects.count(), Company.objects.count()) == (1, 1)
