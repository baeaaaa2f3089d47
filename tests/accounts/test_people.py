"""Accounts: who may make, change and switch off people, and what ends with it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client
from django.utils import timezone

from accounts import services
from accounts.models import ApiToken, Role, User
from accounts.selectors import assignable_users, found_users, manageable_users
from crm.models import Preference
from crm.people import sales_head
from tests.factories import make_partner, make_user

pytestmark = pytest.mark.django_db
GOOD_PASSWORD = "лампа-ангар-ферма-балка"


def test_an_administrator_makes_a_person_who_can_sign_in() -> None:
    admin = make_user(Role.ADMINISTRATOR)
    user = services.user_create(
        by=admin, email="Anna@Example.com", password=GOOD_PASSWORD, last_name="Ким", role=Role.SALES_MANAGER
    )
    assert user.email == "anna@example.com"
    assert user.check_password(GOOD_PASSWORD)
    assert list(manageable_users(admin).order_by("pk")) == [admin, user]
    assert not manageable_users(user).exists()


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"email": "no address"}, "email"),
        ({"role": "tsar"}, "role"),
        ({"time_zone": "Mars/Base"}, "time_zone"),
        ({"time_zone": "../etc/passwd"}, "time_zone"),
        ({"role": Role.PARTNER}, "__all__"),
        ({"password": "12345"}, "password"),
        ({"is_active": False}, "is_active"),
        ({"absent_from": date(2026, 3, 2), "absent_to": date(2026, 3, 1)}, "__all__"),
    ],
)
def test_wrong_values_are_named_and_nothing_is_made(fields: dict[str, Any], wrong: str) -> None:
    admin = make_user(Role.ADMINISTRATOR)
    with pytest.raises(ValidationError) as refused:
        services.user_create(**{"by": admin, "email": "a@example.com", "last_name": "Ким", **fields})
    assert wrong in refused.value.message_dict
    assert User.objects.count() == 1


@pytest.mark.rule("ACC-1")
@pytest.mark.parametrize("role", [role for role in Role if role != Role.ADMINISTRATOR])
def test_nobody_else_manages_people(role: Role) -> None:
    other, by = make_user(), make_user(role)
    for refused in (
        lambda: services.user_create(by=by, email="a@example.com", last_name="Ким"),
        lambda: services.user_update(other, by=by, data={"role": Role.ADMINISTRATOR}),
        lambda: services.user_update(by, by=by, data={"role": Role.ADMINISTRATOR}),
        lambda: services.user_deactivate(other, by=by),
        lambda: services.user_activate(other, by=by),
        lambda: services.password_set(other, by=by, password=GOOD_PASSWORD),
        lambda: services.token_create(user=other, by=by, name="x", scopes=["read"]),
    ):
        with pytest.raises(PermissionDenied):
            refused()
    other.refresh_from_db()
    assert other.is_active
    assert other.role == Role.SALES_MANAGER


def test_people_change_their_own_account_but_not_their_rights() -> None:
    user = make_user()
    services.profile_update(user, data={"phone": "+79120000000", "absent_from": date(2026, 3, 2), "language": "en"})
    user.refresh_from_db()
    assert (user.phone, user.language) == ("+79120000000", "en")
    for name, value in (("role", Role.ADMINISTRATOR), ("partner", None), ("is_active", True), ("email", "x@y.ru")):
        with pytest.raises(ValidationError):
            services.profile_update(user, data={name: value})


@pytest.mark.parametrize(
    ("start", "end", "away"),
    [
        (None, None, False),
        (date(2026, 3, 2), None, True),
        (None, date(2026, 3, 2), True),
        (date(2026, 3, 2), date(2026, 3, 2), True),
        (date(2026, 3, 3), None, False),
        (None, date(2026, 3, 1), False),
    ],
)
def test_an_absence_may_have_an_open_end(start: date | None, end: date | None, *, away: bool) -> None:
    assert User(absent_from=start, absent_to=end).is_absent(date(2026, 3, 2)) is away


@pytest.mark.rule("ACC-3")
def test_switching_off_ends_sessions_and_tokens_at_once() -> None:
    admin, user, other = make_user(Role.ADMINISTRATOR), make_user(), make_user()
    browser, neighbour = Client(), Client()
    browser.force_login(user)
    neighbour.force_login(other)
    token, _secret = services.token_create(user=user, by=user, name="site", scopes=["read"])
    kept, _secret = services.token_create(user=other, by=other, name="site", scopes=["read"])
    services.user_deactivate(user, by=admin)
    assert not browser.session.get("_auth_user_id")
    assert neighbour.session["_auth_user_id"] == str(other.pk)
    assert ApiToken.objects.get(pk=token.pk).revoked_at is not None
    assert ApiToken.objects.get(pk=kept.pk).revoked_at is None
    services.user_activate(user, by=admin)
    assert not browser.session.get("_auth_user_id")
    assert ApiToken.objects.get(pk=token.pk).revoked_at is not None


def test_the_last_administrator_stays() -> None:
    admin = make_user(Role.ADMINISTRATOR)
    with pytest.raises(ValidationError):
        services.user_deactivate(admin, by=admin)
    with pytest.raises(ValidationError):
        services.user_deactivate(admin, by=None)
    with pytest.raises(ValidationError):
        services.user_update(admin, by=admin, data={"role": Role.SALES_HEAD})
    second = make_user(Role.ADMINISTRATOR)
    services.user_deactivate(admin, by=second)
    assert not User.objects.get(pk=admin.pk).is_active


def test_a_new_password_signs_everybody_out() -> None:
    admin, user = make_user(Role.ADMINISTRATOR), make_user()
    browser = Client()
    browser.force_login(user)
    with pytest.raises(ValidationError):
        services.password_set(user, by=admin, password="qwerty12345")
    services.password_set(user, by=admin, password=GOOD_PASSWORD)
    assert not browser.session.get("_auth_user_id")
    assert User.objects.get(pk=user.pk).check_password(GOOD_PASSWORD)


# -- tokens -----------------------------------------------------------------------------------------------------------


@pytest.mark.rule("ACC-4")
def test_a_token_is_shown_once_and_kept_as_a_hash() -> None:
    user = make_user()
    token, secret = services.token_create(user=user, by=user, name="Сайт", scopes=["write", "read", "read"])
    assert secret.startswith("crm_")
    assert len(secret) >= 47
    assert token.scopes == ["read", "write"]
    assert secret.startswith(token.prefix)
    stored = [str(value) for value in ApiToken.objects.filter(pk=token.pk).values_list().get()]
    assert not any(secret in value for value in stored)


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["read", "root"]}, "scopes"),
        ({"name": " "}, "name"),
        ({"expires_at": timezone.now() - timedelta(seconds=1)}, "expires_at"),
    ],
)
def test_a_senseless_token_is_refused(change: dict[str, Any], wrong: str) -> None:
    user = make_user()
    with pytest.raises(ValidationError) as refused:
        services.token_create(**{"user": user, "by": user, "name": "x", "scopes": ["read"], **change})
    assert wrong in refused.value.message_dict


def test_a_token_is_revoked_by_its_owner_or_an_administrator() -> None:
    user, stranger, admin = make_user(), make_user(), make_user(Role.ADMINISTRATOR)
    token, _secret = services.token_create(user=user, by=admin, name="x", scopes=["read"])
    with pytest.raises(PermissionDenied):
        services.token_revoke(token, by=stranger)
    first = services.token_revoke(token, by=user).revoked_at
    assert first is not None
    assert services.token_revoke(token, by=admin).revoked_at == first


# -- selectors --------------------------------------------------------------------------------------------------------


def test_the_sales_head_is_the_named_one_else_the_first() -> None:
    assert sales_head() is None
    admin = make_user(Role.ADMINISTRATOR)
    assert sales_head() == admin
    make_user(Role.SALES_HEAD, is_active=False)
    first, second = make_user(Role.SALES_HEAD), make_user(Role.SALES_HEAD)
    assert sales_head() == first
    Preference.objects.create(key="sales_head", value=second.pk)
    assert sales_head() == second
    User.objects.filter(pk=second.pk).update(is_active=False)
    assert sales_head() == first


@pytest.mark.rule("ACC-1")
def test_each_side_chooses_among_its_own() -> None:
    manager, head = make_user(), make_user(Role.SALES_HEAD)
    make_user(Role.CALL_CENTER)
    make_user(is_active=False)
    partner = make_partner()
    theirs, mate = make_user(Role.PARTNER, partner=partner), make_user(Role.PARTNER, partner=partner)
    foreign = make_user(Role.PARTNER)
    assert set(assignable_users(manager)) == {manager, head}
    assert set(assignable_users(head, partner)) == {theirs, mate}
    assert set(assignable_users(theirs)) == {theirs, mate}
    assert set(assignable_users(theirs, foreign.partner)) == {theirs, mate}
    assert not assignable_users(User(is_active=False)).exists()


def test_people_are_found_by_the_beginning_of_a_name() -> None:
    user = make_user(last_name="Иванова", first_name="Анна", email="anna@example.com")
    make_user(last_name="Петров")
    for query in ("иван", "ИВАНОВА", "Анна", "anna@"):
        assert list(found_users(User.objects.all(), query)) == [user], query


def test_the_language_of_the_menu_stays_with_the_account(client: Client) -> None:
    user = make_user(Role.SALES_MANAGER, language="ru")
    client.force_login(user)
    answer = client.post("/i18n/setlang/", {"language": "en", "next": "/"})
    assert answer.status_code == 302
    assert User.objects.get(pk=user.pk).language == "en"
    assert b'lang="en"' in client.get("/").content
    client.post("/i18n/setlang/", {"language": "tlh", "next": "/"})
    assert User.objects.get(pk=user.pk).language == "en"


def test_before_signing_in_the_language_is_kept_in_a_cookie(client: Client) -> None:
    client.post("/i18n/setlang/", {"language": "en", "next": "/accounts/login/"})
    assert b'<html lang="en"' in client.get("/accounts/login/").content
