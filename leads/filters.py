"""How leads are cut: one FilterSet for list, board, API, export and reports."""

from __future__ import annotations

from typing import Any

import django_filters as filters
from django.utils.translation import gettext_lazy as _

from communications.contact_proof import ContactProofFilter
from crm.filters import ClosableFilter, KeyFilter, RowsFilter
from leads import routing
from leads.models import Lead
from objects_registry.models import Purpose


class LeadFilter(ContactProofFilter, ClosableFilter):
    """Leads."""

    record_type = "lead"

    purpose = RowsFilter(queryset=Purpose.objects.all(), label=_("Purpose"))
    is_repeat = filters.BooleanFilter(label=_("Repeat"))

    route = KeyFilter(method="by_route", label=_("Row of the routing table"), min_value=0)

    def by_route(self, queryset: Any, _name: str, value: Any) -> Any:
        """Leads that the row of the table is the first to match, as they are now; 0 is no row."""
        return routing.by_first_row(queryset, routing.active_rules()).filter(route_row=int(value))

    class Meta:
        model = Lead
        fields: tuple[str, ...] = ()
