"""Rules tried in the API: on the past, and on what stands at their stage already."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from automation import rule_services, standing
from automation.models import Rule
from automation.rule_api_input import RuleInput
from automation.trial import LONGEST, Trial, rule_try
from crm.api.filtering import refuse_unknown
from crm.api.jobs import JobOutput
from crm.api.serializers import Input


def _days() -> serializers.IntegerField:
    return serializers.IntegerField(required=False, min_value=1, max_value=LONGEST, default=30)


class TrialPeriod(serializers.Serializer[Any]):
    """How far back."""

    days = _days()


class RuleTryInput(RuleInput):
    """A rule that is kept nowhere, and how far back it is tried."""

    days = _days()


class RuleTrialLineOutput(serializers.Serializer[Any]):
    """One time that the rule would have acted; `due` null is at once."""

    record_id = serializers.IntegerField(source="record.pk")
    title = serializers.CharField(source="record")
    at = serializers.DateTimeField()
    due = serializers.DateTimeField(allow_null=True)
    what = serializers.CharField()


class RuleTrialOutput(serializers.Serializer[Any]):
    """What would have started the rule and how often it would have acted, the latest times one by one.

    `looked_at` is set where a condition had to be asked record by record: `matched` is then of so many occasions alone.
    """

    record_type = serializers.SerializerMethodField()
    since = serializers.DateTimeField()
    occasions = serializers.IntegerField()
    matched = serializers.IntegerField()
    more = serializers.IntegerField(help_text=gettext_lazy("How many of those that matched are not listed."))
    looked_at = serializers.IntegerField(allow_null=True)
    lines = RuleTrialLineOutput(many=True)

    def get_record_type(self, _trial: Trial) -> str:
        return str(self.context["record_type"])


class RuleStandingLineOutput(serializers.Serializer[Any]):
    """A record that stands at the stage, and what would be done; `due` null is at once."""

    record_id = serializers.IntegerField(source="record.pk")
    title = serializers.CharField(source="record")
    due = serializers.DateTimeField(allow_null=True)
    what = serializers.CharField()


class RuleStandingOutput(serializers.Serializer[Any]):
    """How many records the rule would take, and the first of them."""

    count = serializers.IntegerField()
    more = serializers.IntegerField(help_text=gettext_lazy("How many are not listed."))
    lines = RuleStandingLineOutput(many=True)


class RuleApplyInput(Input):
    """From when a delay is counted for records that stand there already."""

    since = serializers.ChoiceField(choices=[standing.ENTRY, standing.NOW], required=False)


class TrialCalls:
    """The calls of the rules' view set that try and apply them."""

    @extend_schema(summary=gettext_lazy("Try a rule that is not kept"), request=RuleTryInput, responses=RuleTrialOutput)
    @action(detail=False, methods=["post"], url_path="try", pagination_class=None)
    def trial(self: Any, request: Request) -> Response:
        """What it would have done in the last days; nothing is done or kept."""
        wish = self.read(RuleTryInput)
        days = wish.pop("days")
        wish.pop("planned", None)
        return self._trial(rule_services.rule_draft(Rule(), wish), days)  # type: ignore[no-any-return]

    @extend_schema(summary=gettext_lazy("Try a rule on the past"), parameters=[TrialPeriod], responses=RuleTrialOutput)
    @action(detail=True, methods=["get"], url_path="try", pagination_class=None)
    def replay(self: Any, request: Request, **kwargs: Any) -> Response:
        """What it would have done in the last days; nothing is done."""
        refuse_unknown(request, {"days"})
        period = TrialPeriod(data=request.query_params)
        period.is_valid(raise_exception=True)
        return self._trial(self.get_object(), period.validated_data["days"])  # type: ignore[no-any-return]

    def _trial(self: Any, rule: Rule, days: int) -> Response:
        found = rule_try(rule, self.caller, days=days)
        return Response(RuleTrialOutput(found, context={"record_type": rule.pipeline.record_type}).data)

    @extend_schema(summary=gettext_lazy("What stands at the stage of a rule"), responses=RuleStandingOutput)
    @action(detail=True, methods=["get"], pagination_class=None)
    def standing(self: Any, request: Request, **kwargs: Any) -> Response:
        """Which records it would take if it were applied to what stands there, and what it would do."""
        refuse_unknown(request, set())
        return Response(RuleStandingOutput(standing.standing_preview(self.get_object(), self.caller)).data)

    @extend_schema(
        summary=gettext_lazy("Apply a rule to what stands at its stage"), request=RuleApplyInput,
        responses={202: JobOutput},
    )  # fmt: skip
    @action(detail=True, methods=["post"])
    def apply(self: Any, request: Request, **kwargs: Any) -> Response:
        """In the background, as a job whose progress can be asked for."""
        since = self.read(RuleApplyInput).get("since", standing.ENTRY)
        job = standing.standing_apply(self.get_object(), by=self.caller, since=since)
        return Response(JobOutput(job, context=self.get_serializer_context()).data, status=202)
