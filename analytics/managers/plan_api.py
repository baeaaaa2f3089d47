"""Plans and bonus rules by the REST API."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.managers import plans
from analytics.managers.plans import BONUS_RULES
from analytics.models import BonusRule, SalesPlan
from analytics.sources import spend
from crm.api.catalogues import CatalogueViewSet, described
from crm.api.filtering import refuse_unknown
from crm.api.serializers import Input, RecordInput, Reference
from crm.api.views import ApiViewSet
from crm.errors import InvalidInput
from crm.settings_audit import require_head

BONUS_FIELDS = ("name", "basis", "percent", "per_deal", "order", "is_active")


class SalesPlanOutput(serializers.ModelSerializer[SalesPlan]):
    """What a manager is to win in a month."""

    class Meta:
        model = SalesPlan
        fields = ("month", "user", "amount", "contracts")
        read_only_fields = fields


class SalesPlanInput(Input):
    """A plan; nothing in both takes it away."""

    user = Reference(queryset=lambda _user: plans.planned_people())
    amount = serializers.DecimalField(max_digits=15, decimal_places=2, min_value=0, default=Decimal(0))
    contracts = serializers.IntegerField(min_value=0, max_value=10_000, default=0)


class SalesPlansInput(Input):
    """The plans of one month."""

    month = serializers.CharField(max_length=20)
    plans = serializers.ListField(child=SalesPlanInput(), min_length=1, max_length=500)


def _month(text: str) -> Any:
    month = spend.read_month(text)
    if month is None:
        raise InvalidInput.at("month", str(_("Give a month, for example 2026-03.")))
    return month


class PlanViewSet(ApiViewSet):
    """For the sales head and the administrator."""

    queryset = SalesPlan.objects.none()
    serializer_class = SalesPlanOutput
    pagination_class = None

    @extend_schema(operation_id="sales_plans_list", parameters=[OpenApiParameter("month", str, required=True)])
    def list(self, request: Request) -> Response:
        """The plans of a month."""
        require_head(self.caller)
        refuse_unknown(request, {"month"})
        rows = SalesPlan.objects.filter(month=_month(str(request.query_params.get("month", ""))))
        return Response(self.get_serializer(rows, many=True).data)

    @extend_schema(operation_id="sales_plans_set", request=SalesPlansInput, responses=SalesPlanOutput(many=True))
    def set(self, request: Request) -> Response:
        """Set the plans of the given managers for a month; the others stay."""
        require_head(self.caller)
        given = self.read(SalesPlansInput)
        month = _month(given["month"])
        rows = {row["user"].pk: (row["amount"], row["contracts"]) for row in given["plans"]}
        plans.plans_set(month, rows, by=self.actor)
        return Response(self.get_serializer(SalesPlan.objects.filter(month=month), many=True).data)


class BonusRuleOutput(serializers.ModelSerializer[BonusRule]):
    """A rule of the bonus."""

    class Meta:
        model = BonusRule
        fields = ("id", *BONUS_FIELDS)
        read_only_fields = fields


class BonusRuleInput(RecordInput):
    """A rule as the settings keep it."""

    class Meta:
        model = BonusRule
        fields = BONUS_FIELDS


@described(_("Rules of the managers' bonus."), BonusRuleInput, BonusRuleOutput)
class BonusRuleViewSet(CatalogueViewSet):
    """What managers earn on contracts and upsells."""

    queryset = BonusRule.objects.none()
    serializer_class = BonusRuleOutput
    catalogue = BONUS_RULES
    input_class = BonusRuleInput
    lookup_value_regex = r"[0-9]{1,18}"


def plan_paths() -> list[URLPattern]:
    """The addresses of both."""
    one = "bonus-rules/<int:pk>/"
    return [
        path("sales-plans/", PlanViewSet.as_view({"get": "list", "put": "set"}), name="api-sales-plans"),
        path("bonus-rules/", BonusRuleViewSet.as_view({"get": "list", "post": "create"}), name="api-bonus-rules"),
        path(one, BonusRuleViewSet.as_view({"patch": "partial_update"}), name="api-bonus-rule"),
    ]
