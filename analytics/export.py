"""The reports as XLSX and CSV: real numbers and dates, above them the question, when it was asked, by whom (ANA-8)."""

from __future__ import annotations

import csv
import io
import re
import tempfile
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import xlsxwriter
from django.core.exceptions import ValidationError
from django.http import FileResponse, HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _

from accounts.models import User
from analytics import tables
from analytics.funnel import CohortFunnel, SnapshotFunnel
from analytics.query import ReportQuery
from analytics.refusals import Refusals
from analytics.way import Way
from crm import clock
from crm.exporting import XLSX_TYPE, neutral
from crm.exports import export_noted
from crm.models import ClientType, Source

FILES = ("xlsx", "csv")
FORMATS = {
    "count": "#,##0", "money": "#,##0.00", "share": "0.0%", "seconds": "0.00", "score": "0.00", "text": "@",
    "day": "dd.mm.yyyy", "month": "mm.yyyy",
}  # fmt: skip
HEAD_ROWS = 2  # the question, and when it was asked by whom
Sheet = tuple[str, list[tables.Column], list[Any], Callable[[Any], str]]


def about(query: ReportQuery, ways: Sequence[str] = ()) -> str:
    """The question in words, as it stands above every table; `ways` say how it was counted."""
    parts = [
        _("All of our pipelines") if query.codes else query.pipeline.name,
        _("%(start)s – %(end)s") % {"start": f"{query.period.start:%d.%m.%Y}", "end": f"{query.period.end:%d.%m.%Y}"},
    ]
    for name, values in query.cuts.items():
        parts.append(f"{_cut_label(name)}: {', '.join(_value_name(name, value, query.user) for value in values)}")
    return "; ".join([*parts, *ways])


def made(query: ReportQuery) -> str:
    """When the figures were taken, on the company's clock, and who asked: everybody sees their own records."""
    now = clock.now().astimezone(clock.company_zone())
    return _("Made %(moment)s: %(name)s") % {"moment": f"{now:%d.%m.%Y %H:%M}", "name": query.user}


def _cut_label(name: str) -> str:
    return {
        "responsible": _("Manager"),
        "team": _("Team"),
        "source": _("Source"),
        "utm_campaign": _("Campaign"),
        "region": _("Region"),
        "purpose": _("Purpose"),
        "client_type": _("Client type"),
        "partner": _("Partner"),
    }[name]


def _value_name(name: str, value: str, reader: User) -> str:
    """What a cut is called, for who reads it: what a partner may not know of stays the number that was asked for."""
    from accounts.models import Partner, Team
    from objects_registry.models import Purpose

    models: dict[str, Any] = {
        "responsible": User, "team": Team, "source": Source, "purpose": Purpose, "partner": Partner,
    }  # fmt: skip
    if name == "client_type":
        return str(dict(ClientType.choices).get(value, value))
    if name not in models:
        return value
    rows = models[name].objects.all()
    if reader.is_partner and name in ("partner", "responsible"):
        rows = rows.filter(**{"pk" if name == "partner" else "partner": reader.partner_id})
    try:
        return str(rows.filter(pk=models[name]._meta.pk.to_python(value)).first() or value)
    except ValidationError:
        return value


def _sheet_name(title: str) -> str:
    """A title as Excel takes it for a sheet: some signs are forbidden there, and more than 31 of any."""
    return re.sub(r"[\[\]:*?/\\]", " ", title).strip("' ")[:31]


class _Book:
    """A workbook in the making."""

    def __init__(self, heads: Sequence[str]) -> None:
        self.target = tempfile.TemporaryFile(suffix=".xlsx")  # noqa: SIM115 - FileResponse closes it
        self.workbook = xlsxwriter.Workbook(self.target, {"in_memory": True})
        self.heads = heads
        self.bold = self.workbook.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        self.quiet = self.workbook.add_format({"italic": True})
        self.formats = {kind: self.workbook.add_format({"num_format": code}) for kind, code in FORMATS.items()}
        self.formats["month"].set_align("left")

    def sheet(self, title: str, columns: list[tables.Column], rows: list[Any], label: Callable[[Any], str]) -> None:
        """One table; it prints on sheets that lie, as wide as one, with its head on each."""
        sheet = self.workbook.add_worksheet(_sheet_name(title))
        sheet.set_column(0, 0, 36)
        sheet.set_column(1, len(columns), 18)
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(HEAD_ROWS)
        for line, text in enumerate(self.heads):
            sheet.write_string(line, 0, text, self.quiet)
        for number, column in enumerate(columns, start=1):
            suffix = _(", days") if column.kind == "seconds" else ""
            sheet.write_string(HEAD_ROWS, number, f"{column.label}{suffix}", self.bold)
        for line, row in enumerate(rows, start=HEAD_ROWS + 1):
            month = getattr(row, "month", None)
            self._cell(sheet, line, 0, month if isinstance(month, date) else label(row), "month")
            for number, column in enumerate(columns, start=1):
                self._cell(sheet, line, number, column.value(row), column.kind)
        sheet.freeze_panes(HEAD_ROWS + 1, 1)

    def _cell(self, sheet: Any, line: int, number: int, value: Any, kind: str) -> None:
        """Numbers as numbers, days as days; nothing stays empty."""
        if isinstance(value, date):
            sheet.write_datetime(line, number, value, self.formats[kind if kind == "month" else "day"])
        elif isinstance(value, str):
            sheet.write_string(line, number, value)
        elif value is not None:
            sheet.write_number(line, number, float(value), self.formats[kind])


