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
from analytics.query import ReportQuery, parse
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
    return wanted if wanted in funnel.BREAKDOWNS else "responsible"


def _page(request: HtmxHttpRequest, template: str, query: ReportQuery, **context: Any) -> HttpResponse:
    return render(request, template, {
        "query": query,
        "form": forms.bound(query, request.GET),
        "report_errors": getattr(request, "report_errors", []),
        **context,
    })  # fmt: skip


def _stat(label: str, figure: funnel.Figure, note: str = "", tone: str = "", note_url: str = "") -> dict[str, Any]:
    value = ui.number(figure.value)
    return {"label": label, "value": value, "url": figure.url, "note": note, "note_url": note_url, "tone": tone}


def _outcome_stats(outcome: funnel.Outcome) -> list[dict[str, Any]]:
    earlier = outcome.previous_created
    before = _("previous period: %(count)s") % {"count": ui.number(earlier.value)}
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
    cohort = funnel.cohort(query, by)
    if (kind := request.GET.get("format", "")) in export.FILES:
        return export.cohort_file(kind, cohort)
    return _page(
        request, "analytics/funnel.html", query, mode="cohort", report=cohort, by=by,
        by_choices=forms.BY_CHOICES, stats=_outcome_stats(cohort.outcome), chart=tables.funnel_chart(cohort),
        table=tables.page_table(tables.step_columns(cohort), cohort.steps, tables.step_name),
        detours=tables.page_table(tables.detour_columns(), cohort.detours, tables.step_name),
        breakdown=tables.page_table(tables.breakdown_columns(), cohort.breakdown, tables.row_label),
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
            _stat(_("Refusals"), report.total, _("closed in the period")),
            {"label": _("Amount lost"), "value": ui.money_short(report.amount)},
            *_price_stats(report),
        ],
        chart=tables.refusal_chart(report),
        table=tables.page_table(tables.reason_columns(), report.stages, tables.reason_name),
        reasons=tables.page_table(tables.reason_columns(), report.reasons, tables.reason_name),
        lost_from=tables.page_table(tables.lost_from_columns(), report.lost_from, tables.lost_from_name),
        months_chart=tables.month_chart(report),
        months=tables.page_table(tables.month_columns(report), report.months, tables.month_name),
        cuts=tables.page_table(tables.cut_columns(report), report.cuts, tables.cut_name),
        flagged=[row for row in report.stages if row.is_flagged],
        threshold=report.threshold,
    )  # fmt: skip
