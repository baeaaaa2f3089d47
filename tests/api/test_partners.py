"""Handing records over to partners by API, and what each side is told."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Role
from deals.models import Deal
from deals.services import deal_create
from tests.factories import make_partner, make_user

pytestmark = pytest.mark.django_db


@pytest.mark.rule("PART-2")
@pytest.mark.rule("PART-4")
def test_a_deal_is_handed_over_recalled_and_handed_on(caller: Any) -> None:
    manager, control = caller(make_user()), caller(make_user(Role.PARTNER_CONTROL))
    first, second = make_partner(), make_partner()
    one = caller(make_user(Role.PARTNER, partner=first))
    two = caller(make_user(Role.PARTNER, partner=second))
    deal = deal_create(by=manager.user, data={"title": "Склад"})
    assert manager.post(f"deals/{deal.pk}/recall/", {"reason": "Передумали"}).status_code == 404
    given = manager.post(f"deals/{deal.pk}/hand-over/", {"partner": first.pk, "comment": "Их регион"})
    assert given.status_code == 201, given.content
    assert given.json()["record"] == deal.pk
    assert given.json()["twin"] is None
    assert manager.get(f"deals/{deal.pk}/").json()["stage"] == "deal:at_partner"
    twin = one.ids("deals/")[0]
    shown = one.get(f"deals/{twin}/handoffs/").json()
    assert [(row["record"], row["twin"], row["comment"]) for row in shown] == [(None, twin, "Их регион")]
    assert one.get(f"deals/{deal.pk}/handoffs/").status_code == 404
    assert two.ids("deals/") == []
    for wrong in ({}, {"partner": second.pk, "reason": "-"}, {"partner": 999, "reason": "Не успевают"}):
        assert control.post(f"deals/{twin}/hand-on/", wrong).status_code == 400, wrong
    assert one.post(f"deals/{twin}/hand-on/", {"partner": second.pk, "reason": "Далеко"}).status_code in {400, 404}
    assert one.post(f"deals/{twin}/recall/", {"reason": "Далеко"}).status_code == 404
    moved = control.post(f"deals/{twin}/hand-on/", {"partner": second.pk, "reason": "Не успевают"})
    assert moved.status_code == 201, moved.content
    assert two.ids("deals/") == [moved.json()["twin"]]
    back = manager.post(f"deals/{deal.pk}/recall/", {"reason": "Строим сами"})
    assert (back.status_code, back.json()["state"]) == (200, "recalled")
    assert manager.get(f"deals/{deal.pk}/").json()["stage"] == "deal:resumed"


@pytest.mark.rule("ACC-1")
def test_partners_are_known_to_the_manufacturer_and_each_to_itself(caller: Any) -> None:
    theirs, foreign = make_user(Role.PARTNER), make_user(Role.PARTNER)
    assert caller(theirs).ids("partners/") == [theirs.partner_id]
    assert set(caller(make_user()).ids("partners/")) == {theirs.partner_id, foreign.partner_id}
    deal = deal_create(by=theirs, data={"title": "Склад"})
    answer = caller(theirs).post(f"deals/{deal.pk}/hand-over/", {"partner": foreign.partner_id})
    assert answer.status_code == 400
    stranger = caller(make_user()).post(f"deals/{deal.pk}/hand-over/", {"partner": theirs.partner_id})
    assert stranger.status_code == 404


@pytest.mark.rule("PART-5")
def test_feedback_is_entered_by_the_manufacturer_alone(caller: Any) -> None:
    theirs, control = caller(make_user(Role.PARTNER)), caller(make_user(Role.PARTNER_CONTROL))
    deal = deal_create(by=theirs.user, data={"title": "Склад"})
    address, wish = f"deals/{deal.pk}/feedback/", {"product": 5, "partner": 4, "text": "Довольны"}
    assert theirs.post(address, wish).status_code in {400, 403}
    assert control.post(address, {"product": 6}).status_code == 400
    assert control.post(address, wish).json() == wish
    assert Deal.objects.get(pk=deal.pk).feedback_partner == 4