def book(name: str, heads: Sequence[str], sheets: list[Sheet]) -> FileResponse:
    """A workbook with one sheet per table, `heads` above each."""
    made_book = _Book(heads)
    for sheet in sheets:
        made_book.sheet(*sheet)
    made_book.workbook.close()
    made_book.target.seek(0)
    return FileResponse(made_book.target, as_attachment=True, filename=f"{name}.xlsx", content_type=XLSX_TYPE)


def _number(value: Any) -> str:
    """A figure for a Russian Excel; shares and averages to four places, days as people write them."""
    if isinstance(value, date):
        return f"{value:%d.%m.%Y}"
    if isinstance(value, str):
        return neutral(value)
    return "" if value is None else str(round(value, 4) if isinstance(value, float) else value).replace(".", ",")


def csv_file(name: str, heads: Sequence[str], sheets: list[Sheet]) -> HttpResponseBase:
    """All tables one under another, for a Russian Excel: `heads` first, a title above each table."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=";")
    writer.writerows([neutral(text)] for text in heads)
    for title, columns, rows, label in sheets:
        writer.writerow([])
        heads = [f"{column.label}{_(', days') if column.kind == 'seconds' else ''}" for column in columns]
        writer.writerow([neutral(str(title)), *(neutral(head) for head in heads)])
        for row in rows:
            values = [column.value(row) for column in columns]
            shown = [
                neutral(str(value or "")) if column.kind == "text" else _number(value)
                for column, value in zip(columns, values, strict=True)
            ]
            writer.writerow([neutral(label(row)), *shown])
    response = HttpResponse("\ufeff" + buffer.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def report_file(
    kind: str, name: str, query: ReportQuery, sheets: list[Sheet], *, title: Any = "", ways: Sequence[str] = ()
) -> HttpResponseBase:
    """A report as a file, xlsx or csv. Above its tables stand its `title`, the question, when it was asked, by whom.

    A line of the audit trail says who made it.
    """
    heads = [f"{title}. {about(query, ways)}" if title else about(query, ways), made(query)]
    rows = sum(len(list(sheet[2])) for sheet in sheets)
    export_noted(query.user, name=str(title or name), rows=rows, form=kind, about=heads[0], is_measured=False)
    return csv_file(name, heads, sheets) if kind == "csv" else book(name, heads, sheets)


def cohort_file(kind: str, report: CohortFunnel) -> HttpResponseBase:
    """The cohort: stages, detours and the table by manager (source ...)."""
    sheets: list[Sheet] = [
        (_("Funnel"), tables.step_columns(report), report.steps, tables.step_name),
        (_("Aside from the main path"), tables.detour_columns(), report.detours, tables.step_name),
    ]
    if report.breakdown:
        sheets.append((_("Table"), tables.breakdown_columns(), report.breakdown, tables.row_label))
    return report_file(kind, "funnel", report.query, sheets, title=_("Funnel"))


def way_file(kind: str, report: Way) -> HttpResponseBase:
    """The whole way: the stages of leads, those of deals, and the table by manager (source ...)."""
    columns = tables.step_columns(report)
    sheets: list[Sheet] = [
        (_("Leads"), columns, report.lead_steps, tables.step_name),
        (_("Deals"), columns, report.deal_steps, tables.step_name),
    ]
    if report.breakdown:
        sheets.append((_("Table"), tables.way_columns(), report.breakdown, tables.row_label))
    return report_file(kind, "way", report.query, sheets, title=_("From request to contract"))


def snapshot_file(kind: str, report: SnapshotFunnel) -> HttpResponseBase:
    """What stands where."""
    sheets: list[Sheet] = [(_("Now"), tables.snapshot_columns(), report.rows, tables.step_name)]
    return report_file(kind, "snapshot", report.query, sheets, title=_("Funnel: what stands where"))


def refusals_file(kind: str, report: Refusals) -> HttpResponseBase:
    """Every table of the page: by stage, by reason, by the stage lost from, by month, by manager (source ...)."""
    columns = tables.reason_columns()
    sheets: list[Sheet] = [
        (_("By stage"), columns, report.stages, tables.reason_name),
        (_("By reason"), columns, report.reasons, tables.reason_name),
        (_("Lost from"), tables.lost_from_columns(), report.lost_from, tables.lost_from_name),
        (_("By month"), tables.cut_columns(report), report.months, tables.cut_name),
    ]
    if report.cuts:
        sheets.append((_("Table"), tables.cut_columns(report), report.cuts, tables.cut_name))
    return report_file(kind, "refusals", report.query, sheets, title=_("Refusals"))
