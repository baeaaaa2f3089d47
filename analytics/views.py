"""The pages of the reports; each figure opens its list, each page exports to XLSX and CSV and is a link to itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from analytics import export, forms, funnel, refusals, tables
from analytics.breakdowns import BREAKDOWNS
from analytics.query import COMPARED, ReportQuery, parse
from analytics.way import Way, way
from crm.errors import InvalidInput
from crm.http import HtmxHttpRequest, answers_errors
from crm.templatetags import ui


@require_safe
@login_required
def home(request: HtmxHttpRequest) -> HttpResponse:
    """The reports begin with one's own figures."""
    return redirect("analytics:dashboard")


def names_what_is_wrong(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Decorator: a report whose address asks for what there is not shows itself without it, and says so (400)."""

    @wraps(view)
    def wrapper(request: HtmxHttpRequest) -> HttpResponseBase:
        asked, wrong = request.GET, []
        while True:
            try:
                answer = view(request)
            except InvalidInput as error:
                rest = _without_wrong(request.GET, error)
                if rest == request.GET:
                    raise
                wrong += forms.named(error)
                rest.pop("format", None)
                request.GET = rest  # type: ignore[assignment]
                request.report_errors = wrong  # type: ignore[attr-defined]
            else:
                if asked is not request.GET:
                    answer.status_code = 400
                return answer

    return wrapper


def _without_wrong(data: QueryDict, error: InvalidInput) -> QueryDict:
    """The question without the values that the error names."""
    rest = data.copy()
    for row in error.errors:
        name = str(row.get("pointer", "")).strip("/")
        for gone in ("from", "to", "period") if name == "from" else (name,):
            rest.pop(gone, None)
    return rest


def _by(request: HtmxHttpRequest) -> str:
    wanted = request.GET.get("by", "")
    return wanted if wanted in BREAKDOWNS else "responsible"


def _page(request: HtmxHttpRequest, template: str, query: ReportQuery, **context: Any) -> HttpResponse:
    return render(request, template, {
        "query": query,
        "form": forms.bound(query, request.GET),
        "kept": [("compare", query.compare)],
        "report_errors": getattr(request, "report_errors", []),
        **context,
    })  # fmt: skip


def _stat(label: str, figure: funnel.Figure, note: str = "", tone: str = "", note_url: str = "") -> dict[str, Any]:
    value = ui.number(figure.value)
    return {"label": label, "value": value, "url": figure.url, "note": note, "note_url": note_url, "tone": tone}


def _compared(query: ReportQuery, count: int) -> str:
    """A figure of the period that the report is compared with, in words."""
    text = _("a year ago: %(count)s") if query.compare == "year_ago" else _("previous period: %(count)s")
    return text % {"count": ui.number(count)}


def _outcome_stats(query: ReportQuery, outcome: funnel.Outcome) -> list[dict[str, Any]]:
    earlier = outcome.previous_created
    before = _compared(query, earlier.value)
    rate = _("conversion %(share)s, before %(before)s") % {
        "share": ui.percent(outcome.conversion) if outcome.conversion is not None else "—",
        "before": ui.percent(outcome.previous_conversion) if outcome.previous_conversion is not None else "—",
    }
    money = _("for %(amount)s") % {"amount": ui.money_short(outcome.won_amount)}
    return [
        _stat(_("Came in"), outcome.created, before, note_url=earlier.url if earlier.value else ""),
        _stat(_("Won"), outcome.won, f"{rate}; {money}", "good"),
        _stat(_("Lost"), outcome.lost, tone="bad"),
        _stat(_("Still open"), outcome.open),
        _stat(_("Set aside"), outcome.neutral, _("neither won nor lost, outside the conversion")),
    ]


@require_safe
@login_required
@answers_errors
@names_what_is_wrong
def funnel_page(request: HtmxHttpRequest) -> HttpResponseBase:
    """The funnel: a cohort of what came in, or with `?mode=snapshot` what stands where now."""
    query = parse(request.user, request.GET)
    if request.GET.get("mode") == "snapshot":
        report = funnel.snapshot(query)
        if (kind := request.GET.get("format", "")) in export.FILES:
            return export.snapshot_file(kind, report)
        return _page(
            request, "analytics/snapshot.html", query, mode="snapshot", report=report,
            chart=tables.snapshot_chart(report),
            table=tables.page_table(tables.snapshot_columns(), report.rows, tables.step_name),
            stats=[
                _stat(_("In open stages"), report.total, ui.money_short(report.amount)),
                _stat(_("Over the norm"), report.overdue, tone="bad" if report.overdue.value else ""),
            ],
        )  # fmt: skip
    by = _by(request)
    if request.GET.get("mode") == "way":
        return _way_page(request, query, by)
    cohort = funnel.cohort(query, by)
    if (kind := request.GET.get("format", "")) in export.FILES:
        return export.cohort_file(kind, cohort)
    return _page(
        request, "analytics/funnel.html", query, mode="cohort", report=cohort, by=by,
        by_choices=forms.BY_CHOICES, stats=_outcome_stats(query, cohort.outcome),
        chart=tables.funnel_chart(cohort.steps, query),
        table=tables.page_table(tables.step_columns(cohort), cohort.steps, tables.step_name),
        detours=tables.page_table(tables.detour_columns(), cohort.detours, tables.step_name),
        breakdown=tables.page_table(tables.breakdown_columns(), cohort.breakdown, tables.row_label),
        compares=COMPARED,
    )  # fmt: skip


def _price_stats(report: refusals.Refusals) -> list[dict[str, Any]]:
    """The share that a price was the reason of, with the list of those refusals."""
    if report.price is None or report.price_share is None:
        return []
    note = _("%(count)s of %(total)s") % {
        "count": ui.number(report.price.value), "total": ui.number(report.total.value)
    }  # fmt: skip
    stat = _stat(_("Because of the price"), report.price, note)
    return [{**stat, "value": ui.percent(report.price_share), "url": stat["url"] if report.price.value else ""}]


def _way_page(request: HtmxHttpRequest, query: ReportQuery, by: str) -> HttpResponseBase:
    """From the request to the signed contract."""
    report = way(query, by)
    if (kind := request.GET.get("format", "")) in export.FILES:
        return export.way_file(kind, report)
    columns = tables.step_columns(report)
    return _page(
        request, "analytics/way.html", query, mode="way", report=report, by=by, by_choices=forms.BY_CHOICES,
        compares=COMPARED, stats=_way_stats(query, report),
        chart=tables.funnel_chart([*report.lead_steps, *report.deal_steps], query),
        table=tables.page_table(columns, report.lead_steps, tables.step_name),
        deals=tables.page_table(columns, report.deal_steps, tables.step_name),
        breakdown=tables.page_table(tables.way_columns(), report.breakdown, tables.row_label),
    )  # fmt: skip


def _way_stats(query: ReportQuery, report: Way) -> list[dict[str, Any]]:
    rate = _("conversion %(share)s, before %(before)s") % {
        "share": ui.percent(report.conversion) if report.conversion is not None else "—",
        "before": ui.percent(report.previous_conversion) if report.previous_conversion is not None else "—",
    }
    money = _("for %(amount)s") % {"amount": ui.money_short(report.won_amount)}
    requests = {"label": _("Requests"), "value": ui.number(report.requests)}
    return [
        {**requests, "note": _compared(query, report.previous_requests)},
        _stat(_("Leads"), report.leads),
        _stat(_("Deals without a lead"), report.direct),
        _stat(_("Deals"), report.deals, _("of these leads, and those without a lead")),
        _stat(_("Contracts"), report.won, f"{rate}; {money}", "good"),
    ]


@require_safe
@login_required
@answers_errors
@names_what_is_wrong
def refusals_page(request: HtmxHttpRequest) -> HttpResponseBase:
    """Why records were lost in the period."""
    query = parse(request.user, request.GET)
    report = refusals.refusals(query, _by(request))
    if (kind := request.GET.get("format", "")) in export.FILES:
        return export.refusals_file(kind, report)
    return _page(
        request, "analytics/refusals.html", query, report=report, by=report.by, by_choices=forms.BY_CHOICES,
        stats=[
            _stat(
                _("Refusals"), report.total, _compared(query, report.previous_total.value),
                note_url=report.previous_total.url if report.previous_total.value else "",
            ),
            {"label": _("Amount lost"), "value": ui.money_short(report.amount)},
            *_price_stats(report),
        ],
        chart=tables.refusal_chart(report),
        table=tables.page_table(tables.reason_columns(), report.stages, tables.reason_name),
        reasons=tables.page_table(tables.reason_columns(), report.reasons, tables.reason_name),
        lost_from=tables.page_table(tables.lost_from_columns(), report.lost_from, tables.lost_from_name),
        months_chart=tables.month_chart(report),
        months=tables.page_table(tables.cut_columns(report), report.months, tables.cut_name),
        cuts=tables.page_table(tables.cut_columns(report), report.cuts, tables.cut_name),
        flagged=[row for row in report.stages if row.is_flagged],
        threshold=report.threshold,
        compares=COMPARED,
    )  # fmt: skip
