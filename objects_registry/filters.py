"""How construction objects are cut: one FilterSet for list, API and export."""

from __future__ import annotations

import django_filters as filters
from django.utils.translation import gettext_lazy as _

from crm.filters import KeyFilter, RecordFilter, RowsFilter
from objects_registry.models import ConstructionObject, Purpose


def bounds(name: str, label: object) -> tuple[filters.NumberFilter, filters.NumberFilter]:
    """A from and a to filter of one size."""
    return (
        filters.NumberFilter(field_name=name, lookup_expr="gte", label=label),
        filters.NumberFilter(field_name=name, lookup_expr="lte", label=label),
    )


class ObjectFilter(RecordFilter):
    """Objects, with from–to filters on each size."""

    purpose = RowsFilter(queryset=Purpose.objects.all(), label=_("Purpose"))
    region = filters.CharFilter(lookup_expr="iexact", label=_("Region"))
    city = filters.CharFilter(lookup_expr="iexact", label=_("City"))
    length_from, length_to = bounds("length", _("Length, m"))
    width_from, width_to = bounds("width", _("Width, m"))
    height_from, height_to = bounds("height", _("Height, m"))
    area_from, area_to = bounds("area", _("Area, m²"))
    contact = KeyFilter(field_name="contacts", label=_("Contact"))
    company = KeyFilter(field_name="companies", label=_("Company"))

    class Meta:
        model = ConstructionObject
        fields: tuple[str, ...] = ()
