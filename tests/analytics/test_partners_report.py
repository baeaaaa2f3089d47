"""The report about partners: equal to a count by hand, each figure opens its list, a partner reads its own alone."""

from __future__ import annotations

from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.http import QueryDict
from django.test import Client
from python_calamine import CalamineWorkbook

from accounts.services import token_create
from analytics.partners.look import PARTNERS
from analytics.partners.report import PartnersReport
from crm.models import RefusalReason
from crm.stages import Refusal, move
from partners.commission import commission_rule_set
from partners.handoff import recall
from tests.analytics.test_reports import figures
from tests.partners.scene import Scene, browser, win

pytestmark = [pytest.mark.django_db, pytest.mark.rule("PART-7")]


@pytest.fixture
def scene(clock: Any) -> Scene:
    """Partner A: one won, one refused, one contacted, one untouched, one taken back; partner B: one untouched."""
    scene = Scene()
    commission_rule_set(scene.partner, by=scene.head, steps=[(0, 5)])
    handed = [scene.handed(scene.deal()) for _number in range(5)]
    clock.travel(hours=2)
    win(scene, handed[0][1], amount=200_000)
    clock.travel(hours=2)
    reason = RefusalReason.objects.filter(stage="partner_deal:no_contact")[0]
    move(handed[1][1], "contacted", by=scene.dealer)
    refusal = Refusal(reason.pk, "Три дня не берёт трубку")
    move(handed[1][1], "no_contact", by=scene.dealer, refusal=refusal)
    clock.travel(hours=4)
    move(handed[2][1], "contacted", by=scene.dealer)
    recall(handoff_id=handed[4][0].pk, by=scene.head, reason="Клиент просил вернуть")
    scene.handed(scene.deal(), to=scene.other.partner)
    scene.handed(scene.lead())
    return scene


def report_of(user: Any, **params: str) -> PartnersReport:
    data = QueryDict(mutable=True)
    data.update({"from": "2026-03-01", "to": "2026-03-31", **params})
    report: PartnersReport = PARTNERS.made(user, data)
    return report


def test_the_figures_are_those_of_the_story(scene: Scene) -> None:
    report = report_of(scene.control)
    own, other = report.rows
    assert (own.label, other.label) == (scene.partner.name, scene.other.partner.name)  # type: ignore[union-attr]
    counted = [getattr(own, name).value for name in ("received", "accepted", "untouched", "refused", "recalled", "won")]
    assert counted == [5, 3, 1, 1, 1, 1]
    assert own.first_contact_seconds == 4 * 3600
    assert (own.conversion, own.won_amount, own.commission) == (0.25, 200_000, 10_000)
    assert (own.partner_score, own.product_score) == (4, 5)
    assert own.refused_at["partner_deal:no_contact"].value == 1
    assert (other.received.value, other.accepted.value, other.first_contact_seconds) == (1, 0, None)
    assert (report.total.received.value, report.total.commission, report.total.first_contact_seconds) == (
        6, 10_000, 4 * 3600,
    )  # fmt: skip
    assert [(row.stage.code, row.count.value) for row in report.reasons] == [("no_contact", 1)]
    leads = report_of(scene.control, pipeline="partner_lead")
    assert [(row.label, row.received.value) for row in leads.rows] == [(scene.partner.name, 1)]


def test_every_figure_opens_exactly_its_records(scene: Scene) -> None:
    for person in (scene.control, scene.dealer, scene.head):
        client = browser(person)
        for figure in {found.url: found for found in figures(report_of(person))}.values():
            parts = urlsplit(figure.url)
            page = client.get(f"{parts.path}?{parts.query}").context["page"]
            assert page.count == figure.value, figure.url


def test_a_partner_reads_its_own_line_and_nobody_elses(scene: Scene) -> None:
    own = report_of(scene.other)
    assert [row.label for row in own.rows] == [scene.other.partner.name]  # type: ignore[union-attr]
    assert own.total.received.value == 1
    page = browser(scene.other).get("/reports/partners/?from=2026-03-01&to=2026-03-31").content.decode()
    assert scene.partner.name not in page
    for person in (scene.manager, scene.operator):
        assert browser(person).get("/reports/partners/").status_code == 403


def test_page_file_and_call_agree(scene: Scene) -> None:
    asked = "?from=2026-03-01&to=2026-03-31"
    page = browser(scene.control).get(f"/reports/partners/{asked}")
    assert page.status_code == 200
    assert browser(scene.control).get("/reports/partners/?pipeline=deal").status_code == 400
    book = b"".join(browser(scene.control).get(f"/reports/partners/{asked}&format=xlsx").streaming_content)  # type: ignore[attr-defined]
    rows = CalamineWorkbook.from_filelike(BytesIO(book)).get_sheet_by_index(0).to_python()
    assert [(row[0], row[1], row[11]) for row in rows[3:5]] == [
        (scene.partner.name, 5, 10_000), (scene.other.partner.name, 1, 0),  # type: ignore[union-attr]
    ]  # fmt: skip
    _token, secret = token_create(user=scene.dealer, by=scene.dealer, name="отчёт", scopes=["reports"])
    told = Client().get(f"/api/v1/reports/partners/{asked}", headers={"Authorization": f"Bearer {secret}"}).json()
    assert [(row["label"], row["commission"]) for row in told["rows"]] == [(scene.partner.name, "10000.00")]
