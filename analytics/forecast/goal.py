"""From a goal back to the work: how many requests, calls, quotes and deals in each stage it takes (ANA-6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import Any

from django.db.models import Count, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.forecast import sql
from analytics.forecast.chances import ended, seen_of
from analytics.forecast.months import NOTHING
from analytics.forecast.sql import Seen
from analytics.funnel import Figure
from analytics.query import Period, ReportQuery, last_day, month_after, quarter_of
from analytics.sql import sample
from crm import clock, pipelines
from crm.errors import InvalidInput
from crm.templatetags import ui
from deals.models import Document

GROWTH, CONTRACTS, AMOUNT = "growth", "contracts", "amount"
KINDS = (
    (GROWTH, gettext_lazy("per cent more contracts")),
    (CONTRACTS, gettext_lazy("contracts in all")),
    (AMOUNT, gettext_lazy("roubles of contracts")),
)
SPANS = (
    ("month", gettext_lazy("next month")),
    ("quarter", gettext_lazy("next quarter")),
    ("year", gettext_lazy("next year")),
)
UNSAID = {GROWTH: 20, CONTRACTS: 10, AMOUNT: 10_000_000}  # what is shown before anybody has said a number
MOST = {GROWTH: 1000, CONTRACTS: 100_000, AMOUNT: 10**12}
REQUESTS, CALLS, QUOTES, DEALS, SIGNED = "requests", "calls", "quotes", "deals", "contracts"


@dataclass(frozen=True)
class Goal:
    """What is wanted: so many contracts, roubles, or per cent more than usual, within a span of days."""

    kind: str
    value: int
    span: Period


@dataclass
class GoalRow:
    """One kind of work on the way to a contract.

    `had` is what the period learned from had, `usual` the same for as many days as the goal's span has, rounded down;
    `needed` is the least number that brings the goal, `more` what lacks to it. Times in seconds.
    """

    code: str
    label: str
    had: Figure
    per_contract: float | None
    usual: int
    needed: int | None
    gives: float | None
    median_seconds: float | None = None
    by: date | None = None

    @property
    def more(self) -> int | None:
        """Needed − usual, never below nothing."""
        return None if self.needed is None else max(0, self.needed - self.usual)


@dataclass
class GoalPlan:
    """The goal and what it takes; without a contract in the period nothing can be reckoned, and `contracts` is None."""

    kind: str
    value: int
    span_first: date
    span_last: date
    contracts: int | None
    usual_contracts: int
    average: Decimal | None
    rows: list[GoalRow]
    is_late: bool


def goal_of(kind: str, value: int | None, span: str) -> Goal:
    """The goal as asked for; InvalidInput where the number is beyond reason."""
    number = UNSAID[kind] if value is None else value
    if number > MOST[kind]:
        raise InvalidInput.at("goal", _("Enter a whole number from 1 to %(most)s.") % {"most": ui.number(MOST[kind])})
    return Goal(kind, number, span_of(span, clock.today()))


def span_of(name: str, today: date) -> Period:
    """The next month, quarter or year of the calendar."""
    if name == "month":
        first = month_after(today.replace(day=1))
        return Period(first, last_day(first))
    if name == "year":
        return Period(date(today.year + 1, 1, 1), date(today.year + 1, 12, 31))
    first = month_after(quarter_of(today), 3)
    return Period(first, last_day(month_after(first, 2)))


# -- the arithmetic ---------------------------------------------------------------------------------------------------


def contracts_wanted(goal: Goal, won: int, amount: Decimal, part: Fraction) -> int | None:
    """The contracts a goal comes to, rounded up; None where nothing was won (or, for roubles, nothing earned).

    `part` is the length of the goal's span as a part of the period in which `won` contracts for `amount` were signed.
    """
    if goal.kind == CONTRACTS:
        return goal.value if won else None
    if goal.kind == GROWTH:
        return ceil(won * part * Fraction(100 + goal.value, 100)) if won else None
    return ceil(goal.value * won / Fraction(amount)) if won and amount else None


def needed_for(contracts: int, count: int, won: int) -> int:
    """The least number of records that bring so many contracts, where `count` of them brought `won`."""
    return ceil(Fraction(contracts * count, won))


def brought_by(records: int, count: int, won: int) -> Fraction:
    """The contracts that so many records bring by the same rate: the way forward."""
    return Fraction(records * won, count)


# -- from the records -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Level:
    """A kind of work with how much of it the period had, and the step from which its wait for a contract is told."""

    code: str
    label: str
    had: Figure
    step: str = ""


@dataclass
class Known:
    """What the period teaches: its levels, contracts and money, and how long contracts took from each step."""

    levels: list[Level]
    won: int
    amount: Decimal
    waits: dict[str, float]
    days: int


def known_of(query: ReportQuery, seen: Mapping[str, list[Seen]]) -> Known:
    """Counted over the leads and deals that were closed in the period, without repeat copies.

    `seen` are the stages that those deals stood in.
    """
    deals, leads = query.sales("deal"), query.sales("lead")
    deal_span = {**ended(deals), "copies": "false"}
    lead_span = {**query.closed(), "kind": "closed", "copies": "false"}
    closed, requests = deals.rows(**deal_span), leads.rows(**lead_span)
    won_span = {**query.closed(), "kind": "success", "copies": "false"}
    totals = deals.rows(**won_span).aggregate(count=Count("pk"), money=Sum("amount"))
    won, money = totals["count"], totals["money"] or NOTHING
    counts = {CALLS: sql.calls_on(requests, closed), QUOTES: _quotes(closed)}
    levels = [
        Level(REQUESTS, _("Requests (leads)"), Figure(requests.count(), leads.link(**lead_span)), sql.REQUEST),
        *_ways(leads, lead_span, seen_of(leads, lead_span)),
        Level(CALLS, _("Calls"), Figure(counts[CALLS], "")),
        Level(DEALS, _("Deals"), Figure(closed.count(), deals.link(**deal_span)), sql.DEAL),
        Level(QUOTES, _("Quotes made"), Figure(counts[QUOTES], "")),
        *_ways(deals, deal_span, seen),
        Level(SIGNED, _("Contracts"), Figure(won, deals.link(**won_span))),
    ]
    waits = sql.waits(sample(deals.rows(**won_span), won), leads.rows(copies="false")) if won else {}
    end = max(query.period.start, min(query.period.end, clock.today()))
    return Known(levels, won, Decimal(money), waits, (end - query.period.start).days + 1)


def _quotes(deals: Any) -> int:
    """Quotes of these deals, each number once, but those that are void."""
    rows = Document.objects.filter(deal__in=deals.values("pk"), kind=Document.Kind.QUOTE)
    return rows.filter(is_latest=True, voided_at__isnull=True).count()


def _ways(query: ReportQuery, span: dict[str, Any], known: Mapping[str, list[Seen]]) -> list[Level]:
    """Records that got to each stage of the main paths, or further; a lead's success is a way, a deal's the end."""
    found = []
    for code in query.codes:
        for stage in pipelines.main_path(code)[1:]:
            if query.record_type == "deal" and not stage.is_open:
                continue
            proofs = {proof.key for proof in pipelines.path_from(stage.key)}
            count = sum(group.count for group in known[code] if not group.is_copy and group.stages & proofs)
            name = f"{stage.name} · {stage.pipeline.name}" if len(query.codes) > 1 else stage.name
            found.append(Level(stage.key, name, Figure(count, query.link(**span, got_to=stage.key)), stage.key))
    return found


def plan_of(goal: Goal, known: Known) -> GoalPlan:
    """What the goal takes by the rates of the period, and until when each piece of work has to be there."""
    days = (goal.span.end - goal.span.start).days + 1
    part = Fraction(days, known.days)
    contracts = contracts_wanted(goal, known.won, known.amount, part)
    rows = [_row(level, known, contracts, part, goal.span.end) for level in known.levels]
    return GoalPlan(
        kind=goal.kind,
        value=goal.value,
        span_first=goal.span.start,
        span_last=goal.span.end,
        contracts=contracts,
        usual_contracts=floor(known.won * part),
        average=(known.amount / known.won).quantize(Decimal("0.01")) if known.won else None,
        rows=rows,
        is_late=any(row.code == REQUESTS and row.by is not None and row.by < clock.today() for row in rows),
    )


def _row(level: Level, known: Known, contracts: int | None, part: Fraction, end: date) -> GoalRow:
    count, won = level.had.value, known.won
    needed = needed_for(contracts, count, won) if contracts is not None and count else None
    gives = floor(brought_by(needed, count, won) * 100) / 100 if needed is not None else None
    seconds = known.waits.get(level.step) if level.step else None
    return GoalRow(
        code=level.code,
        label=level.label,
        had=level.had,
        per_contract=round(count / won, 2) if won else None,
        usual=floor(count * part),
        needed=needed,
        gives=gives,
        median_seconds=seconds,
        by=end - timedelta(days=ceil(seconds / 86_400)) if seconds is not None else None,
    )


__all__ = ["Goal", "GoalPlan", "GoalRow", "goal_of", "known_of", "plan_of"]
