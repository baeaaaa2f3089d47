"""Accounts in the API: made, changed, switched off and relieved of their work by administrators alone."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Role, User
from crm.models import Change
from deals.models import Deal
from tests.factories import make_deal, make_team, make_user

pytestmark = pytest.mark.django_db
BODY = {"email": "New@Example.com", "last_name": "Ким", "role": "sales_manager", "phone": "8 912 000 11 22"}


@pytest.mark.rule("ACC-4")
def test_an_administrator_makes_and_changes_accounts(caller: Any) -> None:
    admin, team = caller(make_user(Role.ADMINISTRATOR)), make_team()
    made = admin.post("people/", {**BODY, "team": team.pk})
    assert made.status_code == 201, made.content
    user = User.objects.get(pk=made.json()["id"])
    assert (user.email, user.phone, user.team, user.has_usable_password()) == (
        "new@example.com", "+79120001122", team, False,
    )  # fmt: skip
    assert admin.patch(f"people/{user.pk}/", {"role": "call_center", "team": None}).json()["role"] == "call_center"
    fields = Change.objects.filter(record_type="user", record_id=user.pk).values_list("field", flat=True)
    assert set(fields) == {"created", "role", "team"}
    assert admin.ids("people/?search=Ким&role=call_center&is_active=true") == [user.pk]
    assert admin.ids("people/?search=Ким&is_active=false") == []
    for wrong in (
        {"email": "x"}, {"role": "king"}, {"phone": "1"}, {"time_zone": "Mars"}, {"is_active": False}, {"team": 10**9},
    ):  # fmt: skip
        assert admin.patch(f"people/{user.pk}/", wrong).status_code == 400, wrong
    assert admin.post("people/", BODY).status_code == 400
    assert admin.get("people/?colour=red").status_code == 400


@pytest.mark.rule("ACC-3")
def test_whoever_leaves_is_switched_off_and_the_work_is_handed_on(caller: Any) -> None:
    admin, leaving, heir = caller(make_user(Role.ADMINISTRATOR)), caller(make_user()), make_user()
    deal = make_deal(leaving.user)
    job = admin.post(f"users/{leaving.user.pk}/hand-over/", {"to": heir.pk}).json()
    assert (job["kind"], job["done"], Deal.objects.get(pk=deal.pk).responsible) == ("assign", 1, heir)
    assert admin.post(f"jobs/{job['id']}/undo/").json()["done"] == 1
    assert Deal.objects.get(pk=deal.pk).responsible == leaving.user
    partner = make_user(Role.PARTNER)
    assert admin.post(f"users/{leaving.user.pk}/hand-over/", {"to": partner.pk}).status_code == 400
    assert admin.post(f"people/{leaving.user.pk}/deactivate/").json()["is_active"] is False
    assert leaving.get("me/").status_code == 401
    assert admin.post(f"people/{leaving.user.pk}/activate/").json()["is_active"] is True
    assert leaving.get("me/").status_code == 401
    assert admin.post(f"people/{admin.user.pk}/deactivate/").status_code == 400


@pytest.mark.rule("ACC-1")
@pytest.mark.parametrize(
    "role", [Role.SALES_HEAD, Role.SALES_MANAGER, Role.CALL_CENTER, Role.PARTNER, Role.PARTNER_CONTROL]
)
def test_the_others_do_not_get_in(caller: Any, role: str) -> None:
    program, user = caller(make_user(role)), make_user()
    base = f"people/{user.pk}/"
    assert program.get("people/").status_code == program.get(base).status_code == 403
    calls: list[tuple[str, str, Any]] = [
        ("post", "people/", BODY),
        ("patch", base, {"role": "administrator"}),
        ("post", f"{base}deactivate/", {}),
        ("post", f"{base}activate/", {}),
    ]
    for method, path, body in calls:
        assert program.call(method, path, body).status_code == 403, path
    user.refresh_from_db()
    assert (user.role, user.is_active) == (Role.SALES_MANAGER, True)
