"""The reports by the REST API: the same figures, each with the address of the list behind it."""

from __future__ import annotations

from typing import cast

from django.http import HttpResponseBase
from django.urls import path
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiToken, User
from analytics import export, funnel, refusals
from analytics.api_shapes import ANSWERS, KNOWN, PARAMETERS, file_kind, plain
from analytics.dashboard.api import dashboard_paths
from analytics.dashboard.digest_api import digest_paths
from analytics.managers.plan_api import plan_paths
from analytics.query import parse
from analytics.reports.api import described_paths
from analytics.reports.registry import REPORTS
from analytics.sources.spend_api import spend_paths
from analytics.way import way
from crm.api.filtering import refuse_unknown
from crm.api.views import ApiViewSet


class ReportViewSet(ApiViewSet):
    """Funnel and refusals over what the caller may see."""

    token_scope = ApiToken.Scope.REPORTS

    @extend_schema(
        operation_id="report_funnel",
        parameters=[*PARAMETERS, OpenApiParameter("mode", str, enum=["cohort", "way", "snapshot"])],
        responses=ANSWERS,
    )
    def funnel(self, request: Request) -> HttpResponseBase:
        """What became of the records of a period.

        mode=way follows requests from the lead to the contract, mode=snapshot says what stands where now.
        """
        refuse_unknown(request, KNOWN)
        query, kind = parse(cast("User", request.user), request.query_params), file_kind(request)
        if request.query_params.get("mode") == "snapshot":
            now = funnel.snapshot(query)
            return export.snapshot_file(kind, now) if kind else Response(plain(now))
        if request.query_params.get("mode") == "way":
            whole = way(query, request.query_params.get("by", ""))
            return export.way_file(kind, whole) if kind else Response(plain(whole))
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
        role = cast("User", request.user).role
        named = [("funnel", _("Funnel")), ("refusals", _("Refusals"))]
        named += [(report.code, report.name) for report in REPORTS if role in report.roles]
        return Response(
            {"reports": [{"code": code, "name": name, "url": f"/api/v1/reports/{code}/"} for code, name in named]}
        )


urlpatterns = [
    path("reports/", ReportIndexViewSet.as_view({"get": "index"}), name="api-reports"),
    path("reports/funnel/", ReportViewSet.as_view({"get": "funnel"}), name="api-report-funnel"),
    path("reports/refusals/", ReportViewSet.as_view({"get": "refusals"}), name="api-report-refusals"),
    *dashboard_paths(),
    *digest_paths(),
    *spend_paths(),
    *plan_paths(),
    *described_paths(),
]
