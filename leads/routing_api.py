"""The routing table in the API (LEAD-8): rows, their order, trying a lead, what the last days would have given."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import Http404
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from accounts.models import Partner, Team, User
from accounts.selectors import RESPONSIBLE_ROLES
from crm import clock
from crm.api.filtering import refuse_unknown
from crm.api.serializers import Coded, Input, Reference, visible
from crm.api.views import ApiViewSet
from crm.models import Channel, Source
from crm.settings_audit import require_head
from leads import routing, routing_services
from leads.models import RoutingRule
from leads.routing_forms import sample_lead
from objects_registry.models import Purpose


class RoutingRuleOutput(serializers.ModelSerializer[RoutingRule]):
    """A row of the routing table."""

    class Meta:
        model = RoutingRule
        fields = ("id", "order", "name", "is_active", "conditions", "target", "person", "team", "share", "partner")
        read_only_fields = fields


def _people(_user: Any) -> Any:
    return User.objects.filter(is_active=True, partner__isnull=True, role__in=RESPONSIBLE_ROLES)


class RoutingRuleInput(Input):
    """A row; conditions are a tree of {"all": [...]}, {"any": [...]}, {"not": ...} over {field, op, value}."""

    name = serializers.CharField(max_length=100)
    is_active = serializers.BooleanField(required=False)
    conditions = serializers.DictField(
        required=False,
        help_text=gettext_lazy(
            "Fields: region, area, purpose, source, channel, responsible, responsible__position. "
            "Operators: eq, ne, in, gt, gte, lt, lte, empty, filled. Empty: every lead."
        ),
    )
    target = serializers.ChoiceField(choices=RoutingRule.Target.choices)
    person = Reference(queryset=_people, required=False, allow_null=True)
    team = Reference(queryset=lambda _user: Team.objects.all(), required=False, allow_null=True)
    share = serializers.ChoiceField(choices=RoutingRule.Share.choices, required=False)
    partner = Reference(queryset=lambda _user: Partner.objects.all(), required=False, allow_null=True)


class RoutingOrderInput(Input):
    """The numbers of the rows, the first one first; rows left out stay behind in their order."""

    ids = serializers.ListField(child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), max_length=500)


class RoutingTryInput(Input):
    """A lead by its number, or the data of one that might come."""

    lead = Reference(queryset=visible("leads.Lead"), required=False, allow_null=True)
    region = serializers.CharField(required=False, allow_blank=True, max_length=100)
    area = serializers.DecimalField(required=False, allow_null=True, max_digits=12, decimal_places=2, min_value=0)
    purpose = Coded(queryset=Purpose.objects.all(), required=False, allow_null=True)
    source = Coded(queryset=Source.objects.all(), required=False, allow_null=True)  # type: ignore[assignment]
    channel = serializers.ChoiceField(choices=Channel.choices, required=False)
    responsible = Reference(queryset=_people, required=False, allow_null=True)


class RoutingPartOutput(serializers.Serializer[Any]):
    """One part of a row's conditions."""

    text = serializers.CharField()
    holds = serializers.BooleanField()
    found = serializers.CharField()


class RoutingRowOutput(serializers.Serializer[Any]):
    """One row against the lead; `why` tells why a row that matches could not be followed, or who of it was chosen."""

    rule = serializers.IntegerField(source="rule.pk")
    name = serializers.CharField(source="rule.name")
    matches = serializers.BooleanField()
    why = serializers.SerializerMethodField()
    parts = RoutingPartOutput(many=True)

    def get_why(self, row: routing.RowVerdict) -> str:
        return row.choice.why if row.choice is not None else ""


class RoutingDecisionOutput(serializers.Serializer[Any]):
    """What the table says: the row that takes the lead (null: none) and to whom it goes."""

    rule = serializers.SerializerMethodField()
    to = serializers.SerializerMethodField()
    to_id = serializers.SerializerMethodField()
    target = serializers.SerializerMethodField()
    why = serializers.CharField(source="choice.why")
    rows = RoutingRowOutput(many=True)

    def get_rule(self, decision: routing.Decision) -> int | None:
        return decision.rule.pk if decision.rule else None

    def get_to(self, decision: routing.Decision) -> str:
        return str(decision.choice.to or "")

    def get_to_id(self, decision: routing.Decision) -> int | None:
        return decision.choice.to.pk if decision.choice.to is not None else None

    def get_target(self, decision: routing.Decision) -> str:
        return decision.rule.target if decision.rule else ""


class RoutingReplayInput(serializers.Serializer[Any]):
    """How far back."""

    days = serializers.IntegerField(required=False, min_value=1, max_value=3650, default=90)


