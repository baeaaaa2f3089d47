"""What a tile is made of: a name, for whom it is, and how it is taken from what the reports already count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from django.db.models import Count, Sum
from django.http import QueryDict
from django.utils.translation import gettext as _

from accounts.models import User
from analytics.funnel import AMOUNT, Figure, Outcome, outcome
from analytics.query import Period, ReportQuery, offered_pipelines, parse
from analytics.reports.report import Look, Part, Report
from crm.templatetags import ui

PRESET = "this_month"


@dataclass
class Number:
    """A tile of one figure. `value` stands large where that is no count: roubles, or a share 0..1, as `kind` says."""

    figure: Figure
    value: Decimal | float | None = None
    kind: str = "count"
    note: str = ""
    tone: str = ""

    @property
    def shown(self) -> str:
        """The large figure."""
        if self.kind == "count":
            return ui.number(self.figure.value)
        if self.value is None:
            return "—"
        return ui.percent(self.value) if self.kind == "share" else ui.money_short(self.value)

    @property
    def url(self) -> str:
        """The list of the records behind it; none where there are none."""
        return self.figure.url if self.figure.value else ""


@dataclass
class Board:
    """One person's question to all of their tiles. What several tiles are taken from is counted once."""

    query: ReportQuery
    asked: QueryDict
    _kept: dict[Any, Any] = field(default_factory=dict, repr=False)

    @property
    def user(self) -> User:
        return self.query.user

    @property
    def period(self) -> Period:
        return self.query.period

    def once(self, key: Any, make: Callable[[], Any]) -> Any:
        """What `make` answers; it is asked once."""
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]

    def of(self, record_type: str) -> ReportQuery:
        """The question about all leads or deals of the person's own side: partners' and control's are the partners'."""
        own = [item for item in offered_pipelines(self.user, record_type) if not item.is_partner]
        own = own or offered_pipelines(self.user, record_type)
        return ReportQuery(self.user, own[0], self.period, self.query.preset, {}, tuple(item.code for item in own))

    def one_pipeline(self, record_type: str) -> ReportQuery:
        """The same about the first pipeline of the kind, for what is drawn stage by stage."""
        return parse(self.user, self.asked, record_type=record_type, names=())

    def sum(self, record_type: str, **span: Any) -> tuple[Figure, Decimal]:
        """How many records are in the list that `span` cuts, with the list, and how many roubles."""

        def counted() -> tuple[Figure, Decimal]:
            query = self.of(record_type)
            found = query.rows(**span).aggregate(count=Count("pk"), money=Sum(AMOUNT))
            return Figure(found["count"], query.link(**span)), found["money"] or Decimal(0)

        return self.once(("sum", record_type, repr(sorted(span.items()))), counted)  # type: ignore[no-any-return]

    def outcome(self, record_type: str) -> Outcome:
        """What became of what came in."""
        return self.once(("outcome", record_type), lambda: outcome(self.of(record_type)))  # type: ignore[no-any-return]

    def made(self, report: Report) -> Any:
        """A report for the period, as it is counted when nothing else is asked of it."""
        return self.once(("report", report.code), lambda: report.made(self.user, self.asked))

    def look(self, report: Report) -> Look:
        """The same with its tables and charts."""
        return self.once(("look", report.code), lambda: report.look(self.made(report)))  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Tile:
    """One tile. `build` takes it from the board's question; `page` names the report with the whole of it."""

    code: str
    name: Any
    roles: frozenset[str]
    build: Callable[[Board], Number | Part | None]
    page: str = ""
    params: str = ""  # what the report's address says besides the period
    is_wide: bool = False


def part_of(report: Report, code: str) -> Callable[[Board], Part | None]:
    """The builder of a tile that is one table, with its chart, of a described report."""

    def build(board: Board) -> Part | None:
        return next((part for part in board.look(report).parts if part.code == code), None)

    return build


def board_of(user: User, data: QueryDict) -> Board:
    """A person's question out of an address: period, from, to; this month when it says none. Raises InvalidInput."""
    asked = QueryDict(mutable=True)
    for name in ("period", "from", "to"):
        if data.get(name):
            asked[name] = str(data[name])
    query = parse(user, asked, names=(), preset=PRESET)
    asked["period"] = query.preset
    return Board(replace(query, codes=tuple(item.code for item in offered_pipelines(user))), asked)


def board_between(user: User, period: Period) -> Board:
    """The question about these days."""
    asked = QueryDict(mutable=True)
    asked.update({"period": "custom", "from": period.start.isoformat(), "to": period.end.isoformat()})
    return board_of(user, asked)


def before(figure: Figure) -> str:
    """The note of what it was in the period before."""
    return _("previous period: %(count)s") % {"count": ui.number(figure.value)}


def rows_of(part: Part) -> list[dict[str, Any]]:
    """The rows of a table as plain values: {label, cells: [{value, url}]}."""
    found = []
    for row in [*part.rows, *([part.total] if part.total else [])]:
        shown = [column.cell(row) for column in part.columns]
        cells = [
            {"value": column.value(row), "url": cell["url"]} for column, cell in zip(part.columns, shown, strict=True)
        ]
        found.append({"label": part.label(row), "cells": cells})
    return found
