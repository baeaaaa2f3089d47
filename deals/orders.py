"""The orders of a client (ANA-4): won deals of the manufacturer, one after another, repeat copies among them.

A client is the company of the deal, or the contact where there is none. What a list of deals shows of orders is counted
over the deals that its reader may see, whatever else the list is cut by.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.functions import ExtractMonth, ExtractYear
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import clock
from deals.spans import Span

FIRST, SECOND, REPEAT, ANY = "first", "second", "repeat", "any"
PLACE_NAMES = {
    FIRST: gettext_lazy("first orders"),
    SECOND: gettext_lazy("second orders"),
    REPEAT: gettext_lazy("repeat orders"),
    ANY: gettext_lazy("all orders"),
}
_OF = {FIRST: "place = 1", SECOND: "place = 2", REPEAT: "place > 1", ANY: "1 = 1"}


@dataclass(frozen=True)
class Orders(Span):
    """Orders of the clients whose first order was won within these days, and which of them by their place."""

    WORDS: ClassVar[Mapping[str, Any]] = PLACE_NAMES

    def __str__(self) -> str:
        """In the reader's words, as it stands among the filters of a list."""
        told = _("first ordered %(start)s – %(end)s") % self.days
        return f"{told}: {PLACE_NAMES[self.word]}"


def seconds(column: str) -> str:
    """SQL of a moment as seconds, to subtract one from another."""
    return f"julianday({column}) * 86400.0" if connection.vendor == "sqlite" else f"EXTRACT(EPOCH FROM {column})"


def orders_sql(deals: QuerySet[Any]) -> tuple[str, tuple[Any, ...]]:
    """CTEs that end in `o`: a row per order, with its parameters; EmptyResultSet where there can be none.

    Columns: id, company, contact (one of the two is empty), closed_at, month (years × 12 + month, the company's time
    zone), kopecks, place (1 is the client's first), first_at and first_month of the client, before_at (the order
    before, or empty).
    """
    zone = clock.company_zone()
    won = deals.filter(partner__isnull=True, closed_at__isnull=False).in_stage_kind("success")  # type: ignore[attr-defined]
    month = ExtractYear("closed_at", tzinfo=zone) * 12 + ExtractMonth("closed_at", tzinfo=zone)
    rows = won.filter(Q(company__isnull=False) | Q(contact__isnull=False)).annotate(order_month=month)
    rows = rows.order_by().values_list("pk", "company_id", "contact_id", "closed_at", "amount", "order_month")
    base, params = rows.query.sql_with_params()
    client = "PARTITION BY company, contact"
    in_order = f"({client} ORDER BY closed_at, id)"
    sql = f"""
        won_deal (id, company_id, contact_id, closed_at, amount, month) AS ({base}),
        of_client AS (
            SELECT id, company_id AS company, CASE WHEN company_id IS NULL THEN contact_id END AS contact, closed_at,
                   month, CAST(ROUND(COALESCE(amount, 0) * 100) AS BIGINT) AS kopecks
            FROM won_deal
        ),
        o AS (
            SELECT of_client.*, ROW_NUMBER() OVER {in_order} AS place, MIN(closed_at) OVER ({client}) AS first_at,
                   MIN(month) OVER ({client}) AS first_month, LAG(closed_at) OVER {in_order} AS before_at
            FROM of_client
        )
    """  # noqa: S608 - only names of our own are put into the text
    return sql, params


def within(wanted: Orders) -> tuple[str, list[Any]]:
    """The condition on `o` for these orders, with its parameters."""
    return f"first_at >= %s AND first_at < %s AND {_OF[wanted.word]}", wanted.moments


def deals_ordered(deals: QuerySet[Any], wanted: Orders, among: QuerySet[Any]) -> QuerySet[Any]:
    """Of these deals the orders that are meant; the place of an order is counted `among` all that the reader sees."""
    try:
        orders, params = orders_sql(among)
    except EmptyResultSet:
        return deals.none()
    condition, values = within(wanted)
    sql = f"WITH {orders} SELECT id FROM o WHERE {condition}"  # noqa: S608
    return deals.filter(pk__in=RawSQL(sql, [*params, *values]))  # noqa: S611
