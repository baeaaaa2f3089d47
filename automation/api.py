"""Robots in the API: what happens next to a record; the rules themselves are in automation.rule_api."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.urls import re_path
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from automation import rule_api, schedule, services
from automation.forecast import what_will_happen
from automation.models import ScheduledRun
from automation.selectors import expected_for, failed_for, planned_for
from crm.api.filtering import refuse_unknown
from crm.api.serializers import Input, Moment
from crm.api.views import ApiViewSet
from crm.models import record_model
from crm.visibility import refusal, visible_record

WORDS = {"leads": "lead", "deals": "deal", "contacts": "contact", "companies": "company", "objects": "object"}


class PlannedOutput(serializers.ModelSerializer[ScheduledRun]):
    """What a robot is going to do for a record, or could not do."""

    rule_name = serializers.CharField(source="rule.name", read_only=True)
    what = serializers.SerializerMethodField(help_text=gettext_lazy("What is done, for people."))
    in_working_hours = serializers.SerializerMethodField(
        help_text=gettext_lazy("Put into the working hours of the company.")
    )
    stops_on_contact = serializers.BooleanField(source="rule.stops_on_contact", read_only=True)

    class Meta:
        model = ScheduledRun
        fields = (
            "id", "record_type", "record_id", "rule", "rule_name", "what", "state", "due_at", "is_moved",
            "in_working_hours", "stops_on_contact", "note",
        )  # fmt: skip
        read_only_fields = fields

    def get_what(self, run: ScheduledRun) -> str:
        record = self.context.get("record") or record_model(run.record_type)._default_manager.get(pk=run.record_id)
        return what_will_happen(run.rule, record)

    def get_in_working_hours(self, run: ScheduledRun) -> bool:
        return schedule.is_shifted(run)


class ExpectedOutput(serializers.Serializer[Any]):
    """What a rule does if nothing happens on the record until then."""

    rule = serializers.IntegerField(source="rule.pk")
    rule_name = serializers.CharField(source="rule.name")
    at = serializers.DateTimeField()


class RobotsOutput(serializers.Serializer[Any]):
    """What happens next to a record by itself, the nearest first."""

    planned = PlannedOutput(many=True)
    failed = PlannedOutput(many=True)
    expected = ExpectedOutput(many=True)


class PostponeRunInput(Input):
    """When it is done instead."""

    due_at = Moment()


class RecordRobotsViewSet(ApiViewSet):
    """The robots of one record."""

    queryset = ScheduledRun.objects.none()
    serializer_class = RobotsOutput
    pagination_class = None
    record_type = ""

    @extend_schema(
        summary=gettext_lazy("What happens next to the record"),
        parameters=[OpenApiParameter("id", int, OpenApiParameter.PATH)],
    )
    def show(self, request: Request, **kwargs: Any) -> Response:
        """What robots are going to do, could not do, or will do if nothing happens; nothing for partners."""
        refuse_unknown(request, set())
        record = visible_record(self.record_type, int(self.kwargs["id"]), self.caller)
        if record is None:
            raise Http404
        body: dict[str, list[Any]] = {"planned": [], "failed": [], "expected": []}
        if not self.caller.is_partner:
            body = {"planned": planned_for(record), "failed": failed_for(record), "expected": expected_for(record)}
        return Response(RobotsOutput(body, context={"record": record}).data)


class RobotRunViewSet(ApiViewSet):
    """What is done with one thing that a robot has planned, by those who may change its record."""

    queryset = ScheduledRun.objects.none()
    serializer_class = PlannedOutput

    def _run(self) -> int:
        """The run that the address names: 404 out of sight and for partners, 403 where one may only look."""
        run = ScheduledRun.objects.filter(pk=int(self.kwargs["pk"])).first()
        record = visible_record(run.record_type, run.record_id, self.caller) if run else None
        if run is None or record is None or self.caller.is_partner:
            raise Http404
        if visible_record(run.record_type, run.record_id, self.caller, "change") is None:
            raise PermissionDenied(refusal(record, self.caller))
        return run.pk

    def _shown(self, run: ScheduledRun) -> Response:
        return Response(self.get_serializer(ScheduledRun.objects.select_related("rule").get(pk=run.pk)).data)

    @extend_schema(summary=gettext_lazy("Skip what a robot has planned"), request=None)
    @action(detail=True, methods=["post"])
    def skip(self, request: Request, **kwargs: Any) -> Response:
        """It is not done this time; skipping twice changes nothing."""
        return self._shown(services.skip(self._run(), self.actor))

    @extend_schema(summary=gettext_lazy("Do at once what a robot has planned"), request=None)
    @action(detail=True, methods=["post"])
    def now(self, request: Request, **kwargs: Any) -> Response:
        """It is done now instead of on its day; `state` is then done or failed, `note` says why it failed."""
        return self._shown(services.run_now(self._run(), self.actor))

    @extend_schema(summary=gettext_lazy("Move what a robot has planned"), request=PostponeRunInput)
    @action(detail=True, methods=["post"])
    def postpone(self, request: Request, **kwargs: Any) -> Response:
        """It is done at another moment, which settings changed later do not move."""
        wish = self.read(PostponeRunInput)
        return self._shown(services.postpone(self._run(), self.actor, due_at=wish["due_at"]))


router = SimpleRouter()
router.register("robot-runs", RobotRunViewSet, basename="api-robot-run")
urlpatterns = [
    *router.urls,
    *rule_api.urlpatterns,
    *(
        re_path(
            rf"^{word}/(?P<id>[0-9]{{1,18}})/robots/$",
            RecordRobotsViewSet.as_view({"get": "show"}, record_type=record_type),
            name=f"api-{record_type}-robots",
        )
        for word, record_type in WORDS.items()
    ),
]
