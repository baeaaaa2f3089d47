"""The reports as tables and charts: one shape for the page, the XLSX and the reader who sees no colours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Protocol

from django.utils.translation import gettext as _

from analytics.funnel import BreakdownRow, CohortFunnel, Figure, SnapshotFunnel, Step
from analytics.query import ReportQuery
from analytics.refusals import SMALL_SAMPLE, CutRow, Refusals
from analytics.way import Way, WayRow
from crm.templatetags import ui


class Behind(Protocol):
    """What an amount opens: a figure, or another page."""

    @property
    def url(self) -> str: ...


@dataclass(frozen=True)
class Column:
    """A column of a report: label, how a row's value is read, and its kind (count, money, share, seconds, day,
    text).

    `behind` finds the figure whose records an amount sums up: the amount opens their list. `is_small` tells of a row
    whose figure says little because it was taken of few.
    """

    label: str
    read: Callable[[Any], Any]
    kind: str = "count"
    behind: Callable[[Any], Behind] | None = None
    is_small: Callable[[Any], bool] | None = None

    @property
    def numeric(self) -> bool:
        return self.kind not in {"text", "day"}

    def value(self, row: Any) -> Any:
        """The plain value, for a spreadsheet: numbers stay numbers, durations are days, shares 0..1."""
        found = self.read(row)
        if isinstance(found, Figure):
            return found.value
        if self.kind == "seconds" and found is not None:
            return round(found / 86_400, 2)
        return found

    def cell(self, row: Any) -> dict[str, Any]:
        """The value as a page shows it, with the link behind it."""
        found = self.read(row)
        if isinstance(found, Figure):
            return {"label": self.label, "value": self._shown(found.value), "url": found.url if found.value else ""}
        url = self.behind(row).url if self.behind and found else ""
        few = bool(found is not None and self.is_small and self.is_small(row))
        return {"label": self.label, "value": self._shown(found), "url": url, "few": few, "is_text": not self.numeric}

    def _shown(self, value: Any) -> str:
        if value is None:
            return "—"
        match self.kind:
            case "money":
                return ui.money(value)
            case "share":
                return ui.percent(value)
            case "seconds":
                return ui.duration(timedelta(seconds=float(value)))
            case "text":
                return str(value)
            case "day":
                return f"{value:%d.%m.%Y}"
        return ui.number(value)


def page_table(
    columns: list[Column], rows: list[Any], label: Callable[[Any], str], total: Any = None
) -> dict[str, Any]:
    """What components/report_table.html wants; `total` is one more row, under the others.

    A row that has a `page` (an address) links to it by its label.
    """
    return {
        "columns": [{"label": "", "numeric": False}, *({"label": c.label, "numeric": c.numeric} for c in columns)],
        "rows": [
            {"label": label(row), "url": getattr(row, "page", ""), "cells": [column.cell(row) for column in columns]}
            for row in rows
        ],
        "total_row": {"label": label(total), "cells": [column.cell(total) for column in columns]} if total else None,
    }


def compared_name(query: ReportQuery) -> str:
    """What the figures stand beside."""
    return _("A year ago") if query.compare == "year_ago" else _("Previous period")


def step_columns(funnel: CohortFunnel | Way) -> list[Column]:
    """The cohort's stages; what is taken of few records is marked."""
    start = funnel.steps[0].got_to.value if isinstance(funnel, CohortFunnel) and funnel.steps else SMALL_SAMPLE
    few = start < SMALL_SAMPLE
    before = compared_name(funnel.query)
    return [
        Column(_("Got to the stage"), lambda step: step.got_to),
        Column(_("of all"), lambda step: step.from_start, "share", is_small=lambda _step: few),
        Column(_("of the previous stage"), lambda step: step.from_previous, "share", is_small=lambda _step: few),
        Column(before, lambda step: step.previous_period),
        Column(_("%(before)s, of all") % {"before": before}, lambda step: step.previous_from_start, "share"),
        Column(_("Amount"), lambda step: step.amount, "money", lambda step: step.got_to),
        Column(_("Stood in it"), lambda step: step.stood_in),
        Column(_("Stands now"), lambda step: step.now),
        Column(_("Half leave within"), lambda step: step.median_seconds, "seconds"),
        Column(_("Nine of ten within"), lambda step: step.p90_seconds, "seconds"),
    ]


def detour_columns() -> list[Column]:
    """Stages aside from the main path: how many stood in them, not what share passed."""
    return [
        Column(_("Stood in it"), lambda step: step.stood_in),
        Column(_("Stands now"), lambda step: step.now),
        Column(_("Half leave within"), lambda step: step.median_seconds, "seconds"),
        Column(_("Nine of ten within"), lambda step: step.p90_seconds, "seconds"),
    ]


def way_columns() -> list[Column]:
    """What became of the requests of a manager, source ..."""
    return [
        Column(_("Leads"), lambda row: row.leads),
        Column(_("Deals"), lambda row: row.deals),
        Column(_("Contracts"), lambda row: row.won),
        Column(
            _("Conversion"), lambda row: row.conversion, "share", is_small=lambda row: row.leads.value < SMALL_SAMPLE
        ),
        Column(_("Amount won"), lambda row: row.won_amount, "money", lambda row: row.won),
    ]


