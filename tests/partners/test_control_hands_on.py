"""What control takes back, or a partner gives up, control sees and may hand to another partner (PART-4)."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from crm import services
from crm.errors import DomainError
from crm.models import Attachment, Company, Contact
from crm.stages import Refusal, move
from crm.visibility import visible_record, visible_references
from objects_registry.models import ConstructionObject
from partners.handoff import hand_over, recall
from partners.models import Handoff
from partners.selectors import handoffs_waiting
from tests.partners.scene import HTMX, Scene, browser, fresh

pytestmark = [pytest.mark.django_db, pytest.mark.rule("PART-4", "ACC-1")]
PAGE = "/partners/to-hand-over/"
WHY = "Третий день не звонят"


@pytest.fixture
def scene() -> Scene:
    return Scene()


def came_back(scene: Scene, kind: str, by: Any = None) -> Any:
    """A record that was with partner A and was taken back."""
    record = getattr(scene, kind)()
    handoff, _twin = scene.handed(record)
    recall(handoff_id=handoff.pk, by=by or scene.control, reason=WHY)
    return fresh(record)


def in_sight(record: Any, user: Any) -> bool:
    return visible_record(record.RECORD_TYPE, record.pk, user) is not None


@pytest.mark.parametrize("kind", ["lead", "deal"])
def test_control_sees_what_it_took_back_at_every_door_and_nothing_else_of_the_manufacturers(
    scene: Scene, kind: str
) -> None:
    other = getattr(scene, kind)()
    record = came_back(scene, kind)
    own = browser(scene.control)
    word = f"{kind}s"
    assert own.get(f"/{word}/{record.pk}/").status_code == 200
    assert own.get(f"/{word}/{other.pk}/").status_code == 404
    found = own.get(f"/api/v1/{word}/", {"limit": 100}).json()["results"]
    ids = {row["id"] for row in found}
    assert record.pk in ids
    assert other.pk not in ids
    assert own.get(f"/api/v1/{word}/{record.pk}/").status_code == 200
    page = own.get(reverse(f"{kind}-list"), {"pipeline": "all"}).content.decode()
    assert f'"/{word}/{record.pk}/"' in page
    assert f'"/{word}/{other.pk}/"' not in page
    assert f"/{word}/{record.pk}/" in own.get("/search/", {"q": "4567"}).content.decode()
    waiting = own.get(PAGE).content.decode()
    assert f"/{word}/{record.pk}/hand-over/" in waiting
    assert WHY in waiting
    row = own.get("/api/v1/hand-overs/waiting/").json()["results"]
    assert [(line["record_type"], line["record"], line["end_reason"]) for line in row] == [(kind, record.pk, WHY)]


def test_files_and_clients_come_with_it_and_go_with_it(scene: Scene) -> None:
    deal = scene.deal()
    services.note_add(deal, text="Ждёт цену", by=scene.manager)
    Attachment.objects.create(record_type="deal", record_id=deal.pk, name="План.pdf", size=1, uploaded_by=scene.manager)
    handoff, _twin = scene.handed(deal)
    files = Attachment.objects.filter(record_type="deal", record_id=deal.pk)
    assert not visible_references(files, scene.control).exists()
    recall(handoff_id=handoff.pk, by=scene.control, reason=WHY)
    assert visible_references(files, scene.control).exists()
    clients = [(Contact, scene.contact), (Company, scene.company), (ConstructionObject, scene.object)]
    for model, row in clients:
        assert model.objects.visible_to(scene.control).filter(pk=row.pk).exists()
    move(fresh(deal), "negotiation", by=scene.head, override=True)
    assert not visible_references(files, scene.control).exists()


@pytest.mark.parametrize("kind", ["lead", "deal"])
def test_it_only_reads_it(scene: Scene, kind: str) -> None:
    record = came_back(scene, kind)
    rows = type(record).objects
    for action in ("change", "comment", "move", "score"):
        assert not rows.visible_to(scene.control, action).filter(pk=record.pk).exists(), action
    own = browser(scene.control)
    word = f"/api/v1/{kind}s/{record.pk}/"
    assert own.patch(word, {"title": "Моё"}, content_type="application/json").status_code == 403
    assert own.post(f"{word}move/", {"to": "data_complete"}, content_type="application/json").status_code == 403
    assert own.post(f"/{kind}s/{record.pk}/notes/", {"text": "Моё"}, headers=HTMX).status_code in {403, 404}
    assert fresh(record).title == record.title


@pytest.mark.parametrize("kind", ["lead", "deal"])
def test_it_hands_it_to_another_partner_and_sees_only_the_twin_again(scene: Scene, kind: str) -> None:
    record = came_back(scene, kind)
    own = browser(scene.control)
    assert own.get(f"/{kind}s/{record.pk}/hand-over/", headers=HTMX).status_code == 200
    answer = own.post(f"/{kind}s/{record.pk}/hand-over/", {"partner": scene.other.partner_id})
    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    handoff = Handoff.objects.get(state=Handoff.State.ACTIVE)
    assert (handoff.partner_id, handoff.record_id) == (scene.other.partner_id, record.pk)
    assert not in_sight(record, scene.control)
    assert not handoffs_waiting(scene.control).exists()
    twin = type(record).objects.get(pk=handoff.twin_id)
    assert in_sight(twin, scene.control)
    assert in_sight(twin, scene.other)
    assert not in_sight(twin, scene.dealer)
    again = own.post(f"/api/v1/{kind}s/{record.pk}/hand-over/", {"partner": scene.partner.pk})
    assert again.status_code == 404


def test_the_api_hands_it_over_too(scene: Scene) -> None:
    record = came_back(scene, "deal")
    answer = browser(scene.control).post(
        f"/api/v1/deals/{record.pk}/hand-over/", {"partner": scene.other.partner_id}, content_type="application/json"
    )
    assert answer.status_code == 201, answer.content
    assert answer.json()["record"] is None
    assert fresh(record).stage == "deal:at_partner"


@pytest.mark.parametrize("kind", ["lead", "deal"])
def test_whoever_goes_on_with_it_takes_it_out_of_controls_sight_for_good(scene: Scene, kind: str) -> None:
    record = came_back(scene, kind)
    back = record.stage_row.code
    to = "negotiation" if kind == "deal" else "stalled"
    move(record, to, by=scene.head, override=True)
    assert not in_sight(record, scene.control)
    move(fresh(record), back, by=scene.head, reason="Снова в работе", override=True)
    assert not in_sight(record, scene.control)
    assert browser(scene.control).get("/api/v1/hand-overs/waiting/").json()["results"] == []
    with pytest.raises(type(record).DoesNotExist):
        hand_over(record=record, partner=scene.other.partner, by=scene.control)  # type: ignore[arg-type]


def test_a_recall_of_the_head_or_the_manager_leaves_control_out(scene: Scene) -> None:
    for by in (scene.head, scene.manager):
        assert not in_sight(came_back(scene, "deal", by), scene.control)
    assert not handoffs_waiting(scene.head).exists()


@pytest.mark.parametrize("kind", ["lead", "deal"])
def test_what_a_partner_gave_up_waits_for_control_and_for_its_manager(scene: Scene, kind: str) -> None:
    record = getattr(scene, kind)()
    _handoff, twin = scene.handed(record)
    target = "declined_by_us" if kind == "lead" else "price_of_structures"
    reason = twin_reason(twin, target)
    move(twin, target, by=scene.dealer, refusal=Refusal(comment="Слишком далеко от нас", reason_id=reason))
    assert in_sight(record, scene.control)
    assert handoffs_waiting(scene.control).get().record_id == record.pk
    hand_over(record=fresh(record), partner=scene.other.partner, by=scene.control)  # type: ignore[arg-type]
    assert not in_sight(record, scene.control)


def twin_reason(twin: Any, target: str) -> int | None:
    from crm.models import RefusalReason

    rows = RefusalReason.objects.filter(stage__code=target, stage__pipeline=twin.pipeline_id, is_active=True)
    return rows.filter(asks_competitor=False).values_list("pk", flat=True).first()


def test_the_others_neither_see_the_page_nor_the_record_by_it(scene: Scene) -> None:
    record = came_back(scene, "deal")
    for who, codes in {
        "stranger": (403, 403, 404), "operator": (403, 403, 404), "dealer": (403, 403, 404), "other": (403, 403, 404),
        "manager": (403, 403, 200), "head": (200, 200, 200), "control": (200, 200, 200),
    }.items():  # fmt: skip
        own = browser(getattr(scene, who))
        found = tuple(
            own.get(path).status_code for path in (PAGE, "/api/v1/hand-overs/waiting/", f"/deals/{record.pk}/")
        )
        assert found == codes, who
    for who in (scene.stranger, scene.dealer, scene.other, scene.operator):
        with pytest.raises(type(record).DoesNotExist):
            hand_over(record=record, partner=scene.other.partner, by=who)  # type: ignore[arg-type]


def test_the_menu_counts_what_waits(scene: Scene) -> None:
    from web.counters import shell_counts

    assert shell_counts(scene.control)["to_hand_over"] == 0
    came_back(scene, "deal")
    came_back(scene, "lead")
    assert shell_counts(scene.control)["to_hand_over"] == 2
    assert len(browser(scene.control).get("/api/v1/hand-overs/waiting/").json()["results"]) == 2


def test_control_of_a_record_at_a_partner_does_not_see_the_manufacturers(scene: Scene) -> None:
    deal = scene.deal()
    scene.handed(deal)
    assert not in_sight(deal, scene.control)
    with pytest.raises((DomainError, type(deal).DoesNotExist)):
        hand_over(record=deal, partner=scene.other.partner, by=scene.control)  # type: ignore[arg-type]


def test_the_panel_of_the_card_offers_it(scene: Scene) -> None:
    record = came_back(scene, "deal")
    panel = browser(scene.control).get(f"/partners/panel/deal/{record.pk}/").content.decode()
    assert f"/deals/{record.pk}/hand-over/" in panel
    # The manager has the button in the card's heading, once.
    assert (
        f"/deals/{record.pk}/hand-over/"
        not in browser(scene.manager).get(f"/partners/panel/deal/{record.pk}/").content.decode()
    )
