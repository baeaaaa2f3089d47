"""How construction objects are cut: one FilterSet for list, API and export."""

from __future__ import annotations

from typing import Any

import django_filters as filters
from django.utils.translation import gettext_lazy as _

from crm.filters import DayFilter, KeyFilter, RecordFilter, RowsFilter
from objects_registry.models import ConstructionObject, Purpose


def bounds(name: str, label: object) -> tuple[filters.NumberFilter, filters.NumberFilter]:
    """A from and a to filter of one size."""
    return (
        filters.NumberFilter(field_name=name, lookup_expr="gte", label=label),
        filters.NumberFilter(field_name=name, lookup_expr="lte", label=label),
    )


class ObjectFilter(RecordFilter):
    """Objects, with from–to filters on each size, the tonnage and the start."""

    purpose = RowsFilter(queryset=Purpose.objects.all(), label=_("Purpose"))
    region = filters.CharFilter(lookup_expr="iexact", label=_("Region"))
    city = filters.CharFilter(lookup_expr="iexact", label=_("City"))
    length_from, length_to = bounds("length", _("Length, m"))
    width_from, width_to = bounds("width", _("Width, m"))
    height_from, height_to = bounds("height", _("Height, m"))
    area_from, area_to = bounds("area", _("Area, m²"))
    tonnage_from, tonnage_to = bounds("tonnage", _("Tonnage, t"))
    start_from = DayFilter(field_name="construction_start", lookup_expr="gte", label=_("Construction starts from"))
    start_to = DayFilter(field_name="construction_start", lookup_expr="lte", label=_("Construction starts by"))
    no_region = filters.BooleanFilter(method="by_blank", label=_("Region unknown"))
    no_city = filters.BooleanFilter(method="by_blank", label=_("Town unknown"))
    contact = KeyFilter(field_name="contacts", label=_("Contact"))
    company = KeyFilter(field_name="companies", label=_("Company"))

    class Meta:
        model = ConstructionObject
        fields: tuple[str, ...] = ()

    def by_blank(self, queryset: Any, name: str, value: bool) -> Any:
        """Objects of which that part of the place is not known, or is."""
        column = name.removeprefix("no_")
        return queryset.filter(**{column: ""}) if value else queryset.exclude(**{column: ""})
