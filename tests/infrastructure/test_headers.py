"""What every answer tells the browser to forbid."""

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def test_scripts_and_styles_come_from_here_only_and_never_inline(client: Client) -> None:
    policy = client.get("/healthz")["Content-Security-Policy"]
    rules = dict(part.strip().split(" ", 1) for part in policy.split(";"))

    assert "unsafe" not in policy
    assert rules["default-src"] == rules["script-src"] == rules["style-src"] == "'self'"
    assert rules["frame-ancestors"] == rules["object-src"] == rules["base-uri"] == "'none'"


def test_pages_are_not_framed_sniffed_or_told_of_elsewhere(client: Client) -> None:
    answer = client.get("/healthz")

    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"


def test_a_foreign_host_name_is_refused(client: Client) -> None:
    assert client.get("/healthz", headers={"host": "evil.example"}).status_code == 400


def test_uploaded_files_have_no_address_of_their_own(client: Client) -> None:
    assert client.get("/media-is-not-served/secret.pdf").status_code == 404


def test_nobody_signs_up_from_outside(client: Client) -> None:
    answer = client.post(
        "/accounts/signup/",
        {"email": "a@example.com", "password1": "long enough 1", "password2": "long enough 1"},
    )

    assert answer.status_code in (200, 403)
    assert not client.login(email="a@example.com", password="long enough 1")
