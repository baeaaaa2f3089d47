"""Control reminds partners of what waits at them, and calls their clients after the sale."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from accounts.models import Invitation, Partner
from crm import notices
from crm.models import Notification, TimelineEntry
from crm.stages import move
from deals.models import Deal
from partners.reminding import partner_remind
from tests.partners.scene import HTMX, Scene, browser, fresh

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene(clock: Any) -> Scene:
    return Scene()


def told(scene: Scene, who: Any) -> int:
    return Notification.objects.filter(user=who, action="partner_reminded").count()


@pytest.mark.rule("PART-4")
def test_what_waits_is_told_once_to_its_partner_and_nobody_else(scene: Scene, clock: Any) -> None:
    _handoff, late = scene.handed(scene.deal())
    scene.handed(scene.lead(), to=scene.other.partner)
    clock.travel(hours=30)
    _handoff, young = scene.handed(scene.deal())
    assert partner_remind(by=scene.control, partner=scene.partner) == 1
    person = late.responsible
    assert (told(scene, person), told(scene, scene.other)) == (1, 0)
    assert not TimelineEntry.objects.filter(record_id=young.pk, record_type="deal", action="partner_reminded").exists()
    assert partner_remind(by=scene.head) == 1, "the lead of partner B; the deal was told of just now"
    assert told(scene, scene.other) == 1
    clock.travel(hours=5)
    assert partner_remind(by=scene.control, partner=scene.partner) >= 1
    (group, *_rest) = notices.groups(list(Notification.objects.filter(user=person)), person)
    assert group["record"] or group["rows"]
    for stranger in (scene.manager, scene.operator, scene.dealer, scene.other):
        with pytest.raises(PermissionDenied):
            partner_remind(by=stranger)


@pytest.mark.rule("PART-4")
def test_the_page_of_control_reminds_all_or_one(scene: Scene, clock: Any) -> None:
    scene.handed(scene.deal())
    clock.travel(hours=30)
    control = browser(scene.control)
    page = control.get("/partners/control/")
    assert page.context["to_remind"] == 1
    assert control.post("/partners/remind/", {"partner": "x"}).status_code == 404
    assert control.post("/partners/remind/", {"partner": scene.other.partner_id}).status_code == 302
    assert not Notification.objects.filter(action="partner_reminded").exists()
    control.post("/partners/remind/", {"partner": scene.partner.pk})
    assert Notification.objects.filter(action="partner_reminded").count() == 1
    for stranger in (scene.manager, scene.dealer):
        assert browser(stranger).post("/partners/remind/").status_code == 403


@pytest.mark.rule("PART-4")
def test_one_record_is_reminded_of_from_the_page_the_card_and_the_api_and_once(scene: Scene, clock: Any) -> None:
    _handoff, twin = scene.handed(scene.deal())
    scene.handed(scene.lead())
    clock.travel(hours=30)
    control, url = browser(scene.control), f"/partners/remind/deal/{twin.pk}/"
    page = control.get("/partners/control/")
    assert len(page.context["longest"]) == 2
    assert url in page.content.decode()
    assert url in control.get(f"/partners/panel/deal/{twin.pk}/", headers=HTMX).content.decode()
    for stranger, code in ((scene.dealer, 404), (scene.other, 404), (scene.manager, 404), (scene.operator, 404)):
        assert browser(stranger).post(url).status_code == code
    control.post(url)
    assert told(scene, twin.responsible) == 1
    assert control.post(f"/api/v1/deals/{twin.pk}/remind/").json() == {"reminded": 0}
    assert told(scene, twin.responsible) == 1
    rows = control.get("/partners/control/").context["longest"]
    assert {row["record"].RECORD_TYPE: bool(row["reminded"]) for row in rows} == {"deal": True, "lead": False}
    assert browser(scene.dealer).post(f"/api/v1/deals/{twin.pk}/remind/").status_code == 403


@pytest.mark.rule("PART-5")
def test_clients_to_call_stand_in_a_queue_until_the_scores_are_there(scene: Scene) -> None:
    _handoff, twin = scene.handed(scene.deal())
    data = {"amount": 5, "contract_number": "1", "contract_date": "2026-03-01"}
    move(twin, "delivery", by=scene.dealer, data=data)
    control = browser(scene.control)
    assert control.get("/partners/feedback/").context["rows"] == []
    move(fresh(twin), "feedback", by=scene.dealer)
    assert [row["record"].pk for row in control.get("/partners/feedback/").context["rows"]] == [twin.pk]
    url = f"/partners/feedback/{twin.pk}/"
    assert control.post(url, {"product": "6", "partner": "4"}).status_code == 422
    for stranger, code in ((scene.dealer, 404), (scene.other, 404), (scene.manager, 404), (scene.operator, 404)):
        assert browser(stranger).post(url, {"product": "5", "partner": "5"}).status_code == code
    control.post(url, {"product": "5", "partner": "4", "text": "Сдали в срок"})
    kept = Deal.objects.get(pk=twin.pk)
    assert (kept.feedback_product, kept.feedback_partner, kept.feedback_text) == (5, 4, "Сдали в срок")
    assert control.get("/partners/feedback/").context["rows"] == []


@pytest.mark.rule("PART-1")
def test_a_partner_is_entered_with_its_first_person_who_is_invited(scene: Scene) -> None:
    office = browser(scene.head)
    data = {"name": "ООО Юг", "commission_percent": "4", "person_name": "Южный", "person_email": "yug@example.com"}
    assert office.post("/partners/new/", {**data, "person_name": ""}).status_code == 422
    assert office.post("/partners/new/", {**data, "person_email": scene.dealer.email}).status_code == 422
    assert not Partner.objects.filter(name="ООО Юг").exists()
    assert office.post("/partners/new/", data).status_code == 302
    invitation = Invitation.objects.get(user__email="yug@example.com")
    assert invitation.user.partner == Partner.objects.get(name="ООО Юг")
    assert not invitation.user.has_usable_password()
    assert invitation.is_open
