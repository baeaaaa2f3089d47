"""How workers share rows without doing one twice: a claim is one conditional UPDATE that only one of them wins."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.sql import UpdateQuery

# SQLite's waiters look every tenth of a second whether it is their turn.
TURN = 0.15


def let_others_write() -> None:
    """Pause between two transactions of a long series of them.

    SQLite has one writer at a time and keeps no queue: whoever begins the next transaction at once leaves the others
    no moment to get in, until they give up with "database is locked". PostgreSQL locks rows; there nobody waits here.
    """
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        time.sleep(TURN)


def back_off(failures: int, *, first: timedelta, longest: timedelta, growth: int = 2, jitter: float = 0.0) -> timedelta:
    """How long to wait after so many earlier failures: `first`, then `growth` times as long each time.

    With `jitter` (a share, 0.2 is a fifth more or less) those that failed together do not come back together.
    """
    pause = min(first * growth**failures, longest)
    return pause * random.uniform(1 - jitter, 1 + jitter) if jitter else pause  # noqa: S311 - no secret


def claim_one(free: QuerySet[Any], **columns: Any) -> int | None:
    """Mark the first free row as taken and answer its id; None when nothing is free.

    `free` is an ordered queryset of rows nobody works at; `columns` must take the row out of it. On PostgreSQL rows
    that another worker is just taking are skipped instead of waited for; on SQLite there is one writer at a time, and
    where nothing is free nobody waits for its lock.
    """
    if connection.features.has_select_for_update_skip_locked:
        return _claim_at_once(free, columns)
    return _claim(free, columns) if free.exists() else None


def _claim_at_once(free: QuerySet[Any], columns: Mapping[str, Any]) -> int | None:
    """The whole claim in one statement: what is due by the thousand is not asked for five times each.

    The row is chosen by a scalar subquery, which the database evaluates once; in an IN it might lock more than one.
    """
    try:
        chosen, params = free.values("pk")[:1].query.sql_with_params()
    except EmptyResultSet:
        return None
    one = RawSQL(f"{chosen} FOR UPDATE SKIP LOCKED", params)  # noqa: S611 - the ORM's own text
    query = free.model._base_manager.filter(pk=one).query.chain(UpdateQuery)
    query.add_update_values(columns)
    sql, values = query.get_compiler(connection=connection).as_sql()
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} RETURNING {connection.ops.quote_name(free.model._meta.pk.column)}", values)
        found = cursor.fetchone()
    return int(found[0]) if found else None


@transaction.atomic
def _claim(free: QuerySet[Any], columns: Mapping[str, Any]) -> int | None:
    """SQLite has one writer at a time: between these two statements nobody gets in."""
    pk = free.values_list("pk", flat=True).first()
    if pk is None or not free.filter(pk=pk).order_by().update(**columns):
        return None
    return int(pk)
