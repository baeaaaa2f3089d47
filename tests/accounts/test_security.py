"""Second factor, sessions, reset by letter, and what of it stands in the audit trail."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.factors import opened, sealed
from accounts.models import Letter, Role, User, UserSession
from accounts.sessions import forget_old, sessions_of
from communications import account_letters
from crm import preferences
from crm.logs import without_secrets
from crm.models import Change
from tests.api.conftest import Caller
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("ACC-4")]
PASSWORD = "correct horse battery"
NEW = "лампа-ангар-ферма-балка"


class Counted:
    """Counts the queries of a block into a list."""

    def __init__(self, counts: list[int]) -> None:
        self.counts = counts

    def __enter__(self) -> None:
        self.context = CaptureQueriesContext(connection)
        self.context.__enter__()

    def __exit__(self, *exc_info: Any) -> None:
        self.context.__exit__(*exc_info)
        self.counts.append(len(self.context))


def signed_in(user: User, agent: str = "Mozilla/5.0 (Windows NT 10.0) Chrome/130.0 Safari/537.36") -> Client:
    browser = Client(headers={"User-Agent": agent})
    browser.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    return browser


def is_in(browser: Client) -> bool:
    return browser.get("/session/").status_code == 204


def told() -> list[str]:
    return list(Change.objects.filter(record_type="security").order_by("id").values_list("field", flat=True))


def code(secret: str, step: int = 0) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + step))


def with_app(user: User) -> str:
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    return secret


# -- second factor ----------------------------------------------------------------------------------------------------


def test_an_app_is_set_up_and_asked_for_at_the_next_sign_in() -> None:
    user = make_user()
    browser = signed_in(user)
    page = browser.get("/accounts/2fa/totp/activate/").content.decode()
    secret = re.search(r'id="totp-secret"[^>]+value="([A-Z2-7]+=*)"', page)[1]  # type: ignore[index]
    answer = browser.post("/accounts/2fa/totp/activate/", {"code": code(secret)})
    assert answer["Location"] == "/accounts/2fa/recovery-codes/"
    codes = re.findall(r"(?:^|<code>)(\d{8})$", browser.get(answer["Location"]).content.decode(), re.MULTILINE)
    assert len(codes) == 10
    assert codes[0] not in browser.get(answer["Location"]).content.decode()
    kept = repr(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in kept
    second = signed_in(user)
    assert not is_in(second)
    assert second.post("/accounts/2fa/authenticate/", {"code": "000000"}).status_code == 200
    second.post("/accounts/2fa/authenticate/", {"code": codes[1]})
    assert is_in(second)
    third = signed_in(user)
    third.post("/accounts/2fa/authenticate/", {"code": codes[1]})
    assert not is_in(third), "a recovery code works once"
    assert {"totp_added", "factor_failed", "signed_in"} <= set(told())
    account_letters.send_due()
    assert [letter.to for letter in mail.outbox] == [[user.email]]


def test_codes_cannot_be_guessed() -> None:
    user = make_user()
    secret, browser = with_app(user), signed_in(user)
    for _attempt in range(6):
        browser.post("/accounts/2fa/authenticate/", {"code": "123456"})
    browser.post("/accounts/2fa/authenticate/", {"code": code(secret)})
    assert not is_in(browser)


def test_a_role_that_must_have_one_is_led_to_set_it_up_and_does_nothing_else() -> None:
    head = make_user(Role.SALES_HEAD)
    caller, browser = Caller(head), signed_in(head)
    preferences.set_value("second_factor_roles", [Role.SALES_HEAD])
    for path in ("/", "/leads/", "/profile/", "/profile/tokens/", "/settings/company/"):
        assert browser.get(path)["Location"] == "/accounts/2fa/", path
    assert browser.post("/profile/tokens/", {"name": "x", "scopes": ["read"], "days": 30}).status_code == 302
    assert head.api_tokens.count() == 1
    refused = browser.get("/api/v1/leads/")
    assert (refused.status_code, refused.json()["status"]) == (403, 403)
    assert browser.get("/leads/", headers={"HX-Request": "true"})["HX-Redirect"] == "/accounts/2fa/"
    assert browser.get("/accounts/2fa/").status_code == 200
    assert browser.get("/accounts/2fa/totp/activate/").status_code == 200
    assert caller.get("leads/").status_code == 200, "a token goes on"
    with_app(head)
    assert browser.get("/leads/").status_code == 200
    assert signed_in(make_user()).get("/leads/").status_code == 200


def test_only_an_administrator_says_who_must_have_one() -> None:
    admin, head = make_user(Role.ADMINISTRATOR), make_user(Role.SALES_HEAD)
    body = {"second_factor_roles": ["partner"]}
    assert Caller(head).call("patch", "preferences/", body).status_code == 400
    assert "second_factor_roles" not in Caller(head).get("preferences/").json()
    assert Caller(head).call("patch", "preferences/", {"company_name": "Завод"}).status_code == 200
    assert Caller(admin).call("patch", "preferences/", body).status_code == 200
    browser = Client()
    browser.force_login(admin)
    assert browser.post("/settings/security/", {"second_factor_roles": ["administrator"]}).status_code == 302
    assert preferences.get("second_factor_roles") == ["administrator"]
    assert browser.post("/settings/security/", {})["Location"] == "/accounts/2fa/"
    browser.force_login(head)
    assert browser.get("/settings/security/").status_code == 403


def test_an_administrator_takes_the_factor_off_whoever_lost_it(client: Client) -> None:
    admin, user = make_user(Role.ADMINISTRATOR), make_user()
    with_app(user)
    assert Caller(make_user(Role.SALES_HEAD)).post(f"people/{user.pk}/remove-factors/").status_code == 403
    client.force_login(admin)
    client.post(f"/settings/people/{user.pk}/factors/")
    assert is_in(signed_in(user))
    assert "factors_removed" in told()
    assert Letter.objects.filter(email=user.email, about="factors_removed").exists()


def test_a_factor_is_not_changed_by_whoever_sits_down_at_an_open_browser(client: Client) -> None:
    user = make_user()
    with_app(user)
    client.force_login(user)
    for path in ("totp/deactivate/", "recovery-codes/generate/", "webauthn/add/"):
        assert "reauthenticate" in client.post(f"/accounts/2fa/{path}")["Location"], path
    assert Authenticator.objects.filter(user=user).exists()


def test_a_sealed_secret_is_read_under_the_earlier_key_too(settings: Any) -> None:
    kept = sealed("JBSWY3DP")
    assert "JBSWY3DP" not in kept
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another key that is long enough too"
    assert opened(kept) == "JBSWY3DP"
    settings.SECRET_KEY_FALLBACKS = []
    assert opened(kept) == ""
    assert opened("JBSWY3DP") == "JBSWY3DP"


# -- sessions ---------------------------------------------------------------------------------------------------------


def test_sessions_are_listed_with_device_and_ended_one_by_one_and_all_at_once() -> None:
    user, stranger = make_user(), make_user()
    here = signed_in(user)
    phone = signed_in(user, "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) Version/18.0 Safari/604.1")
    third, other = signed_in(user), signed_in(stranger)
    page = here.get("/profile/security/").content.decode()
    assert "Chrome, Windows" in page
    assert "Safari, iPhone" in page
    assert "127.0.0.1" in page
    row = UserSession.objects.get(session_key=phone.session.session_key)
    assert other.post(f"/profile/security/sessions/{row.pk}/end/").status_code == 404
    assert is_in(phone)
    here.post(f"/profile/security/sessions/{row.pk}/end/")
    assert [is_in(browser) for browser in (here, phone, third)] == [True, False, True]
    here.post("/profile/security/sessions/end/")
    assert [is_in(browser) for browser in (here, third, other)] == [True, False, True]
    assert len(sessions_of(user)) == 1
    assert {"session_ended", "sessions_ended"} <= set(told())


def test_an_administrator_and_the_api_end_sessions(client: Client) -> None:
    admin, user = make_user(Role.ADMINISTRATOR), make_user()
    browser, caller = signed_in(user), Caller(user)
    (row,) = caller.get("me/sessions/").json()["results"]
    assert Caller(make_user()).post(f"me/sessions/{row['id']}/end/").status_code == 404
    assert caller.post(f"me/sessions/{row['id']}/end/").status_code == 204
    assert not is_in(browser)
    browser = signed_in(user)
    client.force_login(admin)
    client.post(f"/settings/people/{user.pk}/sign-out/")
    assert not is_in(browser)
    assert caller.get("me/sessions/").json()["results"] == []
    assert caller.post("me/sessions/end-all/").status_code == 204


def test_a_new_password_ends_the_other_sessions_but_not_this_one() -> None:
    user = make_user()
    here, other = signed_in(user), signed_in(user)
    here.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW})
    assert [is_in(here), is_in(other)] == [True, False]
    assert "password_changed" in told()


def test_signing_in_changes_the_session_key_and_leaves_no_row_behind() -> None:
    user, browser = make_user(), Client()
    browser.get("/accounts/login/?next=/leads/")
    browser.session["x"] = 1
    session = browser.session
    session["x"] = 1
    session.save()
    before = session.session_key
    browser.cookies["sessionid"] = before
    browser.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    assert browser.session.session_key != before
    stale = Client()
    stale.cookies["sessionid"] = before
    assert not is_in(stale)
    browser.session.delete()
    assert forget_old() == 1


# -- reset by letter --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["testserver", "localhost"])
def test_a_forgotten_password_is_set_anew_by_the_letter_whatever_host_is_named(host: str) -> None:
    user = make_user()
    old = signed_in(user)
    Client().post("/accounts/password/reset/", {"email": user.email.upper()}, headers={"Host": host})
    assert account_letters.send_due() == 1
    link = re.search(r"(https?://\S+)(/accounts/password/\S+)", mail.outbox[0].body)
    assert link
    assert link[1] == "https://testserver", "the address of settings, not of the request"
    browser = Client()
    form = browser.get(link[2], follow=True).request["PATH_INFO"]
    browser.post(form, {"password1": NEW, "password2": NEW})
    assert User.objects.get(pk=user.pk).check_password(NEW)
    assert not is_in(old)
    again = Client().get(link[2], follow=True)
    assert "не действует" in again.content.decode() or "не работает" in again.content.decode()


def test_a_stranger_cannot_tell_whose_addresses_there_are() -> None:
    user = make_user()
    pages: list[str] = []
    counts: list[int] = []
    for email in (user.email, "nobody@example.com"):
        browser = Client()
        with Counted(counts):
            answer = browser.post("/accounts/password/reset/", {"email": email}, follow=True)
        pages.append(re.sub(r'(csrfmiddlewaretoken" value=|X-CSRFToken": )"[^"]+"', "", answer.content.decode()))
    assert pages[0] == pages[1]
    assert counts[0] == counts[1]
    assert account_letters.send_due() == 1


# -- the audit trail --------------------------------------------------------------------------------------------------


@pytest.mark.rule("ACC-5")
def test_the_door_is_watched() -> None:
    user = make_user()
    for _attempt in range(7):
        Client().post("/accounts/login/", {"login": user.email, "password": "wrong"})
    Client().post("/accounts/login/", {"login": "my-secret-password", "password": "x"})
    Client().post("/accounts/login/", {"login": "nobody@example.com", "password": "x"})
    assert told().count("sign_in_failed") == 6
    assert told().count("locked_out") == 1
    assert "my-secret-password" not in repr(list(Change.objects.values_list("new", flat=True)))
    line = Change.objects.filter(field="sign_in_failed", record_id=user.pk).first()
    assert line is not None
    assert user.email in line.new["value"]
    head = make_user(Role.SALES_HEAD, language="ru")
    browser = Client()
    browser.force_login(head)
    page = browser.get("/settings/audit/?record_type=security").content.decode()
    assert "неверный пароль" in page.casefold()
    assert browser.get("/settings/audit/?record_type=security&as=csv").status_code == 200
    rows = Caller(head).get("audit/?record_type=security").json()["results"]
    assert rows[0]["label"]


@pytest.mark.parametrize(
    "text",
    [
        "Not Found: /accounts/invitation/WzEsIl9GMnJ5RlhvUlJNSWR3:1xWh11:ZG0Q14/",
        "GET /accounts/password/reset/key/1-cabc12-0123456789abcdef/",
        "/calendar/feed/abcdefghijklmnopqrstuvwxyzabcdefghijklmnopq.ics",
        "Authorization: Bearer crm_0123456789abcdefghij",
    ],
)
def test_no_secret_stands_in_the_log(text: str) -> None:
    shown = without_secrets(None, "", {"event": text})["event"]
    assert "…" in shown
    assert not re.search(r"(?:WzEs|0123456789|abcdefghij)", shown)
    assert without_secrets(None, "", {"event": "Not Found: /leads/5/"})["event"] == "Not Found: /leads/5/"
