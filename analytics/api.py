"""The reports by the REST API: the same figures, each with the address of the list behind it."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from typing import Any, cast

from django.http import HttpResponseBase
from django.urls import path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import ValidationError as BadRequest
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiToken, User
from analytics import export, funnel, refusals
from analytics.query import PERIODS, ReportQuery, parse
from crm.api.filtering import refuse_unknown
from crm.api.views import ApiViewSet
from crm.exporting import XLSX_TYPE
from crm.models import ClientType, Stage

KNOWN = {
    "pipeline", "period", "from", "to", "responsible", "team", "source", "region", "purpose", "client_type",
    "partner", "by", "mode", "as",
}  # fmt: skip
PARAMETERS = [
    OpenApiParameter("pipeline", str, description=_("Code of the pipeline.")),
    OpenApiParameter("period", str, enum=[code for code, _label in PERIODS]),
    OpenApiParameter("from", OpenApiTypes.DATE, description=_("First day, when period is custom.")),
    OpenApiParameter("to", OpenApiTypes.DATE, description=_("Last day, when period is custom.")),
    *(OpenApiParameter(name, str) for name in ("responsible", "team", "source", "region", "purpose", "partner")),
    OpenApiParameter("client_type", str, enum=ClientType.values),
    OpenApiParameter("as", str, enum=["xlsx", "csv"], description=_("As a file; JSON when nothing is said.")),
    OpenApiParameter("by", str, enum=list(funnel.BREAKDOWNS), description=_("What the table is cut by.")),
]


ANSWERS: dict[Any, Any] = {
    200: OpenApiTypes.OBJECT,
    (200, XLSX_TYPE): OpenApiResponse(OpenApiTypes.BINARY),
    (200, "text/csv"): OpenApiResponse(OpenApiTypes.BINARY),
}


def file_kind(request: Request) -> str:
    """xlsx or csv where the report is wanted as a file, an empty text for JSON."""
    kind = str(request.query_params.get("as", ""))
    if kind and kind not in export.FILES:
        raise BadRequest({"as": [gettext("Give one of: %(names)s.") % {"names": ", ".join(export.FILES)}]})
    return kind


def plain(value: Any) -> Any:
    """A report as JSON: money as a decimal string, dates as ISO days, stages by key and name."""
    if isinstance(value, Stage):
        return {"key": value.key, "code": value.code, "name": value.name, "kind": value.kind}
    if isinstance(value, ReportQuery):
        return {
            "pipeline": value.pipeline.code,
            "from": value.period.start.isoformat(),
            "to": value.period.end.isoformat(),
            **{name: list(values) for name, values in value.cuts.items()},
        }
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    return value.isoformat() if isinstance(value, date) else value


class ReportViewSet(ApiViewSet):
    """Funnel and refusals over what the caller may see."""

    token_scope = ApiToken.Scope.REPORTS

    @extend_schema(
        operation_id="report_funnel",
        parameters=[*PARAMETERS, OpenApiParameter("mode", str, enum=["cohort", "snapshot"])],
        responses=ANSWERS,
    )
    def funnel(self, request: Request) -> HttpResponseBase:
        """What became of the records of a period, or with mode=snapshot what stands where now."""
        refuse_unknown(request, KNOWN)
        query, kind = parse(cast("User", request.user), request.query_params), file_kind(request)
        if request.query_params.get("mode") == "snapshot":
            now = funnel.snapshot(query)
            return export.snapshot_file(kind, now) if kind else Response(plain(now))
        cohort = funnel.cohort(query, request.query_params.get("by", ""))
        return export.cohort_file(kind, cohort) if kind else Response(plain(cohort))

    @extend_schema(operation_id="report_refusals", parameters=PARAMETERS, responses=ANSWERS)
    def refusals(self, request: Request) -> HttpResponseBase:
        """Why records were lost in the period."""
        refuse_unknown(request, KNOWN)
        query, kind = parse(cast("User", request.user), request.query_params), file_kind(request)
        report = refusals.refusals(query, request.query_params.get("by", "responsible"))
        return export.refusals_file(kind, report) if kind else Response(plain(report))


class ReportIndexViewSet(ApiViewSet):
    """Which reports there are."""

    token_scope = ApiToken.Scope.REPORTS

    @extend_schema(operation_id="report_index", responses={200: OpenApiTypes.OBJECT}, summary=_("List the reports"))
    def index(self, request: Request) -> Response:
        """Each report with its name and the call that gives it."""
        refuse_unknown(request, set())
        named = (("funnel", _("Funnel")), ("refusals", _("Refusals")))
        return Response(
            {"reports": [{"code": code, "name": name, "url": f"/api/v1/reports/{code}/"} for code, name in named]}
        )


urlpatterns = [
    path("reports/", ReportIndexViewSet.as_view({"get": "index"}), name="api-reports"),
    path("reports/funnel/", ReportViewSet.as_view({"get": "funnel"}), name="api-report-funnel"),
    path("reports/refusals/", ReportViewSet.as_view({"get": "refusals"}), name="api-report-refusals"),
]
