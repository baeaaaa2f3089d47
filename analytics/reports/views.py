"""One view for all described reports: the page, its XLSX and CSV."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseBase, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_safe

from analytics import export, forms
from analytics.query import ReportQuery
from analytics.reports.report import Look, Option, Report
from analytics.views import names_what_is_wrong
from crm.http import HtmxHttpRequest, answers_errors


def view_of(report: Report) -> Callable[..., HttpResponseBase]:
    """The page of a report; 403 for the roles that have none."""

    @require_safe
    @login_required
    @answers_errors
    @names_what_is_wrong
    def page(request: HtmxHttpRequest) -> HttpResponseBase:
        if request.user.role not in report.roles:
            raise PermissionDenied
        query, chosen = report.ask(request.user, request.GET)
        look = report.look(report.build(query, **chosen))
        if (kind := request.GET.get("format", "")) in export.FILES:
            return report_book(report, kind, query, chosen, look)
        form = forms.bound(query, request.GET, (*report.cuts, *(["pipeline"] if report.asks_pipeline else [])))
        if report.is_about is not None:
            forms.narrow(form, report.pipelines(request.user))
        context = {
            "report_kind": report,
            "query": query,
            "look": look,
            "form": form,
            "heading": report.heading(request.user),
            "choices": [_choice(request.GET, item, chosen[item.name]) for item in report.options if not item.is_quiet],
            "kept": [(name, chosen[name]) for name in chosen],
            "chosen": chosen,
            "ways": ways_of(report, chosen),
            "report_errors": getattr(request, "report_errors", []),
        }
        return render(request, f"analytics/{report.template}.html", context)

    return page


def report_book(
    report: Report, kind: str, query: ReportQuery, chosen: Mapping[str, Any], look: Look
) -> HttpResponseBase:
    """The report as a file, with the way it was counted written above it."""
    sheets = [part.sheet for part in look.parts]
    return export.report_file(kind, report.code, query, sheets, title=report.name, ways=ways_of(report, chosen))


def ways_of(report: Report, chosen: Mapping[str, Any]) -> list[str]:
    """The ways of counting in words."""
    return [f"{option.label}: {dict(option.choices)[chosen[option.name]]}" for option in report.options]


def _choice(asked: QueryDict, option: Option, value: str) -> dict[str, Any]:
    """A segmented switch above the tables: each way of counting with its address, the rest of the question kept."""
    segments = []
    for code, label in option.choices:
        query = asked.copy()
        query[option.name] = code
        segments.append({"label": label, "url": f"?{query.urlencode()}", "is_active": code == value})
    return {"label": option.label, "segments": segments}
