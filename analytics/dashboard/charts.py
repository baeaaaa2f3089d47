"""The tiles that are a chart with its table: narrower cuts of the reports' own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _

from analytics import tables
from analytics.dashboard.numbers import of_partners
from analytics.dashboard.tile import Board
from analytics.funnel import Figure, cohort, share, snapshot
from analytics.refusals import Refusals, refusals
from analytics.reports.report import Part
from analytics.tables import Column


def funnel(board: Board) -> Part:
    """How far what came into the main pipeline of deals has got."""
    made = cohort(board.one_pipeline("deal"))
    columns = [
        Column(_("Got to the stage"), lambda step: step.got_to),
        Column(_("of all"), lambda step: step.from_start, "share"),
        Column(_("Previous period"), lambda step: step.previous_period),
    ]
    return Part(
        "funnel", _("Funnel"), columns, made.steps, tables.step_name, tables.funnel_chart(made.steps, made.query)
    )


def standing(record_type: str) -> Callable[[Board], Part]:
    """What stands in which open stage now."""

    def build(board: Board) -> Part:
        made = snapshot(board.one_pipeline(record_type))
        rows = [row for row in made.rows if row.stage.is_open]
        columns = tables.snapshot_columns()
        if record_type == "lead":
            columns = [columns[0], columns[2]]
        return Part("stages", _("Stages"), columns, rows, tables.step_name, tables.snapshot_chart(made))

    return build


def _refusals(board: Board, record_type: str) -> Refusals:
    return board.once(  # type: ignore[no-any-return]
        ("refusals", record_type), lambda: refusals(board.one_pipeline(record_type), by="")
    )


def refusal_stages(record_type: str) -> Callable[[Board], Part]:
    """Refusals by the stage that says why, largest first."""

    def build(board: Board) -> Part:
        made = _refusals(board, record_type)
        count, part, _low, _high, *money = tables.reason_columns()
        columns = [count, part, *money] if record_type == "deal" else [count, part]
        chart = tables.refusal_chart(made)
        return Part("refusals", _("Refusals"), columns, made.stages, tables.reason_name, chart)

    return build


def refusal_months(board: Board) -> Part:
    """Refusals of deals by month."""
    made = _refusals(board, "deal")
    columns, chart = tables.cut_columns(made)[4:], tables.month_chart(made)
    return Part("refusal-months", _("Refusals by month"), columns, made.months, tables.cut_name, chart)


def partner_steps(board: Board) -> Part:
    """How far got what partners received."""
    made = of_partners(board)
    received = made.total.received.value
    rows: list[tuple[str, Figure, float | None]] = [
        (stage.name, made.total.steps[stage.key], share(made.total.steps[stage.key].value, received))
        for stage in made.path
    ]
    columns = [
        Column(_("Got to the stage"), lambda row: row[1]),
        Column(_("of all"), lambda row: row[2], "share"),
    ]
    return Part("partner-steps", _("How far they got"), columns, rows, _first, _bars([row[:2] for row in rows]))


def by_partner(board: Board) -> Part:
    """The partners, who received most first."""
    made = of_partners(board)
    columns = [
        Column(_("Accepted"), lambda row: row.accepted),
        Column(_("Refused"), lambda row: row.refused),
        Column(_("Won"), lambda row: row.won),
        Column(_("Conversion"), lambda row: row.conversion, "share"),
    ]
    return Part("by-partner", _("Partners"), columns, made.rows, lambda row: row.label, _bars(
        [(row.label, row.received) for row in made.rows[:12]]
    ))  # fmt: skip


def _first(row: Any) -> str:
    return str(row[0])


def _bars(rows: list[Any]) -> dict[str, Any]:
    """Bars of figures with names."""
    return {
        "type": "hbar",
        "format": "number",
        "labels": [label for label, _figure in rows],
        "series": [{"label": _("Records"), "values": [figure.value for _label, figure in rows]}],
        "urls": [figure.url for _label, figure in rows],
    }
