"""Taking a conversion back: the lead is as it was, what was made is in the trash, and what hinders it is named."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from accounts.models import Role
from crm import clock as product_clock
from crm import services, timeline
from crm.actors import Actor
from crm.clients import company_create, contact_create
from crm.models import Activity, Attachment, Company, Contact, StageHistory, TimelineEntry
from crm.point_services import point_add
from crm.stages import move
from deals.models import Deal
from deals.services import deal_create
from leads.conversion import ConversionChoice, convert
from leads.models import Lead
from leads.services import lead_create
from leads.unconversion import ConversionStays, undo_conversion
from objects_registry.services import object_from_record
from tests.crm.test_merging_property import differences, everything
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("LEAD-10")]

FORM = Actor.system()
REQUEST: dict[str, Any] = {
    "name": "Кузнецов Пётр",
    "company_name": "ООО «Стальмонтаж»",
    "inn": "7707083893",
    "purpose": "warehouse",
    "width": 24,
    "length": 60,
    "address": "Клин",
    "request_text": "Нужен склад",
    "utm_source": "yandex",
    "messages_consent": True,
}
# A move back is a move: these tell of it.
OF_MOVES = {"stage_entered_at", "last_activity_at", "stages_seen"}


@pytest.fixture
def owner() -> Any:
    return make_user()


def make_lead(owner: Any, *, phones: str = "89123456789, 84951234567", emails: str = "", **data: Any) -> Lead:
    given = {**REQUEST, "responsible": owner, **data}
    lead = lead_create(by=FORM, data=given, phones=phones, emails=emails)
    lead.refresh_from_db()
    return lead if lead.stage == "lead:handed_over" else move(lead, "handed_over", by=FORM)


def fresh(record: Any) -> Any:
    return type(record).objects.get(pk=record.pk)


def test_the_lead_stands_where_it_stood_and_the_results_are_in_the_trash(owner: Any, clock: Any) -> None:
    lead = make_lead(owner)
    object_from_record(lead, by=FORM)
    services.activity_create(
        lead, title="Позвонить", due_at=clock.now() + timedelta(days=1), responsible=owner, by=owner
    )
    services.attachment_add(lead, upload=SimpleUploadedFile("plan.pdf", b"%PDF-1.4"), by=owner)
    before = fresh(lead)
    made = convert(lead_id=lead.pk, by=owner, choice=ConversionChoice("company"))
    assert Activity.objects.get().record_type == "deal"
    undo_conversion(lead_id=lead.pk, by=owner)
    after = fresh(lead)
    assert (after.stage, after.object, after.deal, after.contact, after.company) == (
        before.stage, before.object, None, None, None,
    )  # fmt: skip
    assert (Activity.objects.get().record_type, after.next_activity_title) == ("lead", "Позвонить")
    for record in (made.deal, made.contact, made.company):
        assert fresh(record).deleted_at is not None
    last = StageHistory.objects.filter(record_type="lead", record_id=lead.pk).order_by("-pk")[0]
    assert (last.to_stage_id, last.reason) == (before.stage, "Конвертация отменена.")
    told = [timeline.sentence(entry) for entry in timeline.entries_for(after, owner)]
    assert any("Стальмонтаж" in text for text in told)
    assert Attachment.objects.filter(record_type="lead").count() == 1


@pytest.mark.parametrize("kind", ["company", "person", "contact_only"])
def test_it_can_be_converted_anew_and_undone_anew(owner: Any, kind: str) -> None:
    lead = make_lead(owner)
    for _round in range(2):
        convert(lead_id=lead.pk, by=owner, choice=ConversionChoice(kind))
        undo_conversion(lead_id=lead.pk, by=owner)
    assert fresh(lead).stage == "lead:handed_over"
    assert not [*Deal.objects.alive(), *Contact.objects.alive(), *Company.objects.alive()]


def test_what_was_added_to_those_that_were_there_is_taken_away(owner: Any) -> None:
    company = company_create(by=owner, data={"name": "Стальмонтаж", "responsible": owner}, phones="88001234567")
    contact = contact_create(by=owner, data={"name": "Кузнецов Пётр", "responsible": owner})
    deal = deal_create(by=owner, data={"contact": contact, "title": "Прежняя"})
    lead = make_lead(owner, tags=["срочно"], contact=contact)
    before = everything()
    choice = ConversionChoice("company", contact_id=contact.pk, company_id=company.pk, deal_id=deal.pk)
    convert(lead_id=lead.pk, by=owner, choice=choice)
    deal.refresh_from_db()
    assert (deal.request_text, deal.company, [tag.name for tag in deal.tags.all()]) == (
        "Нужен склад", company, ["срочно"],
    )  # fmt: skip
    assert fresh(contact).phone == "+79123456789"
    undo_conversion(lead_id=lead.pk, by=owner)
    assert remaining(before) == []
    assert fresh(deal).deleted_at is None


def remaining(before: dict[Any, dict[str, Any]]) -> list[Any]:
    """What is different from before, but for what a move back has to leave."""
    after = everything(set(before))
    lost = [key for key in before if key not in after]
    return lost + [row for row in differences(before, after) if row[1] not in OF_MOVES]


OURS = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)


@settings(OURS)
@given(
    kind=st.sampled_from(["company", "person", "contact_only"]),
    into=st.sets(st.sampled_from(["contact", "company", "deal"])),
    phones=st.lists(st.sampled_from(["89123456789", "84951234567", "88001234567"]), max_size=3),
    emails=st.lists(st.sampled_from(["petr@mail.ru", "info@stal.ru"]), max_size=2),
    hanging=st.sets(st.sampled_from(["note", "task", "object", "tag"])),
)
def test_convert_and_undo_leaves_everything_as_it_was(
    kind: str, into: set[str], phones: list[str], emails: list[str], hanging: set[str]
) -> None:
    with transaction.atomic():
        by = make_user()
        company = company_create(by=by, data={"name": "Сталь", "responsible": by}, phones="88001234567")
        contact = contact_create(by=by, data={"name": "Ким Анна", "responsible": by}, emails="petr@mail.ru")
        deal = deal_create(by=by, data={"title": "Прежняя", "contact": contact})
        data = {"tags": ["срочно"]} if "tag" in hanging else {}
        lead = make_lead(by, phones=", ".join(phones) or "89990001122", emails=", ".join(emails), **data)
        if "object" in hanging and lead.object_id is None:
            object_from_record(lead, by=FORM, force_new=True)
        if "note" in hanging:
            services.note_add(fresh(lead), text="Заметка", by=by)
        if "task" in hanging:
            services.activity_create(lead, title="Дело", due_at=product_clock.now(), responsible=by, by=by)
        before = everything()
        choice = ConversionChoice(
            kind,
            contact_id=contact.pk if "contact" in into else None,
            company_id=company.pk if "company" in into and kind == "company" else None,
            deal_id=deal.pk if "deal" in into and kind != "contact_only" else None,
        )
        convert(lead_id=lead.pk, by=by, choice=choice)
        assert remaining(before) != []
        undo_conversion(lead_id=lead.pk, by=by)
        assert remaining(before) == []
        transaction.set_rollback(True)


# -- what hinders it --------------------------------------------------------------------------------------------------


def hang_note(deal: Any, owner: Any) -> str:
    services.note_add(deal, text="Звонил, думает", by=owner)
    return "1 заметка"


def hang_move(deal: Any, owner: Any) -> str:
    move(deal, "costing", by=owner)
    return "переведено на стадию «Расчёт стоимости»"


def hang_change(deal: Any, owner: Any) -> str:
    services.record_update(deal, data={"amount": 5}, by=owner)
    return "изменено: сумма"


def hang_task(deal: Any, owner: Any) -> str:
    services.activity_create(deal, title="Замер", due_at=product_clock.now(), responsible=owner, by=owner)
    return "задача «Замер»"


def hang_file(deal: Any, owner: Any) -> str:
    services.attachment_add(deal, upload=SimpleUploadedFile("a.pdf", b"%PDF-1.4"), by=owner)
    return "файлы: 1"


def hang_phone(deal: Any, owner: Any) -> str:
    point_add(deal.contact, text="+79990001122", by=owner)
    return "телефоны и адреса"


def hang_deal(deal: Any, owner: Any) -> str:
    deal_create(by=owner, data={"contact": deal.contact, "title": "Вторая"})
    return "сделки: «Вторая»"


@pytest.mark.parametrize(
    "hang", [hang_note, hang_move, hang_change, hang_task, hang_file, hang_phone, hang_deal], ids=lambda f: f.__name__
)
def test_what_people_did_since_hinders_it_and_is_named(owner: Any, hang: Any) -> None:
    lead = make_lead(owner)
    made = convert(lead_id=lead.pk, by=owner, choice=ConversionChoice("company"))
    expected = hang(fresh(made.deal), owner)
    with pytest.raises(ConversionStays) as refused:
        undo_conversion(lead_id=lead.pk, by=owner)
    assert expected in refused.value.message
    assert fresh(lead).stage == "lead:converted"
    assert fresh(made.deal).deleted_at is None


def test_a_task_that_came_along_and_is_done_hinders_it(owner: Any, clock: Any) -> None:
    lead = make_lead(owner)
    task = services.activity_create(lead, title="Позвонить", due_at=clock.now(), responsible=owner, by=owner)
    convert(lead_id=lead.pk, by=owner, choice=ConversionChoice("person"))
    services.activity_complete(Activity.objects.get(pk=task.pk), by=owner, result="Договорились")
    with pytest.raises(ConversionStays, match="Позвонить"):
        undo_conversion(lead_id=lead.pk, by=owner)


@pytest.mark.rule("ACC-1")
def test_another_persons_record_hinders_it_without_being_named(owner: Any) -> None:
    stranger = make_user()
    lead = make_lead(owner)
    made = convert(lead_id=lead.pk, by=owner, choice=ConversionChoice("person"))
    deal_create(by=stranger, data={"contact": made.contact, "title": "Секретная", "responsible": stranger})
    with pytest.raises(ConversionStays) as refused:
        undo_conversion(lead_id=lead.pk, by=owner)
    assert "Секретная" not in refused.value.message
    assert "которых вы не видите" in refused.value.message


@pytest.mark.rule("ACC-1")
def test_a_stranger_cannot_undo_it_and_a_head_can(owner: Any, client: Any) -> None:
    lead = make_lead(owner)
    made = convert(lead_id=lead.pk, by=owner, choice=ConversionChoice("company"))
    stranger, head = make_user(), make_user(Role.SALES_HEAD)
    with pytest.raises(Lead.DoesNotExist):
        undo_conversion(lead_id=lead.pk, by=stranger)
    client.force_login(stranger)
    assert client.post(f"/leads/{lead.pk}/convert/undo/").status_code == 404
    assert client.get(f"/leads/conversions/of/deal/{made.deal.pk}/").status_code == 404
    undo_conversion(lead_id=lead.pk, by=head)
    with pytest.raises(ConversionStays):
        undo_conversion(lead_id=lead.pk, by=head)
    assert fresh(lead).is_open


def test_in_the_browser_the_dialog_says_what_goes_and_what_hinders(owner: Any, client: Any) -> None:
    lead = make_lead(owner)
    made = convert(lead_id=lead.pk, by=owner, choice=ConversionChoice("company"))
    client.force_login(owner)
    panel = client.get(f"/leads/conversions/of/deal/{made.deal.pk}/").content.decode()
    assert f"/leads/{lead.pk}/convert/undo/" in panel
    page = client.get(f"/leads/{lead.pk}/convert/undo/").content.decode()
    assert "Стальмонтаж" in page
    services.note_add(made.contact, text="Просит скидку", by=owner)
    refused = client.get(f"/leads/{lead.pk}/convert/undo/")
    assert (refused.status_code, "Кузнецов" in refused.content.decode()) == (422, True)
    for kind, pk in (("deal", made.deal.pk), ("lead", lead.pk)):
        panel = client.get(f"/leads/conversions/of/{kind}/{pk}/").content.decode()
        assert ("conversion-panel" in panel, "/convert/undo/" in panel) == (True, False)
    TimelineEntry.objects.filter(action="note").delete()
    answer = client.post(f"/leads/{lead.pk}/convert/undo/")
    assert answer.url == lead.get_absolute_url()
    assert fresh(lead).stage == "lead:handed_over"


def test_by_api(owner: Any, client: Any) -> None:
    lead = make_lead(owner)
    client.force_login(owner)
    url = f"/api/v1/leads/{lead.pk}/convert/undo/"
    assert client.get(url).json() == {"can_undo": False, "reasons": [], "made": []}
    made = convert(lead_id=lead.pk, by=owner, choice=ConversionChoice("person"))
    planned = client.get(url).json()
    assert (planned["can_undo"], planned["made"][0]) == (True, {"record_type": "deal", "id": made.deal.pk})
    services.note_add(made.deal, text="Просит скидку", by=owner)
    refused = client.post(url)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (409, "/deal")
    TimelineEntry.objects.filter(action="note").delete()
    done = client.post(url)
    assert (done.status_code, done.json()["stage"]) == (200, "lead:handed_over")
