"""The exclusion list through the API: the same rows and the same rights."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from communications.models import WebForm
from crm.models import Exclusion
from leads.models import Lead
from leads.services import lead_create
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("LEAD-15")]


def test_rows_are_added_found_and_taken_out_and_held_requests_released(caller: Callable[..., Any]) -> None:
    head = caller(make_user(Role.SALES_HEAD))
    made = head.post("exclusions/", {"kind": "phone", "value": "89123456789, 89123456780", "reason": "Спам"})
    assert made.status_code == 201, made.content
    assert {row["value"] for row in made.json()} == {"+79123456789", "+79123456780"}
    form = WebForm.objects.create(name="Сайт", key="site-key")
    body = json.dumps({"name": "Пётр", "phone": "89123456789"})
    Client().post(reverse("form-submission", args=[form.key]), body, content_type="application/json")
    (row,) = head.get("exclusions/?search=345-67-89").json()["results"]
    assert row["held"] == 1
    (held,) = head.get("held-requests/").json()["results"]
    assert (held["state"], held["exclusion"], held["lead"]) == ("held", row["id"], None)
    released = head.post(f"held-requests/{held['id']}/release/")
    assert released.json()["lead"] == Lead.objects.get().pk
    assert head.call("delete", f"exclusions/{row['id']}/").status_code == 204
    assert Exclusion.objects.count() == 1


@pytest.mark.parametrize(
    "body", [{"kind": "phone", "value": "нет", "reason": "x"}, {"kind": "x", "value": "1", "reason": "x"}, {},
             {"kind": "phone", "value": "89123456789", "reason": " "}],
)  # fmt: skip
def test_what_is_none_is_refused_with_the_field_named(caller: Callable[..., Any], body: dict[str, str]) -> None:
    answer = caller(make_user(Role.SALES_HEAD)).post("exclusions/", body)
    assert answer.status_code in {400, 422}
    assert answer.json()["errors"]
    assert not Exclusion.objects.exists()


def test_a_lead_is_marked_as_spam_by_its_owner_alone(caller: Callable[..., Any]) -> None:
    owner = caller(make_user())
    lead = lead_create(by=owner.user, data={"name": "Пётр"}, phones="89123456789")
    assert caller(make_user()).post(f"leads/{lead.pk}/spam/").status_code == 404
    answer = owner.post(f"leads/{lead.pk}/spam/")
    assert answer.json()["stage"] == "lead:erroneous"
    assert Exclusion.objects.get().value == "+79123456789"
    assert owner.get("exclusions/").status_code == 403
