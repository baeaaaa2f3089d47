"""The advertising spend by the REST API: read, and set many rows at once; and the conversions for Metrica."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiToken
from analytics.api_shapes import PERIOD_PARAMETERS
from analytics.models import AdSpend
from analytics.query import parse
from analytics.sources import conversions, spend
from crm.api.filtering import refuse_unknown
from crm.api.serializers import Input
from crm.api.views import ApiViewSet
from crm.errors import InvalidInput
from crm.settings_audit import require_head


class SpendOutput(serializers.ModelSerializer[AdSpend]):
    """What a source, or a campaign of it, cost in a month."""

    month = serializers.DateField()

    class Meta:
        model = AdSpend
        fields = ("id", "month", "source", "campaign", "amount", "changed_at")
        read_only_fields = fields


class SpendRowInput(Input):
    """One row; an amount of zero takes the row away."""

    month = serializers.CharField(max_length=20, help_text=_("2026-03, 03.2026, or any day of the month."))
    source = serializers.CharField(max_length=100, help_text=_("Code or name of the source."))  # type: ignore[assignment]
    campaign = serializers.CharField(required=False, allow_blank=True, max_length=255)
    amount = serializers.DecimalField(max_digits=15, decimal_places=2, min_value=0)


class SpendInput(Input):
    """Rows of one or many months."""

    rows = serializers.ListField(child=SpendRowInput(), min_length=1, max_length=spend.MAX_ROWS)


class SpendKeptOutput(serializers.Serializer[Any]):
    """What became of the rows."""

    added = serializers.IntegerField()
    changed = serializers.IntegerField()
    removed = serializers.IntegerField()
    same = serializers.IntegerField()


class SpendViewSet(ApiViewSet):
    """Kept once for each month, source and campaign; for the sales head and the administrator."""

    queryset = AdSpend.objects.none()
    serializer_class = SpendOutput
    token_scope = ApiToken.Scope.REPORTS
    MONTHS = ("from", "to")

    @extend_schema(
        operation_id="ad_spend_list",
        parameters=[
            OpenApiParameter("from", str, description=_("First month, 2026-01.")),
            OpenApiParameter("to", str, description=_("Last month, 2026-12.")),
            OpenApiParameter("source", str, description=_("Code of the source.")),
        ],
    )
    def list(self, request: Request) -> Response:
        """What is kept, month by month."""
        require_head(self.caller)
        refuse_unknown(request, {"from", "to", "source", "limit", "cursor", "count", "ordering"})
        rows = AdSpend.objects.all()
        for name, lookup in zip(self.MONTHS, ("month__gte", "month__lte"), strict=True):
            if text := request.query_params.get(name):
                month = spend.read_month(text)
                if month is None:
                    raise InvalidInput.at(name, str(_("Give a month, for example 2026-03.")))
                rows = rows.filter(**{lookup: month})
        if source := request.query_params.get("source"):
            rows = rows.filter(source=source)
        return self.page_of(rows.order_by("-id"))

    @extend_schema(operation_id="ad_spend_set", request=SpendInput, responses=SpendKeptOutput)
    def set(self, request: Request) -> Response:
        """Set the spend of the given months, sources and campaigns; the others stay as they are."""
        require_head(self.caller)
        given = self.read(SpendInput)["rows"]
        kept = spend.spend_set(spend.read_rows(enumerate(given, start=1)), by=self.actor)
        return Response(SpendKeptOutput(kept).data)


class ConversionsViewSet(ApiViewSet):
    """Offline conversions for Yandex Metrica."""

    token_scope = ApiToken.Scope.REPORTS

    @extend_schema(
        operation_id="report_conversions",
        parameters=[*PERIOD_PARAMETERS[:3], OpenApiParameter("ids", str, enum=list(conversions.IDS))],
        responses={(200, "text/csv"): OpenApiResponse(OpenApiTypes.BINARY)},
    )
    def file(self, request: Request) -> HttpResponseBase:
        """Leads, deals and contracts of the period as a CSV: visitor, goal, Unix time, price, currency."""
        require_head(self.caller)
        refuse_unknown(request, {"period", "from", "to", "ids"})
        query = parse(self.caller, request.query_params, record_type="deal", names=())
        return conversions.conversions_file(query, conversions.kind_of(request.query_params))


def spend_paths() -> list[URLPattern]:
    """The addresses of both."""
    return [
        path("ad-spend/", SpendViewSet.as_view({"get": "list", "put": "set"}), name="api-ad-spend"),
        path("reports/conversions/", ConversionsViewSet.as_view({"get": "file"}), name="api-report-conversions"),
    ]
