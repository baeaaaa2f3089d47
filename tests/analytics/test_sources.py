"""Sources end to end: attribution equal to a slow count by hand and to the kopeck, spend kept once, conversions."""

from __future__ import annotations

import threading
from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.http import QueryDict
from django.test import Client

from accounts.models import Role
from analytics.managers.plans import plans_set
from analytics.models import AdSpend, SalesPlan
from analytics.sources import spend
from analytics.sources.look import SOURCES
from analytics.sources.report import SourceReport
from crm import clock
from crm.errors import InvalidInput
from deals.models import Deal
from leads.models import Lead
from tests.analytics.clients import play_clients
from tests.factories import make_deal, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("ANA-3")]
TODAY = datetime(2026, 8, 1, 12, 0, tzinfo=UTC)
SPAN = "from=2026-02-01&to=2026-04-30"


@pytest.fixture
def head() -> Any:
    return make_user(Role.SALES_HEAD)


def made(user: Any, query: str = "") -> SourceReport:
    with clock.frozen(TODAY):
        report: SourceReport = SOURCES.made(user, QueryDict(f"{SPAN}&{query}"))
    return report


def touches_of(deal: Deal) -> list[tuple[str | None, str]]:
    """The touches of a deal by hand: one record at a time."""
    client = deal.company or deal.contact
    found = []
    for lead in Lead.objects.filter(copy_set=None):
        same = (lead.company_id == client.pk) if deal.company_id else (lead.contact_id == client.pk)
        if same and lead.created_at <= deal.created_at and lead.source_id:
            found.append((lead.created_at, 0, lead.pk, lead.source_id, lead.utm_campaign))
    for other in Deal.objects.filter(copy_set=None):
        same = (
            (other.company_id == client.pk)
            if deal.company_id
            else (other.contact_id == client.pk and not deal.company_id)
        )
        if same and other.created_at <= deal.created_at and other.source_id and not other.leads.exists():
            found.append((other.created_at, 1, other.pk, other.source_id, other.utm_campaign))
    told = [(source, campaign) for _at, _kind, _pk, source, campaign in sorted(found)]
    if client.source_id and (not told or told[0][0] != client.source_id):
        told.insert(0, (client.source_id, client.utm_campaign))
    if not told:
        told = [(deal.source_id, deal.utm_campaign if deal.source_id else "")]
    return told


def in_period(moment: datetime | None) -> bool:
    if moment is None:
        return False
    return "2026-02-01" <= moment.astimezone(clock.company_zone()).date().isoformat() <= "2026-04-30"


def slow(model: str, by: str, copies: bool = False) -> dict[Any, tuple[int, Decimal]]:
    """Contracts and roubles by source in plain Python, whole kopecks dealt out one touch after another."""
    counts: dict[Any, set[int]] = defaultdict(set)
    kopecks: dict[Any, int] = defaultdict(int)
    for deal in Deal.objects.all():
        if deal.stage_row.kind != "success" or not in_period(deal.closed_at) or bool(deal.copy_set_id) != copies:
            continue
        told = touches_of(deal)
        picked = {"first": told[:1], "last": told[-1:], "linear": told}["first" if copies else model]
        whole = int((deal.amount or 0) * 100)
        given = 0
        for number, (source, campaign) in enumerate(picked, start=1):
            part = whole * number // len(picked) - given
            given += part
            key = (source or "", campaign if by == "campaign" and source else "")
            counts[key].add(deal.pk)
            kopecks[key] += part
    return {key: (len(counts[key]), Decimal(kopecks[key]) / 100) for key in counts}


