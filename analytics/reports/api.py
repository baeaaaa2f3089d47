"""The described reports by the REST API: one call each, the same figures and files as the page."""

from __future__ import annotations

from typing import Any, cast

from django.core.exceptions import PermissionDenied
from django.http import HttpResponseBase
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiToken, User
from analytics.api_shapes import ANSWERS, PERIOD_PARAMETERS, file_kind, plain
from analytics.reports.registry import REPORTS
from analytics.reports.report import Report
from analytics.reports.views import report_book
from crm.api.filtering import refuse_unknown
from crm.api.views import ApiViewSet
from crm.models import ClientType


def _parameters(report: Report) -> list[OpenApiParameter]:
    found = [*PERIOD_PARAMETERS, *(_cut(name) for name in (*report.cuts, *report.unnamed))]
    if report.asks_pipeline:
        found.append(OpenApiParameter("pipeline", str, description=_("Code of the pipeline.")))
    for option in report.options:
        names = [code for code, _label in option.choices]
        found.append(OpenApiParameter(option.name, str, enum=names, description=option.label))
    return [*found, *(OpenApiParameter(name, OpenApiTypes.INT) for name in report.numbers)]


def _cut(name: str) -> OpenApiParameter:
    return OpenApiParameter(name, str, enum=ClientType.values if name == "client_type" else None)


def viewset_of(report: Report) -> type[ApiViewSet]:
    """The resource of one report."""
    known = {"period", "from", "to", "as", *report.cuts, *report.unnamed, *report.numbers}
    known |= {option.name for option in report.options} | ({"pipeline"} if report.asks_pipeline else set())

    class DescribedReport(ApiViewSet):
        """A report over what the caller may see."""

        token_scope = ApiToken.Scope.REPORTS

        @extend_schema(
            operation_id=f"report_{report.code}", summary=report.name, description=report.name,
            parameters=_parameters(report), responses=ANSWERS,
        )  # fmt: skip
        def show(self, request: Request) -> HttpResponseBase:
            """The figures, each with the address of the list behind it."""
            refuse_unknown(request, known)
            kind = file_kind(request)
            user = cast("User", request.user)
            if user.role not in report.roles:
                raise PermissionDenied
            query, chosen = report.ask(user, request.query_params)
            made = report.build(query, **chosen)
            if kind:
                return report_book(report, kind, query, chosen, report.look(made))
            return Response(plain(made))

    return DescribedReport


def described_paths() -> list[URLPattern]:
    """The addresses of all described reports."""
    return [
        path(
            f"reports/{report.code}/",
            cast("Any", viewset_of(report)).as_view({"get": "show"}),
            name=f"api-report-{report.code}",
        )
        for report in REPORTS
    ]
