"""Many records at once: selection, preview, report, undo, and jobs that a worker carries on after a death."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Role
from crm import clock, jobs, tags
from crm.models import Change, ListJob, Notification
from crm.services import record_update
from deals.models import Deal
from leads.models import Lead
from leads.services import lead_create
from objects_registry.models import Purpose
from tests.factories import make_client, make_deal, make_team, make_user

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true", "HX-Target": "dialog-body"}


def signed_in(user: Any) -> Client:
    client = Client(headers=HTMX)
    client.force_login(user)
    return client


def make_lead(owner: Any, **data: Any) -> Lead:
    return lead_create(by=owner, data={"name": "Пётр", "responsible": owner, **data})


def undo_url(answer: Any) -> str:
    import json

    return str(json.loads(answer["HX-Trigger"])["toast"]["undo_url"])


def test_all_found_is_what_the_list_shows_and_not_the_other_pipelines() -> None:
    head, heir = make_user(Role.SALES_HEAD), make_user()
    dealer = make_user(Role.PARTNER)
    mine, theirs = make_lead(head), make_lead(dealer)
    small = make_lead(head, area=10)
    client = signed_in(head)
    data = {"all_found": "1", "query": "page=2&view=0&sort=title", "responsible": heir.pk, "confirmed": "1"}
    asked = client.post("/leads/bulk/assign/", {"all_found": "1", "query": ""})
    assert "(2)" in asked.context["dialog_submit"]
    answer = client.post("/leads/bulk/assign/", data)
    found = {lead.pk: lead.responsible for lead in Lead.objects.all()}
    assert found == {mine.pk: heir, small.pk: heir, theirs.pk: dealer}
    client.post(undo_url(answer))
    assert Lead.objects.get(pk=mine.pk).responsible == head


@pytest.mark.rule("PIPE-3")
def test_fields_that_some_lack_are_filled_in_for_them_alone() -> None:
    owner = make_user(Role.SALES_HEAD)
    purpose = Purpose.objects.all()[0]
    bare = make_deal(owner, contact=make_client(owner))
    half = make_deal(owner, contact=make_client(owner), purpose=purpose, area=500)
    data = {"ids": [bare.pk, half.pk], "confirmed": "1", "to": "costing"}
    client = signed_in(owner)
    look = client.post("/deals/bulk/move/", data).context
    assert ([row["record"] for row in look["stays"]], look["goes"]) == ([bare], 1)
    filled = {**data, "go": "1", "purpose": purpose.pk, "area": "1 440"}
    answer = client.post("/deals/bulk/move/", filled)
    assert answer.status_code == 204
    assert {deal.stage for deal in Deal.objects.all()} == {"deal:costing"}
    assert (Deal.objects.get(pk=bare.pk).area, Deal.objects.get(pk=half.pk).area) == (1440, 500)
    client.post(undo_url(answer))
    assert {deal.stage for deal in Deal.objects.all()} == {"deal:request_received"}


@pytest.mark.rule("PIPE-4")
def test_many_are_refused_with_one_reason_and_a_comment() -> None:
    owner = make_user(Role.SALES_HEAD)
    deals = [make_deal(owner) for _number in range(2)]
    client = signed_in(owner)
    data = {"ids": [deal.pk for deal in deals], "confirmed": "1", "to": "price_of_structures"}
    asked = client.post("/deals/bulk/move/", data)
    choice = asked.context["form"]["choice"].field.choices[0][1][0][0]
    lazy = client.post("/deals/bulk/move/", {**data, "choice": choice, "comment": "-"})
    assert lazy.status_code == 422
    said = {**data, "choice": choice, "comment": "Дешевле на десять процентов"}
    nameless = client.post("/deals/bulk/move/", said)
    assert "competitor" in nameless.context["form"].errors, "nobody is left behind with a reason half given"
    client.post("/deals/bulk/move/", {**said, "competitor": "Завод МК"})
    assert {deal.stage for deal in Deal.objects.all()} == {"deal:price_of_structures"}
    assert {deal.refusal_comment for deal in Deal.objects.all()} == {"Дешевле на десять процентов"}


def test_tags_are_put_on_and_taken_off_and_are_in_the_audit_trail() -> None:
    owner = make_user()
    first, second = make_deal(owner), make_deal(owner)
    tags.tags_set(second, tags=["Срочно"], by=owner)
    client = signed_in(owner)
    data = {"ids": [first.pk, second.pk], "confirmed": "1"}
    assert client.post("/deals/bulk/tag/", data).status_code == 422
    answer = client.post("/deals/bulk/tag/", {**data, "add": ["срочно", "Север"], "remove": ["нет такой"]})
    assert {tag.name for tag in first.tags.all()} == {tag.name for tag in second.tags.all()} == {"Срочно", "Север"}
    assert Change.objects.filter(field="tags", record_id=first.pk).values_list("new", flat=True)[0] == "Север, Срочно"
    client.post(undo_url(answer))
    assert ([tag.name for tag in first.tags.all()], [tag.name for tag in second.tags.all()]) == ([], ["Срочно"])


def test_deletion_is_asked_for_done_and_taken_back_but_not_of_clients_in_living_deals() -> None:
    owner = make_user()
    contact, free = make_client(owner), make_client(owner)
    make_deal(owner, contact=contact)
    client = signed_in(owner)
    data = {"ids": [contact.pk, free.pk]}
    assert client.post("/contacts/bulk/delete/", data).context["dialog_danger"]
    answer = client.post("/contacts/bulk/delete/", {**data, "confirmed": "1"})
    assert [row["record"] for row in answer.context["failed"]] == [contact]
    free.refresh_from_db()
    assert free.deleted_at is not None
    client.post(answer.context["undo_url"])
    free.refresh_from_db()
    assert free.deleted_at is None


@pytest.mark.rule("ACC-1")
def test_only_rows_that_one_may_change_are_selected_and_jobs_are_ones_own() -> None:
    owner, stranger = make_user(), make_user()
    lead = make_lead(owner)
    answer = signed_in(stranger).post(
        "/leads/bulk/assign/", {"ids": [lead.pk], "confirmed": "1", "responsible": stranger.pk}
    )
    assert answer.status_code == 422
    signed_in(owner).post("/leads/bulk/assign/", {"ids": [lead.pk], "confirmed": "1", "responsible": stranger.pk})
    job = ListJob.objects.get()
    for address in ("", "stop/", "undo/"):
        assert signed_in(stranger).post(f"/jobs/{job.pk}/{address}").status_code in {404, 405}
    assert signed_in(make_user(Role.PARTNER)).post("/leads/bulk/delete/", {"ids": [lead.pk]}).status_code == 403


def test_what_another_has_changed_on_is_not_undone() -> None:
    owner, heir, third = make_user(Role.SALES_HEAD), make_user(), make_user()
    leads = [make_lead(owner) for _number in range(2)]
    client = signed_in(owner)
    ids = [lead.pk for lead in leads]
    answer = client.post("/leads/bulk/assign/", {"ids": ids, "confirmed": "1", "responsible": heir.pk})
    record_update(Lead.objects.get(pk=ids[0]), data={"responsible": third}, by=owner)
    told = client.post(undo_url(answer))
    assert "1" in told["HX-Trigger"]
    assert [Lead.objects.get(pk=pk).responsible for pk in ids] == [third, owner]


def test_a_large_job_is_a_workers_with_progress_and_a_line_in_the_bell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "AT_ONCE", 2)
    owner, heir = make_user(Role.SALES_HEAD), make_user()
    ids = [make_lead(owner).pk for _number in range(4)]
    client = signed_in(owner)
    answer = client.post("/leads/bulk/assign/", {"ids": ids, "confirmed": "1", "responsible": heir.pk})
    job = ListJob.objects.get()
    assert answer.context["job"] == job
    assert (job.state, Lead.objects.filter(responsible=heir).count()) == ("pending", 0)
    assert "every 1s" in client.get(f"/jobs/{job.pk}/").content.decode()
    assert jobs.run_due() == 1
    assert Lead.objects.filter(responsible=heir).count() == 4
    bell = Notification.objects.get(user=owner, action="list_job")
    assert signed_in(owner).get(f"/notifications/{bell.pk}/")["Location"] == f"/jobs/{job.pk}/"
    assert signed_in(owner).get("/notifications/").status_code == 200
    page = client.get(f"/jobs/{job.pk}/").context
    client.post(page["undo_url"])
    assert jobs.run_due() == 1
    assert Lead.objects.filter(responsible=owner).count() == 4


def test_a_worker_that_dies_loses_nothing_and_does_nothing_twice(monkeypatch: pytest.MonkeyPatch, clock: Any) -> None:
    monkeypatch.setattr(jobs, "AT_ONCE", 0)
    monkeypatch.setattr(jobs, "CHUNK", 2)
    owner, heir = make_user(Role.SALES_HEAD), make_user()
    rows = [("lead", make_lead(owner).pk) for _number in range(5)]
    job = jobs.job_start(by=owner, kind="assign", rows=rows, params={"responsible": heir.pk}, record_type="lead")
    ListJob.objects.filter(pk=job.pk).update(state="running", claimed_at=clock.now())
    assert jobs._chunk(job.pk)
    assert jobs.run_due() == 0
    clock.travel(minutes=3)
    assert jobs.run_due() == 1
    job.refresh_from_db()
    assert (job.state, job.done, job.position, len(job.back)) == ("done", 5, 5, 5)
    assert Change.objects.filter(field="responsible", new=heir.pk).count() == 5


def test_a_job_is_stopped_and_what_was_done_can_be_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "AT_ONCE", 0)
    monkeypatch.setattr(jobs, "CHUNK", 1)
    owner, heir = make_user(Role.SALES_HEAD), make_user()
    rows = [("lead", make_lead(owner).pk) for _number in range(3)]
    job = jobs.job_start(by=owner, kind="assign", rows=rows, params={"responsible": heir.pk}, record_type="lead")
    jobs._chunk(job.pk)
    signed_in(owner).post(f"/jobs/{job.pk}/stop/")
    assert jobs.run_due() == 0
    assert Lead.objects.filter(responsible=heir).count() == 1
    signed_in(owner).post(f"/jobs/{job.pk}/undo/")
    jobs.run_due()
    assert Lead.objects.filter(responsible=heir).count() == 0
    ListJob.objects.filter(pk=job.pk).update(undone_at=None, created_at=clock.now() - timedelta(days=2))
    assert signed_in(owner).post(f"/jobs/{job.pk}/undo/").status_code == 422


def test_a_large_file_is_written_by_a_worker_and_fetched_by_its_owner_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crm.screens.files.AT_ONCE", 2)
    owner = make_user(Role.SALES_HEAD)
    for number in range(4):
        make_lead(owner, title=f"Лид {number}", area=100)
    client = signed_in(owner)
    for kind in ("csv", "xlsx"):
        assert client.get(f"/leads/export/?area_from=50&as={kind}&columns=title")["Location"] == "/jobs/"
        assert jobs.run_due() == 1
    csv_job, book = ListJob.objects.order_by("id")
    text = b"".join(client.get(f"/jobs/{csv_job.pk}/file/").streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    assert text.split("\r\n")[:2] == ["Лид", "Лид 3"]
    assert b"".join(client.get(f"/jobs/{book.pk}/file/").streaming_content)[:2] == b"PK"  # type: ignore[attr-defined]
    assert signed_in(make_user(Role.SALES_HEAD)).get(f"/jobs/{book.pk}/file/").status_code == 404
    assert Notification.objects.filter(user=owner, action="list_job").count() == 2
    assert client.get("/jobs/").content.decode().count("download") == 2


def test_the_selected_rows_alone_go_into_a_file() -> None:
    owner = make_user()
    ids = [make_lead(owner).pk for _number in range(3)]
    answer = signed_in(owner).post("/leads/bulk/export/", {"ids": ids[:2], "query": "sort=title&columns=title"})
    assert answer["HX-Redirect"] == f"/leads/export/?sort=title&columns=title&id={ids[0]}%2C{ids[1]}"


@pytest.mark.rule("ACC-1")
def test_the_dialog_says_how_many_of_the_selected_are_not_ones_own_and_names_no_hidden_ones() -> None:
    team = make_team(members_see_each_other=True)
    owner, mate, stranger = make_user(team=team), make_user(team=team), make_user()
    leads = [make_lead(person) for person in (owner, mate, stranger)]
    data = {"ids": [lead.pk for lead in leads]}
    told = "1 выбранная запись не ваша"
    assert told in signed_in(owner).post("/leads/bulk/tag/", data).content.decode()
    assert "не ваша" not in signed_in(owner).post("/leads/bulk/tag/", {"ids": [leads[0].pk]}).content.decode()