@pytest.mark.parametrize("seed", [1, 2])
def test_revenue_by_touch_equals_a_count_by_hand_to_the_kopeck(head: Any, seed: int) -> None:
    play_clients([make_user(), make_user()], seed=seed, count=9)
    won = [d for d in Deal.objects.filter(copy_set=None) if d.stage_row.kind == "success" and in_period(d.closed_at)]
    revenue = sum((deal.amount or Decimal(0) for deal in won), Decimal(0))
    for model in ("first", "last", "linear"):
        for by in ("source", "campaign"):
            report = made(head, f"model={model}&by={by}")
            counted = {(row.source, row.campaign): (row.won.value, row.revenue) for row in report.rows}
            by_hand = slow(model, by)
            assert {key: value for key, value in counted.items() if value[0]} == by_hand, (model, by)
            assert report.total.revenue == sum(row.revenue for row in report.rows) == revenue
            assert report.total.won.value == len(won)
            repeat = {(row.source, row.campaign): (row.repeat_won.value, row.repeat_revenue) for row in report.rows}
            assert {key: value for key, value in repeat.items() if value[0]} == slow(model, by, copies=True)
    assert revenue > 0


def test_what_nobody_knows_the_source_of_always_stands_there(head: Any) -> None:
    report = made(head)
    assert [(row.label, row.leads.value) for row in report.rows] == [("источник неизвестен", 0)]
    with clock.frozen(datetime(2026, 3, 1, 9, tzinfo=UTC)):
        make_deal(head, stage="contract_signed", amount=Decimal("100.10"))
    report = made(head)
    assert (report.rows[-1].source, report.rows[-1].revenue) == ("", Decimal("100.10"))
    assert report.unknown_revenue == 1


def test_costs_and_romi_come_from_the_spend_of_the_months(head: Any) -> None:
    manager = make_user()
    with clock.frozen(datetime(2026, 3, 1, 9, tzinfo=UTC)):
        for _number in range(2):
            make_deal(manager, stage="contract_signed", amount=Decimal(300_000), source_id="yandex_direct")
    pasted = "Месяц\tКанал\tКампания\tРасход\n03.2026\tЯндекс Директ\thangars\t100 000,50\n"
    pasted += "02.2026\tyandex_direct\t\t99 999,50"
    spend.spend_set(spend.read_table(pasted), by=head)
    row = made(head).rows[0]
    assert (row.spend, row.deal_cost, row.contract_cost) == (Decimal(200_000), Decimal(100_000), Decimal(100_000))
    assert row.romi == pytest.approx(2.0)
    assert made(manager).rows[0].spend is None, "the company's spend against one manager's records says nothing"
    assert made(head, f"responsible={manager.pk}").rows[0].spend is None
    by_campaign = {row.campaign: row.spend for row in made(head, "by=campaign").rows if row.source}
    assert by_campaign == {"hangars": Decimal("100000.50"), "": Decimal("99999.50")}


