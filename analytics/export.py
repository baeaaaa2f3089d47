"""The reports as XLSX and CSV: real numbers, the question written above the tables (ANA-8)."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any

import xlsxwriter
from django.http import FileResponse, HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _

from analytics import tables
from analytics.funnel import CohortFunnel, SnapshotFunnel
from analytics.query import ReportQuery
from analytics.refusals import Refusals
from crm.exporting import XLSX_TYPE, neutral
from crm.models import ClientType, Source

FILES = ("xlsx", "csv")
FORMATS = {
    "count": "#,##0", "money": "#,##0.00", "share": "0.0%", "seconds": "0.00", "score": "0.00", "day": "dd.mm.yyyy",
    "text": "@",
}  # fmt: skip
Sheet = tuple[str, list[tables.Column], list[Any], Callable[[Any], str]]


def about(query: ReportQuery) -> str:
    """The question in words, as it stands above every table."""
    parts = [
        _("All of our pipelines") if query.codes else query.pipeline.name,
        _("%(start)s – %(end)s") % {"start": f"{query.period.start:%d.%m.%Y}", "end": f"{query.period.end:%d.%m.%Y}"},
    ]
    for name, values in query.cuts.items():
        parts.append(f"{_cut_label(name)}: {', '.join(_value_name(name, value) for value in values)}")
    return "; ".join(parts)


def _cut_label(name: str) -> str:
    return {
        "responsible": _("Manager"),
        "team": _("Team"),
        "source": _("Source"),
        "region": _("Region"),
        "purpose": _("Purpose"),
        "client_type": _("Client type"),
        "partner": _("Partner"),
    }[name]


def _value_name(name: str, value: str) -> str:
    from accounts.models import Partner, Team, User
    from objects_registry.models import Purpose

    models: dict[str, Any] = {
        "responsible": User, "team": Team, "source": Source, "purpose": Purpose, "partner": Partner,
    }  # fmt: skip
    model = models.get(name)
    if name == "client_type":
        return str(dict(ClientType.choices).get(value, value))
    row = model.objects.filter(pk=value).first() if model else None
    return str(row or value)


def book(name: str, query: ReportQuery, sheets: list[Sheet]) -> FileResponse:
    """A workbook with one sheet per table."""
    target = tempfile.TemporaryFile(suffix=".xlsx")  # noqa: SIM115 - FileResponse closes it
    workbook = xlsxwriter.Workbook(target, {"in_memory": True})
    bold, quiet = workbook.add_format({"bold": True, "bottom": 1}), workbook.add_format({"italic": True})
    formats = {kind: workbook.add_format({"num_format": code}) for kind, code in FORMATS.items()}
    for title, columns, rows, label in sheets:
        sheet = workbook.add_worksheet(title[:31])
        sheet.set_column(0, 0, 36)
        sheet.set_column(1, len(columns), 18)
        sheet.write_string(0, 0, about(query), quiet)
        for number, column in enumerate(columns, start=1):
            suffix = _(", days") if column.kind == "seconds" else ""
            sheet.write_string(1, number, f"{column.label}{suffix}", bold)
        for line, row in enumerate(rows, start=2):
            sheet.write_string(line, 0, label(row))
            for number, column in enumerate(columns, start=1):
                if (value := column.value(row)) is not None:
                    _write(sheet, line, number, value, formats[column.kind])
        sheet.freeze_panes(2, 1)
    workbook.close()
    target.seek(0)
    return FileResponse(target, as_attachment=True, filename=f"{name}.xlsx", content_type=XLSX_TYPE)


def _write(sheet: Any, line: int, number: int, value: Any, form: Any) -> None:
    """A cell as what it is: a text, a day, a number."""
    if isinstance(value, str):
        sheet.write_string(line, number, value, form)
    elif isinstance(value, date):
        sheet.write_datetime(line, number, datetime.combine(value, time.min), form)
    else:
        sheet.write_number(line, number, float(value), form)


def _number(value: Any) -> str:
    """A figure for a Russian Excel; shares and averages to four places, days as Russians write them."""
    if isinstance(value, str):
        return neutral(value)
    if isinstance(value, date):
        return f"{value:%d.%m.%Y}"
    return "" if value is None else str(round(value, 4) if isinstance(value, float) else value).replace(".", ",")


def csv_file(name: str, query: ReportQuery, sheets: list[Sheet]) -> HttpResponseBase:
    """All tables one under another, for a Russian Excel: the question first, a title above each table."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=";")
    writer.writerow([neutral(about(query))])
    for title, columns, rows, label in sheets:
        writer.writerow([])
        heads = [f"{column.label}{_(', days') if column.kind == 'seconds' else ''}" for column in columns]
        writer.writerow([neutral(str(title)), *(neutral(head) for head in heads)])
        for row in rows:
            values = [column.value(row) for column in columns]
            writer.writerow([neutral(label(row)), *(_number(value) for value in values)])
    response = HttpResponse("\ufeff" + buffer.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def report_file(kind: str, name: str, query: ReportQuery, sheets: list[Sheet]) -> HttpResponseBase:
    """A report as a file: `kind` is xlsx or csv."""
    return csv_file(name, query, sheets) if kind == "csv" else book(name, query, sheets)


def cohort_file(kind: str, report: CohortFunnel) -> HttpResponseBase:
    """The cohort: stages, detours and the table by manager (source ...)."""
    sheets: list[Sheet] = [
        (_("Funnel"), tables.step_columns(report), report.steps, tables.step_name),
        (_("Aside from the main path"), tables.detour_columns(), report.detours, tables.step_name),
    ]
    if report.breakdown:
        sheets.append((_("Table"), tables.breakdown_columns(), report.breakdown, tables.row_label))
    return report_file(kind, "funnel", report.query, sheets)


def snapshot_file(kind: str, report: SnapshotFunnel) -> HttpResponseBase:
    """What stands where."""
    sheets: list[Sheet] = [(_("Now"), tables.snapshot_columns(), report.rows, tables.step_name)]
    return report_file(kind, "snapshot", report.query, sheets)


def refusals_file(kind: str, report: Refusals) -> HttpResponseBase:
    """Every table of the page: by stage, by reason, by the stage lost from, by month, by manager (source ...)."""
    columns = tables.reason_columns()
    sheets: list[Sheet] = [
        (_("By stage"), columns, report.stages, tables.reason_name),
        (_("By reason"), columns, report.reasons, tables.reason_name),
        (_("Lost from"), tables.lost_from_columns(), report.lost_from, tables.lost_from_name),
        (_("By month"), tables.month_columns(report), report.months, tables.month_name),
    ]
    if report.cuts:
        sheets.append((_("Table"), tables.cut_columns(report), report.cuts, tables.cut_name))
    return report_file(kind, "refusals", report.query, sheets)
