"""Delayed demand (ANA-7): how many entered it, what brought them back, what became of them, who still waits."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from analytics.funnel import Figure, share
from analytics.query import ReportQuery
from analytics.sql import fetch, moment, nothing_of_nothing
from crm import pipelines
from deals.orders import seconds
from deals.waiting import BACK, ENTERED, LOST, OTHER, STEPS, WAITING, WAYS, Waited, waits_sql

TOGETHER = ""


@dataclass
class WayRow:
    """Deals that came back one way, and where they stand now. Money in roubles, the median in seconds."""

    label: str
    deals: Figure
    won: Figure
    won_amount: Decimal
    open: Figure
    lost: Figure
    median_seconds: float | None

    @property
    def won_share(self) -> float | None:
        """Won ÷ came back."""
        return share(self.won.value, self.deals.value)


@dataclass
class StepRow:
    """Deals that still wait for one step: how many, for how much (roubles), and the nearest day of the step."""

    label: str
    deals: Figure
    amount: Decimal
    next_day: date | None


@dataclass
class DelayedReport:
    """Deals that entered delayed demand in the period, each by its last entry in it."""

    query: ReportQuery
    entered: Figure
    back: WayRow
    waiting: StepRow
    lost: Figure
    lost_amount: Decimal
    ways: list[WayRow]
    steps: list[StepRow]

    @property
    def back_share(self) -> float | None:
        """Came back ÷ entered."""
        return share(self.back.deals.value, self.entered.value)


@dataclass
class _Sums:
    """Deals of one way by the kind of the stage where they stand: {kind: (count, roubles)}; the nearest due step."""

    by_kind: dict[str, tuple[int, Decimal]] = field(default_factory=dict)
    due: datetime | None = None

    def count(self, *kinds: str) -> int:
        return sum(count for kind, (count, _money) in self.by_kind.items() if not kinds or kind in kinds)

    def money(self, *kinds: str) -> Decimal:
        found = (money for kind, (_count, money) in self.by_kind.items() if not kinds or kind in kinds)
        return sum(found, Decimal(0))


def delayed(query: ReportQuery) -> DelayedReport:
    """The report, in two queries whatever the number of deals."""
    query = query.sales("deal")
    span = Waited(query.period.start, query.period.end, ENTERED)
    maker = _Maker(query, span, _sums(query, span), _medians(query, span))
    shown = [way for way in WAYS if way != OTHER or maker.sums(OTHER).count()]
    return DelayedReport(
        query=query,
        entered=maker.figure(ENTERED, maker.sums(*WAYS, *STEPS, LOST).count()),
        back=maker.way(_("Total"), BACK, *WAYS),
        waiting=maker.step(_("Total"), WAITING, *STEPS),
        lost=maker.figure(LOST, maker.sums(LOST).count()),
        lost_amount=maker.sums(LOST).money(),
        ways=[maker.way(str(WAYS[way]).capitalize(), way, way) for way in shown],
        steps=[maker.step(str(STEPS[step]).capitalize(), step, step) for step in STEPS],
    )


def _base(query: ReportQuery) -> tuple[str, list[Any]]:
    rows = query.rows().values_list("pk", "stage", "amount")
    sql, params = rows.query.sql_with_params()
    return f"WITH b (id, stage, amount) AS ({sql})", list(params)


@nothing_of_nothing(dict)
def _sums(query: ReportQuery, span: Waited) -> dict[str, _Sums]:
    (base, params), (waits, values) = _base(query), waits_sql(span)
    sql = f"""
        {base}, {waits}
        SELECT w.way, b.stage, COUNT(*), SUM(CAST(ROUND(COALESCE(b.amount, 0) * 100) AS BIGINT)), MIN(w.due)
        FROM waited w JOIN b ON b.id = w.deal GROUP BY w.way, b.stage
    """  # noqa: S608 - only names of our own are put into the text
    found: dict[str, _Sums] = {}
    for way, stage, count, kopecks, due in fetch(sql, [*params, *values]):
        sums, kind = found.setdefault(way, _Sums()), pipelines.stage(stage).kind
        known, money = sums.by_kind.get(kind, (0, Decimal(0)))
        sums.by_kind[kind] = (known + count, money + Decimal(int(kopecks)) / 100)
        sums.due = _earlier(sums.due, moment(due) if due else None)
    return found


@nothing_of_nothing(dict)
def _medians(query: ReportQuery, span: Waited) -> dict[str, float]:
    """{way: median seconds of the stay} of what came back, all of them under TOGETHER; discrete as elsewhere."""
    (base, params), (waits, values) = _base(query), waits_sql(span)
    ways = ", ".join(["%s"] * len(WAYS))
    sql = f"""
        {base}, {waits},
        stayed AS (
            SELECT w.way, {seconds("w.left_at")} - ({seconds("w.at")}) AS seconds
            FROM waited w JOIN b ON b.id = w.deal WHERE w.way IN ({ways})
        ),
        ranked AS (
            SELECT way, seconds, CUME_DIST() OVER (PARTITION BY way ORDER BY seconds) AS share FROM stayed
            UNION ALL SELECT '{TOGETHER}', seconds, CUME_DIST() OVER (ORDER BY seconds) FROM stayed
        )
        SELECT way, MIN(CASE WHEN share >= 0.5 THEN seconds END) FROM ranked GROUP BY way
    """  # noqa: S608
    return {way: float(median) for way, median in fetch(sql, [*params, *values, *WAYS])}


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((due for due in (one, other) if due is not None), default=None)


class _Maker:
    """Makes rows with their links out of the sums."""

    def __init__(
        self, query: ReportQuery, span: Waited, found: dict[str, _Sums], medians: dict[str, float]
    ) -> None:  # fmt: skip
        self.query, self.span, self.found, self.medians = query, span, found, medians

    def figure(self, word: str, count: int, **extra: Any) -> Figure:
        """A number with the list of deals behind it."""
        wanted = Waited(self.span.start, self.span.end, word)
        return Figure(count, self.query.link(waited=wanted.code, **extra))

    def sums(self, *ways: str) -> _Sums:
        """The sums of several ways together."""
        made = _Sums()
        for sums in (self.found[way] for way in ways if way in self.found):
            for kind, (count, money) in sums.by_kind.items():
                known, before = made.by_kind.get(kind, (0, Decimal(0)))
                made.by_kind[kind] = (known + count, before + money)
            made.due = _earlier(made.due, sums.due)
        return made

    def way(self, label: str, word: str, *ways: str) -> WayRow:
        """What came back so."""
        sums = self.sums(*ways)
        return WayRow(
            label=label,
            deals=self.figure(word, sums.count()),
            won=self.figure(word, sums.count("success"), kind="success"),
            won_amount=sums.money("success"),
            open=self.figure(word, sums.count("open"), kind="open"),
            lost=self.figure(word, sums.count("failure"), kind="failure"),
            median_seconds=self.medians.get(word if word != BACK else TOGETHER),
        )

    def step(self, label: str, word: str, *steps: str) -> StepRow:
        """What waits for that."""
        sums = self.sums(*steps)
        day = sums.due.date() if sums.due else None
        return StepRow(label, self.figure(word, sums.count()), sums.money(), day)
