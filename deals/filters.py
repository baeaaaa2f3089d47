"""How deals are cut: one FilterSet for list, board, API, export and reports."""

from __future__ import annotations

import django_filters as filters
from django.utils.translation import gettext_lazy as _

from crm.filters import ClosableFilter, KeyFilter, RowsFilter
from deals.models import Deal
from objects_registry.models import Purpose


class DealFilter(ClosableFilter):
    """Deals."""

    record_type = "deal"

    purpose = RowsFilter(queryset=Purpose.objects.all(), label=_("Purpose"))
    amount_from = filters.NumberFilter(field_name="amount", lookup_expr="gte", label=_("Amount from"))
    amount_to = filters.NumberFilter(field_name="amount", lookup_expr="lte", label=_("Amount to"))
    mother = KeyFilter(field_name="mother_id", label=_("Mother deal"))

    class Meta:
        model = Deal
        fields: tuple[str, ...] = ()
