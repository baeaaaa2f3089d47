"""The registry of partners in the API: kept by heads, read by partner control, out of sight of everybody else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Partner, Role, User
from crm import clock
from crm.models import Change
from deals.models import Deal
from deals.services import deal_create
from partners.handoff import hand_over
from partners.models import Handoff, PartnerProfile
from tests.factories import make_deal, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("PART-1")]
BODY = {
    "name": "ООО Монтаж", "phone": "8 912 000 11 22", "email": "info@montazh.ru", "commission_percent": "4.50",
    "regions": ["Татарстан", "Самарская область"], "contract": "№ 7",
}  # fmt: skip


def test_a_head_keeps_the_registry(caller: Any) -> None:
    head = caller(make_user(Role.SALES_HEAD))
    made = head.post("partners/", BODY, **{"Idempotency-Key": "a"})
    assert made.status_code == 201, made.content
    again = head.post("partners/", BODY, **{"Idempotency-Key": "a"})
    assert (again.json(), Partner.objects.count()) == (made.json(), 1)
    pk = made.json()["id"]
    profile = PartnerProfile.objects.get(partner=pk)
    assert (profile.phone, profile.regions, profile.company.client_type) == (
        "+79120001122", ["Татарстан", "Самарская область"], "partner",
    )  # fmt: skip
    changed = head.patch(f"partners/{pk}/", {"contract": "№ 8"}).json()["profile"]
    assert (changed["contract"], changed["phone"]) == ("№ 8", "+79120001122")
    person = head.post(f"partners/{pk}/people/", {"last_name": "Юсупов", "email": "yus@montazh.ru"})
    assert person.status_code == 201, person.content
    user = User.objects.get(pk=person.json()["id"])
    assert (user.role, user.partner_id, user.has_usable_password()) == (Role.PARTNER, pk, False)
    shown = head.get(f"partners/{pk}/").json()
    assert ([row["id"] for row in shown["people"]], shown["open_deals"]) == ([user.pk], 0)
    assert set(Change.objects.filter(record_type="partner", actor_kind="token").values_list("field", flat=True)) == {
        "created", "profile", "commission",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"phone": "12"}, "/phone"),
        ({"email": "x"}, "/email"),
        ({"commission_percent": "101"}, "/commission_percent"),
        ({"regions": "Татарстан"}, "/regions"),
        ({"state": "closed"}, "/state"),
    ],
)
def test_wrong_values_are_named_and_nothing_is_made(caller: Any, body: dict[str, Any], pointer: str) -> None:
    answer = caller(make_user(Role.SALES_HEAD)).post("partners/", {**BODY, **body})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, pointer)
    assert not Partner.objects.exists()


@pytest.mark.rule("ACC-3")
def test_pausing_closing_and_working_again(caller: Any) -> None:
    head, heir = caller(make_user(Role.SALES_HEAD)), make_user()
    theirs = caller(make_user(Role.PARTNER))
    partner = theirs.user.partner
    handed = make_deal(head.user)
    hand_over(record=handed, partner=partner, by=head.user)
    deal_create(by=theirs.user, data={"title": "Свой"})
    base = f"partners/{partner.pk}/"
    assert head.post(f"{base}state/", {"state": "paused"}).json()["state"] == "paused"
    assert head.post(f"{base}state/", {"state": "closed"}).status_code == 400
    refused = head.post(f"{base}close/")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "/hand_back_to")
    assert theirs.get("me/").status_code == 200
    assert head.post(f"{base}close/", {"hand_back_to": theirs.user.pk}).status_code == 400
    closed = head.post(f"{base}close/", {"hand_back_to": heir.pk, "reason": "Договор расторгнут"})
    assert closed.json() == {"returned": 2}
    assert theirs.get("me/").status_code == 401
    assert Deal.objects.get(pk=handed.pk).responsible == heir
    assert Handoff.objects.get().state == Handoff.State.RECALLED
    refused = head.post(f"{base}people/", {"last_name": "Юсупов", "email": "yus@montazh.ru"})
    assert (refused.status_code, refused.json()["code"]) == (409, "handoff_refused")
    assert head.post(f"{base}state/", {"state": "active"}).json()["state"] == "active"
    assert Change.objects.filter(record_type="partner", field="state").count() == 3


@pytest.mark.rule("ACC-1")
def test_the_others_do_not_get_in(caller: Any) -> None:
    theirs = caller(make_user(Role.PARTNER))
    base = f"partners/{theirs.user.partner_id}/"
    calls: list[tuple[str, str, Any]] = [
        ("post", "partners/", BODY),
        ("patch", base, {"name": "Другое"}),
        ("post", f"{base}people/", {"last_name": "Х", "email": "x@example.com"}),
        ("post", f"{base}state/", {"state": "paused"}),
        ("post", f"{base}close/", {}),
    ]
    programs = [theirs, *(caller(make_user(r)) for r in (Role.SALES_MANAGER, Role.CALL_CENTER, Role.PARTNER))]
    for program in programs:
        assert program.get(base).status_code == 404, program.user.role
        for method, path, body in calls:
            assert program.call(method, path, body).status_code in {403, 404}, (program.user.role, path)
    control = caller(make_user(Role.PARTNER_CONTROL))
    assert control.get(base).json()["people"][0]["id"] == theirs.user.pk
    reader = caller(make_user(Role.SALES_HEAD), "read")
    for method, path, body in calls:
        assert control.call(method, path, body).status_code == 403, path
        assert reader.call(method, path, body).status_code == 403, path
    partner = Partner.objects.get(pk=theirs.user.partner_id)
    assert (partner.state, Partner.objects.filter(name="Другое").exists()) == ("active", False)


@pytest.mark.rule("PART-4")
def test_the_board_of_control_counts_each_partners_records_the_late_first(caller: Any) -> None:
    head, control = make_user(Role.SALES_HEAD), caller(make_user(Role.PARTNER_CONTROL))
    first, second = make_user(Role.PARTNER), make_user(Role.PARTNER)
    twins = [
        Deal.objects.get(pk=hand_over(record=make_deal(head), partner=user.partner, by=head).twin_id)
        for user in (first, first, second)
    ]
    Deal.objects.filter(pk=twins[2].pk).update(stage_entered_at=clock.now() - timedelta(days=400))
    board = control.get("partners/control/").json()
    assert [row["partner"]["id"] for row in board["partners"]] == [second.partner_id, first.partner_id]
    assert board["partners"][0]["deals"] == {"open": 1, "untouched": 1, "over_norm": 1, "won": 0, "unrecorded": 0}
    assert board["partners"][1]["deals"] == {"open": 2, "untouched": 2, "over_norm": 0, "won": 0, "unrecorded": 0}
    assert board["partners"][0]["leads"] == {"open": 0, "untouched": 0, "over_norm": 0, "unrecorded": 0}
    assert board["waiting"] == 0
    query = f"pipeline=partner_deal&partner={second.partner_id}&kind=open&norm_exceeded=true"
    assert control.ids(f"deals/?{query}") == [twins[2].pk]
    for user in (make_user(), make_user(Role.CALL_CENTER), first):
        assert caller(user).get("partners/control/").status_code == 403
