"""Purposes of buildings and the table of steel consumption in the API."""

from __future__ import annotations

from django.utils.translation import gettext_lazy
from rest_framework import serializers

from crm.api.catalogues import CatalogueViewSet, DeletableCatalogueViewSet, described
from crm.api.serializers import Coded, RecordInput, TextList
from objects_registry.catalogues import PURPOSES, STEEL
from objects_registry.models import Purpose, SteelConsumption


class PurposeOutput(serializers.ModelSerializer[Purpose]):
    """What a building is for."""

    synonyms = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = Purpose
        fields = ("code", "name", "name_ru", "name_en", "synonyms", "order", "is_active")
        read_only_fields = fields


class PurposeInput(RecordInput):
    """A purpose as the settings keep it."""

    name_en = serializers.CharField(required=False, allow_blank=True, max_length=100)
    synonyms = TextList(
        child=serializers.CharField(max_length=100), max_length=100,
        help_text=gettext_lazy("Other words by which forms and imports name it."),
    )  # fmt: skip

    class Meta:
        model = Purpose
        fields = ("name_ru", "name_en", "synonyms", "order", "is_active")


@described(gettext_lazy("Purposes of buildings."), PurposeInput, PurposeOutput)
class PurposeViewSet(CatalogueViewSet):
    """The dictionary of purposes of buildings."""

    queryset = Purpose.objects.none()
    serializer_class = PurposeOutput
    catalogue = PURPOSES
    input_class = PurposeInput
    is_open = True


class SteelOutput(serializers.ModelSerializer[SteelConsumption]):
    """Kilograms of steel per square metre, up to a span and a height; the row with the nearest limits wins."""

    purpose = Coded(read_only=True)

    class Meta:
        model = SteelConsumption
        fields = ("id", "purpose", "span_to", "height_to", "kg_per_m2")
        read_only_fields = fields


class SteelInput(RecordInput):
    """A row of the table; no purpose, span or height: any."""

    purpose = Coded(queryset=Purpose.objects.all(), required=False, allow_null=True)
    span_to = serializers.DecimalField(required=False, allow_null=True, max_digits=7, decimal_places=2, min_value=0)
    height_to = serializers.DecimalField(required=False, allow_null=True, max_digits=7, decimal_places=2, min_value=0)

    class Meta:
        model = SteelConsumption
        fields = ("purpose", "span_to", "height_to", "kg_per_m2")


@described(gettext_lazy("Steel consumption; for the sales head."), SteelInput, SteelOutput, deletes=True)
class SteelViewSet(DeletableCatalogueViewSet):
    """The table by which tonnage is reckoned from an area (DEAL-2)."""

    queryset = SteelConsumption.objects.none()
    serializer_class = SteelOutput
    catalogue = STEEL
    input_class = SteelInput
    lookup_value_regex = r"[0-9]{1,18}"
