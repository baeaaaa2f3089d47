"""What the forecast would have said at the start of the last finished quarter, beside what came (ANA-6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.utils.translation import gettext as _

from analytics.forecast import sql
from analytics.forecast.chances import Chance, learned_then, weigh
from analytics.forecast.months import NOTHING, to_kopecks
from analytics.funnel import Figure
from analytics.query import Period, ReportQuery, last_day, month_after
from deals.as_then import Foreseen


@dataclass
class PastRow:
    """A month of the quarter, the whole of it, or (without signed ones) what stood in no month. Money in roubles."""

    label: str
    deals: Figure
    amount: Decimal
    forecast: Decimal
    won: Figure | None = None
    signed: Decimal | None = None

    @property
    def error(self) -> Decimal | None:
        """Forecast − signed: above nothing the forecast promised too much."""
        return None if self.signed is None else self.forecast - self.signed

    @property
    def error_share(self) -> float | None:
        """Error ÷ signed."""
        return float((self.forecast - self.signed) / self.signed) if self.signed else None


@dataclass
class Hindsight:
    """The last finished quarter: the forecast of its first day, learned from deals closed before it, and the fact."""

    at: date
    learned_from: date
    rows: list[PastRow]
    total: PastRow
    aside: PastRow


def hindsight(query: ReportQuery, at: date, signed: Mapping[date, tuple[int, Decimal]], count: int) -> Hindsight:
    """The quarter that begins on the day `at`; it learned from as many days before it as the period has.

    `count` is how many deals were closed in the period: about as many as in those days.
    """
    days = (query.period.end - query.period.start).days + 1
    first, last = at - timedelta(days=days), last_day(month_after(at, 2))
    made = _Maker(query, at, last, learned_then(query, first, at, count), sql.foreseen(query.rows(), at, last))
    rows = [made.month(month, *signed.get(month, (0, NOTHING))) for month in (at, month_after(at), month_after(at, 2))]
    aside = made.row(None, _("Overdue or without a date"), Foreseen(at))
    return Hindsight(at=at, learned_from=first, rows=rows, total=made.total(rows), aside=aside)


@dataclass
class _Maker:
    """Makes rows with their links out of what was known on the day `at`."""

    query: ReportQuery
    at: date
    last: date
    chances: Mapping[str, Chance]
    found: list[tuple[date | None, str, int, Decimal]]

    def row(self, month: date | None, label: str, wanted: Foreseen) -> PastRow:
        """What was foreseen for a month, or for none."""
        mine = [group for group in self.found if group[0] == month]
        return PastRow(
            label=label,
            deals=Figure(sum(group[2] for group in mine), self.query.link(foreseen=wanted.code)),
            amount=sum((group[3] for group in mine), NOTHING),
            forecast=to_kopecks(sum((weigh(group[3], self.chances[group[1]]) for group in mine), NOTHING)),
        )

    def month(self, month: date, count: int, signed: Decimal) -> PastRow:
        """A month with what was signed in it."""
        row = self.row(month, f"{month:%m.%Y}", Foreseen(self.at, month, last_day(month)))
        row.won, row.signed = self._won(count, Period(month, last_day(month))), signed
        return row

    def total(self, rows: list[PastRow]) -> PastRow:
        """The quarter."""
        wanted = Foreseen(self.at, self.at, self.last)
        return PastRow(
            label=_("Quarter"),
            deals=Figure(sum(row.deals.value for row in rows), self.query.link(foreseen=wanted.code)),
            amount=sum((row.amount for row in rows), NOTHING),
            forecast=sum((row.forecast for row in rows), NOTHING),
            won=self._won(sum(row.won.value for row in rows if row.won), Period(self.at, self.last)),
            signed=sum((row.signed or NOTHING for row in rows), NOTHING),
        )

    def _won(self, count: int, span: Period) -> Figure:
        return Figure(count, self.query.link(**self.query.closed(span), kind="success"))
