"""A person is invited by a letter whose link works once, for a week, for the address it was sent to."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client
from django.utils import timezone

from accounts.invitations import invitation_accept, invitation_find, invitation_link, invitation_send
from accounts.letters import letter_queue, reset_send
from accounts.models import Invitation, Letter, Role, User
from communications import account_letters
from crm.models import Change
from tests.api.conftest import Caller
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("ACC-4")]
PASSWORD = "лампа-ангар-ферма-балка"


@pytest.fixture
def admin() -> User:
    return make_user(Role.ADMINISTRATOR)


@pytest.fixture
def newcomer() -> User:
    return make_user(password=None, email="new@example.com", first_name="Анна", language="ru")


def link_of(text: str) -> str:
    return re.search(r"https?://[^/\s]+(/\S+)", text)[1]  # type: ignore[index]


def secret_of(invitation: Invitation) -> str:
    return invitation_link(invitation).rstrip("/").rpartition("/")[2]


def told() -> list[str]:
    return list(Change.objects.filter(record_type="security").order_by("id").values_list("field", flat=True))


def test_the_link_of_the_letter_sets_the_password_once_and_lets_its_owner_in(admin: User, newcomer: User) -> None:
    invitation_send(newcomer, by=admin)
    assert mail.outbox == []
    assert account_letters.send_due() == 1
    assert account_letters.send_due() == 0
    (letter,) = mail.outbox
    assert letter.to == ["new@example.com"]
    assert letter.subject == "Приглашение в CRM"
    assert "Здравствуйте, Анна!" in letter.body
    browser, path = Client(), link_of(letter.body)
    form = browser.get(path, follow=True)
    assert form.request["PATH_INFO"] == "/accounts/invitation/"
    assert "no-store" in form["Cache-Control"]
    for wrong in ({"password": "12345", "again": "12345"}, {"password": PASSWORD, "again": "another"}, {}):
        assert browser.post("/accounts/invitation/", wrong).status_code == (200 if not wrong else 422)
    answer = browser.post("/accounts/invitation/", {"password": PASSWORD, "again": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert browser.session["_auth_user_id"] == str(newcomer.pk)
    assert Client().get(path).status_code == 404
    assert browser.post("/accounts/invitation/", {"password": "x" * 20, "again": "x" * 20}).status_code == 404
    assert User.objects.get(pk=newcomer.pk).check_password(PASSWORD)
    assert told() == ["invited", "invitation_accepted", "signed_in"]


@pytest.mark.parametrize("what", ["forged", "too_old", "newer_one", "other_address", "switched_off", "has_password"])
def test_a_link_that_is_not_good_any_more_opens_nothing(admin: User, newcomer: User, what: str) -> None:
    secret = secret_of(invitation_send(newcomer, by=admin))
    assert invitation_find(secret) is not None
    if what == "forged":
        secret = secret[:-3] + ("AAA" if not secret.endswith("AAA") else "BBB")
    elif what == "too_old":
        Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    elif what == "newer_one":
        invitation_send(newcomer, by=admin)
    elif what == "other_address":
        User.objects.filter(pk=newcomer.pk).update(email="elsewhere@example.com")
    elif what == "switched_off":
        User.objects.filter(pk=newcomer.pk).update(is_active=False)
    else:
        newcomer.set_password("another good one")
        newcomer.save()
    assert Client().get(f"/accounts/invitation/{secret}/").status_code == 404
    with pytest.raises(ValidationError):
        invitation_accept(secret, password=PASSWORD)
    assert not User.objects.get(pk=newcomer.pk).check_password(PASSWORD)


def test_who_may_invite_whom(admin: User, newcomer: User) -> None:
    head, manager = make_user(Role.SALES_HEAD), make_user()
    theirs = make_user(Role.PARTNER, password=None)
    for by in (head, manager, theirs, make_user(Role.ADMINISTRATOR, is_active=False)):
        with pytest.raises(PermissionDenied):
            invitation_send(newcomer, by=by)
        with pytest.raises(PermissionDenied):
            reset_send(newcomer, by=by)
    invitation_send(theirs, by=head)
    assert not Invitation.objects.filter(user=newcomer).exists()
    with pytest.raises(ValidationError):
        invitation_send(manager, by=admin)
    with pytest.raises(ValidationError):
        invitation_send(make_user(password=None, is_active=False), by=admin)


def test_no_link_waits_in_the_database(admin: User, newcomer: User) -> None:
    secret = secret_of(invitation_send(newcomer, by=admin))
    rows = [*Letter.objects.values_list(), *Invitation.objects.values_list(), *Change.objects.values_list()]
    assert secret not in repr(rows)
    account_letters.send_due()
    assert secret in mail.outbox[0].body
    assert secret not in repr([*Letter.objects.values_list()])


def test_an_administrator_invites_and_sends_a_new_password_from_the_page_and_by_the_api(
    client: Client, admin: User, newcomer: User
) -> None:
    client.force_login(admin)
    page = f"/settings/people/{newcomer.pk}/"
    assert client.post(f"{page}letter/").status_code == 302
    assert Letter.objects.get().kind == Letter.Kind.INVITATION
    assert "Приглашение отправлено" in client.get(page).content.decode()
    newcomer.set_password(PASSWORD)
    newcomer.save()
    assert Caller(admin).post(f"people/{newcomer.pk}/letter/").json()["has_password"] is True
    assert Caller(make_user(Role.SALES_HEAD)).post(f"people/{newcomer.pk}/letter/").status_code == 403
    account_letters.send_due()
    assert [letter.subject for letter in mail.outbox] == ["Новый пароль для CRM"]
    assert told() == ["invited", "reset_sent"]


def test_a_mail_server_that_is_away_gets_the_letter_later(
    admin: User, newcomer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*args: Any, **kwargs: Any) -> Any:
        raise ConnectionRefusedError

    invitation_send(newcomer, by=admin)
    with monkeypatch.context() as patch:
        patch.setattr("django.core.mail.backends.locmem.EmailBackend.open", away)
        assert account_letters.send_due() == 0
    row = Letter.objects.get()
    assert (row.state, row.attempts) == ("queued", 1)
    assert row.not_before > timezone.now()
    Letter.objects.update(not_before=timezone.now())
    assert account_letters.send_due() == 1


def test_letters_to_nobody_are_dropped_and_old_ones_forgotten() -> None:
    letter_queue(Letter.Kind.RESET, "stranger@example.com")
    assert account_letters.send_due() == 0
    assert mail.outbox == []
    assert Letter.objects.get().state == "dropped"
    Letter.objects.update(created_at=timezone.now() - timedelta(days=91))
    assert account_letters.forget_old() == 1
