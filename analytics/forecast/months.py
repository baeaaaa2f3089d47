"""The forecast by month: open deals weighted by their stage, beside what is signed and what is planned (ANA-6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db.models import BooleanField, Count, ExpressionWrapper, Q, Sum
from django.db.models.functions import Coalesce, TruncMonth
from django.utils.translation import gettext as _

from analytics.forecast.chances import Chance, weigh
from analytics.funnel import Figure
from analytics.models import SalesPlan
from analytics.query import Period, ReportQuery, last_day, month_after, quarter_of
from crm import clock
from crm.visibility import covered_user_ids

NOTHING, KOPECK = Decimal(0), Decimal("0.01")
AHEAD = 12  # months shown one by one, the present one among them
OVERDUE, LATER, UNDATED = "overdue", "later", "undated"
# By what a plan can be cut: it belongs to people, not to regions or sources.
PLAN_CUTS = frozenset({"responsible", "team"})


@dataclass(frozen=True)
class Group:
    """Open deals of one stage that are expected in one row of the forecast."""

    row: str | date
    stage: str
    count: int
    amount: Decimal


@dataclass
class ForecastRow:
    """Open deals expected in a month, or of no month. Money in roubles; signed and plan only of months.

    `contracts` is how many contracts the open deals come to: Σ of their probabilities.
    """

    code: str
    label: str
    deals: Figure
    amount: Decimal
    weighted: Decimal
    contracts: float
    won: Figure | None = None
    fact: Decimal | None = None
    plan: Decimal | None = None
    plan_contracts: int | None = None

    @property
    def outlook(self) -> Decimal:
        """What is signed, and what the open deals come to."""
        return self.weighted + (self.fact or NOTHING)

    @property
    def plan_share(self) -> float | None:
        """Outlook ÷ plan."""
        return float(self.outlook / self.plan) if self.plan else None


def groups(query: ReportQuery) -> list[Group]:
    """The open deals by month of the expected close and stage: one GROUP BY."""
    late = ExpressionWrapper(
        Q(expected_close_date__isnull=False, expected_close_date__lt=clock.today()), BooleanField()
    )
    rows = query.rows(kind="open").annotate(late=late, month=TruncMonth("expected_close_date"))
    found = rows.values("late", "month", "stage").annotate(count=Count("pk"), money=Coalesce(Sum("amount"), NOTHING))
    horizon = month_after(clock.today().replace(day=1), AHEAD)
    made = []
    for row in found:
        where: str | date = UNDATED if row["month"] is None else OVERDUE if row["late"] else row["month"]
        if isinstance(where, date) and where >= horizon:
            where = LATER
        made.append(Group(where, row["stage"], row["count"], Decimal(row["money"])))
    return made


def facts(query: ReportQuery, first: date) -> dict[date, tuple[int, Decimal]]:
    """What was signed from a day on until today: {month: (contracts, roubles)}, repeat copies too."""
    span = Period(first, clock.today())
    month = TruncMonth("closed_at", tzinfo=clock.company_zone())
    rows = query.rows(**query.closed(span), kind="success").annotate(month=month).values("month")
    found = rows.annotate(count=Count("pk"), money=Coalesce(Sum("amount"), NOTHING))
    return {row["month"].date(): (row["count"], Decimal(row["money"])) for row in found}


def plans(query: ReportQuery, first: date) -> dict[date, tuple[Decimal, int]] | None:
    """The plans from a month on: {month: (roubles, contracts)}; None where the question is cut to what has no plan."""
    if set(query.cuts) - PLAN_CUTS:
        return None
    rows = SalesPlan.objects.filter(month__gte=first, user__partner__isnull=True)
    if not query.user.is_head:
        rows = rows.filter(user__in=covered_user_ids(query.user))
    if people := query.cuts.get("responsible"):
        rows = rows.filter(user__in=[int(pk) for pk in people])
    if teams := query.cuts.get("team"):
        rows = rows.filter(user__team__in=[int(pk) for pk in teams])
    found = rows.order_by().values("month").annotate(money=Sum("amount"), number=Sum("contracts"))
    return {row["month"]: (row["money"], row["number"]) for row in found}


def to_kopecks(amount: Decimal) -> Decimal:
    """A sum of roubles, rounded half up."""
    return amount.quantize(KOPECK, ROUND_HALF_UP)


@dataclass
class _Sum:
    count: int
    amount: Decimal
    weighted: Decimal
    contracts: float


def _sum(found: list[Group], chances: Mapping[str, Chance]) -> _Sum:
    known = [(group, chances[group.stage]) for group in found]
    contracts = sum((weigh(Decimal(group.count), chance) for group, chance in known), NOTHING)
    return _Sum(
        count=sum(group.count for group in found),
        amount=sum((group.amount for group in found), NOTHING),
        weighted=to_kopecks(sum((weigh(group.amount, chance) for group, chance in known), NOTHING)),
        contracts=float(contracts),
    )


def rows_of(
    query: ReportQuery,
    found: list[Group],
    chances: Mapping[str, Chance],
    signed: Mapping[date, tuple[int, Decimal]],
    planned: Mapping[date, tuple[Decimal, int]] | None,
) -> list[ForecastRow]:
    """What is late, the months from the beginning of the quarter on, what is expected later and what has no date.

    Months at the end of which nothing is known are left out, but not those of this quarter and the next one.
    """
    today = clock.today()
    first, end = quarter_of(today), month_after(today.replace(day=1), AHEAD)
    least = month_after(first, 6)
    known = {group.row for group in found} | {month for month, plan in (planned or {}).items() if any(plan)}
    months = [month_after(first, number) for number in range(24) if month_after(first, number) < end]
    while months and months[-1] >= least and months[-1] not in known:
        months.pop()
    made = _Rows(query, found, chances, today)
    rows = [made.aside(OVERDUE, _("Overdue"), close_to=today - timedelta(days=1))]
    rows += [made.month(month, signed, planned) for month in months]
    if LATER in known:
        rows.append(made.aside(LATER, _("Later"), close_from=end))
    rows.append(made.aside(UNDATED, _("No date of closing"), no_close_date="true"))
    return rows


@dataclass
class _Rows:
    """Makes rows with their links out of the groups."""

    query: ReportQuery
    found: list[Group]
    chances: Mapping[str, Chance]
    today: date

    def aside(self, code: str, label: str, **days: Any) -> ForecastRow:
        """A row that is no month."""
        total = _sum([group for group in self.found if group.row == code], self.chances)
        link = self.query.link(kind="open", **days)
        return ForecastRow(
            code, label, Figure(total.count, link), total.amount, total.weighted, round(total.contracts, 2)
        )

    def month(
        self,
        month: date,
        signed: Mapping[date, tuple[int, Decimal]],
        planned: Mapping[date, tuple[Decimal, int]] | None,
    ) -> ForecastRow:
        """A month; of the present one only the days that are left are still to come."""
        row = self.aside(f"{month:%Y-%m}", f"{month:%m.%Y}")
        total = _sum([group for group in self.found if group.row == month], self.chances)
        coming = {"close_from": max(month, self.today), "close_to": last_day(month)}
        count, money = signed.get(month, (0, NOTHING))
        span = self.query.closed(Period(month, last_day(month)))
        plan = None if planned is None else planned.get(month, (NOTHING, 0))
        row.deals = Figure(total.count, self.query.link(kind="open", **coming))
        row.amount, row.weighted, row.contracts = total.amount, total.weighted, round(total.contracts, 2)
        row.won, row.fact = Figure(count, self.query.link(**span, kind="success")), money
        row.plan, row.plan_contracts = plan if plan is not None else (None, None)
        return row


def total_of(query: ReportQuery, rows: list[ForecastRow]) -> ForecastRow:
    """The sum of the rows; the plan and what is signed are of the months shown."""
    planned = [row.plan for row in rows if row.plan is not None]
    return ForecastRow(
        code="total",
        label=_("Total"),
        deals=Figure(sum(row.deals.value for row in rows), query.link(kind="open")),
        amount=sum((row.amount for row in rows), NOTHING),
        weighted=sum((row.weighted for row in rows), NOTHING),
        contracts=round(sum(row.contracts for row in rows), 2),
        won=_won_total(query, rows),
        fact=sum((row.fact for row in rows if row.fact is not None), NOTHING),
        plan=sum(planned, NOTHING) if planned else None,
        plan_contracts=sum(row.plan_contracts or 0 for row in rows) if planned else None,
    )


def _won_total(query: ReportQuery, rows: list[ForecastRow]) -> Figure:
    won = [row.won.value for row in rows if row.won is not None]
    span = Period(quarter_of(clock.today()), clock.today())
    return Figure(sum(won), query.link(**query.closed(span), kind="success"))
