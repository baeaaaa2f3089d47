"""The screens of leads: list, board, card, fields in place, bulk actions, conversion, export."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import Role
from crm import clock, services
from crm.models import Activity, Attachment, Contact, TimelineEntry
from crm.screens.editing import changes_since
from deals.models import Deal
from leads.models import Lead
from leads.services import lead_create
from objects_registry.models import Purpose
from tests.factories import make_client, make_partner, make_user

pytestmark = pytest.mark.django_db
HTMX = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "dialog-body"}


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def make_lead(owner: Any, **data: Any) -> Lead:
    given = {"name": "Иванов Пётр", "phone": "+79123456789", **data}
    return lead_create(by=owner, data=given)


def complete_lead(owner: Any, **data: Any) -> Lead:
    given = {"purpose": Purpose.objects.first(), "area": 1440, "address": "Тверь, Ленина 5", **data}
    return make_lead(owner, **given)


# -- who sees what ----------------------------------------------------------------------------------------------------


@pytest.mark.rule("ACC-1")
def test_lists_boards_counts_and_exports_hold_only_what_the_reader_sees() -> None:
    owner, stranger = make_user(), make_user()
    lead = make_lead(owner)
    mine, theirs = signed_in(owner), signed_in(stranger)
    assert list(mine.get("/leads/").context["page"]) == [lead]
    page = theirs.get("/leads/").context
    assert (list(page["page"]), page["found_total"]) == ([], 0)
    assert sum(column["count"] for column in theirs.get("/leads/board/").context["board_columns"]) == 0
    assert "Иванов" not in b"".join(theirs.get("/leads/export/?as=csv").streaming_content).decode()  # type: ignore[attr-defined]
    for url in ("", "edit/", "move/", "refuse/", "timeline/", "fields/name/", "convert/", "warnings/", "link/"):
        assert theirs.get(f"/leads/{lead.pk}/{url}").status_code == 404
    for url in ("move/", "note/", "plan/task/", "files/", "assign/"):
        assert theirs.post(f"/leads/{lead.pk}/{url}", {"text": "x"}).status_code == 404


@pytest.mark.rule("ACC-1")
def test_a_partner_works_in_its_own_pipeline_and_knows_no_other_people() -> None:
    partner_user = make_user(Role.PARTNER)
    make_user(Role.SALES_MANAGER, last_name="Секретов")
    lead = make_lead(partner_user)
    assert (lead.pipeline_id, lead.partner) == ("partner_lead", partner_user.partner)
    page = signed_in(partner_user).get("/leads/board/")
    assert {column["stage"].pipeline_id for column in page.context["board_columns"]} == {"partner_lead"}
    for url in ("/leads/", "/leads/board/", f"/leads/{lead.pk}/", "/leads/new/?full=1"):
        assert "Секретов" not in signed_in(partner_user).get(url).content.decode()
    other = make_user(Role.PARTNER, partner=make_partner())
    assert signed_in(other).get(f"/leads/{lead.pk}/").status_code == 404


def test_nobody_gets_in_without_signing_in() -> None:
    for url in ("/leads/", "/leads/board/", "/leads/1/", "/deals/export/", "/options/contact/", "/files/1/"):
        answer = Client().get(url)
        assert (answer.status_code, "/accounts/login/" in answer["Location"]) == (302, True)


# -- list -------------------------------------------------------------------------------------------------------------


def test_filter_sort_and_chips_come_from_the_address() -> None:
    owner = make_user(Role.SALES_HEAD)
    small, large = make_lead(owner, area=100, title="Б"), make_lead(owner, area=900, title="А")
    client = signed_in(owner)
    found = client.get("/leads/?area_from=500").context
    assert list(found["page"]) == [large]
    assert [(chip["value"], chip["url"]) for chip in found["chips"]] == [("500", "?")]
    assert list(client.get("/leads/?sort=title").context["page"]) == [large, small]
    assert list(client.get("/leads/?sort=-title").context["page"]) == [small, large]
    assert len(list(client.get("/leads/?sort=password").context["page"])) == 2
    assert list(client.get("/leads/?search=6789").context["page"]) == [large, small]


def test_the_rows_alone_come_to_htmx_with_the_switches_that_keep_the_filter() -> None:
    owner = make_user(Role.SALES_HEAD)
    make_lead(owner)
    answer = signed_in(owner).get("/leads/?search=Иванов", HTTP_HX_REQUEST="true")
    text = answer.content.decode()
    assert "<html" not in text
    assert 'hx-swap-oob="true"' in text
    assert "/leads/board/?search=" in text


def test_the_drawer_comes_when_it_is_opened_and_the_filter_survives_meanwhile() -> None:
    owner = make_user(Role.SALES_HEAD)
    client = signed_in(owner)
    page = client.get("/leads/?responsible=1&area_from=500&utm_campaign=spring")
    assert page.context["drawer"] == []
    assert set(page.context["drawer_pairs"]) == {("responsible", "1"), ("area_from", "500")}
    assert page.context["keep_pairs"] == [("utm_campaign", "spring")]
    drawer = client.get(page.context["drawer_url"], HTTP_HX_REQUEST="true")
    fields = {field.name: field for field in drawer.context["drawer"]}
    assert fields["area_from"].value() == "500"
    assert {key.partition(":")[0] for key, _label in fields["stage"].field.choices} == {"lead"}
    assert client.get("/leads/?drawer=open").context["drawer"]


@pytest.mark.rule("DATA-2")
def test_an_export_holds_the_filtered_list_and_no_formulas() -> None:
    owner = make_user(Role.SALES_HEAD)
    make_lead(owner, name='=HYPERLINK("http://evil")', area=900)
    make_lead(owner, name="Малый", area=10)
    client = signed_in(owner)
    csv_text = b"".join(client.get("/leads/export/?area_from=500&as=csv").streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    assert "'=HYPERLINK" in csv_text
    assert "Малый" not in csv_text
    answer = client.get("/leads/export/?area_from=500")
    book = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))  # type: ignore[attr-defined]
    sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "evil" in sheet


# -- bulk -------------------------------------------------------------------------------------------------------------


@pytest.mark.rule("PIPE-3")
def test_a_bulk_move_moves_what_it_can_and_says_why_the_rest_stays() -> None:
    owner = make_user(Role.SALES_HEAD)
    ready, bare = complete_lead(owner), make_lead(owner)
    data = {"ids": [ready.pk, bare.pk], "confirmed": "1", "to": "data_complete"}
    look = signed_in(owner).post("/leads/bulk/move/", data, **HTMX)
    assert [row["record"] for row in look.context["stays"]] == [bare]
    assert Lead.objects.get(pk=ready.pk).stage == "lead:new"
    answer = signed_in(owner).post("/leads/bulk/move/", {**data, "go": "1"}, **HTMX)
    assert [row["record"] for row in answer.context["failed"]] == [bare]
    assert Lead.objects.get(pk=ready.pk).stage == "lead:data_complete"
    assert Lead.objects.get(pk=bare.pk).stage == "lead:new"
    signed_in(owner).post(answer.context["undo_url"], **HTMX)
    assert Lead.objects.get(pk=ready.pk).stage == "lead:new"


def test_bulk_actions_reach_all_that_the_filter_finds_and_nothing_else() -> None:
    head, heir = make_user(Role.SALES_HEAD), make_user()
    for number in range(3):
        make_lead(head, area=900 + number)
    other = make_lead(head, area=5)
    data = {"all_found": "1", "query": "area_from=500", "confirmed": "1", "responsible": heir.pk}
    answer = signed_in(head).post("/leads/bulk/assign/", data, **HTMX)
    assert answer.status_code == 204
    assert Lead.objects.filter(responsible=heir).count() == 3
    undo = json.loads(answer["HX-Trigger"])["toast"]["undo_url"]
    signed_in(head).post(undo, **HTMX)
    assert Lead.objects.filter(responsible=head).count() == 4
    other.refresh_from_db()
    assert other.responsible == head


@pytest.mark.rule("ACC-1")
def test_a_bulk_action_leaves_foreign_rows_alone() -> None:
    owner, stranger = make_user(), make_user()
    lead = complete_lead(owner)
    before = Lead.objects.get(pk=lead.pk).stage
    data = {"ids": [lead.pk], "confirmed": "1", "to": "stalled", "comment": "Клиент пропал"}
    assert signed_in(stranger).post("/leads/bulk/move/", data, **HTMX).status_code == 422
    assert Lead.objects.get(pk=lead.pk).stage == before


# -- card -------------------------------------------------------------------------------------------------------------


def test_a_field_is_saved_in_place_and_the_area_follows_the_sides() -> None:
    owner = make_user()
    lead = make_lead(owner)
    client = signed_in(owner)
    form = client.get(f"/leads/{lead.pk}/fields/size/", HTTP_HX_REQUEST="true")
    data = {"seen": form.context["seen"], "width": "24,5", "length": "60", "height": ""}
    saved = client.post(f"/leads/{lead.pk}/fields/size/", data, HTTP_HX_REQUEST="true")
    assert saved.status_code == 200
    lead.refresh_from_db()
    assert (str(lead.area), lead.area_is_manual) == ("1470.00", False)


def test_two_people_in_one_field_get_a_conflict_and_in_two_fields_none() -> None:
    head, owner = make_user(Role.SALES_HEAD, last_name="Орлова"), make_user()
    lead = make_lead(owner)
    url = f"/leads/{lead.pk}/fields"
    seen_name = signed_in(owner).get(f"{url}/name/", HTTP_HX_REQUEST="true").context["seen"]
    seen_place = signed_in(owner).get(f"{url}/place/", HTTP_HX_REQUEST="true").context["seen"]
    signed_in(head).post(f"{url}/name/", {"seen": seen_name, "name": "Петров"}, HTTP_HX_REQUEST="true")
    slower = signed_in(owner).post(f"{url}/name/", {"seen": seen_name, "name": "Сидоров"}, HTTP_HX_REQUEST="true")
    assert slower.status_code == 409
    text = slower.content.decode()
    assert all(word in text for word in ("Орлова", "Иванов Пётр", "Петров"))
    other = signed_in(owner).post(f"{url}/place/", {"seen": seen_place, "address": "Казань"}, HTTP_HX_REQUEST="true")
    assert other.status_code == 200
    lead.refresh_from_db()
    assert (lead.name, lead.address) == ("Петров", "Казань")


def test_a_wrong_value_stays_in_the_field_with_its_reason() -> None:
    owner = make_user()
    lead = make_lead(owner)
    data = {"seen": "", "inn": "1234567890"}
    answer = signed_in(owner).post(f"/leads/{lead.pk}/fields/inn/", data, HTTP_HX_REQUEST="true")
    assert (answer.status_code, "1234567890" in answer.content.decode()) == (422, True)
    assert "inn" in answer.context["form"].errors


def test_fields_that_belong_to_services_cannot_be_edited_in_place() -> None:
    owner = make_user()
    lead = make_lead(owner)
    for name in ("channel", "stage", "created", "version"):
        assert signed_in(owner).get(f"/leads/{lead.pk}/fields/{name}/").status_code == 404


def test_the_whole_form_shows_what_another_person_changed_meanwhile() -> None:
    head, owner = make_user(Role.SALES_HEAD, last_name="Орлова"), make_user()
    lead = make_lead(owner)
    # Seen by whoever opens the form.
    services.record_update(Lead.objects.get(pk=lead.pk), data={"company_name": "ООО Прежние"}, by=head)
    client = signed_in(owner)
    page = client.get(f"/leads/{lead.pk}/edit/").context
    fields = {name: page["form"][name].value() or "" for name in page["form"].fields}
    hidden = {"version": page["version"], "seen_at": page["seen_at"]}
    services.record_update(Lead.objects.get(pk=lead.pk), data={"company_name": "ООО Быстрые"}, by=head)
    assert [row["new"] for row in changes_since(Lead.objects.get(pk=lead.pk), hidden["seen_at"])] == ["ООО Быстрые"]
    answer = client.post(f"/leads/{lead.pk}/edit/", {**fields, **hidden, "name": "Мой текст"})
    assert answer.status_code == 409
    text = answer.content.decode()
    assert all(word in text for word in ("ООО Быстрые", "Орлова", "Мой текст"))
    again = {**fields, "name": "Мой текст", "company_name": "ООО Быстрые"}
    done = client.post(
        f"/leads/{lead.pk}/edit/",
        {**again, "version": answer.context["version"], "seen_at": answer.context["seen_at"]},
    )
    assert done.status_code == 302
    lead.refresh_from_db()
    assert (lead.name, lead.company_name) == ("Мой текст", "ООО Быстрые")


@pytest.mark.rule("ACT-2")
def test_a_note_a_task_and_a_file_come_to_the_timeline() -> None:
    owner = make_user()
    lead = make_lead(owner)
    client = signed_in(owner)
    assert client.post(f"/leads/{lead.pk}/note/", {"text": "Звонил, просил перезвонить"}, **HTMX).status_code == 200
    plan = {"title": "Перезвонить", "due_at": "завтра 15:00", "responsible": owner.pk}
    assert client.post(f"/leads/{lead.pk}/plan/call/", plan, **HTMX).status_code == 200
    upload = SimpleUploadedFile("план.pdf", b"%PDF-1.4 test")
    assert client.post(f"/leads/{lead.pk}/files/", {"file": upload}, **HTMX).status_code == 200
    actions = set(TimelineEntry.objects.filter(record_type="lead", record_id=lead.pk).values_list("action", flat=True))
    assert actions >= {"note", "task_created", "file_added"}
    only_notes = client.get(f"/leads/{lead.pk}/timeline/?kind=note", **HTMX)
    assert [entry["body"] for entry in only_notes.context["entries"]] == ["Звонил, просил перезвонить"]
    lead.refresh_from_db()
    assert lead.next_activity_title == "Перезвонить"


def test_an_empty_note_and_a_nonsense_day_stay_in_the_composer() -> None:
    owner = make_user()
    lead = make_lead(owner)
    client = signed_in(owner)
    empty = client.post(f"/leads/{lead.pk}/note/", {"text": " "}, **HTMX)
    assert (empty.status_code, empty["HX-Retarget"]) == (422, "#composer-note")
    plan = {"title": "Перезвонить", "due_at": "когда-нибудь", "responsible": owner.pk}
    assert client.post(f"/leads/{lead.pk}/plan/task/", plan, **HTMX).status_code == 422


def test_a_forbidden_file_is_refused_by_name_and_the_others_are_kept() -> None:
    owner = make_user()
    lead = make_lead(owner)
    files = [SimpleUploadedFile("вирус.exe", b"MZ"), SimpleUploadedFile("план.pdf", b"%PDF-1.4")]
    answer = signed_in(owner).post(f"/leads/{lead.pk}/files/", {"file": files}, **HTMX)
    toasts = json.loads(answer["HX-Trigger"])["toast"]
    assert any("вирус.exe" in toast["text"] for toast in toasts)
    assert list(Attachment.objects.values_list("name", flat=True)) == ["план.pdf"]


@pytest.mark.rule("ACC-1")
def test_a_file_goes_only_to_those_who_see_its_record_and_is_never_shown_inline() -> None:
    owner, stranger = make_user(), make_user()
    lead = make_lead(owner)
    services.attachment_add(lead, upload=SimpleUploadedFile("план.pdf", b"%PDF-1.4"), by=owner)
    file = Attachment.objects.get()
    answer = signed_in(owner).get(f"/files/{file.pk}/")
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert signed_in(stranger).get(f"/files/{file.pk}/").status_code == 404


@pytest.mark.rule("PART-8")
def test_internal_notes_and_files_stay_hidden_from_the_partner() -> None:
    partner_user, control = make_user(Role.PARTNER), make_user(Role.PARTNER_CONTROL)
    lead = make_lead(partner_user)
    signed_in(control).post(f"/leads/{lead.pk}/note/", {"text": "Следить за сроком", "internal": "on"}, **HTMX)
    services.attachment_add(lead, upload=SimpleUploadedFile("маржа.pdf", b"%PDF-1.4"), by=control, internal=True)
    page = signed_in(partner_user).get(f"/leads/{lead.pk}/").content.decode()
    assert "Следить за сроком" not in page
    assert "маржа.pdf" not in page
    assert signed_in(partner_user).get(f"/files/{Attachment.objects.get().pk}/").status_code == 404
    assert "Следить за сроком" in signed_in(control).get(f"/leads/{lead.pk}/").content.decode()


@pytest.mark.rule("ACT-1")
def test_a_task_is_done_in_its_row_which_then_asks_for_the_next_step() -> None:
    owner = make_user()
    lead = make_lead(owner)
    task = services.activity_create(
        lead, title="Позвонить", due_at=clock.now() - timedelta(hours=1), responsible=owner, by=owner
    )
    client = signed_in(owner)
    row = client.post(f"/tasks/{task.pk}/done/", **HTMX)
    assert row.context["form"] is not None
    planned = client.post(f"/tasks/{task.pk}/next/", {"title": "Отправить КП", "due_at": "завтра 10:00"}, **HTMX)
    assert planned.status_code == 200
    assert Activity.objects.get(done_at__isnull=True).title == "Отправить КП"
    undo = json.loads(row["HX-Trigger"])["toast"]["undo_url"]
    client.post(undo, **HTMX)
    task.refresh_from_db()
    assert task.done_at is None


@pytest.mark.rule("ACC-1")
def test_another_persons_task_cannot_be_done() -> None:
    owner, stranger = make_user(), make_user()
    lead = make_lead(owner)
    task = services.activity_create(lead, title="Позвонить", due_at=clock.now(), responsible=owner, by=owner)
    for word in ("done", "postpone", "next"):
        assert signed_in(stranger).post(f"/tasks/{task.pk}/{word}/", **HTMX).status_code == 404


def test_a_task_moves_to_the_next_working_day(clock: Any) -> None:
    owner = make_user()
    lead = make_lead(owner)
    clock.travel(days=4)  # Friday, noon in Moscow
    task = services.activity_create(lead, title="Позвонить", due_at=clock.now(), responsible=owner, by=owner)
    signed_in(owner).post(f"/tasks/{task.pk}/postpone/", {"to": "tomorrow"}, **HTMX)
    task.refresh_from_db()
    assert task.due_at.isoformat() == "2026-03-10T09:00:00+00:00"  # Monday is off for the 8th of March


# -- new leads, clients, conversion -----------------------------------------------------------------------------------


def test_a_lead_is_made_by_name_and_phone() -> None:
    owner = make_user()
    answer = signed_in(owner).post("/leads/new/", {"name": "Гаврилов", "phone": "8 912 345-67-89"}, **HTMX)
    assert answer.status_code == 204
    lead = Lead.objects.get()
    assert (lead.name, lead.phone, lead.responsible) == ("Гаврилов", "+79123456789", owner)


def test_a_phone_that_is_none_is_refused_beside_its_field() -> None:
    answer = signed_in(make_user()).post("/leads/new/", {"name": "Г", "phone": "звоните вечером"}, **HTMX)
    assert answer.status_code == 422
    assert "phone" in answer.context["form"].errors
    assert not Lead.objects.exists()


@pytest.mark.rule("LEAD-14")
def test_a_known_phone_is_noticed_while_it_is_typed() -> None:
    owner = make_user()
    contact = make_client(owner)
    from crm.contact_points import add_points, read_points

    add_points(contact, read_points(phones="+79123456789"))
    answer = signed_in(owner).get("/client-matches/", {"phone": "8 (912) 345-67-89"}, HTTP_HX_REQUEST="true")
    assert str(contact) in answer.content.decode()
    stranger = signed_in(make_user()).get("/client-matches/", {"phone": "89123456789"}, HTTP_HX_REQUEST="true")
    assert str(contact) not in stranger.content.decode()


@pytest.mark.rule("LEAD-12")
def test_a_lead_is_linked_to_a_known_client() -> None:
    owner = make_user()
    contact, lead = make_client(owner), make_lead(owner, phone="+79990001122")
    answer = signed_in(owner).post(f"/leads/{lead.pk}/link/", {"contact": contact.pk}, **HTMX)
    assert answer.status_code == 204
    lead.refresh_from_db()
    assert (lead.contact, lead.is_repeat) == (contact, True)


@pytest.mark.rule("LEAD-10")
@pytest.mark.rule("LEAD-11")
def test_the_conversion_dialog_gives_the_phone_to_one_owner_and_goes_on_to_the_deal() -> None:
    owner = make_user()
    lead = complete_lead(owner, company_name="ООО Агро", email="info@agro.ru")
    client = signed_in(owner)
    dialog = client.get(f"/leads/{lead.pk}/convert/", **HTMX)
    owners = {row["point"].value: row["point"].owner for row in dialog.context["points"]}
    assert owners == {"+79123456789": "contact", "info@agro.ru": "company"}
    data = {
        "kind": "company", "contact": "new", "last_name": "Иванов", "first_name": "Пётр", "company": "new",
        "company_name": "ООО Агро", "inn": "", "deal": "new", "amount": "1 500 000",
    }  # fmt: skip
    answer = client.post(f"/leads/{lead.pk}/convert/", data, **HTMX)
    deal = Deal.objects.get()
    assert answer["HX-Redirect"] == deal.get_absolute_url()
    assert (deal.contact.phone, deal.company.phone, deal.company.email) == ("+79123456789", "", "info@agro.ru")
    assert client.post(f"/leads/{lead.pk}/convert/", data, **HTMX).status_code == 204
    assert Deal.objects.count() == 1


@pytest.mark.rule("LEAD-13")
def test_a_conversion_to_a_person_without_a_name_says_what_to_do() -> None:
    owner = make_user()
    lead = complete_lead(owner, name="")
    data = {"kind": "person", "contact": "new", "deal": "new"}
    answer = signed_in(owner).post(f"/leads/{lead.pk}/convert/", data, **HTMX)
    assert answer.status_code == 422
    assert not Contact.objects.exists()


def test_a_drop_on_converted_goes_on_in_the_conversion_dialog() -> None:
    owner = make_user()
    lead = complete_lead(owner)
    data = {"to": "converted", "expected_stage": Lead.objects.get(pk=lead.pk).stage}
    answer = signed_in(owner).post(f"/leads/{lead.pk}/move/", data, **HTMX)
    assert answer.status_code == 422
    assert f"/leads/{lead.pk}/convert/" in answer.content.decode()


@pytest.mark.rule("OBJ-3")
def test_an_object_is_made_from_a_lead_and_a_likely_double_is_asked_about() -> None:
    owner = make_user()
    first, second = (complete_lead(owner, width=24, length=60, height=6) for _ in range(2))
    client = signed_in(owner)
    assert client.post(f"/leads/{first.pk}/object/", {"existing": "new"}, **HTMX).status_code == 204
    first.refresh_from_db()
    dialog = client.get(f"/leads/{second.pk}/object/", **HTMX)
    assert [item.object for item in dialog.context["candidates"]] == [first.object]
    assert client.post(f"/leads/{second.pk}/object/", {"existing": first.object_id}, **HTMX).status_code == 204
    second.refresh_from_db()
    assert second.object_id == first.object_id
