"""Pipelines, stages and refusal reasons as the settings keep them; for the sales head and the administrator."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError as BadRequest
from rest_framework.request import Request
from rest_framework.response import Response

from crm import direction_settings, directions, settings_services
from crm.api.catalogue import PipelineViewSet, StageOutput, StageViewSet
from crm.api.filtering import refuse_unknown
from crm.api.serializers import Coded, Input
from crm.api.views import ApiViewSet
from crm.models import Pipeline, RecordType, RefusalReason, Stage
from crm.settings_audit import require_head


class PipelineRow(serializers.ModelSerializer[Pipeline]):
    """A direction without its stages."""

    class Meta:
        model = Pipeline
        fields = ("code", "name", "name_ru", "name_en", "record_type", "is_partner", "order", "is_active")
        read_only_fields = fields


class NewPipelineInput(Input):
    """A further direction of deals, with the stages and reasons of another."""

    name_ru = serializers.CharField(max_length=100)
    name_en = serializers.CharField(required=False, allow_blank=True, max_length=100)
    like = Coded(
        queryset=Pipeline.objects.filter(is_partner=False, is_active=True, record_type=RecordType.DEAL),
        help_text=gettext_lazy("Code of the pipeline whose stages it gets."),
    )


class PipelineChange(Input):
    """Name and use of a direction."""

    name_ru = serializers.CharField(required=False, max_length=100)
    name_en = serializers.CharField(required=False, max_length=100)
    is_active = serializers.BooleanField(required=False)


TO_HELP = gettext_lazy("Code of the other pipeline.")


class MappingInput(Input):
    """Which stages of another pipeline match."""

    to = serializers.CharField(max_length=30, help_text=TO_HELP)
    map = serializers.DictField(
        child=serializers.CharField(max_length=40, allow_blank=True),
        help_text=gettext_lazy("Codes of its stages by codes of this one's; empty: as proposed."),
    )


class MappingRow(serializers.Serializer[Any]):
    """A stage, the one of the other pipeline that matches, and whether somebody has settled it."""

    stage = serializers.CharField(source="stage.code")
    to = serializers.CharField(source="answer.code")
    is_settled = serializers.BooleanField()


class NewStageInput(Input):
    """A stage of one's own."""

    name_ru = serializers.CharField(max_length=100)
    name_en = serializers.CharField(required=False, allow_blank=True, max_length=100)
    kind = serializers.ChoiceField(choices=[(kind.value, kind.label) for kind in settings_services.OWN_KINDS])
    after = Coded(
        queryset=Stage.objects.filter(is_hidden=False),
        required=False,
        help_text=gettext_lazy("Key of the stage after which it stands; at the end of its kind without one."),
    )
    colour = serializers.ChoiceField(choices=Stage.Colour.choices, default="cyan")


class ShiftInput(Input):
    """One place up or down."""

    to = serializers.ChoiceField(choices=("up", "down"))


class DeleteStageInput(Input):
    """Where the cards of the stage go."""

    move_to = Coded(
        queryset=Stage.objects.filter(is_hidden=False),
        required=False,
        help_text=gettext_lazy("Key of a stage of the same pipeline; needed while cards stand in the deleted one."),
    )


class MovedOutput(serializers.Serializer[Any]):
    """How many cards were moved."""

    moved = serializers.IntegerField()


class ReasonDetail(serializers.ModelSerializer[RefusalReason]):
    """A refusal reason with its names in both languages."""

    class Meta:
        model = RefusalReason
        fields = ("id", "stage", "name", "name_ru", "name_en", "asks_competitor", "is_other", "is_active", "order")
        read_only_fields = fields


class ReasonInput(Input):
    """A refusal reason; one that is switched off stays on the records that have it."""

    name_ru = serializers.CharField(max_length=100)
    name_en = serializers.CharField(required=False, allow_blank=True, max_length=100)
    asks_competitor = serializers.BooleanField(required=False)
    is_other = serializers.BooleanField(required=False)
    is_active = serializers.BooleanField(required=False)


