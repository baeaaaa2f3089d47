"""All that robots have planned, in the API: the page's rows, its cut, and what silence is going to bring."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.urls import path
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from automation import invoices
from automation.api import PlannedOutput
from automation.models import ScheduledRun
from automation.planned import HORIZON, PlannedFilter, lines_of, planned_in_sight
from automation.silence_ahead import silent_ahead
from crm.api.filtering import refuse_unknown
from crm.api.views import ApiViewSet


class PlannedLineOutput(PlannedOutput):
    """The same with the record's title and who is responsible for it."""

    record = serializers.SerializerMethodField(help_text=gettext_lazy("The record's title."))
    responsible = serializers.SerializerMethodField()

    class Meta:
        model = ScheduledRun
        fields = (*PlannedOutput.Meta.fields, "record", "responsible")
        read_only_fields = fields

    def _line(self, run: ScheduledRun) -> dict[str, Any]:
        line: dict[str, Any] = self.context["lines"][run.pk]
        return line

    def get_what(self, run: ScheduledRun) -> str:
        return str(self._line(run)["what"])

    def get_record(self, run: ScheduledRun) -> str:
        return str(self._line(run)["record"])

    def get_responsible(self, run: ScheduledRun) -> int | None:
        found: int | None = self._line(run)["record"].responsible_id
        return found


class SilenceOutput(serializers.Serializer[Any]):
    """How many records a rule of silence has ahead of it, if nothing happens on them."""

    rule = serializers.IntegerField(source="rule.pk")
    rule_name = serializers.CharField(source="rule.name")
    pipeline = serializers.CharField(source="rule.pipeline_id")
    days = serializers.IntegerField(source="rule.delay_days", help_text=gettext_lazy("Days of silence."))
    count = serializers.IntegerField(help_text=gettext_lazy("Records that come due within 30 days."))
    first = serializers.DateTimeField(allow_null=True, help_text=gettext_lazy("When the first of them is due."))
    waiting = serializers.IntegerField(help_text=gettext_lazy("Records that are due already and wait their turn."))
    per_day = serializers.IntegerField(help_text=gettext_lazy("How many of them are taken up in a day at most."))
    is_at_most = serializers.BooleanField(
        help_text=gettext_lazy("The rule has conditions that are checked only when it runs.")
    )


@extend_schema_view(list=extend_schema(summary=gettext_lazy("List what robots have planned")))
class PlannedRunViewSet(ApiViewSet):
    """What robots are going to do, over every record in the caller's sight."""

    queryset = ScheduledRun.objects.none()
    serializer_class = PlannedLineOutput
    filterset_class = PlannedFilter
    ordering_fields = ("due_at", "id")
    default_ordering = "due_at"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Partners learn nothing of the manufacturer's robots."""
        super().initial(request, *args, **kwargs)
        if self.caller.is_partner:
            raise PermissionDenied

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A page of it, the nearest first: of the next 30 days unless `due_to` says another last day."""
        rows = planned_in_sight(self.caller, request.query_params).select_related("rule", "rule__pipeline")
        page = self.paginate_queryset(self.filter_queryset(rows)) or []
        lines = {line["run"].pk: line for line in lines_of(page, self.caller)}
        shown = [run for run in page if run.pk in lines]
        context = {**self.get_serializer_context(), "lines": lines}
        return self.get_paginated_response(self.get_serializer_class()(shown, many=True, context=context).data)


class SilenceViewSet(ApiViewSet):
    """What silence is going to bring."""

    queryset = ScheduledRun.objects.none()
    serializer_class = SilenceOutput
    pagination_class = None
    filterset_class = None

    @extend_schema(
        summary=gettext_lazy("What silence is going to bring"), responses=SilenceOutput(many=True), parameters=[]
    )
    def show(self, request: Request, **kwargs: Any) -> Response:
        """By rule, how many records in the caller's sight come due within 30 days if nothing happens on them."""
        if self.caller.is_partner:
            raise PermissionDenied
        refuse_unknown(request, set())
        return Response(SilenceOutput(silent_ahead(self.caller, {}), many=True).data)


class UnpaidOutput(serializers.Serializer[Any]):
    """The invoices that come to a rule within 30 days if they are not paid."""

    rule = serializers.IntegerField(source="rule.pk")
    rule_name = serializers.CharField(source="rule.name")
    pipeline = serializers.CharField(source="rule.pipeline_id")
    count = serializers.IntegerField()
    owed = serializers.DecimalField(max_digits=20, decimal_places=2)
    first = serializers.DateTimeField(help_text=gettext_lazy("When the first of them is due."))


class UnpaidViewSet(ApiViewSet):
    """What invoices are going to bring that are not paid in time."""

    queryset = ScheduledRun.objects.none()
    serializer_class = UnpaidOutput
    pagination_class = None
    filterset_class = None

    @extend_schema(
        summary=gettext_lazy("What unpaid invoices are going to bring"), responses=UnpaidOutput(many=True),
        parameters=[],
    )  # fmt: skip
    def show(self, request: Request, **kwargs: Any) -> Response:
        """By rule, how many invoices in the caller's sight come due within 30 days, and what is owed by them."""
        if self.caller.is_partner:
            raise PermissionDenied
        refuse_unknown(request, set())
        return Response(UnpaidOutput(invoices.unpaid_ahead(self.caller, {}, HORIZON), many=True).data)


urlpatterns = [
    path("robot-runs/unpaid/", UnpaidViewSet.as_view({"get": "show"}), name="api-robot-run-unpaid"),
    path("robot-runs/", PlannedRunViewSet.as_view({"get": "list"}), name="api-robot-run-list"),
    path("robot-runs/silence/", SilenceViewSet.as_view({"get": "show"}), name="api-robot-run-silence"),
]
