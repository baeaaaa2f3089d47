"""One call over many records: an answer for each, all or nothing on request, and nobody else's records."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Role
from deals.models import Deal
from objects_registry.models import Purpose
from tests.factories import make_client, make_deal, make_user

pytestmark = pytest.mark.django_db


@pytest.mark.rule("PIPE-3", "DATA-3")
def test_each_row_has_its_answer_and_the_rest_moves(caller: Any) -> None:
    owner, stranger = make_user(), make_user()
    purpose = Purpose.objects.all()[0]
    ready = make_deal(owner, contact=make_client(owner), purpose=purpose, area=500)
    bare, foreign = make_deal(owner), make_deal(stranger)
    program = caller(owner)
    body = {"action": "move", "to": "costing", "ids": [ready.pk, bare.pk, foreign.pk, 10**9]}
    whole = program.post("deals/bulk/", {**body, "atomic": True})
    assert (whole.status_code, whole.json()["code"], len(whole.json()["errors"])) == (422, "bulk_refused", 3)
    assert Deal.objects.get(pk=ready.pk).stage == "deal:request_received"
    answer = program.post("deals/bulk/", body).json()
    assert [(row["ok"], row["code"]) for row in answer["results"]] == [
        (True, ""), (False, "missing_fields"), (False, "not_found"), (False, "not_found"),
    ]  # fmt: skip
    assert (answer["done"], answer["failed"]) == (1, 3)
    assert answer["results"][1]["errors"]
    assert Deal.objects.get(pk=ready.pk).stage == "deal:costing"
    assert Deal.objects.get(pk=foreign.pk).stage == "deal:request_received"


def test_people_tags_and_deletion(caller: Any) -> None:
    head, heir = make_user(Role.SALES_HEAD), make_user()
    deals = [make_deal(head) for _number in range(3)]
    ids = [deal.pk for deal in deals]
    program = caller(head)
    assert program.post("deals/bulk/", {"action": "assign", "ids": ids, "responsible": heir.pk}).json()["done"] == 3
    assert program.post("deals/bulk/", {"action": "tag", "ids": ids, "add": ["срочно"]}).json()["done"] == 3
    assert {deal.responsible for deal in Deal.objects.all()} == {heir}
    assert [tag.name for tag in deals[0].tags.all()] == ["срочно"]
    contact = make_client(head)
    make_deal(head, contact=contact)
    refused = program.post("contacts/bulk/", {"action": "delete", "ids": [contact.pk]}).json()["results"][0]
    assert (refused["ok"], refused["code"]) == (False, "in_use")
    assert program.post("deals/bulk/", {"action": "delete", "ids": ids[:1]}).json()["done"] == 1
    assert program.get(f"deals/{ids[0]}/").status_code == 404


def test_bad_calls_are_named(caller: Any) -> None:
    program = caller(make_user())
    for body in (
        {"action": "burn", "ids": [1]},
        {"action": "move", "ids": [1]},
        {"action": "assign", "ids": [1]},
        {"action": "move", "to": "costing", "ids": []},
        {"action": "move", "to": "costing", "ids": list(range(1, 1002))},
        {"action": "move", "to": "costing", "ids": ["x"]},
    ):
        assert program.post("deals/bulk/", body).status_code == 400