@extend_schema_view(
    create=extend_schema(
        summary=gettext_lazy("Add a pipeline of deals"), request=NewPipelineInput, responses={201: PipelineRow}
    ),
    partial_update=extend_schema(
        summary=gettext_lazy("Rename a pipeline or put it out of use"), request=PipelineChange, responses=PipelineRow
    ),
)
class PipelineSettingsViewSet(PipelineViewSet):
    """The pipelines in which the caller works; heads add and change them."""

    lookup_value_regex = r"[a-z0-9_-]{1,30}"

    def _pipeline(self) -> Pipeline:
        require_head(self.caller)
        found = Pipeline.objects.filter(pk=self.kwargs["pk"]).first()
        if found is None:
            raise Http404
        return found

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A further direction with the stages and reasons of another; its robots are made in the rules."""
        require_head(self.caller)
        made = settings_services.pipeline_add(by=self.actor, **self.read(NewPipelineInput))
        return Response(PipelineRow(made).data, status=201)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Another name, or out of use once nothing open stands in it."""
        pipeline = self._pipeline()
        data = self.read(PipelineChange, partial=True)
        return Response(PipelineRow(settings_services.pipeline_change(pipeline, by=self.actor, data=data)).data)

    @extend_schema(
        methods=["GET"], summary=gettext_lazy("Stages of another pipeline that match"), responses=MappingRow(many=True),
        parameters=[OpenApiParameter("to", str, required=True, description=str(TO_HELP))],
    )  # fmt: skip
    @extend_schema(
        methods=["PUT"], summary=gettext_lazy("Settle which stages match"), request=MappingInput,
        responses=MappingRow(many=True),
    )  # fmt: skip
    @action(detail=True, methods=["get", "put"], pagination_class=None, filterset_class=None)
    def mapping(self, request: Request, **kwargs: Any) -> Response:
        """Where in another pipeline a record goes on, by stage; an empty code leaves it to the proposal again."""
        source = self._pipeline()
        wish: dict[str, Any] = self.read(MappingInput) if request.method == "PUT" else request.query_params.dict()
        target = next((row for row in directions.others(source) if row.pk == wish.get("to")), None)
        if target is None:
            raise BadRequest({"to": [_("There is no such other pipeline.")]})
        if "map" in wish:
            direction_settings.mapping_set(source, target, wish["map"], by=self.actor)
        rows = [
            {"stage": stage, "answer": answer, "is_settled": bool(direction_settings.settled(stage, target))}
            for stage, answer in directions.proposed_map(source.pk, target.pk)
        ]
        return Response(MappingRow(rows, many=True).data)

    @extend_schema(summary=gettext_lazy("Add a stage"), request=NewStageInput, responses={201: StageOutput})
    @action(detail=True, methods=["post"])
    def stages(self, request: Request, **kwargs: Any) -> Response:
        """A stage of one's own: open, a refusal, or neutral."""
        made = settings_services.stage_add(self._pipeline(), by=self.actor, **self.read(NewStageInput))
        return Response(StageOutput(made).data, status=201)


class StageSettingsViewSet(StageViewSet):
    """The stages of the caller's pipelines; heads change, order and delete them."""

    def _kept(self) -> Stage:
        require_head(self.caller)
        found = Stage.objects.filter(pk=self.kwargs["pk"]).select_related("pipeline").first()
        if found is None:
            raise Http404
        return found

    @extend_schema(summary=gettext_lazy("Move a stage up or down"), request=ShiftInput, responses=StageOutput)
    @action(detail=True, methods=["post"])
    def shift(self, request: Request, **kwargs: Any) -> Response:
        """One place among those of its kind; at the edge nothing changes."""
        stage = self._kept()
        settings_services.stage_shift(stage, by=self.actor, step=-1 if self.read(ShiftInput)["to"] == "up" else 1)
        return Response(StageOutput(self._kept()).data)

    @extend_schema(summary=gettext_lazy("Delete a stage of one's own"), request=DeleteStageInput, responses=MovedOutput)
    @action(detail=True, methods=["post"], url_path="delete")
    def remove(self, request: Request, **kwargs: Any) -> Response:
        """Its cards go to `move_to`; 400 while there are cards and none is named. With a past it is hidden for good."""
        stage = self._kept()
        moved = settings_services.stage_delete(stage, by=self.actor, move_to=self.read(DeleteStageInput).get("move_to"))
        return Response({"moved": moved})

    @extend_schema(
        methods=["GET"], summary=gettext_lazy("Refusal reasons of a stage"), responses=ReasonDetail(many=True)
    )
    @extend_schema(
        methods=["POST"],
        summary=gettext_lazy("Add a refusal reason"),
        request=ReasonInput,
        responses={201: ReasonDetail},
    )
    @action(detail=True, methods=["get", "post"], pagination_class=None)
    def reasons(self, request: Request, **kwargs: Any) -> Response:
        """All reasons under a refusal stage, also those out of use; or one more."""
        stage = self._kept()
        if not stage.is_failure:
            raise Http404
        if request.method == "POST":
            reason = RefusalReason(stage=stage)
            made = settings_services.reason_save(reason, by=self.actor, data=self.read(ReasonInput))
            return Response(ReasonDetail(made).data, status=201)
        refuse_unknown(request, set())
        rows = RefusalReason.objects.filter(stage=stage).order_by("order", "pk")
        return Response(ReasonDetail(rows, many=True).data)


class ReasonViewSet(ApiViewSet):
    """Refusal reasons, by their ids."""

    queryset = RefusalReason.objects.none()
    serializer_class = ReasonDetail

    @extend_schema(
        summary=gettext_lazy("Change a refusal reason"), request=ReasonInput, responses=ReasonDetail,
        parameters=[OpenApiParameter("id", int, OpenApiParameter.PATH)],
    )  # fmt: skip
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Another name, or out of use; a refusal stage of leads and deals keeps at least one."""
        require_head(self.caller)
        reason = RefusalReason.objects.filter(pk=int(self.kwargs["pk"])).select_related("stage__pipeline").first()
        if reason is None:
            raise Http404
        data = {"name_en": reason.name_en, **self.read(ReasonInput, partial=True)}
        return Response(ReasonDetail(settings_services.reason_save(reason, by=self.actor, data=data)).data)
