"""The funnel's columns follow the stage history, and its figures are those of a slow count, whatever happened."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.http import QueryDict
from django.test import Client

from accounts.models import Role
from analytics import sql
from analytics.breakdowns import BREAKDOWNS
from analytics.funnel import cohort
from analytics.query import Period, ReportQuery, parse
from analytics.refusals import interval_of as wilson
from analytics.refusals import refusals
from analytics.way import way
from crm import clock, events, pipelines, preferences, services, settings_services, stages_seen
from crm.models import Pipeline, Stage, StageHistory
from crm.stages import Refusal, move
from deals.models import Deal
from leads.conversion import ConversionChoice, convert
from leads.models import Lead
from tests.analytics.history import play
from tests.analytics.walking import wrong
from tests.factories import make_partner, make_team, make_user

pytestmark = pytest.mark.django_db
BEGIN = datetime(2025, 12, 1, 9, 0, tzinfo=UTC)
TODAY = datetime(2026, 8, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def people() -> list[Any]:
    return [make_user(), make_user(team=make_team())]


@pytest.fixture
def head() -> Any:
    return make_user(Role.SALES_HEAD)


def ask(user: Any, **params: str) -> ReportQuery:
    data = QueryDict(mutable=True)
    data.update({"pipeline": "deal", "from": "2026-02-01", "to": "2026-04-30", **params})
    return parse(user, data)


def play_requests(people: list[Any], seed: int, count: int) -> None:
    """Leads of which some are lost, some wait, some become deals; and deals that nobody's lead brought."""
    chance = random.Random(seed)
    with events.silence():
        for number in range(count):
            owner, at = chance.choice(people), BEGIN + timedelta(hours=chance.randrange(0, 24 * 200))
            touch = {"region": chance.choice(["Пермский край", ""]), "utm_campaign": chance.choice(["hangars", ""])}
            with clock.frozen(at):
                if chance.random() < 0.3:
                    data = {"title": "Ангар", "responsible": owner, "amount": Decimal(number * 100), **touch}
                    _advance(services.record_create(Deal, data=data, by=owner, pipeline="deal"), chance, at)
                    continue
                data = {"title": "Запрос", "name": f"Иван Петров{number}", "responsible": owner, **touch}
                lead = services.record_create(Lead, data=data, by=owner, pipeline="lead")
            _advance(lead, chance, at, ["data_complete", "handed_over", "no_contact", "contact_saved"])
            lead.refresh_from_db()
            if lead.is_open and chance.random() < 0.7:
                with clock.frozen(at + timedelta(days=chance.randrange(31, 50))):
                    move(lead, "handed_over", by=make_system(), override=True)
                    made = convert(lead_id=lead.pk, by=owner, choice=ConversionChoice("person"))
                assert made.deal is not None
                _advance(made.deal, chance, at + timedelta(days=50))


def _advance(record: Any, chance: random.Random, at: datetime, codes: list[str] | None = None) -> None:
    codes = codes or ["costing", "negotiation", "delayed_demand", "contract_signed", "price_of_structures"]
    for _step in range(chance.randrange(0, 3)):
        at += timedelta(hours=chance.randrange(1, 24 * 10))
        with clock.frozen(at):
            move(record, chance.choice(codes), by=make_system(), override=True, reason="ход жизни")


def make_system() -> Any:
    from crm.actors import Actor

    return Actor.system()


def seen_by_hand(record: Any) -> tuple[int, str]:
    """The two columns of a record out of its history, row by row."""
    rows = StageHistory.objects.filter(record_type=record.RECORD_TYPE, record_id=record.pk).order_by("at", "pk")
    seen, lost_from = 0, ""
    for row in rows:
        if row.to_stage.pipeline_id == record.pipeline_id:
            assert row.to_stage.bit is not None
            seen |= 1 << row.to_stage.bit
        if row.to_stage.kind == Stage.Kind.FAILURE:
            lost_from = row.from_stage_id or ""
    return seen, lost_from


@pytest.mark.rule("PIPE-5")
def test_every_stage_has_a_bit_of_its_own() -> None:
    taken: dict[str, list[int]] = defaultdict(list)
    for stage in Stage.objects.all():
        assert stage.bit is not None
        taken[stage.pipeline_id].append(stage.bit)
    assert all(len(bits) == len(set(bits)) for bits in taken.values())