def breakdown_columns() -> list[Column]:
    """The outcome by manager, source ..."""
    return [
        Column(_("Came in"), lambda row: row.created),
        Column(_("Won"), lambda row: row.won),
        Column(_("Lost"), lambda row: row.lost),
        Column(_("Open"), lambda row: row.open),
        Column(
            _("Conversion"), lambda row: row.conversion, "share", is_small=lambda row: row.created.value < SMALL_SAMPLE
        ),
        Column(_("Amount won"), lambda row: row.won_amount, "money", lambda row: row.won),
    ]


def snapshot_columns() -> list[Column]:
    """What stands where."""
    return [
        Column(_("Records"), lambda row: row.count),
        Column(_("Amount"), lambda row: row.amount, "money", lambda row: row.count),
        Column(_("Over the norm"), lambda row: row.overdue),
    ]


def reason_columns() -> list[Column]:
    """Refusals by stage or by reason."""
    return [
        Column(_("Refusals"), lambda row: row.count),
        Column(_("Share"), lambda row: row.share, "share", is_small=lambda row: row.of < SMALL_SAMPLE),
        Column(_("surely from"), lambda row: row.low, "share", is_small=lambda row: row.of < SMALL_SAMPLE),
        Column(_("to"), lambda row: row.high, "share", is_small=lambda row: row.of < SMALL_SAMPLE),
        Column(_("Amount lost"), lambda row: row.amount, "money", lambda row: row.count),
        Column(_("Share of the amount"), lambda row: row.amount_share, "share"),
    ]


def step_name(step: Step) -> str:
    """The name of a row that is a stage."""
    return step.stage.name


def row_label(row: BreakdownRow | WayRow) -> str:
    """The name of a row of the breakdown."""
    return row.label


def reason_name(row: Any) -> str:
    """A detail with its stage in front: the same words stand under several stages."""
    return row.label if row.label == row.stage.name else f"{row.stage.name}: {row.label}"


def funnel_chart(steps: list[Step], query: ReportQuery) -> dict[str, Any]:
    """Bars of the cohort beside those of the period it is compared with."""
    return {
        "type": "hbar",
        "format": "number",
        "labels": [step.stage.name for step in steps],
        "series": [
            {"label": _("This period"), "values": [step.got_to.value for step in steps], "colour": "blue"},
            {
                "label": compared_name(query),
                "values": [step.previous_period.value for step in steps],
                "colour": "gray",
            },
        ],
        "urls": [step.got_to.url for step in steps],
    }


def snapshot_chart(report: SnapshotFunnel) -> dict[str, Any]:
    """Bars of the open stages."""
    rows = [row for row in report.rows if row.stage.is_open]
    return {
        "type": "hbar",
        "format": "number",
        "labels": [row.stage.name for row in rows],
        "series": [{"label": _("Records"), "values": [row.count.value for row in rows]}],
        "colours": [row.stage.colour for row in rows],
        "urls": [row.count.url for row in rows],
    }


def refusal_chart(report: Refusals) -> dict[str, Any]:
    """Sorted bars, largest first."""
    return {
        "type": "hbar",
        "format": "number",
        "labels": [row.label for row in report.stages],
        "series": [{"label": _("Refusals"), "values": [row.count.value for row in report.stages]}],
        "colours": [row.stage.colour for row in report.stages],
        "urls": [row.count.url for row in report.stages],
    }


def month_chart(report: Refusals) -> dict[str, Any]:
    """Refusals by month, stacked by failure stage."""
    return {
        "type": "stacked",
        "format": "number",
        "labels": [cut_name(row) for row in report.months],
        "series": [
            {
                "label": row.label,
                "values": [_of_stage(month, row.stage.key).value for month in report.months],
                "colour": ["red", "orange", "yellow", "purple", "azure", "gray"][number % 6],
            }
            for number, row in enumerate(report.stages)
        ],
    }


def cut_columns(report: Refusals) -> list[Column]:
    """All refusals, the reason that stands out, and the failure stages that occur, for rows that are months, managers
    (sources ...).
    """
    return [
        Column(_("Refusals"), lambda row: row.total),
        Column(_("Amount lost"), lambda row: row.amount, "money", lambda row: row.total),
        Column(_("Most often"), lambda row: row.main.name if row.main else "", "text"),
        Column(
            _("its share"), lambda row: row.main_share, "share", is_small=lambda row: row.total.value < SMALL_SAMPLE
        ),
        *(Column(row.label, _stage_reader(row.stage.key)) for row in report.stages),
    ]


def cut_name(row: CutRow) -> str:
    """The name of a row that is a manager (source ...), or a month."""
    return row.label


def lost_from_columns() -> list[Column]:
    """Refusals by the stage that the record was lost from."""
    return [Column(_("Refusals"), lambda row: row[1]), Column(_("Share"), lambda row: row[2], "share")]


def lost_from_name(row: Any) -> str:
    """The name of a row that is a stage lost from."""
    return row[0].name


def _stage_reader(key: str) -> Callable[[Any], Figure]:
    return lambda row: _of_stage(row, key)


def _of_stage(row: CutRow, key: str) -> Figure:
    return row.by_stage.get(key, Figure(0, ""))


def total_amount(rows: list[Any]) -> Decimal:
    """The sum of the rows' money."""
    return sum((row.amount for row in rows), Decimal(0))
