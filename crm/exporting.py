"""Export of any filtered list to XLSX and CSV: streamed, in constant memory, safe to open in a spreadsheet (DATA-2)."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any, Protocol

import xlsxwriter
from django.http import FileResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

# What a spreadsheet would take for a formula when it stands first in a cell.
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")
MAX_CELL = 32_767
FORMATS = {"money": "#,##0.00", "number": "#,##0.###", "day": "dd.mm.yyyy", "moment": "dd.mm.yyyy hh:mm"}
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class ColumnLike(Protocol):
    """A column of an exported file: its head, its value of a row, and its kind."""

    @property
    def label(self) -> Any: ...
    @property
    def value(self) -> Any: ...
    @property
    def kind(self) -> str: ...


def neutral(text: str) -> str:
    """A text that no spreadsheet takes for a formula: an apostrophe goes in front of a dangerous beginning."""
    return f"'{text}" if text.startswith(DANGEROUS) else text


def cell(value: Any) -> Any:
    """A value as a cell keeps it: real dates and numbers, texts without control characters."""
    if isinstance(value, datetime):
        return timezone.localtime(value).replace(tzinfo=None) if timezone.is_aware(value) else value
    if value is None or isinstance(value, bool | int | float | Decimal | date):
        return value
    return "".join(char for char in str(value) if char >= " " or char in "\n\t")[:MAX_CELL]


def xlsx(name: str, columns: Sequence[ColumnLike], rows: Iterable[Any], *, about: str = "") -> HttpResponseBase:
    """The rows as an XLSX file; `about` is written above the table (which filter made it)."""
    target = tempfile.TemporaryFile(suffix=".xlsx")  # noqa: SIM115 - FileResponse closes it
    write_xlsx(target, columns, rows, about=about)
    target.seek(0)
    return FileResponse(target, as_attachment=True, filename=f"{name}.xlsx", content_type=XLSX_TYPE)


def write_xlsx(target: IO[bytes], columns: Sequence[ColumnLike], rows: Iterable[Any], *, about: str = "") -> None:
    """Write the sheet row by row; nothing but the current row is kept in memory."""
    book = xlsxwriter.Workbook(target, {"constant_memory": True, "default_date_format": FORMATS["day"]})
    sheet = book.add_worksheet(_("List"))
    bold = book.add_format({"bold": True, "bottom": 1})
    quiet = book.add_format({"italic": True, "font_color": "#666666"})
    formats = {kind: book.add_format({"num_format": code}) for kind, code in FORMATS.items()}
    for number, column in enumerate(columns):
        sheet.set_column(number, number, 14 if column.kind != "text" else 24)
    top = 0
    if about:
        sheet.write_string(0, 0, about[:MAX_CELL], quiet)
        top = 1
    for number, column in enumerate(columns):
        sheet.write_string(top, number, str(column.label), bold)
    sheet.freeze_panes(top + 1, 0)
    for line, row in enumerate(rows, start=top + 1):
        for number, column in enumerate(columns):
            _write(sheet, line, number, cell(column.value(row)), formats.get(column.kind))
    book.close()


def _write(sheet: Any, line: int, number: int, value: Any, style: Any) -> None:
    if value is None or value == "":
        return
    if isinstance(value, datetime | date):
        sheet.write_datetime(line, number, value, style)
    elif isinstance(value, bool):
        sheet.write_string(line, number, _("yes") if value else _("no"))
    elif isinstance(value, int | float | Decimal):
        sheet.write_number(line, number, float(value), style)
    else:
        # write_string never makes a formula or a link of what it is given.
        sheet.write_string(line, number, value)


def csv_lines(columns: Sequence[ColumnLike], rows: Iterable[Any]) -> Iterator[str]:
    """The rows as CSV for a Russian Excel: UTF-8 with its mark, semicolons."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=";")
    yield "\ufeff"
    for values in _csv_rows(columns, rows):
        writer.writerow(values)
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def csv_stream(name: str, columns: Sequence[ColumnLike], rows: Iterable[Any]) -> HttpResponseBase:
    """The rows as CSV, sent as they are read."""
    response = StreamingHttpResponse(csv_lines(columns, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _csv_rows(columns: Sequence[ColumnLike], rows: Iterable[Any]) -> Iterator[list[str]]:
    yield [neutral(str(column.label)) for column in columns]
    for row in rows:
        yield [_text(cell(column.value(row))) for column in columns]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, datetime):
        return f"{value:%d.%m.%Y %H:%M}"
    if isinstance(value, date):
        return f"{value:%d.%m.%Y}"
    if isinstance(value, int | float | Decimal):
        return f"{value}".replace(".", ",")
    return neutral(value)