def test_spend_given_twice_is_kept_once_and_can_be_mended(head: Any) -> None:
    table = "2026-03;Google Ads;;1000\nмарт 2026;avito;лето;2 500,75"
    assert spend.spend_set(spend.read_table(table), by=head) == spend.SpendKept(2, 0, 0, 0)
    assert spend.spend_set(spend.read_table(table), by=head) == spend.SpendKept(0, 0, 0, 2)
    assert spend.spend_set(spend.read_table("01.03.2026;google_ads;;0\nмар.26;Avito;лето;3000"), by=head) == (
        spend.SpendKept(0, 1, 1, 0)
    )
    assert list(AdSpend.objects.values_list("source", "campaign", "amount")) == [("avito", "лето", Decimal(3000))]
    with pytest.raises(PermissionDenied):
        spend.spend_set(spend.read_table(table), by=make_user())


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("32.2026;avito;;1", "month"), ("2026-03;нет такого;;1", "source"), ("2026-03;avito;;много", "amount"),
        ("2026-03;avito;;-5", "amount"), ("2026-03;avito;;1\n2026-03;Авито;;2", "rows"), ("", "rows"),
        pytest.param('"2026-03;avito;;1\n' + "x" * 140_000, "rows", id="quotation mark left open"),
    ],
)  # fmt: skip
def test_a_wrong_line_is_named_and_nothing_is_kept(head: Any, client: Client, line: str, name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        spend.read_table(line)
    assert refused.value.errors[0]["pointer"].endswith(name)
    client.force_login(head)
    page = client.post("/reports/sources/spend/", {"table": f"2026-02;avito;;10\n{line}" if line else ""})
    assert page.status_code == 422
    assert not AdSpend.objects.exists()


def test_spend_comes_from_a_file_of_excel_and_by_the_api(head: Any, client: Client) -> None:
    client.force_login(head)
    content = "Месяц;Источник;Кампания;Сумма\r\n03.2026;Яндекс Директ;ангары;10 000,00\r\n".encode("cp1251")
    answer = client.post("/reports/sources/spend/", {"file": SimpleUploadedFile("spend.csv", content)}, follow=True)
    assert "ангары" in answer.content.decode()
    body = {"rows": [{"month": "2026-03", "source": "yandex_direct", "campaign": "ангары", "amount": "12000.00"}]}
    kept = client.put("/api/v1/ad-spend/", body, content_type="application/json")
    assert kept.json() == {"added": 0, "changed": 1, "removed": 0, "same": 0}
    assert client.get("/api/v1/ad-spend/?from=2026-03").json()["results"][0]["amount"] == "12000.00"
    body["rows"][0]["source"] = "nobody"
    refused = client.put("/api/v1/ad-spend/", body, content_type="application/json")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "/rows/0/source")
    client.force_login(make_user())
    assert client.get("/reports/sources/spend/").status_code == 403
    assert client.put("/api/v1/ad-spend/", body, content_type="application/json").status_code == 403


def test_conversions_are_a_file_that_metrica_takes(head: Any, client: Client) -> None:
    with clock.frozen(datetime(2026, 3, 1, 9, tzinfo=UTC)):
        deal = make_deal(head, stage="contract_signed", amount=Decimal("1500.5"), source_id="yandex_direct")
        make_deal(head, stage="contract_signed", amount=Decimal(7))
    Deal.objects.filter(pk=deal.pk).update(click_ids={"ym_client_id": "133591247640966458", "yclid": "=1+1"})
    client.force_login(head)
    told = client.get(f"/reports/sources/conversions/?{SPAN}").content.decode().splitlines()
    at = int(Deal.objects.get(pk=deal.pk).closed_at.timestamp())
    assert told == [
        "ClientId,Target,DateTime,Price,Currency",
        f"133591247640966458,crm_deal,{at},,",
        f"133591247640966458,crm_contract,{at},1500.50,RUB",
    ]
    assert client.get(f"/api/v1/reports/conversions/?{SPAN}&ids=yclid").content.decode().startswith("Yclid,Target")
    assert client.get("/api/v1/reports/conversions/?ids=cookie").status_code == 400
    assert client.get("/reports/sources/conversions/?ids=cookie").status_code == 302


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_who_enter_the_same_new_month_at_once_both_succeed(head: Any) -> None:
    """The later one waits for the earlier and has the last word; neither meets an error."""
    month, person, other = date(2026, 3, 1), make_user(), make_user(Role.SALES_HEAD)
    failed: list[BaseException] = []
    gate = threading.Barrier(2, timeout=30)

    def enter(by: Any, amount: int, way: int) -> None:
        rows = spend.read_table(f"2026-03;avito;;{amount}\n2026-02;avito;;{amount}\n2026-01;google_ads;;{amount}")
        try:
            with transaction.atomic():
                gate.wait()
                spend.spend_set(rows[::way], by=by)
                plans_set(month, {person.pk: (Decimal(amount), 1), head.pk: (Decimal(amount), 2)}, by=by)
        except BaseException as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=enter, args=row) for row in ((head, 100, 1), (other, 200, -1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    amounts = set(AdSpend.objects.values_list("amount", flat=True))
    assert AdSpend.objects.count() == 3
    assert amounts == set(SalesPlan.objects.values_list("amount", flat=True))
    assert amounts in ({Decimal(100)}, {Decimal(200)}), "one of the two had the last word for all of it"
