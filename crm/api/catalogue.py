"""Pipelines, stages with what they require, refusal reasons: read by everybody, kept by the sales head."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Prefetch
from django.http import Http404
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm import stages
from crm.api.filtering import refuse_unknown
from crm.api.serializers import RecordInput
from crm.api.views import ApiViewSet
from crm.models import Pipeline, RecordType, RefusalReason, Stage
from crm.settings_services import required_set, stage_change


class ReasonOutput(serializers.ModelSerializer[RefusalReason]):
    """A reason offered when a record is lost at a stage."""

    class Meta:
        model = RefusalReason
        fields = ("id", "name", "asks_competitor", "is_active")
        read_only_fields = fields


class StageOutput(serializers.ModelSerializer[Stage]):
    """A stage of a pipeline; `key` is what records carry."""

    reasons = ReasonOutput(many=True, read_only=True)
    pipeline = serializers.CharField(source="pipeline_id", read_only=True)

    class Meta:
        model = Stage
        fields = (
            "key", "pipeline", "code", "name", "name_ru", "name_en", "kind", "is_start", "order", "colour",
            "norm_hours", "probability", "required", "can_win", "is_detour", "is_hidden", "advice",
            "reasons",
        )  # fmt: skip
        read_only_fields = fields


class PipelineOutput(serializers.ModelSerializer[Pipeline]):
    """A direction with its stages in order."""

    stages = StageOutput(many=True, read_only=True)

    class Meta:
        model = Pipeline
        fields = ("code", "name", "name_ru", "name_en", "record_type", "is_partner", "order", "stages")
        read_only_fields = fields


class StageInput(RecordInput):
    """What the sales head may change of a stage; codes and kinds are fixed, rules are bound to them."""

    required = serializers.ListField(  # type: ignore[assignment]
        child=serializers.CharField(max_length=50), required=False, max_length=30
    )
    probability = serializers.IntegerField(required=False, min_value=0, max_value=100)
    norm_hours = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=100_000)

    class Meta:
        model = Stage
        fields = (
            "name_ru", "name_en", "colour", "norm_hours", "probability", "required", "can_win", "is_detour",
            "is_hidden", "advice",
        )  # fmt: skip


def _readable_stages(user: Any) -> Any:
    """The stages of the pipelines in which the caller works; heads and administrators see all."""
    rows = Stage.objects.select_related("pipeline").prefetch_related(
        Prefetch("reasons", RefusalReason.objects.filter(is_active=True))
    )
    codes = [p.code for kind in RecordType.values for p in stages.visible_pipelines(kind, user)]
    return rows.filter(pipeline__in=codes).order_by("pipeline__order", "pipeline", "order")


@extend_schema_view(
    list=extend_schema(summary=gettext_lazy("List stages"), responses=StageOutput(many=True)),
    retrieve=extend_schema(summary=gettext_lazy("Read a stage"), responses=StageOutput),
    partial_update=extend_schema(
        summary=gettext_lazy("Change a stage (sales head)"), request=StageInput, responses=StageOutput
    ),
)
class StageViewSet(ApiViewSet):
    """The stages of the caller's pipelines, with what they require and the reasons they offer."""

    queryset = Stage.objects.none()
    serializer_class = StageOutput
    pagination_class = None
    lookup_value_regex = r"[a-z0-9_-]{1,30}:[a-z0-9_-]{1,40}"

    def _stage(self) -> Stage:
        found = _readable_stages(self.request.user).filter(key=self.kwargs["pk"]).first()
        if found is None:
            raise Http404
        return found

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """All stages at once; there are a few dozen."""
        refuse_unknown(request, set())
        return Response(StageOutput(_readable_stages(request.user), many=True).data)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One stage by its key."""
        refuse_unknown(request, set())
        return Response(StageOutput(self._stage()).data)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Rename or recolour a stage, change its norm, its required fields, or hide it."""
        stage = self._stage()
        data = self.read(StageInput, partial=True)
        required = data.pop("required", None)
        with transaction.atomic():
            stage_change(stage, by=self.actor, data=data)
            if required is not None:
                required_set(stage.pipeline, by=self.actor, wanted={stage.key: required})
        return Response(StageOutput(self._stage()).data)


@extend_schema_view(list=extend_schema(summary=gettext_lazy("List pipelines"), responses=PipelineOutput(many=True)))
class PipelineViewSet(ApiViewSet):
    """The pipelines in which the caller works, with their stages."""

    queryset = Pipeline.objects.none()
    serializer_class = PipelineOutput
    pagination_class = None

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """All pipelines at once; there are a handful."""
        refuse_unknown(request, set())
        rows: dict[str, Any] = {}
        for stage in _readable_stages(request.user):
            pipeline = rows.setdefault(stage.pipeline_id, {"row": stage.pipeline, "stages": []})
            pipeline["stages"].append(stage)
        for found in rows.values():
            found["row"]._prefetched_objects_cache = {"stages": found["stages"]}
        return Response(PipelineOutput([found["row"] for found in rows.values()], many=True).data)
