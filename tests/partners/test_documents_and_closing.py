"""The papers of a partner on its card, and partners of whom nothing was heard, closed together with a preview."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import Partner, UserSession
from crm import jobs
from crm.clients import company_create, contact_create
from crm.errors import InvalidInput
from crm.models import Change, ListJob
from partners.inactive import inactive_close, inactive_partners
from partners.models import Handoff, PartnerDocument, PartnerProfile
from tests.partners.scene import Scene, browser, fresh

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene(clock: Any) -> Scene:
    made = Scene()
    Partner.objects.update(created_at=clock.now())
    return made


def paper(name: str = "Договор.pdf", content: bytes = b"%PDF-1.4 x") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


@pytest.mark.rule("PART-1")
def test_the_papers_of_a_partner_are_kept_on_its_card_for_the_manufacturer_alone(scene: Scene) -> None:
    office, card = browser(scene.head), f"/partners/{scene.partner.pk}/"
    data = {"kind": "contract", "number": "15-Д", "day": "01.02.2026", "valid_until": "10.03.2026"}
    assert office.post(f"{card}documents/new/", {**data, "file": paper(content=b"MZ")}).status_code == 422
    assert office.post(f"{card}documents/new/", {**data, "day": "32.13", "file": paper()}).status_code == 422
    assert office.post(f"{card}documents/new/", {**data, "file": paper()}).status_code == 302
    kept = PartnerDocument.objects.get()
    company = company_create(by=scene.head, data={"name": "ООО Дилер", "inn": "7707083893", "kpp": "770701001"})
    PartnerProfile.objects.update_or_create(partner=scene.partner, defaults={"company": company})
    contact_create(by=scene.head, data={"last_name": "Прорабов", "phone": "8 912 000-11-22", "company": company})
    page = office.get(card).content.decode()
    assert "Прорабов" in page
    assert "770701001" in page
    assert "770701001" in browser(scene.control).get(card).content.decode(), "the details are control's to read too"
    assert "Прорабов" not in browser(scene.control).get(card).content.decode(), "a contact that control does not see"
    assert "15-Д" in page
    assert "10.03.2026" in page
    url = f"{card}documents/{kept.pk}/"
    control = browser(scene.control)
    answer = control.get(url)
    assert b"".join(answer) == b"%PDF-1.4 x"  # type: ignore[arg-type]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "attachment" in answer["Content-Disposition"]
    assert control.get(f"/partners/{scene.other.partner_id}/documents/{kept.pk}/").status_code == 404
    assert control.post(f"{url}remove/").status_code == 403
    for stranger in (scene.manager, scene.operator, scene.dealer, scene.other):
        assert browser(stranger).get(url).status_code == 404
        assert browser(stranger).get(f"/api/v1/partners/{scene.partner.pk}/documents/").status_code == 404
    found = office.get(f"/api/v1/partners/{scene.partner.pk}/documents/").json()["results"]
    assert [(row["number"], row["valid_until"], row["size"]) for row in found] == [("15-Д", "2026-03-10", 10)]
    storage, name = kept.file.storage, kept.file.name
    assert storage.exists(name)
    office.post(f"{url}remove/")
    assert not PartnerDocument.objects.exists()
    assert not storage.exists(name)
    fields = Change.objects.filter(record_type="partner").order_by("pk").values_list("field", flat=True)
    assert list(fields)[-2:] == ["document", "document_removed"]


@pytest.mark.rule("ACC-3", "PART-1")
def test_the_silent_are_shown_first_and_then_closed_with_nothing_lost(scene: Scene, clock: Any) -> None:
    deal, lead = scene.deal(), scene.lead()
    scene.handed(deal)
    scene.handed(lead)
    clock.travel(days=100)
    UserSession.objects.create(user=scene.other, session_key="x", seen_at=clock.now())
    office = browser(scene.head)
    page = office.get("/partners/inactive/?days=90")
    assert [row.pk for row in page.context["rows"]] == [scene.partner.pk]
    assert page.context["open_records"] == 2
    assert office.get("/partners/inactive/?days=200").context["rows"] == []
    chosen = {"days": 90, "partners": [scene.partner.pk, scene.other.partner_id]}
    assert office.post("/partners/inactive/", chosen).status_code == 422, "somebody must take the open records"
    assert office.post("/partners/inactive/", {**chosen, "hand_back_to": scene.dealer.pk}).status_code == 422
    answer = office.post("/partners/inactive/", {**chosen, "hand_back_to": scene.manager.pk, "reason": "Молчит"})
    job = ListJob.objects.get()
    assert answer["Location"] == f"/jobs/{job.pk}/"
    assert office.get(answer["Location"]).status_code == 200
    jobs.run_due()
    job.refresh_from_db()
    assert (job.state, job.done, job.failed) == ("done", 1, [])
    assert Partner.objects.get(pk=scene.partner.pk).state == "closed"
    assert Partner.objects.get(pk=scene.other.partner_id).state == "active", "its person was here"
    assert not fresh(scene.dealer).is_active
    for record in (fresh(deal), fresh(lead)):
        assert (record.responsible, record.is_open) == (scene.manager, True)
    assert not Handoff.objects.filter(state="active").exists()
    assert office.get(f"/jobs/{job.pk}/").status_code == 200


@pytest.mark.rule("ACC-3")
def test_who_is_heard_of_meanwhile_stays_and_only_heads_close(scene: Scene, clock: Any) -> None:
    clock.travel(days=100)
    rows = list(inactive_partners(scene.head, 90))
    assert {row.pk for row in rows} == {scene.partner.pk, scene.other.partner_id}
    job = inactive_close(by=scene.head, partners=[row.pk for row in rows], days=90, hand_back_to=None)
    UserSession.objects.create(user=scene.dealer, session_key="x", seen_at=clock.now())
    jobs.run_due()
    job.refresh_from_db()
    assert (job.done, [row[1] for row in job.failed]) == (1, [scene.partner.pk])
    assert "Дилер А" in job.failed[0][2]
    assert Partner.objects.get(pk=scene.partner.pk).state == "active"
    with pytest.raises(InvalidInput):
        inactive_close(by=scene.head, partners=[scene.partner.pk], days=90, hand_back_to=None)
    for stranger in (scene.control, scene.manager, scene.dealer):
        assert browser(stranger).get("/partners/inactive/").status_code == 403
        assert browser(stranger).post("/partners/inactive/", {"days": 1}).status_code == 403
        assert browser(stranger).get("/api/v1/partners/inactive/").status_code == 403
    office = browser(scene.head)
    assert office.get("/api/v1/partners/inactive/?days=0").status_code == 400
    wish = {"days": 90, "partners": [scene.partner.pk]}
    assert office.post("/api/v1/partners/close-inactive/", wish, "application/json").status_code == 400