@pytest.mark.rule("PIPE-5")
@pytest.mark.parametrize("seed", [1, 2])
def test_records_keep_what_their_history_tells(people: list[Any], head: Any, seed: int) -> None:
    """Through reopening, another direction and back, conversion, a stage of one's own, a merge and its undoing."""
    play(people, seed=seed, count=12)
    play_requests(people, seed, 8)
    second = settings_services.pipeline_add(by=head, name_ru="Сервис", like=Pipeline.objects.get(pk="deal"))
    own = settings_services.stage_add(second, by=head, name_ru="Замер", kind="open", colour="cyan")
    pipelines.changed()
    deals = list(Deal.objects.order_by("pk")[:4])
    for number, deal in enumerate(deals):
        move(deal, f"{second.pk}:costing", by=make_system(), override=True, reason="другое направление")
        move(deal, own.key, by=make_system(), override=True)
        if number % 2:
            move(deal, "deal:negotiation", by=make_system(), override=True, reason="обратно")
    records = [*Lead.objects.all(), *Deal.objects.all()]
    assert [(row.stages_seen, row.lost_from) for row in records] == [seen_by_hand(row) for row in records]
    assert [stages_seen.refresh_all(kind) for kind in stages_seen.KINDS] == [0, 0]
    Deal.objects.filter(pk=deals[0].pk).update(stages_seen=0, lost_from="deal:costing")
    call_command("rebuild_stages_seen")
    deals[0].refresh_from_db()
    assert (deals[0].stages_seen, deals[0].lost_from) == seen_by_hand(deals[0])


class Slow:
    """The cohort of a period one record and one history row at a time."""

    def __init__(self, user: Any, model: Any, day: str, period: Period) -> None:
        zone, self.rows = clock.company_zone(), []
        for record in model.objects.visible_to(user).alive():
            asked = (getattr(record, day) or record.created_at).astimezone(zone).date()
            if period.start <= asked <= period.end and record.copy_set_id is None:
                moves = StageHistory.objects.filter(record_type=model.RECORD_TYPE, record_id=record.pk)
                self.rows.append((record, {row.to_stage for row in moves}))

    def got_to(self, stage: Stage) -> tuple[int, Decimal]:
        """How many got there, and what they are worth."""
        found = [
            record.amount or Decimal(0)
            for record, visited in self.rows
            if any(one.kind == "success" or (one.kind == "open" and one.order >= stage.order) for one in visited)
        ]
        return len(found), sum(found, Decimal(0))

    def kind(self, kind: str) -> int:
        return sum(record.stage_row.kind == kind for record, _visited in self.rows)


@pytest.mark.rule("ANA-1", "PIPE-5")
@pytest.mark.parametrize("seed", [5, 6])
def test_the_whole_way_equals_a_slow_count(people: list[Any], head: Any, seed: int) -> None:
    play_requests(people, seed, 40)
    with clock.frozen(TODAY):
        query = ask(head, compare="year_ago" if seed == 5 else "previous")
        report = way(query)
        leads, deals = (Slow(head, *asked, query.period) for asked in ((Lead, "created_at"), (Deal, "requested_at")))
        before = Slow(head, Deal, "requested_at", query.compared)
    for step in report.lead_steps:
        assert (step.got_to.value, step.amount) == leads.got_to(step.stage), step.stage.key
    for step in report.deal_steps:
        assert (step.got_to.value, step.amount) == deals.got_to(step.stage), step.stage.key
        assert step.previous_period.value == before.got_to(step.stage)[0]
    direct = [row for row, _visited in deals.rows if not row.leads.exists()]
    assert report.direct.value == len(direct) > 0
    assert report.requests == len(leads.rows) + len(direct)
    aside = leads.kind("neutral") + deals.kind("neutral")
    assert report.conversion == deals.kind("success") / (report.requests - aside)
    late = [row for row, _visited in deals.rows if row.created_at.date() > date(2026, 4, 30)]
    assert late, "deals made after the period belong to it by their request"


@pytest.mark.rule("ANA-1", "ANA-2", "ANA-8")
def test_every_figure_of_every_cut_opens_its_records(people: list[Any], head: Any) -> None:
    play(people, seed=7, count=6)
    play_requests(people, 7, 10)
    partner = make_user(Role.PARTNER, partner=make_partner())
    with clock.frozen(TODAY):
        for by in ("campaign", "partner", "client_type"):
            assert by in BREAKDOWNS
            assert wrong(head, cohort(ask(head, compare="year_ago"), by).breakdown) == []
            assert wrong(head, way(ask(head), by).breakdown) == []
            assert wrong(head, refusals(ask(head), by).cuts) == []
        assert way(ask(head), "campaign").breakdown
        for reader in (people[0], partner):
            query = ask(reader, pipeline="partner_deal" if reader == partner else "deal", compare="year_ago")
            assert wrong(reader, way(query)) == []
            assert reader == partner or wrong(reader, refusals(query)) == []
        assert way(ask(make_user())).requests == 0


