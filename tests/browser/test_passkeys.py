"""A passkey is made and signs its owner in: Chromium's own virtual authenticator stands for the key (ACC-4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from playwright.sync_api import Page, expect

from crm.models import Change
from tests.factories import make_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.rule("ACC-4")]
KEY = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
    "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip


def test_a_passkey_is_added_and_lets_its_owner_in(page_for: Callable[..., Page], live_server: Any) -> None:
    owner = make_user(language="en", last_name="Ключева")
    page = page_for(None)
    # A key is bound to a name, and an address is none.
    base = live_server.url.replace("127.0.0.1", "localhost")
    chromium = page.context.new_cdp_session(page)
    chromium.send("WebAuthn.enable")
    chromium.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})
    page.goto(f"{base}/accounts/login/")
    page.locator("[name=login]").fill(owner.email)
    page.locator("[name=password]").fill("correct horse battery")
    page.keyboard.press("Enter")
    expect(page.locator(".user-trigger")).to_be_visible()
    page.goto(f"{base}/accounts/2fa/webauthn/add/")
    page.locator("[name=name]").fill("Ноутбук")
    if page.locator("[name=passwordless]").count():
        page.locator("[name=passwordless]").check()
    page.locator("#mfa_webauthn_add").click()
    expect(page).not_to_have_url(f"{base}/accounts/2fa/webauthn/add/")
    (kept,) = Authenticator.objects.filter(user=owner, type=Authenticator.Type.WEBAUTHN)
    assert kept.wrap().name == "Ноутбук"
    page.context.clear_cookies(name="sessionid")
    page.goto(f"{base}/accounts/login/")
    page.locator("#passkey_login").click()
    expect(page.locator(".user-trigger")).to_be_visible()
    lines = Change.objects.filter(record_type="security", record_id=owner.pk).order_by("pk")
    assert list(lines.values_list("field", flat=True))[-2:] == ["passkey_added", "signed_in"]
