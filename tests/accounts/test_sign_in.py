"""Signing in: by password alone, closed to strangers and to those switched off, locked after failures."""

from __future__ import annotations

import re
import time
from importlib import import_module
from typing import Any

import pytest
from django.contrib.auth.hashers import identify_hasher, make_password
from django.test import Client

from accounts.models import User
from tests.factories import make_user

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


def sign_in(email: str, password: str) -> Client:
    browser = Client()
    browser.post("/accounts/login/", {"login": email, "password": password})
    return browser


def is_in(browser: Client) -> bool:
    return "_auth_user_id" in browser.session


def test_a_person_signs_in_whatever_the_letter_case_of_the_address() -> None:
    user = make_user(email="anna@example.com")
    assert is_in(sign_in("Anna@Example.com", PASSWORD))
    assert not is_in(sign_in(user.email, "wrong"))


@pytest.mark.rule("ACC-4")
def test_the_sixth_bad_password_locks_the_right_one_out_too() -> None:
    user, other = make_user(), make_user()
    for _attempt in range(5):
        assert not is_in(sign_in(user.email, "wrong"))
    assert not is_in(sign_in(user.email, PASSWORD))
    assert is_in(sign_in(other.email, PASSWORD))


@pytest.mark.rule("ACC-4")
def test_whoever_is_locked_out_is_told_for_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    user = make_user()
    for _attempt in range(5):
        sign_in(user.email, "wrong")
    answer = Client().post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    assert "Попробуйте ещё раз через 5 минут." in answer.content.decode()
    later = time.time() + 250
    monkeypatch.setattr(time, "time", lambda: later)
    answer = Client().post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    assert "Попробуйте ещё раз через 1 минуту." in answer.content.decode()


def test_the_sign_in_form_is_known_to_password_managers_and_keeps_where_one_was_going() -> None:
    page = Client().get("/accounts/login/?next=/deals/%3Fmine%3D1").content.decode()
    assert 'autocomplete="current-password"' in page
    assert re.search(r'<input[^>]+name="login"[^>]+autocomplete="(username|email)"', page)
    assert 'name="next" value="/deals/?mine=1"' in page


@pytest.mark.parametrize(
    ("referer", "kept"),
    [("http://testserver/leads/?mine=1", "%2Fleads%2F%3Fmine%3D1"), ("https://evil.example/x", "%2F"), ("", "%2F")],
)
def test_a_post_after_the_session_has_ended_leads_back_to_the_page_it_came_from(referer: str, kept: str) -> None:
    answer = Client().post("/notifications/read/", headers={"Referer": referer})
    assert answer["Location"] == f"/accounts/login/?next={kept}"


def test_a_page_can_ask_whether_the_session_goes_on() -> None:
    browser = sign_in(make_user().email, PASSWORD)
    assert browser.get("/session/").status_code == 204
    browser.logout()
    assert browser.get("/session/").status_code == 401


def test_a_person_switched_off_does_not_get_in_and_is_out_at_once() -> None:
    user = make_user()
    browser = sign_in(user.email, PASSWORD)
    assert is_in(browser)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert not is_in(sign_in(user.email, PASSWORD))
    assert browser.get("/accounts/password/change/").status_code == 302


@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_signs_up_from_outside(method: str) -> None:
    form = {"email": "new@example.com", "password1": "лампа-ангар-ферма", "password2": "лампа-ангар-ферма"}
    getattr(Client(), method)("/accounts/signup/", form)
    assert not User.objects.exists()


@pytest.mark.rule("ACC-4")
def test_a_password_change_asks_for_the_old_one() -> None:
    user = make_user()
    browser = sign_in(user.email, PASSWORD)
    new = {"password1": "лампа-ангар-ферма", "password2": "лампа-ангар-ферма"}
    browser.post("/accounts/password/change/", {"oldpassword": "wrong", **new})
    assert User.objects.get(pk=user.pk).check_password(PASSWORD)
    browser.post("/accounts/password/change/", {"oldpassword": PASSWORD, **new})
    assert User.objects.get(pk=user.pk).check_password("лампа-ангар-ферма")


@pytest.mark.rule("ACC-4")
def test_passwords_are_kept_with_argon2(settings: Any) -> None:
    settings.PASSWORD_HASHERS = import_module("crm.settings").PASSWORD_HASHERS
    assert identify_hasher(make_password(PASSWORD)).algorithm == "argon2"
