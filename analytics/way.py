"""From the request to the signed contract: leads and the deals that came of them in one picture (ANA-1)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, Sum

from analytics import sql
from analytics.breakdowns import BREAKDOWNS, Breakdown
from analytics.funnel import AMOUNT, Cohort, Figure, Step, share, step
from analytics.query import Period, ReportQuery, stage_keys
from crm import pipelines
from crm.models import Stage


@dataclass
class WayRow:
    """What became of the requests of one manager, source, region ...; amount in roubles."""

    label: str
    key: str
    leads: Figure
    deals: Figure
    won: Figure
    conversion: float | None
    won_amount: Decimal


@dataclass
class Way:
    """What became of the requests of a period: leads created in it, and deals that began without a lead in it.

    `requests` counts both; the deals of both are followed to their end, whenever that was.
    """

    query: ReportQuery
    compared_with: Period
    requests: int
    previous_requests: int
    leads: Figure
    direct: Figure
    deals: Figure
    won: Figure
    previous_won: Figure
    won_amount: Decimal
    conversion: float | None
    previous_conversion: float | None
    lead_steps: list[Step]
    deal_steps: list[Step]
    timed_each: int = 1
    breakdown_by: str = ""
    breakdown: list[WayRow] = field(default_factory=list)


class _Requests:
    """The requests of one period: the leads, and the deals by the day of the request behind them."""

    def __init__(self, leads: ReportQuery, deals: ReportQuery, period: Period) -> None:
        span = {"requested_from": period.start.isoformat(), "requested_to": period.end.isoformat()}
        self.leads, self.deals = Cohort(leads, leads.created(period)), Cohort(deals, span)
        self.direct = deals.rows(**self.deals.span, has_lead="false").count()

    @property
    def count(self) -> int:
        return self.leads.standing() + self.direct

    @property
    def conversion(self) -> float | None:
        """Contracts ÷ (requests − those set aside as leads or as deals)."""
        aside = self.leads.standing("neutral") + self.deals.standing("neutral")
        return share(self.deals.standing("success"), self.count - aside)


def pair_of(query: ReportQuery) -> tuple[ReportQuery, ReportQuery]:
    """The same question about leads and about deals: the pipeline asked about, and its fellow of the other kind."""
    other = "lead" if query.record_type == "deal" else "deal"
    fellow = replace(query, pipeline=pipelines.pipelines_of(other, partner=query.pipeline.is_partner)[0])
    return (query, fellow) if query.record_type == "lead" else (fellow, query)


def way(query: ReportQuery, breakdown_by: str = "") -> Way:
    """The whole way of the requests of a period, with the same figures of the period it is compared with."""
    leads, deals = pair_of(query)
    now, before = _Requests(leads, deals, query.period), _Requests(leads, deals, query.compared)
    lead_steps, lead_each = _steps(now.leads, before.leads)
    deal_steps, deal_each = _steps(now.deals, before.deals)
    for one in deal_steps:
        one.from_start = share(one.got_to.value, now.count)
        one.previous_from_start = share(one.previous_period.value, before.count)
    if deal_steps:
        deal_steps[0].from_previous = share(deal_steps[0].got_to.value, now.count)
    return Way(
        query=query,
        compared_with=query.compared,
        requests=now.count,
        previous_requests=before.count,
        leads=now.leads.figure(now.leads.standing()),
        direct=now.deals.figure(now.direct, has_lead="false"),
        deals=now.deals.figure(now.deals.standing()),
        won=now.deals.figure(now.deals.standing("success"), kind="success"),
        previous_won=before.deals.figure(before.deals.standing("success"), kind="success"),
        won_amount=now.deals.worth("success"),
        conversion=now.conversion,
        previous_conversion=before.conversion,
        lead_steps=lead_steps,
        deal_steps=deal_steps,
        timed_each=max(lead_each, deal_each),
        breakdown_by=breakdown_by,
        breakdown=_breakdown(now, BREAKDOWNS[breakdown_by]) if breakdown_by in BREAKDOWNS else [],
    )


def _steps(now: Cohort, before: Cohort) -> tuple[list[Step], int]:
    path = pipelines.main_path(now.query.pipeline.code)
    times, each = sql.time_in_stages(now.query.rows(**now.span), now.query.record_type, now.standing())
    places: list[tuple[Stage, Stage | None]] = list(zip(path, [None, *path], strict=False))
    return [step(now, before, stage, previous, path[0], times) for stage, previous in places], each


def _breakdown(now: _Requests, by: Breakdown) -> list[WayRow]:
    """By manager, source ...: leads and deals grouped each by one query, the largest first."""
    leads = {row["key"]: row["count"] for row in by.groups(now.leads.query.rows(**now.leads.span)).annotate(
        count=Count("pk"))}  # fmt: skip
    won = Q(stage__in=stage_keys(now.deals.query.pipeline.code, "success") or [""])
    rows = by.groups(now.deals.query.rows(**now.deals.span))
    own = Q(requested_at__isnull=True)
    counted = rows.annotate(
        count=Count("pk"), own=Count("pk", filter=own), won=Count("pk", filter=won), money=Sum(AMOUNT, filter=won)
    )
    deals = {row["key"]: row for row in counted}
    names = by.names({*leads, *deals})
    made = [_row(now, by, key, names[key], leads.get(key, 0), deals.get(key, {})) for key in names]
    return sorted(made, key=lambda row: (-row.leads.value - row.deals.value, row.label))


def _row(now: _Requests, by: Breakdown, key: Any, label: str, leads: int, deals: dict[str, Any]) -> WayRow:
    cut = by.cut(key)
    return WayRow(
        label=label,
        key=str(key or ""),
        leads=now.leads.figure(leads, **cut),
        deals=now.deals.figure(deals.get("count", 0), **cut),
        won=now.deals.figure(deals.get("won", 0), **cut, kind="success"),
        conversion=share(deals.get("won", 0), leads + deals.get("own", 0)),
        won_amount=deals.get("money") or Decimal(0),
    )
