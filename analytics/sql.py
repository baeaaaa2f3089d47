"""Aggregates that the ORM cannot say: over a queryset's rows joined with the stage history."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db.models import F, QuerySet

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


# So many records tell a median and a 90th percentile well enough: both are off by less than one in a hundred.
TIMED = 20_000


def time_in_stages(rows: QuerySet[Any], record_type: str, count: int) -> tuple[dict[str, tuple[float, float]], int]:
    """Median and 90th percentile of the seconds that finished stays lasted: {stage key: (median, p90)}.

    Of more than TIMED records each n-th is asked, by a hash of its number; the second answer is that n.
    """
    each = -(-count // TIMED) or 1
    if each > 1:
        # Scrambled by a prime: whoever gets each twelfth record by turns is in the sample like everybody else.
        rows = rows.annotate(lot=F("pk") * 7919 % 104_729 % each).filter(lot=0)
    found = stays_in_stages(rows, record_type)
    return {stage: (stays.median, stays.p90) for stage, stays in found.items()}, each
