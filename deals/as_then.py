"""Deals as they stood at the beginning of a day (ANA-6): what a forecast made on that day could know.

The stage is told by the stage history, amount and expected close by the audit trail: the old value of the first change
from that day on, or the present one where nothing was changed. Everything else, and who may see a deal, is as of now.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext as _

from crm import pipelines
from crm.filters import day_start
from deals.spans import as_stored

COLUMNS = ("pk", "amount", "expected_close_date", "stage", "stage_entered_at")


@dataclass(frozen=True)
class Foreseen:
    """Deals open at the beginning of the day `at` that were then expected to close from `first` to `last`.

    Without these days: those that stood in no month of a forecast, for their date had passed or they had none.
    """

    at: date
    first: date | None = None
    last: date | None = None

    def __str__(self) -> str:
        """In the reader's words, as it stands among the filters of a list."""
        if self.first is None or self.last is None:
            return _("as of %(at)s, without a date or overdue") % {"at": f"{self.at:%d.%m.%Y}"}
        days = {name: f"{getattr(self, name):%d.%m.%Y}" for name in ("at", "first", "last")}
        return _("as of %(at)s, expected from %(first)s to %(last)s") % days

    @property
    def code(self) -> str:
        """As an address holds it; `parse` reads it."""
        return ":".join(day.isoformat() if day else "none" for day in (self.at, self.first, self.last))

    @classmethod
    def parse(cls, text: str) -> Foreseen | None:
        """Read "2026-07-01:2026-08-01:2026-08-31" or "2026-07-01:none:none"; None for anything else."""
        at, _mark, expected = text.partition(":")
        parts = [at] if expected == "none:none" else text.split(":")
        try:
            days = [date.fromisoformat(part) for part in parts]
        except ValueError:
            return None
        is_sane = len(days) in {1, 3} and len(parts[0]) == 10 and all(1900 < day.year < 2200 for day in days)
        return cls(*days) if is_sane and ":" in text else None


def _kept(column: str, kind: str) -> str:
    """A value of the audit trail as a value of a column."""
    if connection.vendor == "postgresql":
        return f"CAST(({column} #>> '{{}}') AS {kind})"
    text = f"json_extract({column}, '$')"
    return text if kind == "date" else f"CAST({text} AS {kind})"


def open_then(deals: QuerySet[Any], at: date) -> tuple[str, list[Any]]:
    """CTEs up to "then_open" (id, stage, kopecks, expected): the deals that were open at the beginning of the day.

    EmptyResultSet where there can be none.
    """
    moment = day_start(at)
    rows = deals.filter(Q(closed_at__isnull=True) | Q(closed_at__gte=moment), created_at__lt=moment)
    rows = rows.order_by().values_list(*COLUMNS)
    base, base_params = rows.query.sql_with_params()
    keys = [stage.key for stage in pipelines.all_stages() if stage.is_open and stage.pipeline.record_type == "deal"]
    places = ", ".join(["%s"] * len(keys))
    sql = f"""
        WITH d (id, amount, expected, stage_now, entered) AS ({base}),
        stood AS (
            -- What has not moved since stands where it stood: the history is asked for the others alone.
            SELECT d.id, d.amount, d.expected, CASE WHEN d.entered < %s THEN d.stage_now ELSE (
                SELECT h.to_stage_id FROM crm_stagehistory h
                WHERE h.record_type = 'deal' AND h.record_id = d.id AND h.at < %s ORDER BY h.at DESC, h.id DESC LIMIT 1
            ) END AS stage FROM d
        ),
        was AS (
            SELECT c.record_id, c.field, c.old,
                   ROW_NUMBER() OVER (PARTITION BY c.record_id, c.field ORDER BY c.at, c.id) AS place
            FROM stood s JOIN crm_change c ON c.record_type = 'deal' AND c.record_id = s.id
            WHERE s.stage IN ({places}) AND c.field IN ('amount', 'expected_close_date') AND c.at >= %s
        ),
        then_open AS (
            SELECT s.id, s.stage,
                   CAST(ROUND(COALESCE(CASE WHEN a.record_id IS NULL THEN s.amount ELSE {_kept("a.old", "numeric")} END,
                                       0) * 100) AS BIGINT) AS kopecks,
                   CASE WHEN e.record_id IS NULL THEN s.expected ELSE {_kept("e.old", "date")} END AS expected
            FROM stood s
            LEFT JOIN was a ON a.record_id = s.id AND a.field = 'amount' AND a.place = 1
            LEFT JOIN was e ON e.record_id = s.id AND e.field = 'expected_close_date' AND e.place = 1
            WHERE s.stage IN ({places})
        )
    """  # noqa: S608 - only names of our own are put into the text
    stored = as_stored(moment)
    return sql, [*base_params, stored, stored, *keys, stored, *keys]


def deals_foreseen(deals: QuerySet[Any], wanted: Foreseen) -> QuerySet[Any]:
    """Of these deals those that were open then and expected to close within those days."""
    try:
        known, params = open_then(deals, wanted.at)
    except EmptyResultSet:
        return deals.none()
    if wanted.first is None or wanted.last is None:
        where, days = "expected IS NULL OR expected < %s", [wanted.at]
    else:
        where, days = "expected BETWEEN %s AND %s", [wanted.first, wanted.last]
    sql = f"{known} SELECT id FROM then_open WHERE {where}"  # noqa: S608
    stored = [connection.ops.adapt_datefield_value(day) for day in days]
    return deals.filter(pk__in=RawSQL(sql, [*params, *stored]))  # noqa: S611