class RoutingReplayOutput(serializers.Serializer[Any]):
    """How many leads of the last days a row would have taken; `rule` null is those that no row takes."""

    rule = serializers.IntegerField(allow_null=True)
    name = serializers.CharField()
    count = serializers.IntegerField()


@extend_schema_view(
    list=extend_schema(summary=gettext_lazy("List the routing table"), responses=RoutingRuleOutput(many=True)),
    retrieve=extend_schema(summary=gettext_lazy("Read a row of the routing table"), responses=RoutingRuleOutput),
    create=extend_schema(
        summary=gettext_lazy("Add a row to the routing table"),
        request=RoutingRuleInput,
        responses={201: RoutingRuleOutput},
    ),
    partial_update=extend_schema(
        summary=gettext_lazy("Change a row of the routing table"),
        request=RoutingRuleInput,
        responses=RoutingRuleOutput,
    ),
    destroy=extend_schema(summary=gettext_lazy("Delete a row of the routing table"), responses={204: None}),
)
class RoutingRuleViewSet(ApiViewSet):
    """The table by which leads are shared out; for the sales head and the administrator."""

    queryset = RoutingRule.objects.none()
    serializer_class = RoutingRuleOutput
    pagination_class = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Only those who keep the settings."""
        super().initial(request, *args, **kwargs)
        require_head(self.caller)

    def _rule(self) -> RoutingRule:
        rule = RoutingRule.objects.filter(pk=self.kwargs["pk"]).first()
        if rule is None:
            raise Http404
        return rule

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """All rows in their order."""
        refuse_unknown(request, set())
        return Response(RoutingRuleOutput(RoutingRule.objects.all(), many=True).data)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One row."""
        refuse_unknown(request, set())
        return Response(RoutingRuleOutput(self._rule()).data)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A new row, the last of the table."""
        data = self.read(RoutingRuleInput)
        rule = routing_services.routing_rule_save(RoutingRule(), by=self.actor, data=data)
        return Response(RoutingRuleOutput(rule).data, status=201)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change a row."""
        rule = self._rule()
        data = self.read(RoutingRuleInput, partial=True)
        rule = routing_services.routing_rule_save(rule, by=self.actor, data=data)
        return Response(RoutingRuleOutput(rule).data)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Take a row out of the table."""
        routing_services.routing_rule_delete(self._rule(), by=self.actor)
        return Response(status=204)

    @extend_schema(
        summary=gettext_lazy("Put the routing table in order"),
        request=RoutingOrderInput,
        responses=RoutingRuleOutput(many=True),
    )
    @action(detail=False, methods=["post"])
    def order(self, request: Request) -> Response:
        """Bring the rows into an order; the first that matches a lead takes it."""
        rows = routing_services.routing_order_set(self.read(RoutingOrderInput)["ids"], by=self.actor)
        return Response(RoutingRuleOutput(rows, many=True).data)

    @extend_schema(
        summary=gettext_lazy("Try a lead on the routing table"),
        request=RoutingTryInput,
        responses=RoutingDecisionOutput,
    )
    @action(detail=False, methods=["post"], url_path="try")
    def trial(self, request: Request) -> Response:
        """Which row would take the lead and why, row by row; nothing is changed."""
        data = self.read(RoutingTryInput)
        return Response(RoutingDecisionOutput(routing.evaluate(data.pop("lead", None) or sample_lead(data))).data)

    @extend_schema(
        summary=gettext_lazy("What the routing table would have done"),
        parameters=[RoutingReplayInput],
        responses=RoutingReplayOutput(many=True),
    )
    @action(detail=False, methods=["get"])
    def replay(self, request: Request) -> Response:
        """How many leads of the last days each row would have taken, by their data as they are now."""
        refuse_unknown(request, {"days"})
        wish = RoutingReplayInput(data=request.query_params)
        wish.is_valid(raise_exception=True)
        rules = routing.active_rules()
        since = clock.today() - timedelta(days=wish.validated_data["days"])
        counts = routing.count_by_row(routing.leads_since(since, self.caller), rules)
        lines = [{"rule": rule.pk, "name": rule.name, "count": counts.get(rule.pk, 0)} for rule in rules]
        lines.append({"rule": None, "name": "", "count": counts.get(routing.NO_ROW, 0)})
        return Response(RoutingReplayOutput(lines, many=True).data)


router = SimpleRouter()
router.register("routing-rules", RoutingRuleViewSet, basename="api-routing-rule")
urlpatterns = router.urls
