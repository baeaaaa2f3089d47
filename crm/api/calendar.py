"""The working calendar in the API: read by everybody, kept by the sales head."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.catalogues import DeletableCatalogueViewSet
from crm.api.filtering import refuse_unknown
from crm.api.serializers import Input
from crm.models import CalendarDay
from crm.production_calendar import EARLIEST, LATEST, calendar_fill
from crm.views.settings_calendar import CALENDAR


class CalendarDayOutput(serializers.ModelSerializer[CalendarDay]):
    """A day that is not what its day of the week says."""

    class Meta:
        model = CalendarDay
        fields = ("id", "day", "kind", "name")
        read_only_fields = fields


class CalendarDayInput(Input):
    """A day off, a shortened one (it ends an hour earlier), or one of work."""

    day = serializers.DateField()
    kind = serializers.ChoiceField(choices=CalendarDay.Kind.choices, default=CalendarDay.Kind.OFF)
    name = serializers.CharField(required=False, allow_blank=True, max_length=100)


class YearQuery(serializers.Serializer[Any]):
    """One year alone."""

    year = serializers.IntegerField(required=False, min_value=EARLIEST, max_value=LATEST)


class YearInput(Input):
    """Which year to fill."""

    year = serializers.IntegerField(min_value=EARLIEST, max_value=LATEST)


class AddedOutput(serializers.Serializer[Any]):
    """How many days were added."""

    added = serializers.IntegerField()


@extend_schema_view(
    list=extend_schema(
        summary=gettext_lazy("List special days"), parameters=[YearQuery], responses=CalendarDayOutput(many=True)
    ),
    create=extend_schema(
        summary=gettext_lazy("Add a special day"), request=CalendarDayInput, responses={201: CalendarDayOutput}
    ),
    partial_update=extend_schema(
        summary=gettext_lazy("Change a special day"), request=CalendarDayInput, responses=CalendarDayOutput
    ),
    destroy=extend_schema(summary=gettext_lazy("Take a special day out"), responses={204: None}),
)
class CalendarViewSet(DeletableCatalogueViewSet):
    """Holidays, days off moved, shortened days and worked weekends; the other days are what their weekday says."""

    queryset = CalendarDay.objects.none()
    serializer_class = CalendarDayOutput
    catalogue = CALENDAR
    input_class = CalendarDayInput
    is_open = True
    lookup_value_regex = r"[0-9]{1,18}"

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """All special days, or those of a year."""
        refuse_unknown(request, {"year"})
        wish = YearQuery(data=request.query_params)
        wish.is_valid(raise_exception=True)
        rows = self.get_queryset()
        if year := wish.validated_data.get("year"):
            rows = rows.filter(day__year=year)
        return Response(self.get_serializer(rows, many=True).data)

    @extend_schema(
        summary=gettext_lazy("Add the holidays of the Labour Code"), request=YearInput, responses=AddedOutput
    )
    @action(detail=False, methods=["post"])
    def fill(self, request: Request, **kwargs: Any) -> Response:
        """Add those that the calendar of the year lacks; twice adds nothing."""
        return Response({"added": calendar_fill(self.read(YearInput)["year"], by=self.actor)})
