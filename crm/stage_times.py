"""How long records stood in stages, out of the stage history (PIPE-5): counted and ranked by the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet


@dataclass(frozen=True)
class Stays:
    """Finished stays in one stage: how many, median and 90th percentile in seconds, and how many were brief."""

    count: int
    median: float
    p90: float
    brief: int = 0


def stays_in_stages(
    rows: QuerySet[Any], record_type: str, *, since: datetime | None = None, brief: timedelta = timedelta(0)
) -> dict[str, Stays]:
    """The finished stays of records, by stage key; with `since` only those that ended from then on.

    `brief` is what counts as hardly stood at all. Both databases give the discrete percentile: the smallest stay not
    shorter than that share of all stays.
    """
    try:
        base, base_params = rows.order_by().values_list("pk").query.sql_with_params()
    except EmptyResultSet:
        return {}
    recent = "AND h.at >= %s" if since else ""
    ranked = f"""
        SELECT h.from_stage_id AS stage, h.seconds,
               CUME_DIST() OVER (PARTITION BY h.from_stage_id ORDER BY h.seconds) AS share
        FROM crm_stagehistory h
        WHERE h.record_type = %s AND h.from_stage_id IS NOT NULL AND h.seconds IS NOT NULL {recent}
          AND h.record_id IN ({base})
    """  # noqa: S608 - only names of our own are put into the text
    sql = f"""
        SELECT stage, COUNT(*), MIN(CASE WHEN share >= 0.5 THEN seconds END),
               MIN(CASE WHEN share >= 0.9 THEN seconds END), SUM(CASE WHEN seconds < %s THEN 1 ELSE 0 END)
        FROM ({ranked}) r GROUP BY stage
    """  # noqa: S608
    params = [brief.total_seconds(), record_type, *([since] if since else []), *base_params]
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return {stage: Stays(count, median, p90, short) for stage, count, median, p90, short in cursor.fetchall()}
