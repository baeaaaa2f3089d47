"""Who takes a file of a list away is in the audit trail, and a partner takes no more than its measure."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from analytics.models import AdSpend
from crm import exports
from crm.models import Change, ListJob, Source
from crm.settings_audit import audit
from crm.views.audit import lines_of
from leads.services import lead_create
from tests.partners.scene import Scene, browser

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene(clock: Any) -> Scene:
    return Scene()


def trail() -> list[tuple[str, int, int | None]]:
    rows = Change.objects.filter(record_type="export").order_by("pk")
    return [(row.field, row.new["rows"], row.actor_user_id) for row in rows]


@pytest.mark.rule("ACC-5")
def test_every_way_to_a_file_is_a_line_with_rows_and_filter(scene: Scene) -> None:
    scene.deal(title="Ангар в Твери")
    office = browser(scene.head)
    for url in ("/deals/export/?search=Твери", "/tasks/?as=csv", "/reports/funnel/?format=xlsx",
                "/api/v1/deals/export/?as=csv", "/partners/control/?as=xlsx"):  # fmt: skip
        answer = office.get(url)
        assert answer.status_code == 200, url
        assert b"".join(answer) if answer.streaming else answer.content
    answer = office.post("/api/v1/deals/export/", {"query": "", "format": "csv"}, "application/json")
    assert answer.status_code == 202
    lines = trail()
    assert {field for field, _rows, _who in lines} == {"exported"}
    assert {who for _field, _rows, who in lines} == {scene.head.pk}
    assert (len(lines), lines[0][1], lines[3][1], lines[5][1]) == (6, 1, 1, 1)
    page = office.get("/settings/audit/?record_type=export").content.decode()
    assert "Твери" in page
    assert page.count("XLSX") >= 3
    assert office.get("/settings/audit/?record_type=export&as=xlsx").status_code == 200
    assert len(trail()) == 7
    assert office.get("/settings/audit/?record_type=export&as=what").status_code == 200
    assert len(trail()) == 7, "only looked at"


@pytest.mark.rule("ACC-5", "PART-3")
def test_a_partner_takes_no_more_than_its_measure_and_is_told_so(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, clock: Any
) -> None:
    monkeypatch.setattr(exports, "PARTNERS_ROWS", 3)
    for name in ("Первый", "Второй"):
        lead_create(by=scene.dealer, data={"name": name})
    own, colleague = browser(scene.dealer), browser(scene.colleague)
    assert own.get("/leads/export/").status_code == 200
    refused = colleague.get("/leads/export/")
    assert refused.status_code == 422, "the measure is the partner's, not a person's"
    assert "осталось" in refused.content.decode()
    for answer in (
        own.get("/api/v1/leads/export/"),
        own.post("/api/v1/leads/export/", {"query": "", "format": "csv"}, "application/json"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (422, "export_refused")
    assert not ListJob.objects.exists()
    assert own.get("/reports/partners/?format=xlsx").status_code == 200, "figures name nobody"
    assert browser(scene.other).get("/leads/export/").status_code == 200
    assert [field for field, _rows, who in trail() if who != scene.other.pk] == [
        "exported", "export_refused", "export_refused", "export_refused", "exported",
    ]  # fmt: skip
    clock.travel(hours=25)
    assert own.get("/leads/export/").status_code == 200


@pytest.mark.rule("ACC-5")
def test_spend_stands_in_the_trail_by_the_name_of_its_source(scene: Scene) -> None:
    source = Source.objects.get(code="vk_ads")
    spend = AdSpend.objects.create(month="2026-11-01", source=source, amount=Decimal(5))
    spend.refresh_from_db()
    audit("spend", spend, "created", None, Decimal(5), scene.head)
    Change.objects.filter(record_type="spend").update(new={"of": "11.2026 vk_ads", "value": "5"})
    (line,) = lines_of(Change.objects.filter(record_type="spend"), scene.head)
    assert line["of"] == f"11.2026 {source}"
    assert "vk_ads" not in str(spend)
