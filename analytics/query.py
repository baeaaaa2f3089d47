"""What a report is asked: pipeline, period, cuts. The names are those of the lists' filters: a figure opens a list."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _text
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from crm import clock, pipelines, stages
from crm.errors import InvalidInput
from crm.formfields import read_full_day
from crm.models import Pipeline, record_model
from deals.filters import DealFilter
from leads.filters import LeadFilter

FILTERS: dict[str, Any] = {"lead": LeadFilter, "deal": DealFilter}
CUTS = ("responsible", "team", "source", "utm_campaign", "region", "purpose", "client_type", "partner")
COMPARED = (("previous", _("with the period before")), ("year_ago", _("with a year ago")))
PERIODS = (
    ("this_month", _("This month")),
    ("last_month", _("Last month")),
    ("this_quarter", _("This quarter")),
    ("last_quarter", _("Last quarter")),
    ("this_year", _("This year")),
    ("last_12_months", _("Last 12 months")),
    ("custom", _("From–to")),
)


@dataclass(frozen=True)
class Period:
    """Days of the company's calendar, both included."""

    start: date
    end: date

    @property
    def previous(self) -> Period:
        """As many days, right before."""
        days = (self.end - self.start).days + 1
        return Period(self.start - timedelta(days=days), self.start - timedelta(days=1))

    @property
    def year_ago(self) -> Period:
        """The same days of the year before; the 29th of February answers to the 28th."""
        return Period(_year_before(self.start), _year_before(self.end))


def _year_before(day: date) -> date:
    return day.replace(year=day.year - 1, day=28 if (day.month, day.day) == (2, 29) else day.day)


def month_after(month: date, count: int = 1) -> date:
    """The first day of the month so many months after another; `count` may be negative."""
    number = month.year * 12 + month.month - 1 + count
    return date(number // 12, number % 12 + 1, 1)


def last_day(day: date) -> date:
    """The last day of a day's month."""
    return day.replace(day=monthrange(day.year, day.month)[1])


def quarter_of(day: date) -> date:
    """The first day of the quarter."""
    return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)


def months_of(period: Period) -> list[Period]:
    """The months of the company's calendar that a period touches, cut to its days."""
    found, start = [], period.start
    while start <= period.end:
        found.append(Period(start, min(last_day(start), period.end)))
        start = month_after(start)
    return found


@dataclass(frozen=True)
class ReportQuery:
    """One question to the reports; `cuts` are list-filter parameters, many values each.

    With `codes` the rows of several pipelines of the kind are meant, not of the one.
    """

    user: User
    pipeline: Pipeline
    period: Period
    preset: str = "this_year"
    cuts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    codes: tuple[str, ...] = ()
    compare: str = "previous"

    @property
    def compared(self) -> Period:
        """The period that the figures are set against."""
        return self.period.year_ago if self.compare == "year_ago" else self.period.previous

    @property
    def record_type(self) -> str:
        return self.pipeline.record_type

    def params(self, **extra: Any) -> list[tuple[str, str]]:
        """The list's parameters that this question and `extra` come to; a value None leaves a name out."""
        rows = [("pipeline", code) for code in self.codes or (self.pipeline.code,)]
        rows += [(name, value) for name, values in self.cuts.items() if name not in extra for value in values]
        for name, value in extra.items():
            values = value if isinstance(value, list | tuple) else [value]
            rows += [(name, str(one)) for one in values if one is not None]
        return rows

    def link(self, **extra: Any) -> str:
        """The address of the list of exactly the records behind a figure."""
        return f"{reverse(f'{self.record_type}-list')}?{urlencode(self.params(**extra))}"

    def rows(self, **extra: Any) -> Any:
        """The records behind a figure: what the user may see, through the list's own filters."""
        data = QueryDict(mutable=True)
        for name, value in self.params(**extra):
            data.appendlist(name, value)
        rows = record_model(self.record_type)._default_manager.visible_to(self.user).alive()
        found = FILTERS[self.record_type](data, rows)
        if not found.is_valid():
            raise InvalidInput(
                "; ".join(f"{name}: {', '.join(map(str, texts))}" for name, texts in found.errors.items()),
                errors=[
                    {"pointer": f"/{name}", "code": "invalid", "message": str(text)}
                    for name, texts in found.errors.items()
                    for text in texts
                ],
            )
        return found.qs.order_by()

    def created(self, period: Period | None = None) -> dict[str, str]:
        """Parameters that cut a list to records created in the period."""
        span = period or self.period
        return {"created_from": span.start.isoformat(), "created_to": span.end.isoformat()}

    def closed(self, period: Period | None = None) -> dict[str, str]:
        """Parameters that cut a list to records closed in the period."""
        span = period or self.period
        return {"closed_from": span.start.isoformat(), "closed_to": span.end.isoformat()}

    def sales(self, record_type: str) -> ReportQuery:
        """The same question about all of the manufacturer's own leads or deals, whichever their pipeline."""
        own = [item for item in pipelines.catalogue().pipelines.values() if item.record_type == record_type]
        own = [item for item in own if not item.is_partner]
        return replace(self, pipeline=own[0], codes=tuple(item.code for item in own))

    def with_period(self, period: Period) -> ReportQuery:
        """The same question about another period."""
        return replace(self, period=period)


