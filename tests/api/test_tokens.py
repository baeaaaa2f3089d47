"""Who is let in by a token, and how far."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import ApiToken, Role, User
from accounts.services import token_create, token_revoke
from crm.models import Change, Contact
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def is_problem(answer: Any, status: int, code: str) -> bool:
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert body["type"].endswith(f"#{code}")
    assert body["title"]
    assert body["detail"]
    assert body["instance"] == answer["X-Request-ID"]
    return bool(body["code"] == code)


@pytest.mark.rule("ACC-4")
def test_a_token_opens_the_api_and_tells_when_it_was_last_used(caller: Any) -> None:
    program = caller(make_user(last_name="Ким"), "read")
    answer = program.get("me/")
    assert answer.status_code == 200
    assert (answer.json()["last_name"], answer.json()["scopes"]) == ("Ким", ["read"])
    first = ApiToken.objects.get(pk=program.token.pk).last_used_at
    assert first is not None
    program.get("me/")
    assert ApiToken.objects.get(pk=program.token.pk).last_used_at == first
    ApiToken.objects.filter(pk=program.token.pk).update(last_used_at=timezone.now() - timedelta(minutes=2))
    program.get("me/")
    assert ApiToken.objects.get(pk=program.token.pk).last_used_at > first


@pytest.mark.rule("ACC-4")
@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x y", "Bearer crm_wrong", "Bearer ÿþ", "Basic YTpi"])
def test_without_a_right_token_nobody_gets_in(header: str) -> None:
    headers = {"Authorization": header} if header else {}
    answer = Client().get("/api/v1/leads/", headers=headers)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.rule("ACC-4")
def test_an_ended_token_is_refused(caller: Any) -> None:
    user = make_user()
    revoked, expired, orphan = caller(user), caller(user), caller(make_user())
    token_revoke(revoked.token, by=user)
    ApiToken.objects.filter(pk=expired.token.pk).update(expires_at=timezone.now())
    User.objects.filter(pk=orphan.user.pk).update(is_active=False)
    for program in (revoked, expired, orphan):
        assert is_problem(program.get("leads/"), 401, "authentication_failed")


@pytest.mark.rule("ACC-4")
@pytest.mark.parametrize(
    ("scopes", "reads", "writes"), [(("read",), 200, 403), (("write",), 403, 201), (("reports",), 403, 403)]
)
def test_scopes_cut_a_token_down(caller: Any, scopes: tuple[str, ...], reads: int, writes: int) -> None:
    program = caller(make_user(), *scopes)
    assert program.get("contacts/").status_code == reads
    assert program.post("contacts/", {"last_name": "Ким"}).status_code == writes


@pytest.mark.rule("ACC-5")
def test_the_audit_trail_names_the_token(caller: Any) -> None:
    program = caller(make_user())
    pk = program.post("contacts/", {"last_name": "Ким"}).json()["id"]
    answer = program.patch(f"contacts/{pk}/", {"position": "Директор"})
    row = Change.objects.get(record_type="contact", record_id=pk, field="position")
    assert (row.actor_kind, row.actor_user, row.new) == ("token", program.user, "Директор")
    assert row.actor_name.endswith("· Сайт")
    assert row.request_id == answer["X-Request-ID"]


def test_a_person_in_the_browser_needs_the_csrf_token() -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(make_user())
    assert browser.get("/api/v1/contacts/").status_code == 200
    answer = browser.post("/api/v1/contacts/", {"last_name": "Ким"}, content_type="application/json")
    assert answer.status_code == 403
    assert not Contact.objects.exists()


def test_answers_are_in_the_language_of_the_owner_of_the_token(caller: Any) -> None:
    english = caller(make_user(language="en"))
    assert english.get("stages/lead:new/").json()["name"] == "New"
    assert english.get("stages/lead:new/", **{"Accept-Language": "ru"}).json()["name"] == "Не обработан"
    assert caller(make_user()).get("stages/lead:new/").json()["name"] == "Не обработан"


def test_each_token_has_a_budget_of_its_own(caller: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crm.throttling.TokenRateThrottle.THROTTLE_RATES", {"token": "2/min"})
    user = make_user(Role.SALES_HEAD)
    busy, quiet = caller(user), caller(user)
    assert [busy.get("me/").status_code for _call in range(3)] == [200, 200, 429]
    late = busy.get("me/")
    assert is_problem(late, 429, "throttled")
    assert 1 <= int(late["Retry-After"]) <= 61
    first = quiet.get("me/")
    assert (first.status_code, first["RateLimit-Limit"], first["RateLimit-Remaining"]) == (200, "2", "1")


def test_the_secret_of_another_kind_of_text_does_no_harm() -> None:
    user = make_user()
    _token, secret = token_create(user=user, by=user, name="x", scopes=["read"])
    assert Client().get("/api/v1/me/", headers={"Authorization": f"bearer {secret}"}).status_code == 200
    assert Client().get("/api/v1/me/", headers={"Authorization": f"Bearer {secret}\x00"}).status_code == 401
