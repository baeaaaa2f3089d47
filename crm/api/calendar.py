"""The working calendar in the API: read by everybody, kept by the sales head."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.filtering import refuse_unknown
from crm.api.serializers import Input
from crm.api.views import ApiViewSet
from crm.models import CalendarDay
from crm.production_calendar import EARLIEST, LATEST, calendar_day_delete, calendar_day_save, calendar_fill
from crm.settings_audit import require_head


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


class CalendarDayChange(Input):
    """What is to be different."""

    day = serializers.DateField(required=False)
    kind = serializers.ChoiceField(choices=CalendarDay.Kind.choices, required=False)
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
        summary=gettext_lazy("Change a special day"), request=CalendarDayChange, responses=CalendarDayOutput
    ),
    destroy=extend_schema(summary=gettext_lazy("Take a special day out"), responses={204: None}),
)
class CalendarViewSet(ApiViewSet):
    """Holidays, days off moved, shortened days and worked weekends; the other days are what their weekday says."""

    queryset = CalendarDay.objects.none()
    serializer_class = CalendarDayOutput
    pagination_class = None

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """All special days, or those of a year."""
        refuse_unknown(request, {"year"})
        wish = YearQuery(data=request.query_params)
        wish.is_valid(raise_exception=True)
        rows = CalendarDay.objects.order_by("day")
        if year := wish.validated_data.get("year"):
            rows = rows.filter(day__year=year)
        return Response(CalendarDayOutput(rows, many=True).data)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Add a day; what robots have planned follows."""
        require_head(self.caller)
        data = self.read(CalendarDayInput)
        row = calendar_day_save(CalendarDay(), by=self.actor, data=data)
        return Response(CalendarDayOutput(row).data, status=201)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change a day."""
        require_head(self.caller)
        row = calendar_day_save(self._row(), by=self.actor, data=self.read(CalendarDayChange, partial=True))
        return Response(CalendarDayOutput(row).data)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """It is again what its day of the week says."""
        require_head(self.caller)
        calendar_day_delete(self._row(), by=self.actor)
        return Response(status=204)

    @extend_schema(
        summary=gettext_lazy("Add the holidays of the Labour Code"), request=YearInput, responses=AddedOutput
    )
    @action(detail=False, methods=["post"])
    def fill(self, request: Request, **kwargs: Any) -> Response:
        """Add those that the calendar of the year lacks; twice adds nothing."""
        require_head(self.caller)
        return Response({"added": calendar_fill(self.read(YearInput)["year"], by=self.actor)})

    def _row(self) -> CalendarDay:
        row = CalendarDay.objects.filter(pk=int(self.kwargs["pk"])).first()
        if row is None:
            raise Http404
        return row
