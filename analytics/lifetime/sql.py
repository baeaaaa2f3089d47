"""Aggregates over the orders of clients: by cohort and month, by source, by product, by client."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

from analytics.query import ReportQuery
from analytics.sql import fetch, moment, nothing_of_nothing
from deals import touches
from deals.models import Deal
from deals.orders import Orders, orders_sql, seconds, within

# Of a group of orders: orders, kopecks, clients (first orders), second orders, repeat orders, their kopecks, and the
# seconds between an order and the one before it.
_SUMS = """
    COUNT(*), SUM(o.kopecks), SUM(CASE WHEN o.place = 1 THEN 1 ELSE 0 END),
    SUM(CASE WHEN o.place = 2 THEN 1 ELSE 0 END), SUM(CASE WHEN o.place > 1 THEN 1 ELSE 0 END),
    SUM(CASE WHEN o.place > 1 THEN o.kopecks ELSE 0 END), {gaps}
"""


@dataclass
class Counts:
    """Sums over a group of orders; money in roubles, `gap_seconds` is the sum over the repeat orders."""

    orders: int = 0
    revenue: Decimal = Decimal(0)
    clients: int = 0
    seconds: int = 0
    repeats: int = 0
    repeat_revenue: Decimal = Decimal(0)
    gap_seconds: float = 0.0

    @classmethod
    def read(cls, row: Any) -> Counts:
        """A row of `_SUMS`."""
        orders, kopecks, clients, second, repeats, repeat_kopecks, gaps = row
        return cls(orders, _roubles(kopecks), clients, second, repeats, _roubles(repeat_kopecks), float(gaps or 0))

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))


@dataclass
class ClientCounts:
    """One client: company or contact by number, the sums, the moments of the first and last order, the first deal."""

    company: int | None
    contact: int | None
    counts: Counts
    first_at: datetime
    last_at: datetime
    first_deal: int


def _roubles(kopecks: Any) -> Decimal:
    return Decimal(int(kopecks or 0)) / 100


def _sums() -> str:
    between = f"{seconds('o.closed_at')} - ({seconds('o.before_at')})"
    return _SUMS.format(gaps=f"SUM(CASE WHEN o.before_at IS NOT NULL THEN {between} ELSE 0 END)")


def _scope(query: ReportQuery, wanted: Orders) -> tuple[str, str, list[Any]]:
    """WITH ..., the FROM and WHERE of the orders that the report counts, and the parameters."""
    orders, params = orders_sql(Deal.objects.visible_to(query.user).alive())
    condition, values = within(wanted)
    if not query.cuts:
        return f"WITH {orders}", f"FROM o WHERE {condition}", [*params, *values]
    cut, cut_params = query.rows(kind="success").values_list("pk").query.sql_with_params()
    cte = f"WITH {orders}, cut_deal (id) AS ({cut})"
    return cte, f"FROM o JOIN cut_deal ON cut_deal.id = o.id WHERE {condition}", [*params, *cut_params, *values]


@nothing_of_nothing(dict)
def by_cohort(query: ReportQuery, wanted: Orders) -> dict[tuple[int, int], Counts]:
    """{(month of the first order, months since): sums}; a month is years × 12 + month."""
    ctes, scope, params = _scope(query, wanted)
    sql = f"{ctes} SELECT o.first_month, o.month - o.first_month, {_sums()} {scope} GROUP BY 1, 2"
    return {(int(first), int(since)): Counts.read(sums) for first, since, *sums in fetch(sql, params)}


@nothing_of_nothing(dict)
def by_source(query: ReportQuery, wanted: Orders) -> dict[str, Counts]:
    """{source of the first touch ("" is unknown): sums}."""
    found = query.rows(kind="success", orders=wanted.code)
    base, base_params = touches.base_of(found)
    orders, params = orders_sql(Deal.objects.visible_to(query.user).alive())
    sql = f"""
        WITH {base}, {touches.TOUCHES}, {orders}
        SELECT touch.source, {_sums()} FROM touch JOIN o ON o.id = touch.deal_id WHERE touch.place = 1 GROUP BY 1
    """  # noqa: S608 - only names of our own are put into the text
    return {source or "": Counts.read(sums) for source, *sums in fetch(sql, [*base_params, *params])}


@nothing_of_nothing(list)
def by_product(query: ReportQuery, wanted: Orders, limit: int) -> list[tuple[str, int, int]]:
    """[(product or service, orders with it, repeat orders with it)], the most frequent first."""
    ctes, scope, params = _scope(query, wanted)
    sql = f"""
        {ctes}, scoped AS (SELECT o.id, o.place {scope}),
        sold AS (SELECT DISTINCT l.name, scoped.id, scoped.place FROM scoped
                 JOIN deals_dealline l ON l.deal_id = scoped.id)
        SELECT name, COUNT(*), SUM(CASE WHEN place > 1 THEN 1 ELSE 0 END) FROM sold
        GROUP BY name ORDER BY 2 DESC, 1 LIMIT %s
    """  # noqa: S608
    return [(name, count, repeats) for name, count, repeats in fetch(sql, [*params, limit])]


@nothing_of_nothing(list)
def by_client(query: ReportQuery, wanted: Orders, limit: int) -> list[ClientCounts]:
    """The clients who brought most, the most valuable first."""
    ctes, scope, params = _scope(query, wanted)
    sql = f"""
        {ctes} SELECT o.company, o.contact, MIN(o.first_at), MAX(o.closed_at), MIN(o.id), {_sums()} {scope}
        GROUP BY o.company, o.contact ORDER BY 7 DESC, 5 LIMIT %s
    """
    return [
        ClientCounts(company, contact, Counts.read(sums), moment(first), moment(last), deal)
        for company, contact, first, last, deal, *sums in fetch(sql, [*params, limit])
    ]


@nothing_of_nothing(dict)
def first_sources(deals: QuerySet[Any]) -> dict[int, str]:
    """{deal: the source of its first touch}, where one is known."""
    base, params = touches.base_of(deals)
    sql = f"WITH {base}, {touches.TOUCHES} SELECT deal_id, source FROM touch WHERE place = 1"  # noqa: S608
    return {deal: source for deal, source in fetch(sql, list(params)) if source}
