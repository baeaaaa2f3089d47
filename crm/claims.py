"""How workers share rows without doing one twice: a claim is one conditional UPDATE that only one of them wins."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

# SQLite's waiters look every tenth of a second whether it is their turn.
TURN = 0.15


def let_others_write() -> None:
    """Pause between two transactions of a long series of them.

    SQLite has one writer at a time and keeps no queue: whoever begins the next transaction at once leaves the others
    no moment to get in, until they give up with "database is locked". PostgreSQL locks rows; there nobody waits here.
    """
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        time.sleep(TURN)


def claim_one(free: QuerySet[Any], **columns: Any) -> int | None:
    """Mark the first free row as taken and answer its id; None when nothing is free.

    `free` is an ordered queryset of rows nobody works at; `columns` must take the row out of it. On PostgreSQL rows
    that another worker is just taking are skipped instead of waited for; on SQLite there is one writer at a time, and
    where nothing is free nobody waits for its lock.
    """
    return _claim(free, columns) if free.exists() else None


@transaction.atomic
def _claim(free: QuerySet[Any], columns: Mapping[str, Any]) -> int | None:
    candidates = free
    if connection.features.has_select_for_update_skip_locked:
        candidates = free.select_for_update(skip_locked=True)
    pk = candidates.values_list("pk", flat=True).first()
    if pk is None or not free.filter(pk=pk).order_by().update(**columns):
        return None
    return int(pk)
