"""Aggregates of the forecast over the stage history; each is one statement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet

from analytics.sql import nothing_of_nothing
from crm.filters import day_start
from deals.as_then import open_then
from deals.spans import as_stored

Outcomes = dict[str, tuple[int, int]]


def _places(values: Any) -> str:
    # An IN of nothing is no SQL; no stage has an empty key.
    return ", ".join(["%s"] * len(values)) or "''"


def _by_stage(ended: str, until: str = "") -> str:
    """{stage: closed deals that ever stood in it, those of them won} of a CTE "ended" (id, won)."""
    return f"""
        WITH {ended}
        SELECT stage, COUNT(*), SUM(won) FROM (
            SELECT h.to_stage_id AS stage, h.record_id, MAX(e.won) AS won
            FROM ended e JOIN crm_stagehistory h ON h.record_id = e.id
            WHERE h.record_type = 'deal' {until} GROUP BY h.to_stage_id, h.record_id
        ) stood GROUP BY stage
    """  # noqa: S608 - only names of our own are put into the text


# A whole number of the database holds a set of so many stages; a pipeline with more has its last ones left out.
BITS = 62


@dataclass(frozen=True)
class Seen:
    """So many records that stood in the same stages of a pipeline and ended alike."""

    stages: frozenset[str]
    is_won: bool
    is_copy: bool
    count: int


@nothing_of_nothing(list)
def seen(rows: QuerySet[Any], record_type: str, keys: list[str], wins: list[str]) -> list[Seen]:
    """Which of these stages of one pipeline records ever stood in, records that are alike counted together."""
    keys = keys[:BITS]
    is_copy = ExpressionWrapper(Q(copy_set__isnull=False), BooleanField())
    base, params = (
        rows.annotate(is_copy=is_copy).order_by().values_list("pk", "stage", "is_copy").query.sql_with_params()
    )
    together = "BIT_OR(m.bit)" if connection.vendor == "postgresql" else "SUM(DISTINCT m.bit)"
    marks = ", ".join(f"(CAST(%s AS TEXT), {1 << place})" for place in range(len(keys)))
    sql = f"""
        WITH b (id, stage, is_copy) AS ({base}), m (stage, bit) AS (VALUES {marks}),
        stood AS (
            SELECT h.record_id AS id, {together} AS stages
            FROM b JOIN crm_stagehistory h ON h.record_id = b.id AND h.record_type = %s
            JOIN m ON m.stage = h.to_stage_id GROUP BY h.record_id
        )
        SELECT s.stages, CASE WHEN b.stage IN ({_places(wins)}) THEN 1 ELSE 0 END, b.is_copy, COUNT(*)
        FROM stood s JOIN b ON b.id = s.id GROUP BY 1, 2, 3
    """  # noqa: S608 - only names of our own are put into the text
    with connection.cursor() as cursor:
        cursor.execute(sql, [*params, *keys, record_type, *wins])
        return [
            Seen(
                frozenset(key for place, key in enumerate(keys) if int(stages) >> place & 1),
                bool(won),
                bool(copied),
                int(count),
            )
            for stages, won, copied, count in cursor.fetchall()
        ]


@nothing_of_nothing(dict)
def outcomes_then(
    deals: QuerySet[Any], first: date, until: date, successes: list[str], failures: list[str]
) -> Outcomes:
    """The same as it was known at the beginning of the day `until`, of deals that had been closed from `first` on.

    A deal was closed then when its last move before that day had led to a final stage.
    """
    base, params = deals.order_by().values_list("pk").query.sql_with_params()
    closing, end = [*successes, *failures], as_stored(day_start(until))
    ended = f"""ended AS (
        SELECT h.record_id AS id, CASE WHEN h.to_stage_id IN ({_places(successes)}) THEN 1 ELSE 0 END AS won
        FROM crm_stagehistory h
        WHERE h.record_type = 'deal' AND h.to_stage_id IN ({_places(closing)}) AND h.at >= %s AND h.at < %s
          AND NOT EXISTS (
            SELECT 1 FROM crm_stagehistory l WHERE l.record_type = 'deal' AND l.record_id = h.record_id
              AND l.at < %s AND (l.at > h.at OR (l.at = h.at AND l.id > h.id)))
          AND h.record_id IN ({base})
    )"""  # noqa: S608
    days = [as_stored(day_start(first)), end, end]
    return _outcomes(_by_stage(ended, "AND h.at < %s"), [*successes, *closing, *days, *params, end])


def _outcomes(sql: str, params: list[Any]) -> Outcomes:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return {stage: (int(count), int(won)) for stage, count, won in cursor.fetchall()}


@nothing_of_nothing(list)
def foreseen(deals: QuerySet[Any], at: date, last: date) -> list[tuple[date | None, str, int, Decimal]]:
    """What a forecast of the day `at` until the day `last` was made of: (month expected, stage then, deals, roubles).

    Without a month are deals that then had no date, or one that had passed.
    """
    known, params = open_then(deals, at)
    month = "TO_CHAR(expected, 'YYYY-MM')" if connection.vendor == "postgresql" else "SUBSTR(expected, 1, 7)"
    sql = f"""{known}
        SELECT CASE WHEN expected >= %s THEN {month} END, stage, COUNT(*), SUM(kopecks)
        FROM then_open WHERE expected IS NULL OR expected <= %s GROUP BY 1, 2
    """  # noqa: S608
    days = [connection.ops.adapt_datefield_value(day) for day in (at, last)]
    with connection.cursor() as cursor:
        cursor.execute(sql, [*params, *days])
        return [
            (date.fromisoformat(f"{month}-01") if month else None, stage, count, Decimal(int(kopecks)) / 100)
            for month, stage, count, kopecks in cursor.fetchall()
        ]


REQUEST, DEAL = "request", "deal"


@nothing_of_nothing(dict)
def waits(won: QuerySet[Any], leads: QuerySet[Any]) -> dict[str, float]:
    """Median seconds from a step to the contract, over won deals: {stage key, "request" or "deal": seconds}.

    A deal's request is the first lead made into it; a stage counts from when it was first entered. The discrete
    median: the shortest wait that is not shorter than half of all.
    """
    deals, deal_params = won.order_by().values_list("pk", "created_at", "closed_at").query.sql_with_params()
    requests, lead_params = leads.filter(deal__isnull=False).order_by().values_list(
        "pk", "deal", "created_at"
    ).query.sql_with_params()  # fmt: skip
    sql = f"""
        WITH d (id, made, signed) AS ({deals}), l (id, deal, made) AS ({requests}),
        steps AS (
            SELECT d.id AS deal, '{REQUEST}' AS step, l.made AS at FROM d JOIN l ON l.deal = d.id
            UNION ALL SELECT d.id, '{DEAL}', d.made FROM d
            UNION ALL SELECT d.id, h.to_stage_id, h.at FROM d
                JOIN crm_stagehistory h ON h.record_type = 'deal' AND h.record_id = d.id
            UNION ALL SELECT d.id, h.to_stage_id, h.at FROM d JOIN l ON l.deal = d.id
                JOIN crm_stagehistory h ON h.record_type = 'lead' AND h.record_id = l.id
        ),
        firsts AS (SELECT deal, step, MIN(at) AS at FROM steps GROUP BY deal, step),
        spans AS (
            SELECT step, {_seconds("d.signed", "f.at")} AS seconds FROM firsts f JOIN d ON d.id = f.deal
            WHERE f.at <= d.signed
        ),
        ranked AS (SELECT step, seconds, CUME_DIST() OVER (PARTITION BY step ORDER BY seconds) AS part FROM spans)
        SELECT step, MIN(CASE WHEN part >= 0.5 THEN seconds END) FROM ranked GROUP BY step
    """  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, [*deal_params, *lead_params])
        return {step: float(seconds) for step, seconds in cursor.fetchall()}


def _seconds(later: str, earlier: str) -> str:
    """Whole seconds between two moments."""
    if connection.vendor == "postgresql":
        return f"ROUND(EXTRACT(EPOCH FROM ({later} - {earlier})))"
    return f"ROUND((JULIANDAY({later}) - JULIANDAY({earlier})) * 86400)"


@nothing_of_nothing(int)
def calls_on(leads: QuerySet[Any], deals: QuerySet[Any]) -> int:
    """How many calls that were not missed hang on these leads and deals."""
    of_leads, lead_params = leads.order_by().values_list("pk").query.sql_with_params()
    of_deals, deal_params = deals.order_by().values_list("pk").query.sql_with_params()
    sql = f"""
        SELECT COUNT(*) FROM communications_call c WHERE NOT c.is_missed AND (
            (c.record_type = 'lead' AND c.record_id IN ({of_leads}))
            OR (c.record_type = 'deal' AND c.record_id IN ({of_deals})))
    """  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, [*lead_params, *deal_params])
        return int(cursor.fetchone()[0])