@pytest.mark.rule("ANA-1")
def test_times_of_many_records_are_taken_of_each_nth(
    people: list[Any], head: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(people, seed=4, count=30)
    with clock.frozen(TODAY):
        whole = ask(head, **{"from": "2026-01-01", "to": "2026-07-31"})
        exact = cohort(whole)
        monkeypatch.setattr(sql, "TIMED", 10)
        sampled = cohort(whole)
    assert (exact.timed_each, sampled.timed_each) == (1, 3)
    chosen = [deal.pk for deal in Deal.objects.all() if deal.pk * 7919 % 104_729 % 3 == 0]
    for step in sampled.steps:
        moves = StageHistory.objects.filter(record_type="deal", record_id__in=chosen, from_stage=step.stage)
        stays = sorted(moves.values_list("seconds", flat=True))
        assert step.median_seconds == (stays[-(-len(stays) // 2) - 1] if stays else None)
    assert [step.got_to for step in sampled.steps] == [step.got_to for step in exact.steps]


@pytest.mark.rule("ANA-1")
def test_a_year_ago_is_the_same_days_of_the_year_before() -> None:
    leap = Period(date(2024, 2, 29), date(2024, 3, 31))
    assert leap.year_ago == Period(date(2023, 2, 28), date(2023, 3, 31))
    assert leap.previous == Period(date(2024, 1, 28), date(2024, 2, 28))


@pytest.mark.rule("ANA-1", "ANA-8")
def test_the_way_has_a_page_a_file_and_a_call(people: list[Any], head: Any, client: Client) -> None:
    play_requests(people, 9, 12)
    client.force_login(head)
    span = "pipeline=deal&from=2026-01-01&to=2026-07-31&mode=way&compare=year_ago&by=region"
    with clock.frozen(TODAY):
        page = client.get(f"/reports/funnel/?{span}")
        found = client.get(f"/api/v1/reports/funnel/?{span}").json()
        assert client.get(f"/reports/funnel/?{span}&format=xlsx").status_code == 200
        assert client.get(f"/api/v1/reports/funnel/?{span}&as=csv").status_code == 200
        assert client.get(f"/api/v1/reports/funnel/?{span}&compare=never").status_code == 400
        assert client.get("/reports/funnel/?mode=way&compare=never").status_code == 400
    report = page.context["report"]
    assert found["requests"] == report.requests > 0
    assert found["compared_with"] == {"from": "2025-01-01", "to": "2025-07-31"}
    assert [row["key"] for row in found["breakdown"]] == [row.key for row in report.breakdown]


@pytest.mark.rule("ANA-2")
def test_the_interval_of_a_share_is_wilsons() -> None:
    low, high = wilson(45, 100)
    assert low is not None
    assert high is not None
    assert (round(low, 4), round(high, 4)) == (0.3561, 0.5476)
    assert wilson(0, 0) == (None, None)
    none, few = wilson(0, 5)
    assert none == 0
    assert few == pytest.approx(0.4345, abs=1e-4)
    assert wilson(5, 5)[1] == 1


@pytest.mark.rule("ANA-2")
def test_other_and_advice_of_ones_own(people: list[Any], head: Any, client: Client) -> None:
    stage = Stage.objects.get(pk="deal:price_of_structures")
    other = stage.reasons.get(is_other=True)
    settings_services.stage_change(stage, by=head, data={"advice": "Показать расчёт по килограммам"})
    with events.silence(), clock.frozen(TODAY - timedelta(days=100)):
        for number in range(12):
            deal = services.record_create(
                Deal, data={"title": "Ангар", "responsible": people[0]}, by=people[0], pipeline="deal"
            )
            reason = other if number < 3 else stage.reasons.exclude(pk=other.pk).order_by("order")[0]
            refusal = Refusal(reason.pk, "Дорого, выбрали сэндвич", "Завод")
            move(deal, stage.key, by=people[0], override=True, refusal=refusal)
    client.force_login(head)
    with clock.frozen(TODAY):
        page = client.get("/reports/refusals/?pipeline=deal&period=last_12_months")
        preferences.set_value("refusal_other_percent", 25)
        calm = refusals(ask(head, **{"from": "2026-01-01", "to": "2026-07-31"}))
    report = page.context["report"]
    assert (report.other.count.value, report.other.is_flagged) == (3, True)
    assert wrong(head, report) == []
    assert "Показать расчёт по килограммам" in page.content.decode()
    assert calm.other is not None
    assert not calm.other.is_flagged
    assert [stage.code for stage, _figure, _share in report.lost_from] == ["request_received"]
    assert report.months[0].main == stage
