"""The catalogue of products and services in the API."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext_lazy
from rest_framework import serializers
from rest_framework.request import Request

from crm.api.catalogues import CatalogueViewSet, described
from crm.api.serializers import RecordInput
from deals.catalogues import PRODUCTS
from deals.models import Product

FIELDS = ("name_ru", "name_en", "unit", "price", "vat", "per_tonne", "order", "is_active")


class ProductOutput(serializers.ModelSerializer[Product]):
    """A product or service: its price for one unit, VAT included."""

    class Meta:
        model = Product
        fields = ("id", "name", *FIELDS)
        read_only_fields = fields


class ProductInput(RecordInput):
    """A product as the settings keep it."""

    name_en = serializers.CharField(required=False, allow_blank=True, max_length=255)

    class Meta:
        model = Product
        fields = FIELDS


@described(gettext_lazy("Products and services."), ProductInput, ProductOutput)
class ProductViewSet(CatalogueViewSet):
    """What deals are put together of; partners have prices of their own and do not see these."""

    queryset = Product.objects.none()
    serializer_class = ProductOutput
    catalogue = PRODUCTS
    input_class = ProductInput
    is_open = True
    lookup_value_regex = r"[0-9]{1,18}"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """The manufacturer's people read it."""
        super().initial(request, *args, **kwargs)
        if self.caller.is_partner:
            raise PermissionDenied
