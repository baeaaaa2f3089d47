"""Commission in the API: what the pages do, for those who may."""

from __future__ import annotations

from typing import Any

import pytest

from partners.models import CommissionEntry
from tests.partners.scene import Scene, win

pytestmark = [pytest.mark.django_db, pytest.mark.rule("PART-6")]


@pytest.fixture
def scene(clock: Any) -> Scene:
    return Scene()


def test_terms_a_win_a_payment_and_the_statement(scene: Scene, caller: Any) -> None:
    head, base = caller(scene.head), f"partners/{scene.partner.pk}/commission/"
    body = {"steps": [{"start": "0", "percent": "4"}, {"start": "700000", "percent": "5"}], "span": "deal"}
    made = head.post(f"{base}terms/", body)
    assert made.status_code == 201, made.content
    assert made.json()["steps"] == [["0.00", "4.00"], ["700000.00", "5.00"]]
    _handoff, twin = scene.handed(scene.deal())
    win(scene, twin)
    paid = head.post(f"{base}entries/", {"kind": "payment", "amount": "850.00"})
    assert paid.status_code == 201, paid.content
    for person in (scene.head, scene.control, scene.dealer):
        found = caller(person).get(f"{base}?from=2026-03-01&to=2026-03-31").json()
        assert (found["accrued"], found["paid"], found["closing"]) == ("38850.00", "-850.00", "38000.00")
        rows = caller(person).get(f"{base}entries/").json()["results"]
        assert [(row["kind"], row["deal"], row["amount"]) for row in rows] == [
            ("accrual", twin.pk, "38850.00"), ("payment", None, "-850.00"),
        ]  # fmt: skip
    file = caller(scene.dealer).get(f"{base}?as=pdf")
    assert file["Content-Type"] == "application/pdf"


def test_what_the_head_noted_with_the_terms_is_not_the_partners_to_read(scene: Scene, caller: Any) -> None:
    base = f"partners/{scene.partner.pk}/commission/"
    body = {"steps": [{"start": "0", "percent": "4"}], "comment": "Больше не давать"}
    assert caller(scene.head).post(f"{base}terms/", body).json()["comment"] == "Больше не давать"
    told = {person.pk: caller(person).get(base).json()["terms"] for person in (scene.head, scene.control, scene.dealer)}
    assert [(row["comment"], row["set_by"]) for row in told[scene.head.pk]] == [("Больше не давать", scene.head.pk)]
    for person in (scene.control, scene.dealer):
        assert [(row["comment"], row["set_by"]) for row in told[person.pk]] == [("", None)]
        assert told[person.pk][0]["steps"] == [["0.00", "4.00"]]


@pytest.mark.parametrize(
    ("tail", "body"),
    [
        ("terms/", {"steps": [{"start": "5", "percent": "4"}]}),
        ("terms/", {"steps": []}),
        ("entries/", {"kind": "accrual", "amount": "5"}),
        ("entries/", {"kind": "payment", "amount": "-5"}),
        ("entries/", {"kind": "correction", "amount": "5"}),
        ("entries/", {"kind": "correction", "amount": "5", "reason": "Премия", "day": "2026-03-01"}),
    ],
)
def test_wrong_values_are_named(scene: Scene, caller: Any, tail: str, body: dict[str, Any]) -> None:
    refused = caller(scene.head).post(f"partners/{scene.partner.pk}/commission/{tail}", body)
    assert refused.status_code in {400, 422}, refused.content
    assert refused.json()["errors"]
    assert not CommissionEntry.objects.exists()


def test_others_find_nothing(scene: Scene, caller: Any) -> None:
    base = f"partners/{scene.partner.pk}/commission/"
    for person in (scene.manager, scene.operator, scene.other):
        for tail in ("", "entries/"):
            assert caller(person).get(base + tail).status_code == 404
    for person, code in ((scene.control, 403), (scene.dealer, 404), (scene.other, 404)):
        for tail, body in (("terms/", {"steps": []}), ("entries/", {"kind": "payment", "amount": "1"})):
            assert caller(person).post(base + tail, body).status_code == code
