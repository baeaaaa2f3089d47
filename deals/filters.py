"""How deals are cut: one FilterSet for list, board, API, export and reports."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import django_filters as filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from communications.contact_proof import ContactProofFilter
from crm.filters import ClosableFilter, DayFilter, KeyFilter, RowsFilter, day_start
from crm.models import Source
from deals import as_then, touches
from deals.models import Deal, DealLine
from deals.orders import Orders, deals_ordered
from deals.spans import SpanFilter
from deals.waiting import Waited, deals_waited
from objects_registry.models import Purpose

# The moment of the request that a deal goes back to.
REQUEST = Coalesce("requested_at", "created_at")


class TouchedField(forms.CharField):
    """A touch of a deal and its source: "first:yandex_direct", "any:yandex_direct:hangars"; without source "last:"."""

    def to_python(self, value: Any) -> Any:
        """The touch that is meant; ValidationError for what is none."""
        text = super().to_python(value)
        if not text:
            return None
        found = touches.Touched.parse(text)
        if found is None or (found.source and not Source.objects.filter(pk=found.source).exists()):
            raise ValidationError(_now("There is no such touch."), code="invalid_choice")
        return found


class TouchedFilter(filters.CharFilter):
    """Deals by the source of their first, last or any touch (ANA-3)."""

    field_class = TouchedField


class DealFilter(ContactProofFilter, ClosableFilter):
    """Deals."""

    record_type = "deal"

    purpose = RowsFilter(queryset=Purpose.objects.all(), label=_("Purpose"))
    amount_from = filters.NumberFilter(field_name="amount", lookup_expr="gte", label=_("Amount from"))
    amount_to = filters.NumberFilter(field_name="amount", lookup_expr="lte", label=_("Amount to"))
    mother = KeyFilter(field_name="mother_id", label=_("Mother deal"))
    upsell_by = RowsFilter(queryset=User.objects.all(), label=_("Who made the upsell"))
    no_close_date = filters.BooleanFilter(
        field_name="expected_close_date", lookup_expr="isnull", label=_("No expected close")
    )
    close_from = DayFilter(field_name="expected_close_date", lookup_expr="gte", label=_("Expected close from"))
    close_to = DayFilter(field_name="expected_close_date", lookup_expr="lte", label=_("Expected close to"))
    orders = SpanFilter(
        method="by_orders", label=_("Orders of the client"), kind=Orders, refusal=_("There are no such orders.")
    )
    waited = SpanFilter(
        method="by_wait", label=_("Delayed demand"), kind=Waited, refusal=_("There is no such delayed demand.")
    )
    product = filters.CharFilter(method="by_product", label=_("Product or service"))
    no_company = filters.BooleanFilter(field_name="company", lookup_expr="isnull", label=_("No company"))
    no_products = filters.BooleanFilter(method="by_no_products", label=_("No products or services"))
    foreseen = SpanFilter(
        method="by_foreseen", label=_("In the forecast"), kind=as_then.Foreseen,
        refusal=_("Give three days: as of when, expected from and to."),
    )  # fmt: skip
    requested_from = DayFilter(method="by_requested_from", label=_("Requested from"))
    requested_to = DayFilter(method="by_requested_to", label=_("Requested to"))
    has_lead = filters.BooleanFilter(
        field_name="requested_at", lookup_expr="isnull", exclude=True, label=_("Made from a lead")
    )
    # The last one: it works on what the others leave.
    touched = TouchedFilter(method="by_touch", label=_("Touch"))

    def by_orders(self, queryset: Any, _name: str, value: Any) -> Any:
        """The place of an order is counted over all that the reader sees, whatever the other filters leave."""
        return deals_ordered(queryset, value, self.queryset) if value else queryset

    def by_wait(self, queryset: Any, _name: str, value: Any) -> Any:
        """Deals that entered delayed demand, by what became of them."""
        return deals_waited(queryset, value) if value else queryset

    def by_product(self, queryset: Any, _name: str, value: str) -> Any:
        """Deals with a line of exactly this name."""
        return queryset.filter(Exists(DealLine.objects.filter(deal=OuterRef("pk"), name=value)))

    def by_no_products(self, queryset: Any, _name: str, value: bool) -> Any:
        """Deals without lines, or with some."""
        lines = Exists(DealLine.objects.filter(deal=OuterRef("pk")))
        return queryset.filter(~lines if value else lines)

    def by_touch(self, queryset: Any, _name: str, value: Any) -> Any:
        """The touches are looked up for what the filters before this one leave."""
        return touches.deals_touched(queryset, value) if value else queryset

    def by_foreseen(self, queryset: Any, _name: str, value: Any) -> Any:
        """By stage, amount and expected close as they were then."""
        return as_then.deals_foreseen(queryset, value) if value else queryset

    def by_requested_from(self, queryset: Any, _name: str, value: date) -> Any:
        """Deals whose request came on that day or later: that of their lead, or they themselves."""
        return queryset.alias(request=REQUEST).filter(request__gte=day_start(value))

    def by_requested_to(self, queryset: Any, _name: str, value: date) -> Any:
        """Deals whose request came on that day or earlier."""
        return queryset.alias(request=REQUEST).filter(request__lt=day_start(value + timedelta(days=1)))

    class Meta:
        model = Deal
        fields: tuple[str, ...] = ()
