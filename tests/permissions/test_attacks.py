"""Attacks of docs/security.md that no other test tries: marks in text fields, headers, caches, redirects, forgery."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection, models
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Partner, Role, Team, User
from crm.models import RECORD_MODELS, Activity, Attachment, record_model
from tests.factories import make_user
from tests.permissions.test_url_matrix import Rows
from tests.permissions.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.rule("ACC-1")]
MARK = "<i data-x>"
INLINE = re.compile(
    r"""<script(?![^>]*\bsrc=)(?![^>]*application/json)|\sstyle="|\son[a-z]+="|javascript:""", re.IGNORECASE
)
# What is read by machines, or must stay of a form to be shown at all.
KEPT = {"email", "phone", "time_zone", "language", "password", "currency", "timezone", "file", "content_type", "key"}


def text_fields(model: type[models.Model]) -> list[str]:
    """The columns of a model that people fill with text."""
    return [
        field.name
        for field in model._meta.concrete_fields
        if isinstance(field, models.CharField | models.TextField)
        and not (field.choices or field.unique or field.name in KEPT or (field.max_length or 99) < len(MARK))
    ]


def mark_everything() -> int:
    """Put the mark into every text field of what pages show; answers how many columns."""
    count = 0
    for model in (*map(record_model, RECORD_MODELS), Activity, Attachment, User):
        names = text_fields(model)
        count += len(names)
        for name in names:
            limit = model._meta.get_field(name).max_length or 99  # type: ignore[union-attr]
            model._base_manager.update(**{name: f"{MARK}{name}"[:limit]})
    for model in (Team, Partner):
        for row in model._base_manager.all():
            model._base_manager.filter(pk=row.pk).update(name=f"{MARK}{row.pk}")
    return count


@pytest.mark.rule("ACC-4")
def test_no_page_shows_a_mark_unescaped_runs_inline_code_or_may_be_cached() -> None:
    world = World()
    rows = Rows(world).rows
    assert mark_everything() > 60
    client, wrong, seen, marked = Client(raise_request_exception=False), [], 0, 0
    client.force_login(world.people["admin"])
    extra = {f"accounts/{path}": f"/accounts/{path}/" for path in ("2fa", "2fa/totp/activate", "password/change")}
    urls = {name: reverse(name, args=args) for name, (method, args, _codes) in rows.items() if method == "GET"}
    for name, url in {**urls, **extra, "missing": "/leads/999999999/", "docs": "/api/docs/"}.items():
        answer = client.get(url)
        if answer.streaming or "html" not in answer.get("Content-Type", ""):
            continue
        page, seen = answer.content.decode(), seen + 1
        marked += "&lt;i data-x&gt;" in page
        wrong += [f"{name}: the mark is not escaped"] * (MARK in page)
        wrong += [f"{name}: inline {found[0]!r}" for found in INLINE.finditer(page)][:1]
        wrong += [f"{name}: policy"] * ("unsafe" in answer["Content-Security-Policy"])
        kept = answer.get("Cache-Control", "")
        is_open = name.startswith("hosted-") or "no-store" in kept or "private" in kept
        wrong += [] if is_open else [f"{name}: may be cached"]
    assert seen > 80
    assert marked > 20, "the marks are on no pages: the test looks at nothing"
    assert not wrong, "\n".join(wrong)


def test_a_foreign_record_answers_as_one_that_does_not_exist() -> None:
    world, answers = World(), []
    client = Client()
    client.force_login(world.people["partner_b"])
    client.get("/leads/")
    for pk in (world.records["lead_own"].pk, 10**9):
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(f"/leads/{pk}/")
        page = re.sub(r"[A-Za-z0-9]{64}|[0-9a-f]{32}|/leads/\d+/", "", answer.content.decode())
        answers.append((answer.status_code, len(queries), page))
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_signing_in_leads_to_no_other_site(target: str) -> None:
    user = make_user()
    answer = Client().post(
        "/accounts/login/", {"login": user.email, "password": "correct horse battery", "next": target}
    )
    assert answer["Location"] == "/"
    assert Client().post("/i18n/setlang/", {"language": "en", "next": target})["Location"] == "/"


def test_a_forged_post_of_another_site_changes_nothing() -> None:
    user = make_user(Role.ADMINISTRATOR)
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    for path in ("/profile/", "/profile/security/sessions/end/", "/settings/security/", "/accounts/logout/"):
        assert client.post(path, {"last_name": "X"}).status_code == 403, path
    assert client.post("/api/v1/leads/", {"title": "x"}, content_type="application/json").status_code == 403
    assert client.get("/session/").status_code == 204


def test_nobody_gives_themselves_rights_by_a_field_more() -> None:
    user = make_user()
    client = Client()
    client.force_login(user)
    more: Any = {
        "role": "administrator",
        "is_active": "1",
        "partner": "1",
        "email": "x@example.com",
        "is_superuser": "1",
    }
    client.post("/profile/", {"last_name": "Ким", "language": "ru", "time_zone": "Europe/Moscow", **more})
    user.refresh_from_db()
    assert (user.last_name, user.role, user.email.startswith("x@")) == ("Ким", Role.SALES_MANAGER, False)
    for path in ("/accounts/email/", "/accounts/confirm-email/", "/accounts/password/set/"):
        assert client.get(path).status_code == 404, "the library's own page could change the address of sign-in"


def test_leaving_clears_what_the_browser_kept() -> None:
    client = Client()
    client.force_login(make_user())
    answer = client.post("/accounts/logout/")
    assert answer["Clear-Site-Data"] == '"cache"'
    assert client.get("/leads/")["Location"].startswith("/accounts/login/")
