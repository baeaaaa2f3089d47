"""Deals in the API."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from crm.api.directions import DirectionActions
from crm.api.filtering import refuse_unknown
from crm.api.serializers import (
    HEAD,
    TAIL,
    ClickIds,
    Coded,
    Input,
    RecordInput,
    RecordOutput,
    Reference,
    TextList,
    visible,
)
from crm.models import ATTRIBUTION_FIELDS, RecordType, Source
from crm.people import assignable
from deals import services
from deals.catalogues_api import ProductViewSet
from deals.documents_api import DocumentActions, DocumentViewSet
from deals.filters import DealFilter
from deals.models import Deal, DealLine, Product
from objects_registry.api import WithObject
from objects_registry.models import BUILDING_FIELDS, Purpose

OWN = (
    "title", "request_text", "amount", "currency", "expected_close_date", "contract_number", "contract_date",
    "competitor", "competitor_price", "feedback_product", "feedback_partner", "feedback_text",
)  # fmt: skip
LINKS = ("contact", "company", "object")


class DealOutput(RecordOutput):
    """A deal."""

    internal_fields = ("created_by", "mother", "origin", "upsell_by")

    tags: Any = serializers.SlugRelatedField("name", many=True, read_only=True)
    mother = Reference(read_only=True, guarded="mother=deals.Deal")
    origin = Reference(read_only=True, guarded="origin=deals.Deal")

    class Meta:
        model = Deal
        fields = (
            *HEAD, *OWN, *LINKS, *BUILDING_FIELDS, "tags", "mother", "origin", "upsell_by", "partner",
            *ATTRIBUTION_FIELDS, *TAIL,
        )  # fmt: skip
        read_only_fields = fields


def _products(user: Any) -> Any:
    """The products that a person may name: none for partners."""
    return Product.objects.none() if user.is_partner else Product.objects.filter(is_active=True)


class LineOutput(serializers.ModelSerializer[DealLine]):
    """A product or service."""

    product = Reference(read_only=True)
    total = serializers.DecimalField(max_digits=20, decimal_places=2, read_only=True)
    vat_amount = serializers.DecimalField(
        max_digits=20, decimal_places=2, read_only=True, help_text=gettext_lazy("The VAT within the total.")
    )

    class Meta:
        model = DealLine
        fields = (
            "id", "product", "name", "quantity", "unit", "price", "discount", "vat", "per_tonne", "total", "vat_amount",
        )  # fmt: skip
        read_only_fields = fields


class LineInput(RecordInput):
    """A product or service: so much of it at that price; what a product of the catalogue knows need not be sent."""

    product = Reference(queryset=_products, required=False, allow_null=True)
    name = serializers.CharField(required=False, max_length=255)
    price = serializers.DecimalField(required=False, max_digits=15, decimal_places=2, min_value=0)

    class Meta:
        model = DealLine
        fields = ("product", "name", "quantity", "unit", "price", "discount", "vat", "per_tonne")


class LinesInput(Input):
    """All products and services of the deal, in their order."""

    lines = LineInput(many=True, max_length=services.MAX_LINES)  # type: ignore[call-arg]
    takes_amount = serializers.BooleanField(
        default=False, help_text=gettext_lazy("The amount follows the lines from now on, whoever has set it.")
    )


class DealInput(RecordInput):
    """What may be set on a deal; the stage is moved by its own action."""

    title = serializers.CharField(required=False, allow_blank=True, max_length=255)
    pipeline = serializers.CharField(required=False, max_length=30)
    contact = Reference(queryset=visible("crm.Contact"), required=False, allow_null=True)
    company = Reference(queryset=visible("crm.Company"), required=False, allow_null=True)
    object = Reference(queryset=visible("objects_registry.ConstructionObject"), required=False, allow_null=True)
    purpose = Coded(queryset=Purpose.objects.all(), required=False, allow_null=True)
    source = Coded(queryset=Source.objects.all(), required=False, allow_null=True)  # type: ignore[assignment]
    responsible = Reference(queryset=assignable, required=False, allow_null=True)
    feedback_product = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=5)
    feedback_partner = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=5)
    tags = TextList(child=serializers.CharField(max_length=50))
    click_ids = ClickIds(required=False)

    class Meta:
        model = Deal
        fields = (*OWN, "pipeline", *LINKS, *BUILDING_FIELDS, "responsible", "tags", *ATTRIBUTION_FIELDS)


@extend_schema_view(
    list=extend_schema(summary=gettext_lazy("List deals")),
    retrieve=extend_schema(summary=gettext_lazy("Read a deal")),
    create=extend_schema(summary=gettext_lazy("Create a deal"), request=DealInput),
    partial_update=extend_schema(summary=gettext_lazy("Change a deal"), request=DealInput),
)
class DealViewSet(WithObject, DirectionActions, DocumentActions):
    """What clients are going to buy."""

    queryset = Deal.objects.none()
    record_type = RecordType.DEAL
    model = Deal
    output_class = DealOutput
    input_class = DealInput
    filterset_class = DealFilter
    with_many = ("tags",)
    expandable = ("responsible", "contact", "company", "object", "purpose", "source", "partner")
    ordering_fields = (*WithObject.ordering_fields, "title", "amount", "expected_close_date")

    def perform_create(self, data: dict[str, Any], pipeline: str, columns: dict[str, Any]) -> Deal:
        """Make a deal."""
        return services.deal_create(by=self.actor, data=data, pipeline=pipeline, **columns)

    def perform_update(self, record: Deal, data: dict[str, Any]) -> None:
        """Change a deal."""
        services.deal_update(record, by=self.actor, data=data)

    @extend_schema(methods=["GET"], summary=gettext_lazy("Products and services"), responses=LineOutput(many=True))
    @extend_schema(
        methods=["PUT"],
        summary=gettext_lazy("Replace products and services"),
        request=LinesInput,
        responses=LineOutput(many=True),
    )
    @action(detail=True, methods=["get", "put"], filterset_class=None, pagination_class=None)
    def lines(self, request: Request, **kwargs: Any) -> Response:
        """The products and services of a deal; sent anew they replace the old ones, the amount follows them."""
        if request.method == "PUT":
            wish = self.read(LinesInput)
            with transaction.atomic():
                deal = self.locked()
                services.deal_lines_set(deal, by=self.actor, lines=wish["lines"], takes_amount=wish["takes_amount"])
        else:
            refuse_unknown(request, set())
            deal = self.get_object()
        return Response(LineOutput(deal.lines.all(), many=True).data)


router = SimpleRouter()
router.register("deals", DealViewSet, basename="api-deal")
router.register("documents", DocumentViewSet, basename="api-document")
router.register("products", ProductViewSet, basename="api-product")
urlpatterns = router.urls
