"""A form whose token is lost: the page is old, and the answer says so instead of speaking of rights."""

from __future__ import annotations

import pytest
from django.test import Client

from leads.models import Lead
from leads.services import lead_create
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("ACC-4")]


def test_the_answer_says_so_and_brings_a_new_token_with_which_the_same_goes_through() -> None:
    owner = make_user(language="en")
    lead = lead_create(by=owner, data={"name": "Пётр", "responsible": owner})
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    path, body = f"/leads/{Lead.objects.get(pk=lead.pk).pk}/edit/", {"title": "Ангар"}
    refused = client.post(path, body, headers={"X-CSRFToken": "a" * 32})
    assert (refused.status_code, refused["X-CSRF-Failed"]) == (403, "1")
    assert "has become old" in refused.content.decode()
    assert "<h1>The form is out of date</h1>" in refused.content.decode()
    token = client.cookies["csrftoken"].value
    assert client.post(path, body, headers={"X-CSRFToken": token}).status_code != 403


def test_a_missing_right_is_still_a_missing_right() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user(language="en"))
    refused = client.get("/settings/people/")
    assert refused.status_code == 403
    assert "X-CSRF-Failed" not in refused
    assert "<h1>You have no right to do this</h1>" in refused.content.decode()


def test_the_question_whether_one_is_signed_in_brings_a_token() -> None:
    client = Client()
    client.force_login(make_user())
    assert client.get("/session/").status_code == 204
    assert client.cookies["csrftoken"].value
