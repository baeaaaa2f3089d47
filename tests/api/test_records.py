"""Reading and writing records by API: what it answers, what it refuses, and how it names the wrong thing."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Role
from crm import clients
from crm.contact_points import points_of
from crm.models import Contact, StageHistory
from deals.services import deal_create
from leads.models import Lead
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def pointers(answer: Any) -> set[str]:
    return {row["pointer"] for row in answer.json()["errors"]}


# -- create and change ------------------------------------------------------------------------------------------------


@pytest.mark.rule("LEAD-1")
@pytest.mark.rule("LEAD-5")
def test_a_lead_is_made_as_the_forms_make_it(caller: Any) -> None:
    program = caller(make_user())
    body = {
        "name": "Иван Ким",
        "phones": ["8 (912) 000-11-22 доб. 5", "+7 351 200-30-40"],
        "emails": ["Ivan@Example.COM"],
        "purpose": "warehouse",
        "length": "60",
        "width": 24,
        "city": "Тверь",
        "request_text": "Нужен склад",
        "source": "site",
        "utm_source": "yandex",
        "click_ids": {"yclid": "123"},
    }
    codes = {
        "purpose": program.get("purposes/").json()[0]["code"],
        "source": program.get("sources/").json()[0]["code"],
    }
    answer = program.post("leads/", {**body, **codes})
    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert made["phones"] == ["+79120001122", "+73512003040"]
    assert made["emails"] == ["ivan@example.com"]
    assert (made["channel"], made["utm_source"], made["click_ids"]) == ("api", "yandex", {"yclid": "123"})
    assert made["area"] == "1440.00"
    assert "Иван Ким" in made["title"]
    assert made["responsible"] == program.user.pk
    assert answer["ETag"] == f'"{made["version"]}"'
    assert program.get(f"leads/{made['id']}/").json() | {"possible_duplicates": []} == made
    assert Lead.objects.get(pk=made["id"]).created_by == program.user


def test_a_change_touches_only_what_is_sent(caller: Any) -> None:
    program = caller(make_user())
    pk = program.post("contacts/", {"last_name": "Ким", "position": "Директор", "phones": ["+79120001122"]}).json()[
        "id"
    ]
    changed = program.patch(f"contacts/{pk}/", {"first_name": "Анна", "phones": ["8 912 000 33 44"]}).json()
    assert (changed["name"], changed["position"], changed["version"]) == ("Ким Анна", "Директор", 2)
    assert set(changed["phones"]) == {"+79120001122", "+79120003344"}
    point = program.get(f"contacts/{pk}/points/").json()[0]
    assert program.call("delete", f"contacts/{pk}/points/{point['id']}/").status_code == 204
    assert len(points_of(Contact.objects.get(pk=pk))) == 1
    assert program.call("delete", f"contacts/{pk}/points/{point['id']}/").status_code == 404


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"nmae": "Ким"}, "/nmae"),
        ({"id": 7}, "/id"),
        ({"stage": "lead:converted"}, "/stage"),
        ({"version": 3}, "/version"),
        ({"partner": 1}, "/partner"),
        ({"created_at": "2020-01-01T00:00:00Z"}, "/created_at"),
        ({"phones": ["звоните вечером"]}, "/phones/0"),
        ({"phones": "+79120001122"}, "/phones"),
        ({"emails": ["не почта"]}, "/emails/0"),
        ({"width": "NaN"}, "/width"),
        ({"width": "широкий"}, "/width"),
        ({"width": -5}, "/width"),
        ({"width": 10**40}, "/width"),
        ({"width": {"a": 1}}, "/width"),
        ({"construction_start": "вчера"}, "/construction_start"),
        ({"construction_start": "2026-02-30"}, "/construction_start"),
        ({"construction_start": "0001-01-01"}, "/construction_start"),
        ({"construction_start": "9999-12-31"}, "/construction_start"),
        ({"purpose": "castle"}, "/purpose"),
        ({"purpose": ["warehouse"]}, "/purpose"),
        ({"contact": 999999}, "/contact"),
        ({"contact": 10**30}, "/contact"),
        ({"contact": True}, "/contact"),
        ({"contact": [1]}, "/contact"),
        ({"contact": 1.5}, "/contact"),
        ({"title": "x" * 300}, "/title"),
        ({"title": "a\x00b"}, "/title"),
        ({"title": None}, "/title"),
        ({"title": {"deep": []}}, "/title"),
        ({"channel": "pigeon"}, "/channel"),
        ({"click_ids": {"yclid": {"a": 1}}}, "/click_ids/yclid"),
        ({"click_ids": [1]}, "/click_ids"),
        ({"pipeline": "deal"}, "/pipeline"),
        ({"pipeline": "partner_lead"}, "/pipeline"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_made(caller: Any, body: Any, wrong: str) -> None:
    program = caller(make_user())
    answer = program.post("leads/", {"name": "Ким", **body})
    assert answer.status_code == 400, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert wrong in pointers(answer)
    assert all(row["message"] for row in answer.json()["errors"])
    assert not Lead.objects.exists()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"42",
        b"\xff\xfe\x00",
        b'{"name": NaN}',
        b'{"width": Infinity}',
        b'{"width": -Infinity}',
        b'{"width": 1e999}',
        b'{"contact": 1e999}',
        b'{"name": "\\ud800"}',
        b'{"\\udfff": 1}',
        b'{"\\u0000": 1}',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"name": ' + b"[" * 500 + b"]" * 500 + b"}",
        b'{"name": "' + b"x" * 3_000_000 + b'"}',
        b'{"contact": ' + b"9" * 5000 + b"}",
    ],
)
def test_broken_and_hostile_bodies_are_a_400(caller: Any, raw: bytes) -> None:
    program = caller(make_user())
    for path in ("leads/", "contacts/"):
        answer = program.post(path, raw)
        assert answer.status_code == 400, (path, answer.content[:300])
        assert answer["Content-Type"] == "application/problem+json"
    assert not Lead.objects.exists()


def test_too_large_a_body_is_a_413(caller: Any, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    program = caller(make_user())
    answer = program.call("post", "leads/", b'{"name": "' + b"x" * 2000 + b'"}', **{"Idempotency-Key": "a"})
    assert answer.status_code == 413
    assert answer.json()["code"] == "too_large"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("delete", "leads/", 405, "method_not_allowed"),
        ("options", "leads/", 405, "method_not_allowed"),
        ("put", "leads/1/", 405, "method_not_allowed"),
        ("get", "leads/7/", 404, "not_found"),
        ("get", "leads/99999999999999999999/", 404, "not_found"),
        ("get", "leads/abc/", 404, "not_found"),
        ("get", "nothing/", 404, "not_found"),
        ("post", "nothing/", 404, "not_found"),
        ("get", "stages/lead:none/", 404, "not_found"),
    ],
)
def test_every_refusal_is_a_problem(caller: Any, method: str, path: str, status: int, code: str) -> None:
    answer = caller(make_user()).call(method, path)
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert answer.json()["code"] == code
    assert "{" not in answer.json()["title"], "a gap that nobody filled in"


def test_other_media_types_are_refused(caller: Any) -> None:
    program = caller(make_user())
    headers = {"Authorization": f"Bearer {program.secret}"}
    xml = program.client.post("/api/v1/leads/", b"<a/>", content_type="application/xml", headers=headers)
    assert (xml.status_code, xml.json()["code"]) == (415, "unsupported_media_type")
    html = program.get("leads/", Accept="text/html")
    assert (html.status_code, html.json()["code"]) == (406, "not_acceptable")


@pytest.mark.rule("LEAD-13")
def test_a_contact_without_a_name_is_refused_with_advice(caller: Any) -> None:
    program = caller(make_user())
    for name in ("", "123", "тест", "-", "+79120001122"):
        answer = program.post("contacts/", {"last_name": name, "phones": ["+79120001122"]})
        assert answer.status_code == 400, name
        assert "лид" in answer.json()["detail"].lower() or "lead" in answer.json()["detail"].lower()
    assert not Contact.objects.exists()


# -- versions ---------------------------------------------------------------------------------------------------------


@pytest.mark.rule("PIPE-6")
def test_a_change_of_an_older_version_is_refused(caller: Any) -> None:
    program = caller(make_user())
    made = program.post("contacts/", {"last_name": "Ким"})
    address, tag = f"contacts/{made.json()['id']}/", made["ETag"]
    first = program.patch(address, {"position": "Директор"}, **{"If-Match": tag})
    assert first.status_code == 200
    late = program.patch(address, {"position": "Сторож"}, **{"If-Match": tag})
    assert (late.status_code, late.json()["code"]) == (412, "version_differs")
    assert program.get(address).json()["position"] == "Директор"
    assert program.patch(address, {"position": "Сторож"}, **{"If-Match": first["ETag"]}).status_code == 200
    assert program.patch(address, {"position": "Страж"}, **{"If-Match": "*"}).status_code == 200


# -- stages -----------------------------------------------------------------------------------------------------------


@pytest.mark.rule("PIPE-3")
def test_a_refused_move_lists_what_is_missing_and_what_to_send(caller: Any) -> None:
    program = caller(make_user())
    deal = deal_create(by=program.user, data={"title": "Склад"})
    answer = program.post(f"deals/{deal.pk}/move/", {"to": "costing"})
    assert (answer.status_code, answer.json()["code"]) == (422, "missing_fields")
    missing = {row["pointer"]: row["fields"] for row in answer.json()["errors"]}
    assert missing == {
        "/data/client": ["contact", "company"],
        "/data/purpose": ["purpose"],
        "/data/size": ["length", "width", "area"],
    }
    assert program.get(f"deals/{deal.pk}/").json()["stage"] == "deal:request_received"
    contact = program.post("contacts/", {"last_name": "Ким"}).json()["id"]
    purpose = program.get("purposes/").json()[0]["code"]
    data = {"contact": contact, "purpose": purpose, "length": 60, "width": 24}
    moved = program.post(f"deals/{deal.pk}/move/", {"to": "deal:costing", "data": data})
    assert moved.status_code == 200, moved.content
    assert (moved.json()["stage"], moved.json()["area"]) == ("deal:costing", "1440.00")


@pytest.mark.rule("PIPE-3")
def test_allowed_moves_tell_beforehand_what_they_ask_for(caller: Any) -> None:
    program = caller(make_user())
    deal = deal_create(by=program.user, data={"title": "Склад"})
    rows = {row["code"]: row for row in program.get(f"deals/{deal.pk}/moves/").json()}
    assert {item["code"] for item in rows["costing"]["missing"]} == {"client", "purpose", "size"}
    assert "contract_signed" not in rows


@pytest.mark.rule("PIPE-2")
def test_a_move_that_the_pipeline_does_not_have_lists_those_it_has(caller: Any) -> None:
    program = caller(make_user())
    deal = deal_create(by=program.user, data={"title": "Склад"})
    answer = program.post(f"deals/{deal.pk}/move/", {"to": "contract_signed"})
    assert (answer.status_code, answer.json()["code"]) == (422, "move_not_allowed")
    assert "deal:costing" in answer.json()["errors"][0]["allowed"]
    assert program.post(f"deals/{deal.pk}/move/", {"to": "lead:new"}).status_code == 422
    assert program.post(f"deals/{deal.pk}/move/", {"to": "nowhere"}).status_code == 422


@pytest.mark.rule("PIPE-4")
def test_a_refusal_needs_one_of_the_offered_reasons_and_a_comment(caller: Any) -> None:
    program = caller(make_user())
    deal = deal_create(by=program.user, data={"title": "Склад"})
    address = f"deals/{deal.pk}/move/"
    wish = {"to": "price_of_structures"}
    assert program.post(address, wish).json()["code"] == "refusal_needed"
    assert program.post(address, {**wish, "refusal": {"comment": "-"}}).json()["code"] == "refusal_needed"
    asked = program.post(address, {**wish, "refusal": {"comment": "Дороже на треть"}})
    assert (asked.status_code, asked.json()["code"]) == (422, "refusal_needed")
    reason = asked.json()["errors"][0]["allowed"][0]["id"]
    refusal = {"comment": "Дороже на треть", "reason": reason, "competitor": "Завод", "competitor_price": "100.50"}
    lost = program.post(address, {**wish, "refusal": refusal})
    assert lost.status_code == 200, lost.content
    assert (lost.json()["refusal_reason"], lost.json()["competitor"]) == (reason, "Завод")
    assert lost.json()["stage_kind"] == "failure"


@pytest.mark.rule("PIPE-6")
def test_the_second_of_two_movers_gets_a_409(caller: Any) -> None:
    program = caller(make_user())
    deal = deal_create(by=program.user, data={"title": "Склад", "amount": 5}, stage="resumed")
    wish = {"to": "proposal_sent", "expected_stage": "resumed"}
    assert program.post(f"deals/{deal.pk}/move/", wish).status_code == 200
    late = program.post(f"deals/{deal.pk}/move/", {**wish, "to": "request_received"})
    assert (late.status_code, late.json()["code"]) == (409, "conflict")
    assert StageHistory.objects.filter(record_type="deal", record_id=deal.pk).count() == 2


@pytest.mark.rule("DEAL-13")
def test_the_client_can_be_completed_with_the_move_only_where_the_stage_asks(caller: Any) -> None:
    program = caller(make_user())
    company = clients.company_create(by=program.user, data={"name": "ООО «Ким»", "responsible": program.user})
    data = {"title": "Склад", "company": company, "amount": 5, "contract_number": "7", "contract_date": "2026-03-02"}
    deal = deal_create(by=program.user, data=data, stage="contract_signing")
    sneaky = program.post(f"deals/{deal.pk}/move/", {"to": "contract_signed", "data": {"company__name": "Чужое"}})
    assert sneaky.status_code == 400
    answer = program.post(f"deals/{deal.pk}/move/", {"to": "contract_signed"})
    assert answer.json()["code"] == "missing_fields"
    assert "company__inn" in {name for row in answer.json()["errors"] for name in row["fields"]}
    won = program.post(f"deals/{deal.pk}/move/", {"to": "contract_signed", "data": {"company__inn": "7707083893"}})
    assert won.status_code == 200, won.content
    company.refresh_from_db()
    assert company.inn == "7707083893"


# -- people, notes, files, tasks --------------------------------------------------------------------------------------


def test_a_record_is_given_to_another_person_with_its_tasks(caller: Any) -> None:
    head, other = caller(make_user(Role.SALES_HEAD)), make_user()
    deal = deal_create(by=head.user, data={"title": "Склад"})
    due = "2026-12-01T09:00:00+03:00"
    task = head.post(f"deals/{deal.pk}/tasks/", {"title": "Позвонить", "due_at": due, "kind": "call"})
    assert task.status_code == 201, task.content
    assert head.get(f"deals/{deal.pk}/").json()["next_activity_title"] == "Позвонить"
    given = head.post(f"deals/{deal.pk}/assign/", {"responsible": other.pk, "reason": "Его регион"})
    assert given.json()["responsible"] == other.pk
    mine = caller(other)
    assert mine.ids("tasks/?state=open") == [task.json()["id"]]
    done = mine.post(f"tasks/{task.json()['id']}/complete/", {"result": "Ждут смету"})
    assert done.json()["done_at"]
    assert mine.ids("tasks/?state=open") == []
    assert mine.post(f"tasks/{task.json()['id']}/reopen/").json()["done_at"] is None
    stranger = make_user(is_active=False)
    assert head.post(f"deals/{deal.pk}/assign/", {"responsible": stranger.pk}).status_code == 400
    assert head.patch(f"deals/{deal.pk}/", {"responsible": other.pk}).status_code == 400


def test_notes_and_stages_are_on_the_timeline(caller: Any) -> None:
    program = caller(make_user())
    deal = deal_create(by=program.user, data={"title": "Склад"})
    note = program.post(f"deals/{deal.pk}/notes/", {"text": "Перезвонить <b>завтра</b>"})
    assert (note.status_code, note.json()["text"]) == (201, "Перезвонить <b>завтра</b>")
    assert program.post(f"deals/{deal.pk}/notes/", {"text": "  "}).status_code == 400
    lines = program.get(f"deals/{deal.pk}/timeline/").json()["results"]
    assert lines[0]["action"] == "note"
    assert lines[0]["actor"].endswith("· Сайт")
    assert {row["kind"] for row in program.get(f"deals/{deal.pk}/timeline/?kind=note").json()["results"]} == {"note"}
    assert program.get(f"deals/{deal.pk}/timeline/?kind=all").status_code == 400


def test_files_are_kept_and_handed_out_by_who_may_see_the_record(caller: Any) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    program, stranger = caller(make_user()), caller(make_user())
    deal = deal_create(by=program.user, data={"title": "Склад"})
    headers = {"Authorization": f"Bearer {program.secret}"}
    address = f"/api/v1/deals/{deal.pk}/files/"

    def send(name: str, content: bytes, **more: str) -> Any:
        body = {"file": SimpleUploadedFile(name, content)}
        return program.client.post(address, body, headers={**headers, **more})

    kept = send("смета.pdf", b"%PDF-1.7 text")
    assert kept.status_code == 201, kept.content
    assert [row["name"] for row in program.get(address).json()["results"]] == ["смета.pdf"]
    content = program.get(f"{address}{kept.json()['id']}/")
    assert b"".join(content.streaming_content) == b"%PDF-1.7 text"
    assert content["X-Content-Type-Options"] == "nosniff"
    assert content["Content-Disposition"].startswith("attachment")
    for name in ("", f"{kept.json()['id']}/"):
        assert stranger.get(address + name).status_code == 404
    refused = send("virus.exe", b"MZ")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "/file")
    assert "virus.exe" in refused.json()["detail"]
    once = [send("план.pdf", b"%PDF", **{"Idempotency-Key": "plan"}) for _time in range(2)]
    assert once[0].json() == once[1].json()
    assert send("план.pdf", b"%PDF other", **{"Idempotency-Key": "plan"}).status_code == 422
