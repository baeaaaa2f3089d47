"""What a report is made of: one description gives its page, its API call, its XLSX and its walk in the tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from accounts.models import Role, User
from analytics import tables
from analytics.funnel import Figure
from analytics.query import ReportQuery, offered_pipelines, parse
from crm.errors import InvalidInput
from crm.models import Pipeline
from crm.templatetags import ui

SALES = frozenset({Role.ADMINISTRATOR, Role.SALES_HEAD, Role.SALES_MANAGER})
HEADS = frozenset({Role.ADMINISTRATOR, Role.SALES_HEAD})


@dataclass
class Part:
    """One table of a report, with a chart beside it or none. `total` is a row under the others."""

    code: str
    title: str
    columns: list[tables.Column]
    rows: Sequence[Any]
    label: Callable[[Any], str]
    chart: dict[str, Any] | None = None
    note: str = ""
    total: Any = None
    form: str = ""  # the template of a form of its own above the table, and what it shows
    form_data: Any = None

    @property
    def table(self) -> dict[str, Any]:
        """As components/report_table.html wants it."""
        return tables.page_table(self.columns, list(self.rows), self.label, self.total)

    @property
    def sheet(self) -> tuple[str, list[tables.Column], list[Any], Callable[[Any], str]]:
        """As analytics.export wants it; the sum stands last."""
        return (self.title, self.columns, [*self.rows, *([self.total] if self.total else [])], self.label)


@dataclass
class Notice:
    """A sentence above the tables, with links (address, text) where there is more; `tone` is warn, bad or nothing."""

    text: str
    tone: str = ""
    links: Sequence[tuple[str, Any]] = ()


@dataclass
class Look:
    """How a report is shown: what is counted in a sentence, notices, figures in a row, tables.

    `empty` is said in place of the tables where there is nothing at all; the files have the tables all the same.
    """

    intro: str
    parts: list[Part]
    empty: str = ""
    stats: list[dict[str, Any]] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)


@dataclass(frozen=True)
class Option:
    """A choice between ways of counting: the parameter, what it is called, its values; the first one when not said.

    A quiet one has no switch above the tables: it stands in a form of its part.
    """

    name: str
    label: Any
    choices: tuple[tuple[str, Any], ...]
    default: str = ""
    is_quiet: bool = False

    @property
    def first(self) -> str:
        return self.default or self.choices[0][0]


@dataclass(frozen=True)
class Report:
    """One report. `build` counts, `look` shows; `cuts` are the list filters by which it can be cut.

    A report with `is_about` is about one pipeline among those for which it answers true, leads' or deals', at first
    the one with the code `pipeline`; without it, about all deals of the manufacturer's own pipelines, or with
    `has_pipeline` about one that the reader chooses. `unnamed` are cuts that are taken but have no field of the form.
    `title` is how it is headed for a person, where that is not its name.
    """

    code: str
    name: Any
    icon: str
    build: Callable[..., Any]
    look: Callable[[Any], Look]
    roles: frozenset[str] = SALES
    cuts: tuple[str, ...] = ("responsible", "team", "region", "purpose")
    options: tuple[Option, ...] = ()
    numbers: tuple[str, ...] = ()  # whole numbers of its own: a goal, from 1 to `most`
    most: int = 1000
    has_pipeline: bool = False
    is_about: Callable[[Pipeline], bool] | None = None
    pipeline: str = ""
    unnamed: tuple[str, ...] = ()
    title: Callable[[User], Any] | None = None
    template: str = "report"
    preset: str = "last_12_months"

    def ask(self, user: User, data: QueryDict) -> tuple[ReportQuery, dict[str, Any]]:
        """The question and the ways of counting; InvalidInput names what there is not."""
        query = self._question(user, data)
        chosen: dict[str, Any] = {option.name: _chosen(option, data) for option in self.options}
        return query, chosen | {name: _number(name, data, self.most) for name in self.numbers if data.get(name)}

    def _question(self, user: User, data: QueryDict) -> ReportQuery:
        if self.is_about is None:
            query = parse(user, data, record_type="deal", names=self.cuts, preset=self.preset)
            return query if self.has_pipeline else query.sales("deal")
        asked = data.copy()
        if not asked.get("pipeline"):
            asked["pipeline"] = self.pipeline
        query = parse(user, asked, names=(*self.cuts, *self.unnamed), preset=self.preset)
        if not self.is_about(query.pipeline):
            raise InvalidInput.at("pipeline", _("There is no such pipeline."))
        return query

    @property
    def asks_pipeline(self) -> bool:
        """Does the reader choose a pipeline?"""
        return self.has_pipeline or self.is_about is not None

    def pipelines(self, user: User) -> list[Pipeline]:
        """Those among which the reader chooses."""
        return [item for item in offered_pipelines(user) if self.is_about is None or self.is_about(item)]

    def heading(self, user: User) -> Any:
        """How the page is headed for a person."""
        return self.title(user) if self.title is not None else self.name

    def made(self, user: User, data: QueryDict) -> Any:
        """The report itself."""
        query, chosen = self.ask(user, data)
        return self.build(query, **chosen)


def _chosen(option: Option, data: Mapping[str, Any]) -> str:
    value = str(data.get(option.name) or option.first)
    if value not in dict(option.choices):
        names = ", ".join(code for code, _label in option.choices)
        raise InvalidInput.at(option.name, _("Give one of: %(names)s.") % {"names": names})
    return value


def _number(name: str, data: Mapping[str, Any], most: int) -> int:
    text = "".join(str(data.get(name)).removesuffix("%").split())
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:15]) <= most:
        raise InvalidInput.at(name, _("Enter a whole number from 1 to %(most)s.") % {"most": ui.number(most)})
    return int(text[:15])


def stat(label: str, figure: Figure, note: str = "", tone: str = "") -> dict[str, Any]:
    """A figure of the row above the tables, with the list behind it."""
    url = figure.url if figure.value else ""
    return {"label": label, "value": ui.number(figure.value), "url": url, "note": note, "tone": tone}


def stat_text(label: str, value: str, note: str = "", tone: str = "") -> dict[str, Any]:
    """A figure that is no count."""
    return {"label": label, "value": value, "url": "", "note": note, "tone": tone}
