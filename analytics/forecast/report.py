"""The forecast: learned probabilities, weighted months, the last quarter's error, the way to a goal (ANA-6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from accounts.models import User
from analytics.forecast import goal as goals
from analytics.forecast.chances import Chance, ChanceRow, ended, learned, seen_of, weigh
from analytics.forecast.goal import GROWTH, GoalPlan
from analytics.forecast.hindsight import Hindsight, hindsight
from analytics.forecast.months import (
    NOTHING,
    ForecastRow,
    Group,
    facts,
    groups,
    plans,
    rows_of,
    to_kopecks,
    total_of,
)
from analytics.funnel import Figure
from analytics.query import ReportQuery, month_after, period_of, quarter_of
from crm import clock, pipelines


@dataclass
class ForecastReport:
    """What the deals that the reader sees are likely to bring; the period is what the probabilities are learned from.

    `promised` is how many contracts the open deals expected within the goal's span come to.
    """

    query: ReportQuery
    chances: list[ChanceRow]
    months: list[ForecastRow]
    total: ForecastRow
    quarter: Hindsight
    goal: GoalPlan
    promised: float


def forecast(
    query: ReportQuery, goal: int | None = None, goal_in: str = GROWTH, goal_for: str = "quarter"
) -> ForecastReport:
    """The whole report; InvalidInput for a goal beyond reason. The number of statements does not grow with the data."""
    wanted = goals.goal_of(goal_in, goal, goal_for)
    today = clock.today()
    begun = quarter_of(today)
    known = seen_of(query, ended(query))
    chances, found = learned(query, known), groups(query)
    before = month_after(begun, -3)
    signed = facts(query, before)
    rows = rows_of(query, found, chances, signed, plans(query, begun))
    return ForecastReport(
        query=query,
        chances=_chance_rows(query, chances, found),
        months=rows,
        total=total_of(query, rows),
        quarter=hindsight(query, before, signed, max((item.closed for item in chances.values()), default=0)),
        goal=goals.plan_of(wanted, goals.known_of(query, known)),
        promised=_promised(rows, wanted),
    )


def _promised(rows: list[ForecastRow], wanted: goals.Goal) -> float:
    first, last = f"{wanted.span.start:%Y-%m}", f"{wanted.span.end:%Y-%m}"
    return round(sum(row.contracts for row in rows if row.won is not None and first <= row.code <= last), 2)


def _chance_rows(query: ReportQuery, chances: Mapping[str, Chance], found: list[Group]) -> list[ChanceRow]:
    span = ended(query)
    won = {**query.closed(), "kind": "success"}
    made = []
    for key, chance in chances.items():
        mine = [group for group in found if group.stage == key]
        if chance.stage.is_hidden and not (mine or chance.closed):
            continue
        amount = sum((group.amount for group in mine), NOTHING)
        made.append(
            ChanceRow(
                stage=chance.stage,
                label=chance.label,
                closed=Figure(chance.closed, query.link(**span, reached=key)),
                won=Figure(chance.won, query.link(**won, reached=key)),
                raw=chance.raw,
                configured=chance.configured,
                probability=chance.probability,
                low=chance.low,
                high=chance.high,
                open=Figure(sum(group.count for group in mine), query.link(stage=key)),
                amount=amount,
                weighted=to_kopecks(weigh(amount, chance)),
            )
        )
    return made


def weighted_ahead(user: User) -> tuple[ForecastRow, Decimal]:
    """For a tile of the dashboard: this month's row, and the weighted roubles of the months left of this quarter.

    Learned from the last twelve months. Two statements; the row's figure opens its deals.
    """
    sale = next(item for item in pipelines.catalogue().pipelines.values() if item.record_type == "deal")
    query = ReportQuery(user=user, pipeline=sale, period=period_of("last_12_months")).sales("deal")
    rows = rows_of(query, groups(query), learned(query, seen_of(query, ended(query))), {}, None)
    this = f"{clock.today():%Y-%m}"
    last = f"{month_after(quarter_of(clock.today()), 2):%Y-%m}"
    quarter = [row.weighted for row in rows if row.won is not None and this <= row.code <= last]
    return next(row for row in rows if row.code == this), sum(quarter, NOTHING)
