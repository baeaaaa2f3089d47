"""The pages of the reports; each figure opens its list, each page exports to XLSX and is a link to itself."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from analytics import export, forms, funnel, refusals, tables
from analytics.query import ReportQuery, parse
from crm.http import HtmxHttpRequest, answers_errors
from crm.templatetags import ui


@require_GET
@login_required
def home(request: HtmxHttpRequest) -> HttpResponse:
    """The reports begin with the funnel."""
    return redirect("analytics:funnel")


def _by(request: HtmxHttpRequest) -> str:
    wanted = request.GET.get("by", "")
    return wanted if wanted in funnel.BREAKDOWNS else "responsible"


def _page(request: HtmxHttpRequest, template: str, query: ReportQuery, **context: Any) -> HttpResponse:
    return render(request, template, {"query": query, "form": forms.bound(query, request.GET), **context})


def _stat(label: str, figure: funnel.Figure, note: str = "", tone: str = "") -> dict[str, Any]:
    return {"label": label, "value": ui.number(figure.value), "url": figure.url, "note": note, "tone": tone}


def _outcome_stats(outcome: funnel.Outcome) -> list[dict[str, Any]]:
    before = _("previous period: %(count)s") % {"count": ui.number(outcome.previous_created)}
    rate = _("conversion %(share)s, before %(before)s") % {
        "share": ui.percent(outcome.conversion) if outcome.conversion is not None else "—",
        "before": ui.percent(outcome.previous_conversion) if outcome.previous_conversion is not None else "—",
    }
    money = _("for %(amount)s") % {"amount": ui.money_short(outcome.won_amount)}
    return [
        _stat(_("Came in"), outcome.created, before),
        _stat(_("Won"), outcome.won, f"{rate}; {money}", "good"),
        _stat(_("Lost"), outcome.lost, tone="bad"),
        _stat(_("Still open"), outcome.open),
        _stat(_("Set aside"), outcome.neutral, _("neither won nor lost, outside the conversion")),
    ]


@require_GET
@login_required
@answers_errors
def funnel_page(request: HtmxHttpRequest) -> HttpResponseBase:
    """The funnel: a cohort of what came in, or with `?mode=snapshot` what stands where now."""
    query = parse(request.user, request.GET)
    if request.GET.get("mode") == "snapshot":
        report = funnel.snapshot(query)
        if request.GET.get("format") == "xlsx":
            return export.snapshot_xlsx(report)
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
    if request.GET.get("format") == "xlsx":
        return export.cohort_xlsx(cohort)
    return _page(
        request, "analytics/funnel.html", query, mode="cohort", report=cohort, by=by,
        by_choices=forms.BY_CHOICES, stats=_outcome_stats(cohort.outcome), chart=tables.funnel_chart(cohort),
        table=tables.page_table(tables.step_columns(cohort), cohort.steps, tables.step_name),
        detours=tables.page_table(tables.detour_columns(), cohort.detours, tables.step_name),
        breakdown=tables.page_table(tables.breakdown_columns(), cohort.breakdown, tables.row_label),
    )  # fmt: skip


@require_GET
@login_required
@answers_errors
def refusals_page(request: HtmxHttpRequest) -> HttpResponseBase:
    """Why records were lost in the period."""
    query = parse(request.user, request.GET)
    report = refusals.refusals(query, _by(request))
    if request.GET.get("format") == "xlsx":
        return export.refusals_xlsx(report)
    return _page(
        request, "analytics/refusals.html", query, report=report, by=report.by, by_choices=forms.BY_CHOICES,
        stats=[
            _stat(_("Refusals"), report.total, _("closed in the period")),
            {"label": _("Amount lost"), "value": ui.money_short(report.amount)},
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
