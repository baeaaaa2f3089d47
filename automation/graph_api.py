"""A pipeline's graph and its check in the API, for those who keep the settings."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.urls import path
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from automation.pipeline_graph import Graph, Node, graph_of
from automation.wording import what_it_does, when_it_runs
from crm import pipeline_check
from crm.api.filtering import refuse_unknown
from crm.api.views import ApiViewSet
from crm.models import Pipeline, Stage
from crm.settings_audit import require_head


class StageRuleOutput(serializers.Serializer[Any]):
    """A robot that hangs on a stage."""

    id = serializers.IntegerField(source="pk")
    name = serializers.CharField()
    is_active = serializers.BooleanField()
    when = serializers.SerializerMethodField()
    what = serializers.SerializerMethodField()

    def get_when(self, rule: Any) -> str:
        return when_it_runs(rule)

    def get_what(self, rule: Any) -> str:
        return what_it_does(rule)


class GraphNodeOutput(serializers.Serializer[Node]):
    """A stage with what stands in it and where it leads."""

    key = serializers.CharField(source="stage.key")
    name = serializers.CharField(source="stage.name")
    kind = serializers.ChoiceField(source="stage.kind", choices=Stage.Kind.choices)
    cards = serializers.IntegerField(help_text=gettext_lazy("How many records stand there now."))
    left = serializers.SerializerMethodField(help_text=gettext_lazy("How many left it in the days asked about."))
    median_seconds = serializers.FloatField(
        allow_null=True, help_text=gettext_lazy("Half of those stood there no longer, in seconds.")
    )
    moves = serializers.SerializerMethodField(help_text=gettext_lazy("Stages to which a salesperson may move."))
    head_moves = serializers.SerializerMethodField(
        help_text=gettext_lazy("Stages to which the sales head may move beyond that, with a reason.")
    )
    rules = StageRuleOutput(many=True)

    def get_left(self, node: Node) -> int:
        return node.stays.count if node.stays else 0

    def get_moves(self, node: Node) -> list[str]:
        return [stage.key for stage in node.moves]

    def get_head_moves(self, node: Node) -> list[str]:
        return [stage.key for stage in node.head_moves]


class FindingOutput(serializers.Serializer[pipeline_check.Finding]):
    """One of the usual mistakes of a pipeline; a hint may be meant so."""

    code = serializers.CharField()
    text = serializers.CharField()
    stages = serializers.ListField(child=serializers.CharField())
    is_hint = serializers.BooleanField()


class GraphOutput(serializers.Serializer[Graph]):
    """A pipeline as a graph: stages with allowed moves and robots, and what is wrong with it."""

    pipeline = serializers.CharField(source="pipeline.pk")
    stages = GraphNodeOutput(source="nodes", many=True)
    everywhere = StageRuleOutput(many=True, help_text=gettext_lazy("Rules of all stages."))
    findings = FindingOutput(many=True)


class PipelineGraphViewSet(ApiViewSet):
    """A pipeline as a graph."""

    queryset = Pipeline.objects.none()
    serializer_class = GraphOutput
    pagination_class = None

    @extend_schema(
        summary=gettext_lazy("A pipeline as a graph, with its check"),
        parameters=[
            OpenApiParameter("code", str, OpenApiParameter.PATH),
            OpenApiParameter(
                "days",
                int,
                enum=pipeline_check.LOOK_BACKS,
                description=gettext_lazy("How far back the history is read; a year when nothing is said."),
            ),
        ],
    )
    def show(self, request: Request, **kwargs: Any) -> Response:
        """Stages, allowed moves, robots, how many stand where and for how long, and the usual mistakes found."""
        refuse_unknown(request, {"days"})
        days = pipeline_check.read_days(request.query_params.get("days", ""))
        require_head(self.caller)
        pipeline = Pipeline.objects.filter(pk=self.kwargs["code"]).first()
        if pipeline is None:
            raise Http404
        return Response(GraphOutput(graph_of(pipeline, self.caller, days)).data)


urlpatterns = [
    path("pipelines/<slug:code>/graph/", PipelineGraphViewSet.as_view({"get": "show"}), name="api-pipeline-graph"),
]
