"""The cells of a list, written in Python: a page has hundreds of them, and the template language takes many times as
long for the same mark-up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from html import escape
from typing import Any

from django.utils.translation import gettext as _

from crm.templatetags.ui import day, icon_html, moment, money, number, stage_pill, tag_pill
from crm.templatetags.ui import phone as phone_text

# What a kind of column adds to its cells' class.
CLASSES = {
    "number": "is-num", "money": "is-num", "sides": "is-num", "day": "nowrap num", "moment": "nowrap num",
    "phone": "nowrap",
}  # fmt: skip


def inside(column: Any, row: Any, now: datetime) -> str:
    """The mark-up within a cell; an empty text when there is nothing to show."""
    if column.cell is not None:
        return str(column.cell(row))
    return DRAWN.get(column.kind, _text)(column, row, now)


def _text(column: Any, row: Any, now: datetime) -> str:
    value = column.value(row)
    return "" if value is None else escape(str(value))


def _link(column: Any, row: Any, now: datetime) -> str:
    value = column.value(row)
    return f'<a href="{escape(value.get_absolute_url())}">{escape(str(value))}</a>' if value else ""


def _number(column: Any, row: Any, now: datetime) -> str:
    return number(column.value(row))


def _money(column: Any, row: Any, now: datetime) -> str:
    return escape(money(column.value(row), getattr(row, "currency", "RUB")))


def _day(column: Any, row: Any, now: datetime) -> str:
    return day(column.value(row))


def _moment(column: Any, row: Any, now: datetime) -> str:
    return moment(column.value(row))


def _phone(column: Any, row: Any, now: datetime) -> str:
    value = column.value(row)
    return f'<a class="tel" href="tel:{escape(value)}">{escape(phone_text(value))}</a>' if value else ""


def _mail(column: Any, row: Any, now: datetime) -> str:
    value = escape(column.value(row) or "")
    return f'<a class="mail" href="mailto:{value}" title="{value}">{value}</a>' if value else ""


def _person(column: Any, row: Any, now: datetime) -> str:
    value = column.value(row)
    return f'<span class="nowrap">{escape(str(value))}</span>' if value else ""


def _stage(column: Any, row: Any, now: datetime) -> str:
    return stage_pill(row.stage_row)


def _tags(column: Any, row: Any, now: datetime) -> str:
    return "".join(tag_pill(tag) for tag in row.tags.all())


def _next(column: Any, row: Any, now: datetime) -> str:
    if row.next_activity_at is None:
        return f'<span class="warned">{escape(_("No next step"))}</span>' if row.is_open else ""
    late = row.next_activity_at < now
    sign = icon_html("clock-exclamation", "icon-small") if late else ""
    return (
        f'<span class="next-step{" bad" if late else ""}"><span class="clip">{escape(row.next_activity_title)}</span>'
        f'<span class="cell-note nowrap">{sign}{escape(moment(row.next_activity_at))}</span></span>'
    )


DRAWN: dict[str, Callable[[Any, Any, datetime], str]] = {
    "link": _link, "number": _number, "money": _money, "day": _day, "moment": _moment, "phone": _phone,
    "mail": _mail, "person": _person, "stage": _stage, "tags": _tags, "next": _next,
}  # fmt: skip


def main_cell(column: Any, row: Any, notes: Iterable[str]) -> str:
    """The first cell: the record's name as its link, with what tells it from others under it."""
    note = " · ".join([f"№ {row.pk}", *(escape(str(part)) for part in notes if part)])
    name = escape(str(column.value(row)) or f"№ {row.pk}")
    return (
        f'<th scope="row" class="cell-main"><a href="{escape(row.get_absolute_url())}">{name}</a>'
        f'<span class="cell-note">{note}</span></th>'
    )


def cell(column: Any, row: Any, now: datetime, *, label: str, may_change: bool) -> str:
    """One cell; one that can be filled in place names its column."""
    shown = inside(column, row, now)
    css = CLASSES.get(column.kind, "") if shown else f"{CLASSES.get(column.kind, '')} is-blank".strip()
    named = f' class="{css}"' if css else ""
    edit = f' data-cell="{column.key}" tabindex="-1"' if may_change and (column.fact or column.kind == "stage") else ""
    whole = f"<span>{shown}</span>" if shown and not shown.startswith("<") else shown
    return f'<td{named} data-label="{label}"{edit}>{whole}</td>'


def row_html(screen: Any, columns: Iterable[Any], row: Any, now: datetime, labels: dict[str, str]) -> str:
    """A row of a list with its box to select it."""
    may, may_move = getattr(row, "may_change", False), getattr(row, "may_move", False)
    pick = (
        f'<input type="checkbox" class="form-check-input" name="ids" value="{row.pk}" data-bulk-row'
        f' aria-label="{escape(str(row))}">'
        if may or may_move
        else ""
    )
    first, *rest = columns
    made = "".join(cell(column, row, now, label=labels[column.key], may_change=may) for column in rest)
    return (
        f'<tr id="row-{row.pk}" data-row="{row.pk}"><td class="col-pick">{pick}</td>'
        f"{main_cell(first, row, screen.row_notes(row))}{made}</tr>"
    )


def labels_of(columns: Iterable[Any]) -> dict[str, str]:
    """The names of columns as cells on a phone carry them."""
    return {column.key: escape(str(column.label)) for column in columns}
