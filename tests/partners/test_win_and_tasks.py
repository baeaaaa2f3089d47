"""What a partner's steps change on the manufacturer's side is told; the task of a hand-over ends with its stage."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from crm import notices
from crm.models import Activity, Notification, TimelineEntry
from crm.stages import move
from crm.timeline import FORMATTERS
from tests.partners.scene import Scene, browser, fresh, win

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene(clock: Any) -> Scene:
    return Scene()


@pytest.mark.rule("PART-2")
def test_a_win_that_replaces_the_manufacturers_amount_says_so_on_the_card_and_in_the_bell(scene: Scene) -> None:
    deal = scene.deal(amount=Decimal("4500000.50"))
    _handoff, twin = scene.handed(deal)
    win(scene, twin)
    assert fresh(deal).amount == 777_000
    line = TimelineEntry.objects.get(record_type="deal", record_id=deal.pk, action="partner_won")
    text = FORMATTERS["partner_won"](line.data).replace("\u00a0", " ")
    assert "4 500 000,5 → 777 000" in text
    told = Notification.objects.get(user=scene.manager, action="partner_won")
    (row,) = [row for row in notices.groups([told], scene.manager) if row["record"]]
    assert "777 000" in row["text"].replace("\u00a0", " ")
    assert not Notification.objects.filter(user__in=[scene.stranger, scene.dealer], action="partner_won").exists()
    assert "777" in browser(scene.manager).get(f"/deals/{deal.pk}/").content.decode()


@pytest.mark.rule("PART-2")
def test_a_win_that_replaces_nothing_names_no_change(scene: Scene) -> None:
    _handoff, twin = scene.handed(deal := scene.deal())
    win(scene, twin)
    line = TimelineEntry.objects.get(record_type="deal", record_id=deal.pk, action="partner_won")
    assert line.data["changes"] == []


@pytest.mark.rule("PART-2", "ACT-1")
@pytest.mark.parametrize("kind", ["deal", "lead"])
def test_the_task_of_the_hand_over_is_done_when_the_stage_says_so(scene: Scene, kind: str) -> None:
    _handoff, twin = scene.handed(getattr(scene, kind)())
    task = Activity.objects.get(record_type=kind, record_id=twin.pk)
    move(twin, "contacted", by=scene.dealer)
    task.refresh_from_db()
    assert task.done_at is not None
    assert fresh(twin).next_activity_at is None


@pytest.mark.rule("ACT-1")
def test_what_is_said_of_a_burst_is_known_for_every_kind() -> None:
    from crm.notify import KINDS

    assert all(notices.summary(kind, 2) for kind in KINDS)
