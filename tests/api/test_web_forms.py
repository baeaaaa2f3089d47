"""Web forms and their posts through the API."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import Role
from communications.models import Submission, WebForm
from leads.models import Lead
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("COM-6")]


@pytest.fixture
def program(caller: Any) -> Any:
    return caller(make_user(Role.SALES_HEAD))


def test_a_form_is_made_changed_and_works(program: Any) -> None:
    fields = [{"meaning": "phone", "type": "phone", "required": True}, {"label": "Цвет", "type": "text"}]
    made = program.call("post", "/api/v1/web-forms/", {"name": "Лендинг", "source": "direct", "fields": fields})
    assert made.status_code == 201, made.content
    form = made.json()
    assert [field["key"] for field in form["fields"]] == ["phone", "field_2"]
    address = f"/api/v1/web-forms/{form['id']}/"
    changed = program.call("patch", address, {"consent_text": "Согласен", "marks": {"utm_source": "x"}})
    assert (changed.json()["consent_version"], changed.json()["marks"]) == (1, {"utm_source": "x"})
    assert program.call("get", address).json()["title"] == ""
    assert [row["name"] for row in program.call("get", "/api/v1/web-forms/").json()] == ["Лендинг"]
    posted = Client().post(f"/api/v1/forms/{form['key']}/submissions/", {"phone": "89123456789", "field_2": "Серый"})
    assert posted.status_code == 202
    assert Lead.objects.get().request_text == "Цвет: Серый"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/name"),
        ({"name": "x", "fields": [{"label": "Цвет"}]}, "/fields"),
        ({"name": "x", "field_map": {"a": "nonsense"}}, "/field_map"),
        ({"name": "x", "allowed_origins": ["no site"]}, "/allowed_origins"),
        ({"name": "x", "marks": {"evil": "1"}}, "/marks/evil"),
        ({"name": "x", "key": "mine"}, "/key"),
    ],
)
def test_what_is_wrong_is_named(program: Any, body: dict[str, Any], pointer: str) -> None:
    answer = program.call("post", "/api/v1/web-forms/", body)
    assert answer.status_code in {400, 422}
    assert pointer in {row["pointer"] for row in answer.json()["errors"]}
    assert not WebForm.objects.exists()


@pytest.mark.rule("LEAD-2")
def test_posts_are_listed_and_processed_again(program: Any) -> None:
    form = WebForm.objects.create(name="Сайт", key="site-key")
    Client().post("/api/v1/forms/site-key/submissions/", {"input_1": "Анна", "token": "8 912 345-67-89"})
    Client().post("/api/v1/forms/site-key/submissions/", {"phone": "89120000000"})
    rows = program.call("get", f"/api/v1/submissions/?state=failed&form={form.pk}").json()["results"]
    (row,) = rows
    assert row["pairs"] == [["input_1", "Анна"], ["token", "8 912 345-67-89"]]
    seen = {item["name"]: item for item in program.call("get", f"/api/v1/web-forms/{form.pk}/seen-fields/").json()}
    assert seen["input_1"]["samples"] == ["Анна"]
    said = {"field_map": {"input_1": "name", "token": "phone"}}
    assert program.call("patch", f"/api/v1/web-forms/{form.pk}/", said).status_code == 200
    done = program.call("post", f"/api/v1/submissions/{row['id']}/process/", {}).json()
    assert done["state"] == "done"
    assert Lead.objects.get(pk=done["lead"]).name == "Анна"
    again = program.call("post", f"/api/v1/submissions/{row['id']}/process/", {}).json()
    assert again["lead"] == done["lead"]
    assert Lead.objects.count() == 2


def test_a_post_is_tried_and_nothing_is_kept(program: Any) -> None:
    form = WebForm.objects.create(name="Сайт")
    address = f"/api/v1/web-forms/{form.pk}/try/"
    told = program.call("post", address, {"data": {"name": "Анна", "phone": "89123456789"}}).json()
    assert (told["lead"]["phone"], told["lead"]["stage"]) == ("+79123456789", "lead:needs_data")
    assert told["steps"]
    bad = program.call("post", address, {"data": {"phone": "звоните вечером"}}).json()
    assert bad["lead"] is None
    assert "звоните вечером" in bad["error"]
    assert not Lead.objects.exists()
    assert not Submission.objects.exists()


@pytest.mark.rule("ACC-1")
@pytest.mark.parametrize("role", [Role.SALES_MANAGER, Role.CALL_CENTER, Role.PARTNER, Role.PARTNER_CONTROL])
def test_others_see_and_change_nothing(caller: Any, role: str) -> None:
    form = WebForm.objects.create(name="Сайт")
    post = Submission.objects.create(form=form, body=b"x", fields=[["a", "b"]], state="failed")
    other = caller(make_user(role))
    for method, path in (
        ("get", "web-forms/"), ("post", "web-forms/"), ("patch", f"web-forms/{form.pk}/"),
        ("get", "submissions/"), ("get", f"submissions/{post.pk}/"), ("post", f"submissions/{post.pk}/process/"),
        ("post", f"web-forms/{form.pk}/read-again/"), ("post", f"web-forms/{form.pk}/try/"),
    ):  # fmt: skip
        assert other.call(method, f"/api/v1/{path}", {"name": "x"} if method != "get" else None).status_code == 403


def test_the_lists_take_few_queries(program: Any, django_assert_max_num_queries: Any) -> None:
    for number in range(30):
        form = WebForm.objects.create(name=f"{number}", source_id="direct")
        Submission.objects.create(form=form, body=b"x", fields=[], state="failed")
    for path in ("web-forms/", "submissions/"):
        with django_assert_max_num_queries(8):
            assert program.call("get", f"/api/v1/{path}").status_code == 200


@pytest.mark.rule("ACC-1", "LEAD-2")
def test_how_a_request_came_is_told_to_those_who_see_the_lead(caller: Any) -> None:
    owner, stranger, partner = caller(make_user()), caller(make_user()), caller(make_user(Role.PARTNER))
    WebForm.objects.create(name="Сайт", key="site-key")
    data = {"name": "Анна", "email": "anna@example.ru", "phone": "звоните вечером"}
    assert Client().post("/api/v1/forms/site-key/submissions/", data).status_code == 202
    lead = Lead.objects.get()
    Lead.objects.filter(pk=lead.pk).update(responsible=owner.user)
    told = owner.get(f"leads/{lead.pk}/request/").json()
    assert (told["form"], told["consent"], [row["pointer"] for row in told["problems"]]) == ("Сайт", None, ["/phone"])
    for other in (stranger, partner):
        assert other.get(f"leads/{lead.pk}/request/").status_code == 404
    by_hand = owner.post("leads/", {"name": "Ким"}).json()["id"]
    assert owner.get(f"leads/{by_hand}/request/").status_code == 404
