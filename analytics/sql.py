"""Aggregates that the ORM cannot say: over a queryset's rows joined with the stage history."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import F, QuerySet

from crm import clock
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


# So many records tell a share, a median and a 90th percentile well enough: off by less than one in a hundred.
TIMED = 20_000


def nth(count: int) -> int:
    """Each how many-th of so many records is asked, so that about TIMED are; 1 is all of them."""
    return -(-count // TIMED) or 1


def sample(rows: QuerySet[Any], count: int) -> QuerySet[Any]:
    """Of about `count` rows each n-th.

    Their numbers are scrambled by a prime: whoever gets each twelfth record by turns is in the sample like all others.
    """
    each = nth(count)
    return rows.annotate(lot=F("pk") * 7919 % 104_729 % each).filter(lot=0) if each > 1 else rows


def fetch(sql: str, params: list[Any]) -> list[Any]:
    """The rows of a statement of our own."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def moment(value: Any) -> datetime:
    """A moment as the databases give it, on the company's clock; SQLite keeps UTC as text."""
    found: datetime = datetime.fromisoformat(value) if isinstance(value, str) else value
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(clock.company_zone())


def time_in_stages(rows: QuerySet[Any], record_type: str, count: int) -> tuple[dict[str, tuple[float, float]], int]:
    """Median and 90th percentile of the seconds that finished stays lasted: {stage key: (median, p90)}.

    Of more than TIMED records each n-th is asked, by a hash of its number; the second answer is that n.
    """
    each = nth(count)
    found = stays_in_stages(sample(rows, count), record_type)
    return {stage: (stays.median, stays.p90) for stage, stays in found.items()}, each
