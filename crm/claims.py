"""How workers share rows without doing one twice: a claim is one conditional UPDATE that only one of them wins."""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet


@transaction.atomic
def claim_one(free: QuerySet[Any], **columns: Any) -> int | None:
    """Mark the first free row as taken and answer its id; None when nothing is free.

    `free` is an ordered queryset of rows nobody works at; `columns` must take the row out of it. On PostgreSQL rows
    that another worker is just taking are skipped instead of waited for; on SQLite there is one writer at a time.
    """
    candidates = free
    if connection.features.has_select_for_update_skip_locked:
        candidates = free.select_for_update(skip_locked=True)
    pk = candidates.values_list("pk", flat=True).first()
    if pk is None or not free.filter(pk=pk).order_by().update(**columns):
        return None
    return int(pk)
