"""Rules in the API: read, made, changed, copied, put in order, set back, deleted, with what they did."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q
from django.http import Http404
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from automation import rule_services
from automation.models import Rule, RuleRun
from automation.rule_api_input import RuleInput
from automation.rule_api_trial import TrialCalls
from automation.services import rule_switch
from automation.timeline import outcome_sentence
from automation.wording import sentence, what_it_does, when_it_runs
from crm.api.filtering import PAGING, refuse_unknown
from crm.api.serializers import Coded, Input
from crm.api.views import ApiViewSet
from crm.models import Pipeline
from crm.settings_audit import require_head


class RuleOutput(serializers.ModelSerializer[Rule]):
    """A rule: all that it consists of, in words, and how often it ran."""

    sentence = serializers.SerializerMethodField()
    when = serializers.SerializerMethodField()
    what = serializers.SerializerMethodField()
    done = serializers.IntegerField(read_only=True)
    broken = serializers.IntegerField(read_only=True)

    class Meta:
        model = Rule
        fields = (
            "id", "code", "name", "name_ru", "name_en", "order", "pipeline", "stage", "trigger", "fields", "ways",
            "conditions", "delay_hours", "delay_days", "delay_working_days", "delay_plan", "date_field",
            "date_offset", "at_hour", "weekdays", "stops_on_contact", "action", "params", "is_active", "is_shipped",
            "sentence", "when", "what", "done", "broken",
        )  # fmt: skip
        read_only_fields = fields

    def get_sentence(self, rule: Rule) -> str:
        return sentence(rule)

    def get_when(self, rule: Rule) -> str:
        return when_it_runs(rule)

    def get_what(self, rule: Rule) -> str:
        return what_it_does(rule)


class RuleOrderInput(Input):
    """The numbers of the rules of a pipeline, the first one first; those left out stay behind in their order."""

    pipeline = Coded(queryset=Pipeline.objects.all())
    ids = serializers.ListField(child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), max_length=500)


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
    create=extend_schema(summary=gettext_lazy("Make a rule"), request=RuleInput, responses={201: RuleOutput}),
    partial_update=extend_schema(
        summary=gettext_lazy("Change a rule, switch it on or off"), request=RuleInput, responses=RuleOutput
    ),
    destroy=extend_schema(summary=gettext_lazy("Delete a rule of one's own"), responses={204: None}),
)
class RuleViewSet(TrialCalls, ApiViewSet):
    """The rules of automation, for those who keep the settings."""

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
        return self._find(int(self.kwargs["pk"]))

    def _find(self, pk: int) -> Rule:
        rule: Rule | None = self.get_queryset().filter(pk=pk).first()
        if rule is None:
            raise Http404
        return rule

    def _shown(self, rule: Rule, status: int = 200) -> Response:
        return Response(self.get_serializer(self._find(rule.pk)).data, status=status)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A page of rules."""
        refuse_unknown(request, PAGING)
        return self.page_of(self.get_queryset())

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One rule."""
        refuse_unknown(request, set())
        return Response(self.get_serializer(self.get_object()).data)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A new rule, the last of its pipeline."""
        wish = self.read(RuleInput)
        wish.pop("planned", None)
        return self._shown(rule_services.rule_save(Rule(), by=self.actor, data=wish), status=201)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change what is given; what it has planned is not carried out while it is off."""
        rule, wish = self.get_object(), self.read(RuleInput, partial=True)
        planned = wish.pop("planned", rule_services.FOLLOW)
        if wish.keys() == {"is_active"}:  # also where the rest of it cannot be kept as it is any more
            return self._shown(rule_switch(rule, is_active=wish["is_active"], by=self.actor))
        return self._shown(rule_services.rule_save(rule, by=self.actor, data=wish, planned=planned))

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Delete a rule of one's own with what it has planned."""
        rule_services.rule_delete(self.get_object(), by=self.actor)
        return Response(status=204)

    @extend_schema(summary=gettext_lazy("Copy a rule"), request=None, responses={201: RuleOutput})
    @action(detail=True, methods=["post"])
    def copy(self, request: Request, **kwargs: Any) -> Response:
        """Another rule like this one, switched off."""
        return self._shown(rule_services.rule_copy(self.get_object(), by=self.actor), status=201)

    @extend_schema(summary=gettext_lazy("Set a shipped rule back"), request=None)
    @action(detail=True, methods=["post"])
    def reset(self, request: Request, **kwargs: Any) -> Response:
        """A rule that came with the product becomes what it was; whether it is on stays."""
        return self._shown(rule_services.rule_reset(self.get_object(), by=self.actor))

    @extend_schema(
        summary=gettext_lazy("Put the rules of a pipeline in order"), request=RuleOrderInput,
        responses=RuleOutput(many=True),
    )  # fmt: skip
    @action(detail=False, methods=["post"], pagination_class=None)
    def order(self, request: Request) -> Response:
        """Where several start at once, they act in this order."""
        wish = self.read(RuleOrderInput)
        rows = rule_services.rule_order_set(wish["pipeline"].pk, wish["ids"], by=self.actor)
        found = self.get_queryset().filter(pk__in=[rule.pk for rule in rows]).order_by("order", "id")
        return Response(self.get_serializer(found, many=True).data)

    @extend_schema(summary=gettext_lazy("What a rule did"), responses=RuleRunOutput(many=True))
    @action(detail=True, ordering_fields=("at", "id"), default_ordering="-at")
    def runs(self, request: Request, **kwargs: Any) -> Response:
        """A page of what it did, the latest first."""
        refuse_unknown(request, PAGING)
        page = self.paginate_queryset(RuleRun.objects.filter(rule=self.get_object()))
        return self.get_paginated_response(RuleRunOutput(page, many=True).data)


router = SimpleRouter()
router.register("rules", RuleViewSet, basename="api-rule")
urlpatterns = router.urls
