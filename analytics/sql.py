"""Aggregates that the ORM cannot say: over a queryset's rows joined with the stage history."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import wraps
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

from crm.stage_times import stays_in_stages


def nothing_of_nothing(make: Callable[[], Any]) -> Callable[..., Any]:
    """Answer something empty for a queryset of which Django knows without asking that it has no rows."""

    def decorator(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            except EmptyResultSet:
                return make()

        return wrapper

    return decorator


@nothing_of_nothing(dict)
def furthest_steps(
    rows: QuerySet[Any], record_type: str, ranks: dict[str, int], amount: str = ""
) -> dict[int, tuple[int, Decimal]]:
    """How far records got: {rank: (count, sum of amount)} over the highest-ranked stage each has ever stood in.

    `ranks` gives every stage that counts its place on the path. One pass over the history of the rows.
    """
    columns = ["pk", amount] if amount else ["pk"]
    base, base_params = rows.values_list(*columns).query.sql_with_params()
    total, value = ("SUM(f.worth)", ', MAX(b."value") AS worth') if amount else ("NULL", "")
    names = '("id", "value")' if amount else '("id")'
    case = " ".join("WHEN %s THEN %s" for _key in ranks)
    rank_params = [item for key, rank in ranks.items() for item in (key, rank)]
    places = ", ".join(["%s"] * len(ranks))
    sql = f"""
        WITH b {names} AS ({base})
        SELECT f.rank, COUNT(*), {total}
        FROM (
            SELECT h.record_id, MAX(CASE h.to_stage_id {case} END) AS rank{value}
            FROM b JOIN crm_stagehistory h ON h.record_id = b."id"
            WHERE h.record_type = %s AND h.to_stage_id IN ({places})
            GROUP BY h.record_id
        ) f
        GROUP BY f.rank
    """  # noqa: S608 - only names of our own are put into the text
    with connection.cursor() as cursor:
        cursor.execute(sql, [*base_params, *rank_params, record_type, *ranks])
        return {rank: (count, _money(value)) for rank, count, value in cursor.fetchall()}


def _money(value: Any) -> Decimal:
    """A sum to the kopeck; SQLite adds decimals as floats."""
    return Decimal(str(value or 0)).quantize(Decimal("0.01"))


@nothing_of_nothing(dict)
def stood_in(rows: QuerySet[Any], record_type: str) -> dict[str, int]:
    """How many of the records ever stood in each stage: {stage key: count}."""
    base, base_params = rows.values_list("pk").query.sql_with_params()
    sql = f"""
        SELECT stage, COUNT(*) FROM (
            SELECT DISTINCT h.to_stage_id AS stage, h.record_id FROM crm_stagehistory h
            WHERE h.record_type = %s AND h.record_id IN ({base})
        ) stood GROUP BY stage
    """  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, [record_type, *base_params])
        return dict(cursor.fetchall())


def time_in_stages(rows: QuerySet[Any], record_type: str) -> dict[str, tuple[float, float]]:
    """Median and 90th percentile of the seconds that finished stays lasted: {stage key: (median, p90)}."""
    return {stage: (stays.median, stays.p90) for stage, stays in stays_in_stages(rows, record_type).items()}


@nothing_of_nothing(list)
def lost_from(rows: QuerySet[Any], record_type: str, failures: list[str]) -> list[tuple[str, int]]:
    """From which stage lost records were lost: the stage before their latest refusal, with counts."""
    base, base_params = rows.values_list("pk").query.sql_with_params()
    places = ", ".join(["%s"] * len(failures))
    sql = f"""
        SELECT stage, COUNT(*) FROM (
            SELECT h.from_stage_id AS stage,
                   ROW_NUMBER() OVER (PARTITION BY h.record_id ORDER BY h.at DESC, h.id DESC) AS place
            FROM crm_stagehistory h
            WHERE h.record_type = %s AND h.to_stage_id IN ({places}) AND h.record_id IN ({base})
        ) r WHERE place = 1 AND stage IS NOT NULL GROUP BY stage
    """  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, [record_type, *failures, *base_params])
        return list(cursor.fetchall())
