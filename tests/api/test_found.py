"""Everything that a filter finds: as a file, and changed by one call with a look beforehand and a way back."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from accounts.models import Role
from crm import jobs
from crm.models import Change, ListJob, RefusalReason
from deals.models import Deal
from leads.services import lead_create
from tests.factories import make_client, make_deal, make_team, make_user

pytestmark = pytest.mark.django_db


def body_of(answer: Any) -> bytes:
    """The bytes of a file that is sent as it is made."""
    assert answer.status_code == 200, answer.content
    return b"".join(answer)


def rows_of(answer: Any) -> list[list[str]]:
    """The lines of a CSV without its head."""
    return list(csv.reader(io.StringIO(body_of(answer).decode("utf-8-sig")), delimiter=";"))[1:]


@pytest.mark.rule("DATA-2", "DATA-3")
def test_a_list_is_a_file_with_the_rows_and_columns_asked_for(caller: Any) -> None:
    owner = caller(make_user())
    make_deal(owner.user, title="=Склад", amount=5, area=900)
    make_deal(owner.user, title="Ангар", amount=7, area=300)
    answer = owner.get("deals/export/?as=csv&area_from=200&columns=title,amount&sort=amount")
    assert answer["Content-Type"].startswith("text/csv")
    assert [row[:2] for row in rows_of(answer)] == [["'=Склад", "5,00"], ["Ангар", "7,00"]]
    book = io.BytesIO(body_of(owner.get("deals/export/?area_from=500&columns=title")))
    sheet = CalamineWorkbook.from_filelike(book).get_sheet_by_index(0).to_python()
    assert "500" in sheet[0][0]
    assert [row[0] for row in sheet[2:]] == ["=Склад"]


@pytest.mark.rule("DATA-3")
def test_a_file_is_refused_for_what_does_not_exist(caller: Any) -> None:
    owner = caller(make_user())
    for query in ("colour=red", "columns=title,secret", "sort=secret", "as=pdf", "area_from=much", "mine=perhaps"):
        answer = owner.get(f"deals/export/?{query}")
        assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json"), query


@pytest.mark.rule("ACC-1")
def test_a_file_holds_what_the_list_holds_and_nothing_of_others(caller: Any) -> None:
    team = make_team(members_see_each_other=True)
    owner, mate, stranger = (caller(make_user(team=team)), caller(make_user(team=team)), caller(make_user()))
    make_deal(owner.user, title="Склад")
    partner = caller(make_user(Role.PARTNER))
    make_deal(partner.user, title="Ангар")
    for person, titles in ((owner, ["Склад"]), (mate, ["Склад"]), (stranger, []), (partner, ["Ангар"])):
        assert [row[0] for row in rows_of(person.get("deals/export/?as=csv"))] == titles
        assert len(person.ids("deals/")) == len(titles)


@pytest.mark.rule("ACC-1")
def test_a_partner_cannot_ask_by_what_it_is_not_shown(caller: Any) -> None:
    partner = caller(make_user(Role.PARTNER))
    for path in ("deals/?utm_campaign=x", "deals/export/?as=csv&channel=web_form", "deals/?copies=true"):
        assert partner.get(path).status_code == 400, path
    answer = partner.post("deals/bulk/found/", {"query": "utm_campaign=x", "action": "tag", "add": ["я"]})
    assert answer.status_code == 400
    assert partner.get("contacts/export/?columns=source").status_code == 400


@pytest.mark.rule("DATA-2", "DATA-3")
def test_a_large_file_is_written_by_a_worker(caller: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crm.api.found.AT_ONCE", 1)
    owner = caller(make_user())
    for title in ("Склад", "Ангар"):
        make_deal(owner.user, title=title, area=900)
    answer = owner.get("deals/export/?as=csv")
    assert (answer.status_code, answer.json()["code"]) == (422, "too_many")
    started = owner.post("deals/export/", {"query": "area_from=500&columns=title", "format": "csv"})
    assert (started.status_code, started.json()["total"]) == (202, 2)
    jobs.run_due()
    job = owner.get(started["Location"]).json()
    assert (job["state"], job["has_file"]) == ("done", True)
    assert {row[0] for row in rows_of(owner.get(f"jobs/{job['id']}/file/"))} == {"Склад", "Ангар"}
    assert owner.post("deals/export/", {"query": "colour=red"}).status_code == 400


@pytest.mark.rule("PIPE-3", "DATA-3")
def test_all_that_is_found_is_looked_at_then_moved_then_taken_back(caller: Any) -> None:
    owner = caller(make_user())
    ready = [make_deal(owner.user, amount=5, area=900) for _number in range(2)]
    bare, small = make_deal(owner.user, area=900), make_deal(owner.user, amount=5, area=100)
    wish = {"query": "area_from=500&stage=deal:request_received", "action": "move", "to": "proposal_sent"}
    look = owner.post("deals/bulk/found/", {**wish, "dry_run": True}).json()
    assert (look["found"], look["count"], look["looked_at"], look["job"]) == (3, 3, 3, None)
    assert [row["id"] for row in look["stays"]] == [bare.pk]
    assert owner.post("deals/bulk/found/", {**wish, "dry_run": True, "data": {"amount": 9}}).json()["stays"] == []
    assert not Deal.objects.filter(stage="deal:proposal_sent").exists()
    assert owner.post("deals/bulk/found/", {**wish, "expected": 7}).json()["code"] == "conflict"
    done = owner.post("deals/bulk/found/", {**wish, "expected": 3})
    job = done.json()["job"]
    assert (done.json()["found"], done.json()["count"]) == (3, 3)
    assert (done.status_code, job["state"], job["done"], [row["id"] for row in job["failed"]]) == (
        200, "done", 2, [bare.pk],
    )  # fmt: skip
    assert done["Location"].endswith(f"/jobs/{job['id']}/")
    moved = Deal.objects.filter(stage="deal:proposal_sent")
    assert set(moved.values_list("pk", flat=True)) == {deal.pk for deal in ready}
    assert owner.post(f"jobs/{job['id']}/undo/").json()["done"] == 2
    assert Deal.objects.filter(stage="deal:request_received").count() == 4
    assert Deal.objects.get(pk=small.pk).version == small.version


def test_what_is_lacking_is_filled_in_where_it_lacks(caller: Any) -> None:
    owner = caller(make_user())
    bare, priced = make_deal(owner.user), make_deal(owner.user, amount=5)
    wish = {"query": "", "action": "move", "to": "proposal_sent", "data": {"amount": "9.50"}}
    assert owner.post("deals/bulk/found/", wish).json()["job"]["done"] == 2
    assert [int(Deal.objects.get(pk=row.pk).amount * 100) for row in (bare, priced)] == [950, 500]
    for wrong in ({"amount": "many"}, {"secret": 1}, {"contact__name": "x"}):
        assert owner.post("deals/bulk/found/", {**wish, "data": wrong}).status_code == 400, wrong


@pytest.mark.rule("PIPE-4")
def test_losing_all_that_is_found_needs_a_reason(caller: Any) -> None:
    owner = caller(make_user())
    deal = make_deal(owner.user, contact=make_client(owner.user))
    wish: dict[str, Any] = {"query": "kind=open", "action": "move", "to": "delivery_time"}
    answer = owner.post("deals/bulk/found/", wish)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/refusal")
    reason = RefusalReason.objects.filter(stage="deal:delivery_time")[0]
    wish["refusal"] = {"reason": reason.pk, "comment": "Стройка не может ждать до весны"}
    job = owner.post("deals/bulk/found/", wish).json()["job"]
    assert (job["done"], job["failed"]) == (1, [])
    assert Deal.objects.get(pk=deal.pk).stage == "deal:delivery_time"
    assert owner.post("deals/bulk/found/", {**wish, "query": "kind=closed", "to": "no_such"}).status_code == 400


@pytest.mark.rule("ACC-1", "DATA-3")
def test_only_ones_own_is_changed_and_in_the_name_of_the_token(caller: Any) -> None:
    team = make_team(members_see_each_other=True)
    owner, mate, stranger = (caller(make_user(team=team)), caller(make_user(team=team)), caller(make_user()))
    deal, heir = make_deal(owner.user), make_user()
    wish = {"query": "", "action": "assign", "responsible": heir.pk}
    for other, seen in ((mate, 1), (stranger, 0), (caller(make_user(Role.PARTNER)), 0)):
        answer = other.post("deals/bulk/found/", {"query": "", "action": "tag", "add": ["срочно"]}).json()
        assert (answer["found"], answer["count"], answer["job"]) == (seen, 0, None)
    assert owner.post("deals/bulk/found/", wish).json()["job"]["done"] == 1
    change = Change.objects.filter(record_type="deal", record_id=deal.pk, field="responsible").latest("id")
    assert (change.actor_kind, change.actor_user) == ("token", owner.user)
    assert owner.post("deals/bulk/found/", {"query": "", "action": "delete"}).status_code in {200, 403}
    assert caller(owner.user, "read").post("deals/bulk/found/", wish).status_code == 403


def test_many_are_left_to_a_worker_and_too_many_are_refused(caller: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    head = caller(make_user(Role.SALES_HEAD))
    leads = [lead_create(by=head.user, data={"name": "Ким"}) for _number in range(3)]
    monkeypatch.setattr("crm.jobs.AT_ONCE", 2)
    wish = {"query": "", "action": "tag", "add": ["срочно"]}
    answer = head.post("leads/bulk/found/", wish)
    assert (answer.status_code, answer.json()["job"]["state"]) == (202, "pending")
    jobs.run_due()
    assert head.get(answer["Location"]).json()["done"] == len(leads)
    monkeypatch.setattr("crm.jobs.MOST", 2)
    assert head.post("leads/bulk/found/", wish).json()["code"] == "too_many"
    assert ListJob.objects.count() == 1


MANY = {"query": "a&" * 1500, "action": "delete"}


@pytest.mark.parametrize("body", [{}, {"query": "", "action": "assign"}, {"query": "x=1", "action": "delete"}, MANY])
def test_a_call_that_says_too_little_or_too_much_is_refused(caller: Any, body: Any) -> None:
    head = caller(make_user(Role.SALES_HEAD))
    make_deal(head.user)
    assert head.post("deals/bulk/found/", body).status_code == 400
