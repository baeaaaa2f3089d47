"""How leads are cut: one FilterSet for list, board, API, export and reports."""

from __future__ import annotations

import django_filters as filters
from django.utils.translation import gettext_lazy as _

from crm.filters import ClosableFilter, RowsFilter
from leads.models import Lead
from objects_registry.models import Purpose


class LeadFilter(ClosableFilter):
    """Leads."""

    record_type = "lead"

    purpose = RowsFilter(queryset=Purpose.objects.all(), label=_("Purpose"))
    is_repeat = filters.BooleanFilter(label=_("Repeat"))

    class Meta:
        model = Lead
        fields: tuple[str, ...] = ()