def period_of(preset: str, start: str = "", end: str = "") -> Period:
    """The days of a preset, or of two typed dates; InvalidInput for a date that is none."""
    today = clock.today()
    month = today.replace(day=1)
    quarter = quarter_of(today)
    match preset:
        case "this_month":
            return Period(month, today)
        case "last_month":
            last = month - timedelta(days=1)
            return Period(last.replace(day=1), last)
        case "this_quarter":
            return Period(quarter, today)
        case "last_quarter":
            last = quarter - timedelta(days=1)
            return Period(last.replace(month=last.month - 2, day=1), last)
        case "this_year":
            return Period(today.replace(month=1, day=1), today)
        case "custom":
            return _typed(start, end, today)
    return Period(today - timedelta(days=364), today)


def _typed(start: str, end: str, today: date) -> Period:
    first = read_full_day(start) if start else today.replace(month=1, day=1)
    last = read_full_day(end) if end else today
    if first is None or last is None:
        raise InvalidInput(str(_("Enter the period as two dates.")), errors=[{"pointer": "/from", "code": "invalid",
                           "message": str(_("Enter the period as two dates."))}])  # fmt: skip
    return Period(min(first, last), max(first, last))


def parse(
    user: User, data: QueryDict, *, record_type: str = "", names: tuple[str, ...] = CUTS, preset: str = "last_12_months"
) -> ReportQuery:
    """A question from a page's or the API's parameters; unknown pipelines fall back to the user's first one.

    `names` are the cuts that the report knows, `preset` the period that it shows when none is asked for.
    """
    offered = offered_pipelines(user, record_type)
    wanted = data.get("pipeline", "")
    pipeline = next((item for item in offered if item.code == wanted), None)
    if pipeline is None:
        if wanted or not offered:
            message = str(_("There is no such pipeline."))
            raise InvalidInput(message, errors=[{"pointer": "/pipeline", "code": "unknown", "message": message}])
        pipeline = next((item for item in offered if item.record_type == "deal"), offered[0])
    preset = data.get("period", "") or ("custom" if data.get("from") or data.get("to") else preset)
    if preset not in dict(PERIODS):
        message = str(_("There is no such period."))
        raise InvalidInput(message, errors=[{"pointer": "/period", "code": "unknown", "message": message}])
    cuts = {name: tuple(value for value in data.getlist(name) if value) for name in names}
    return ReportQuery(
        user=user,
        pipeline=pipeline,
        period=period_of(preset, data.get("from", ""), data.get("to", "")),
        preset=preset,
        cuts={name: values for name, values in cuts.items() if values},
        compare=_compared(data.get("compare", "")),
    )


def _compared(wanted: str) -> str:
    if wanted and wanted not in dict(COMPARED):
        names = ", ".join(dict(COMPARED))
        raise InvalidInput.at("compare", _text("Give one of: %(names)s.") % {"names": names})
    return wanted or COMPARED[0][0]


def offered_pipelines(user: User, record_type: str = "") -> list[Pipeline]:
    """The pipelines of leads and deals that a person may report on."""
    kinds = [record_type] if record_type else ["lead", "deal"]
    return [item for kind in kinds for item in stages.visible_pipelines(kind, user)]


def stage_keys(pipeline: str, *kinds: str) -> list[str]:
    """Keys of a pipeline's stages of the given kinds."""
    return [stage.key for stage in pipelines.stages_of(pipeline, hidden=True) if stage.kind in kinds]


def keys_of(query: ReportQuery, *kinds: str) -> list[str]:
    """The same of all the pipelines that a question is about."""
    return [key for code in query.codes or (query.pipeline.code,) for key in stage_keys(code, *kinds)]
