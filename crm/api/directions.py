"""Other directions of a record: where it could go on there, and taking it over."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError as BadRequest
from rest_framework.request import Request
from rest_framework.response import Response

from crm import directions, stages, undo
from crm.api.actions import TargetOutput
from crm.api.bulk import BulkActions
from crm.api.filtering import refuse_unknown
from crm.api.serializers import Input
from crm.api.undo import UNDO_HEADER, undoable
from crm.models import Stage
from crm.screens.directions import landing, offered_to


class DirectionInput(Input):
    """Which pipeline, and where in it."""

    pipeline = serializers.CharField(max_length=30, help_text=gettext_lazy("Code of the other pipeline."))
    to = serializers.CharField(
        required=False, max_length=40,
        help_text=gettext_lazy("Code of one of its open stages; without it the one that matches."),
    )  # fmt: skip
    expected_stage = serializers.CharField(
        required=False, max_length=80, help_text=gettext_lazy("The stage you saw; at another one the answer is 409.")
    )
    reason = serializers.CharField(required=False, allow_blank=True, max_length=2000)
    data = serializers.DictField(  # type: ignore[assignment]
        child=serializers.JSONField(allow_null=True),
        required=False,
        help_text=gettext_lazy("Fields filled in with the move: those that a refused move named."),
    )


class DirectionOutput(serializers.Serializer[Any]):
    """Another pipeline: the stage that matches, and all where the record could go on."""

    pipeline = serializers.CharField()
    name = serializers.CharField()
    proposed = serializers.CharField(help_text=gettext_lazy("Key of the stage that matches."))
    stages = TargetOutput(many=True)


class DirectionActions(BulkActions):
    """Of records that have several directions."""

    @extend_schema(
        methods=["GET"], summary=gettext_lazy("Other pipelines it may go to"), responses=DirectionOutput(many=True)
    )
    @extend_schema(
        methods=["POST"],
        summary=gettext_lazy("Take it over to another pipeline"),
        request=DirectionInput,
        parameters=[UNDO_HEADER],
    )
    @action(detail=True, methods=["get", "post"], filterset_class=None, pagination_class=None)
    def direction(self, request: Request, **kwargs: Any) -> Response:
        """Take the record over; 422 lists what the stage there lacks, 409 says that the record stands elsewhere."""
        if request.method == "POST":
            return self._take_over(self.read(DirectionInput))
        refuse_unknown(request, set())
        record = self.get_object()
        rows = [self._offer(record, pipeline, request.user) for pipeline in offered_to(request.user, record)]
        return Response(DirectionOutput([row for row in rows if row["stages"]], many=True).data)

    def _offer(self, record: Any, pipeline: Any, user: Any) -> dict[str, Any]:
        found = [row for row in landing(record, pipeline.pk) if not stages.why_not(record, row, user, "given")]
        for stage in found:
            stage.missing = stages.missing_fields(record, stage, user)  # type: ignore[attr-defined]
        proposed = directions.proposal(record.stage_row, pipeline.pk).key
        return {"pipeline": pipeline.pk, "name": pipeline.name, "proposed": proposed, "stages": found}

    def _take_over(self, wish: dict[str, Any]) -> Response:
        with transaction.atomic():
            record = self.locked(action="move")
            before, former = record.stage, record.responsible_id
            target = self._landing(record, wish)
            stages.move(
                record,
                target,
                by=self.actor,
                data=self._move_data(record, {**wish, "to": target}),
                reason=wish.get("reason", ""),
                expected=wish.get("expected_stage"),
                may_switch=True,
            )
        offered = undo.offer_move(self.caller, record, before, former=former) if record.stage != before else ""
        return undoable(self.show(record.pk), offered)

    def _landing(self, record: Any, wish: dict[str, Any]) -> str:
        """The key of the stage meant; one that does not exist is refused by the move, in words."""
        if wish["pipeline"] not in {row.pk for row in offered_to(self.caller, record)}:
            raise BadRequest({"pipeline": [_("There is no such other pipeline.")]})
        if not wish.get("to"):
            return directions.proposal(record.stage_row, wish["pipeline"]).key
        return Stage.make_key(wish["pipeline"], wish["to"])
