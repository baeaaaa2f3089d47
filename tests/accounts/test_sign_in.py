"""Signing in: by password alone, closed to strangers and to those switched off, locked after failures."""

from __future__ import annotations

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
