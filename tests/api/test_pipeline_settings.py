"""Pipelines, stages and refusal reasons in the API: kept by heads and administrators alone."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Role
from crm.models import Change, Pipeline, RefusalReason, Stage
from tests.factories import make_deal, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("PIPE-1")]


def order_of(program: Any, pipeline: str = "deal") -> list[str]:
    """The codes of a pipeline's stages in their order."""
    rows = {row["code"]: row for row in program.get("pipelines/").json()}
    return [stage["code"] for stage in rows[pipeline]["stages"]]


def test_a_stage_of_ones_own_is_added_ordered_and_deleted_with_its_cards(caller: Any) -> None:
    head = caller(make_user(Role.SALES_HEAD))
    made = head.post("pipelines/deal/stages/", {"name_ru": "Замер", "kind": "open", "after": "deal:costing"})
    assert made.status_code == 201, made.content
    stage = made.json()
    assert (stage["name_ru"], stage["name_en"], stage["kind"]) == ("Замер", "Замер", "open")
    codes = order_of(head)
    assert codes.index(stage["code"]) == codes.index("costing") + 1
    assert head.post(f"stages/{stage['key']}/shift/", {"to": "up"}).status_code == 200
    codes = order_of(head)
    assert codes.index(stage["code"]) == codes.index("costing") - 1
    assert head.patch(f"stages/{stage['key']}/", {"can_win": True, "is_detour": True}).json()["is_detour"] is True
    deal = make_deal(head.user, stage=stage["code"])
    refused = head.post(f"stages/{stage['key']}/delete/", {})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "/move_to")
    done = head.post(f"stages/{stage['key']}/delete/", {"move_to": "deal:costing"})
    assert done.json() == {"moved": 1}
    deal.refresh_from_db()
    assert deal.stage == "deal:costing"
    assert head.post("stages/deal:costing/delete/", {"move_to": "deal:negotiation"}).status_code == 400
    assert head.call("delete", "stages/deal:costing/").status_code == 405
    assert Change.objects.filter(record_type="stage", actor_kind="token").exists()


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "open"},
        {"name_ru": "Замер", "kind": "success"},
        {"name_ru": "Замер", "kind": "open", "after": "deal:moon"},
        {"name_ru": "Замер", "kind": "open", "colour": "mud"},
        {"name_ru": "Замер", "kind": "open", "code": "x"},
    ],
)
def test_a_wrong_stage_is_refused(caller: Any, body: dict[str, Any]) -> None:
    before = Stage.objects.count()
    assert caller(make_user(Role.SALES_HEAD)).post("pipelines/deal/stages/", body).status_code == 400
    assert Stage.objects.count() == before


@pytest.mark.rule("PIPE-4")
def test_reasons_are_added_renamed_and_put_out_of_use(caller: Any) -> None:
    head = caller(make_user(Role.SALES_HEAD))
    address = "stages/deal:price_of_delivery/reasons/"
    known = [row["id"] for row in head.get(address).json()]
    made = head.post(address, {"name_ru": "Далеко", "name_en": "Too far", "asks_competitor": True})
    assert made.status_code == 201, made.content
    reason = made.json()
    changed = head.patch(f"reasons/{reason['id']}/", {"name_ru": "Слишком далеко"}).json()
    assert (changed["name_ru"], changed["name_en"], changed["asks_competitor"]) == ("Слишком далеко", "Too far", True)
    for pk in known:
        assert head.patch(f"reasons/{pk}/", {"is_active": False}).status_code == 200
    last = head.patch(f"reasons/{reason['id']}/", {"is_active": False})
    assert (last.status_code, last.json()["errors"][0]["pointer"]) == (400, "/is_active")
    assert len(head.get(address).json()) == len(known) + 1
    assert head.get("stages/deal:costing/reasons/").status_code == 404
    assert head.patch("reasons/999999/", {"name_ru": "x"}).status_code == 404


def test_a_direction_is_added_renamed_and_put_out_of_use(caller: Any) -> None:
    admin = caller(make_user(Role.ADMINISTRATOR))
    made = admin.post("pipelines/", {"name_ru": "Ремонт", "like": "deal"}, **{"Idempotency-Key": "a"})
    assert made.status_code == 201, made.content
    assert (
        admin.post("pipelines/", {"name_ru": "Ремонт", "like": "deal"}, **{"Idempotency-Key": "a"}).json()
        == made.json()
    )
    code = made.json()["code"]
    assert order_of(admin, code) == order_of(admin)
    assert admin.patch(f"pipelines/{code}/", {"name_en": "Repairs"}).json()["name_en"] == "Repairs"
    assert admin.patch(f"pipelines/{code}/", {"is_active": False}).json()["is_active"] is False
    assert admin.patch(f"pipelines/{code}/", {"is_active": True}).status_code == 200
    assert admin.patch("pipelines/contact/", {"is_active": False}).status_code == 400
    assert admin.patch(f"pipelines/{code}/", {"code": "x"}).status_code == 400
    assert admin.patch("pipelines/moon/", {"name_ru": "x"}).status_code == 404
    assert admin.post("pipelines/", {"name_ru": "x", "like": "partner_deal"}).status_code == 400


@pytest.mark.rule("ACC-1")
@pytest.mark.parametrize("role", [Role.SALES_MANAGER, Role.CALL_CENTER, Role.PARTNER, Role.PARTNER_CONTROL])
def test_the_others_change_nothing(caller: Any, role: str) -> None:
    program, reader = caller(make_user(role)), caller(make_user(Role.SALES_HEAD), "read")
    reason = RefusalReason.objects.filter(stage="deal:price_of_delivery")[0]
    counts = (Stage.objects.count(), Pipeline.objects.count(), RefusalReason.objects.count())
    calls: list[tuple[str, str, Any]] = [
        ("post", "pipelines/", {"name_ru": "Ремонт", "like": "deal"}),
        ("patch", "pipelines/deal/", {"name_ru": "Другое"}),
        ("post", "pipelines/deal/stages/", {"name_ru": "Замер", "kind": "open"}),
        ("post", "stages/deal:costing/shift/", {"to": "up"}),
        ("post", "stages/deal:costing/delete/", {}),
        ("post", "stages/deal:price_of_delivery/reasons/", {"name_ru": "Далеко"}),
        ("patch", f"reasons/{reason.pk}/", {"name_ru": "Другое"}),
    ]
    for method, path, body in calls:
        assert program.call(method, path, body).status_code == 403, path
        assert reader.call(method, path, body).status_code == 403, path
    assert program.get("stages/deal:price_of_delivery/reasons/").status_code == 403
    assert (Stage.objects.count(), Pipeline.objects.count(), RefusalReason.objects.count()) == counts
    assert Stage.objects.get(pk="deal:costing").pipeline.name_ru != "Другое"
