"""Robots in the API: what happens next to a record, and the rules with their switches."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import Http404
from django.urls import re_path
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from automation import schedule, services
from automation.forecast import what_will_happen
from automation.models import Rule, RuleRun, ScheduledRun
from automation.selectors import expected_for, failed_for, planned_for
from automation.timeline import outcome_sentence
from automation.views import what_it_does, when_it_runs
from crm.api.filtering import PAGING, refuse_unknown
from crm.api.serializers import Input, Moment
from crm.api.views import ApiViewSet
from crm.models import record_model
from crm.settings_audit import require_head
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


# -- rules ------------------------------------------------------------------------------------------------------------


class RuleOutput(serializers.ModelSerializer[Rule]):
    """A rule: when it runs, what it does, and how often it did."""

    when = serializers.SerializerMethodField()
    what = serializers.SerializerMethodField()
    done = serializers.IntegerField(read_only=True)
    broken = serializers.IntegerField(read_only=True)

    class Meta:
        model = Rule
        fields = (
            "id", "code", "name", "pipeline", "stage", "trigger", "when", "what", "delay_days", "stops_on_contact",
            "is_active", "is_shipped", "done", "broken",
        )  # fmt: skip
        read_only_fields = fields

    def get_when(self, rule: Rule) -> str:
        return when_it_runs(rule)

    def get_what(self, rule: Rule) -> str:
        return what_it_does(rule)


class RuleInput(Input):
    """Is it on?"""

    is_active = serializers.BooleanField()


class RuleRunOutput(serializers.ModelSerializer[RuleRun]):
    """What a rule did to a record, or why it could not."""

    text = serializers.SerializerMethodField()

    class Meta:
        model = RuleRun
        fields = ("id", "at", "record_type", "record_id", "is_ok", "outcome", "text")
        read_only_fields = fields

    def get_text(self, run: RuleRun) -> str:
        return run.error or outcome_sentence(run.outcome, run.data)


@extend_schema_view(
    list=extend_schema(summary=gettext_lazy("List rules")),
    retrieve=extend_schema(summary=gettext_lazy("Read a rule")),
    partial_update=extend_schema(
        summary=gettext_lazy("Switch a rule on or off"), request=RuleInput, responses=RuleOutput
    ),
)
class RuleViewSet(ApiViewSet):
    """The rules of automation, for those who keep the settings; `GET /settings/` has all that they consist of."""

    queryset = Rule.objects.none()
    serializer_class = RuleOutput
    default_ordering = "id"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Only those who keep the settings."""
        super().initial(request, *args, **kwargs)
        require_head(self.caller)

    def get_queryset(self) -> Any:
        """All rules with how often they ran."""
        return Rule.objects.select_related("pipeline", "stage").annotate(
            done=Count("runs", filter=Q(runs__is_ok=True)), broken=Count("runs", filter=Q(runs__is_ok=False))
        )

    def get_object(self) -> Rule:
        """The rule that the address names, or a 404."""
        rule: Rule | None = self.get_queryset().filter(pk=int(self.kwargs["pk"])).first()
        if rule is None:
            raise Http404
        return rule

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A page of rules."""
        refuse_unknown(request, PAGING)
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One rule."""
        refuse_unknown(request, set())
        return Response(self.get_serializer(self.get_object()).data)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Switch it; what it has planned is not carried out while it is off."""
        wish = self.read(RuleInput)
        services.rule_switch(self.get_object(), is_active=wish["is_active"], by=self.actor)
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(summary=gettext_lazy("What a rule did"), responses=RuleRunOutput(many=True))
    @action(detail=True, ordering_fields=("at", "id"), default_ordering="-at")
    def runs(self, request: Request, **kwargs: Any) -> Response:
        """A page of what it did, the latest first."""
        refuse_unknown(request, PAGING)
        page = self.paginate_queryset(RuleRun.objects.filter(rule=self.get_object()))
        return self.get_paginated_response(RuleRunOutput(page, many=True).data)


router = SimpleRouter()
router.register("robot-runs", RobotRunViewSet, basename="api-robot-run")
router.register("rules", RuleViewSet, basename="api-rule")
urlpatterns = [
    *router.urls,
    *(
        re_path(
            rf"^{word}/(?P<id>[0-9]{{1,18}})/robots/$",
            RecordRobotsViewSet.as_view({"get": "show"}, record_type=record_type),
            name=f"api-{record_type}-robots",
        )
        for word, record_type in WORDS.items()
    ),
]
