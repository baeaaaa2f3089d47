"""A partner accepts or declines in its cabinet; what it calls contacted without a call is marked."""

from __future__ import annotations

from typing import Any

import pytest

from communications.models import Call, Message
from crm.models import RefusalReason
from crm.services import activity_complete, activity_create
from crm.stages import move
from partners.control import control_lines
from partners.models import Handoff
from tests.partners.scene import HTMX, Scene, browser, fresh

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene(clock: Any) -> Scene:
    return Scene()


@pytest.mark.rule("PART-2")
def test_a_request_is_accepted_in_one_press_and_both_sides_know(scene: Scene, clock: Any) -> None:
    deal = scene.deal()
    handoff, twin = scene.handed(deal)
    own, url = browser(scene.dealer), f"/cabinet/deal/{twin.pk}/accept/"
    page = own.get("/cabinet/new/").content.decode()
    assert url in page
    assert f"/deals/{twin.pk}/refuse/" in page
    assert "tel:+79161234567" in page
    for stranger, code in ((scene.other, 404), (scene.manager, 404), (scene.operator, 404), (scene.control, 403)):
        assert browser(stranger).post(url).status_code == code
    assert own.post(url).status_code == 302
    clock.travel(hours=1)
    assert own.post(url, headers=HTMX).status_code == 204
    handoff.refresh_from_db()
    assert (handoff.accepted_by, handoff.accepted_at.hour) == (scene.dealer, 9), "the second press changes nothing"
    page = own.get("/cabinet/new/").content.decode()
    assert url not in page
    assert 'value="contacted"' in page
    panel = browser(scene.head).get(f"/partners/panel/deal/{deal.pk}/", headers=HTMX).content.decode()
    assert str(scene.dealer) in panel
    for record in (deal, twin):
        lines = browser(scene.head).get(f"/api/v1/deals/{record.pk}/timeline/").json()["results"]
        assert [line["action"] for line in lines].count("partner_accepted") == 1
    told = own.get(f"/api/v1/deals/{twin.pk}/handoffs/").json()[0]
    assert told["accepted_at"] is not None
    scene.control.refresh_from_db()
    browser(scene.head).post(f"/api/v1/deals/{deal.pk}/recall/", {"reason": "Передумали"}, "application/json")
    assert own.post(url).status_code == 422, "it was taken back"


@pytest.mark.rule("PART-2", "PIPE-4")
def test_whoever_works_has_accepted_and_a_decline_brings_it_back(scene: Scene) -> None:
    _handoff, twin = scene.handed(scene.deal())
    move(twin, "contacted", by=scene.dealer)
    assert Handoff.objects.get(twin_id=twin.pk, record_type="deal").accepted_by == scene.dealer
    lead = scene.lead()
    _handoff, second = scene.handed(lead)
    own = browser(scene.dealer)
    assert own.get(f"/leads/{second.pk}/refuse/", headers=HTMX).status_code == 200
    reason = RefusalReason.objects.filter(stage="partner_lead:declined_by_us").first()
    data = {"to": "declined_by_us", "reason": reason.pk if reason else "", "comment": "-"}
    url = f"/leads/{second.pk}/refuse/"
    assert own.post(url, data, headers=HTMX).status_code == 422
    handoff = Handoff.objects.get(record_type="lead")
    assert (handoff.state, handoff.accepted_at) == ("active", None)


@pytest.mark.rule("PART-4", "PART-7")
def test_contacted_without_a_call_is_marked_until_one_is_recorded(scene: Scene) -> None:
    records = [scene.handed(scene.deal())[1] for _number in range(4)]
    lead = scene.handed(scene.lead())[1]
    assert [line.deals.unrecorded for line in control_lines(scene.control)] == [0, 0]
    for record in (*records, lead):
        move(record, "contacted", by=scene.dealer)
    control = browser(scene.control)
    row = next(row for row in control.get("/partners/control/").context["rows"] if row["partner"] == scene.partner)
    figures = [cell for cell in row["cells"] if "unrecorded" in cell["url"]]
    assert [cell["value"] for cell in figures] == [1, 4]
    for cell in figures:
        assert control.get(cell["url"]).context["page"].count == cell["value"]
    called, written, talked, silent = map(fresh, records)
    Call.objects.create(record_type="deal", record_id=called.pk, direction="out", user=scene.dealer)
    Call.objects.create(record_type="deal", record_id=silent.pk, direction="out", is_missed=True)
    Message.objects.create(
        record_type="deal", record_id=written.pk, direction="out", channel="email", state="sent", address="a@b.example"
    )
    task = activity_create(
        talked, title="Звонок", kind="call", due_at=talked.created_at, responsible=scene.dealer, by=scene.dealer
    )
    activity_complete(task, by=scene.dealer, result="Поговорили")
    found = control.get("/api/v1/deals/?unrecorded=true").json()["results"]
    assert [row["id"] for row in found] == [silent.pk]
    line = next(line for line in control_lines(scene.head) if line.partner == scene.partner)
    assert (line.leads.unrecorded, line.deals.unrecorded) == (1, 1)
    mark = "no call and no message"
    scene.head.language = "en"
    scene.head.save()
    office = browser(scene.head)
    assert mark in office.get(f"/partners/panel/deal/{silent.pk}/", headers=HTMX).content.decode()
    assert mark not in office.get(f"/partners/panel/deal/{called.pk}/", headers=HTMX).content.decode()
    assert mark not in browser(scene.dealer).get(f"/partners/panel/deal/{silent.pk}/", headers=HTMX).content.decode()
    report = office.get("/api/v1/reports/partners/").content.decode()
    assert "unrecorded" in report
