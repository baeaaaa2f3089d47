"""What can be done with every kind of record: moving, giving to somebody, notes, files, tasks, the timeline."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import FileResponse, Http404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError as BadRequest
from rest_framework.request import Request
from rest_framework.response import Response

from crm import pipelines, services, stages, timeline, undo
from crm.api.filtering import PAGING, refuse_unknown
from crm.api.serializers import Input, Reference
from crm.api.tasks import TaskInput, TaskOutput, plan_task
from crm.api.undo import UNDO_HEADER, undoable
from crm.api.views import RecordViewSet
from crm.attachments import files_of
from crm.errors import DomainError, RefusalNeeded
from crm.models import Activity, Attachment, Stage, TimelineEntry
from crm.people import assignable
from crm.stages import Refusal
from crm.visibility import may_see_partner_internals

TIMELINE_KINDS = ("note", "stage", "field", "task", "message", "file", "robot")
# Of the fields that live on the client, a move may fill the ones that the stage asks for.
CLIENT_FIELDS = {"company__inn": 20, "company__phone": 254, "contact__phone": 254, "contact__email": 254}


class RefusalInput(Input):
    """Why the record is lost."""

    reason = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=2**31 - 1, help_text=gettext_lazy("Id of the reason.")
    )
    comment = serializers.CharField(max_length=5000, help_text=gettext_lazy("In your own words."))
    competitor = serializers.CharField(required=False, allow_blank=True, max_length=200)
    competitor_price = serializers.DecimalField(
        required=False, allow_null=True, max_digits=15, decimal_places=2, min_value=0
    )


class MoveInput(Input):
    """Where the record goes, and what the stage asks for."""

    to = serializers.CharField(max_length=80, help_text=gettext_lazy("Code or key of the stage: costing, deal:costing"))
    expected_stage = serializers.CharField(
        required=False, max_length=80, help_text=gettext_lazy("The stage you saw; at another one the answer is 409.")
    )
    reason = serializers.CharField(required=False, allow_blank=True, max_length=2000)
    refusal = RefusalInput(required=False)
    data = serializers.DictField(  # type: ignore[assignment]
        child=serializers.JSONField(allow_null=True),
        required=False,
        help_text=gettext_lazy("Fields filled in with the move: those that a refused move named."),
    )


class AssignInput(Input):
    """To whom the record goes."""

    responsible = Reference(queryset=assignable)
    reason = serializers.CharField(required=False, allow_blank=True, max_length=500)


class NoteInput(Input):
    """A note."""

    text = serializers.CharField(max_length=20_000)
    internal = serializers.BooleanField(default=False, help_text=gettext_lazy("Hidden from the partner."))


class FileInput(Input):
    """A file, as multipart/form-data."""

    file = serializers.FileField()
    internal = serializers.BooleanField(default=False)


class MissingOutput(serializers.Serializer[Any]):
    """Something that a stage asks for and the record lacks."""

    code = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    fields = serializers.ListField(child=serializers.CharField())  # type: ignore[assignment]
    problem = serializers.CharField(help_text=gettext_lazy("What is wrong with the value, where there is one."))


class TargetOutput(serializers.Serializer[Any]):
    """A stage to which the record may go."""

    stage = serializers.CharField(source="key")
    code = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.CharField()
    missing = MissingOutput(many=True)


class EntryOutput(serializers.ModelSerializer[TimelineEntry]):
    """A line of the timeline: a code with its data for programs, a sentence for people."""

    kind = serializers.SerializerMethodField()
    text = serializers.SerializerMethodField()
    actor = serializers.SerializerMethodField()
    added = serializers.SerializerMethodField(
        help_text=gettext_lazy("What is known by now: that a letter was opened, and when.")
    )

    class Meta:
        model = TimelineEntry
        fields = (
            "id", "at", "kind", "action", "text", "added", "actor", "actor_kind", "record_type", "is_internal",
            "is_pinned",
        )  # fmt: skip
        read_only_fields = fields

    def get_kind(self, entry: TimelineEntry) -> str:
        return timeline.KINDS.get(entry.action, "")

    def get_text(self, entry: TimelineEntry) -> str:
        return timeline.sentence(entry)

    def get_added(self, entry: TimelineEntry) -> str:
        return str(self.context.get("added", {}).get(entry.pk, ""))

    def get_actor(self, entry: TimelineEntry) -> str:
        return entry.actor_name or str(entry.actor_user or "")


class FileOutput(serializers.ModelSerializer[Attachment]):
    """A file of a record; its content is at `<id>/`."""

    uploaded_by = Reference(read_only=True)

    class Meta:
        model = Attachment
        fields = ("id", "name", "size", "content_type", "is_internal", "uploaded_by", "created_at")
        read_only_fields = fields


class RecordActions(RecordViewSet):
    """The actions that all five kinds of record have."""

    # -- stages -------------------------------------------------------------------------------------------------------

    @extend_schema(summary=gettext_lazy("Stages to which it may go"), responses=TargetOutput(many=True))
    @action(detail=True, filterset_class=None, pagination_class=None)
    def moves(self, request: Request, **kwargs: Any) -> Response:
        """Where the record may go from its stage, with what each of those stages still asks for."""
        refuse_unknown(request, set())
        record = self.get_object()
        rows = stages.allowed_targets(record, request.user)
        for stage in rows:
            stage.missing = stages.missing_fields(record, stage, request.user)  # type: ignore[attr-defined]
        return Response(TargetOutput(rows, many=True).data)

    @extend_schema(summary=gettext_lazy("Move to a stage"), request=MoveInput, parameters=[UNDO_HEADER])
    @action(detail=True, methods=["post"])
    def move(self, request: Request, **kwargs: Any) -> Response:
        """Move the record; 422 lists what is missing and which fields to send, 409 says that it stands elsewhere."""
        wish = self.read(MoveInput)
        refusal = Refusal(**_refusal_values(wish["refusal"])) if "refusal" in wish else None
        with transaction.atomic():
            record = self.locked(action="move")
            before, former = record.stage, record.responsible_id
            try:
                stages.move(
                    record,
                    wish["to"],
                    by=self.actor,
                    data=self._move_data(record, wish),
                    reason=wish.get("reason", ""),
                    refusal=refusal,
                    expected=wish.get("expected_stage"),
                )
            except RefusalNeeded as error:
                raise _with_reasons(error, record, wish["to"]) from error
            except DomainError as error:
                raise self._with_targets(error, record) from error
        offered = undo.offer_move(self.caller, record, before, former=former) if record.stage != before else ""
        return undoable(self.show(record.pk), offered)

    def _move_data(self, record: Any, wish: dict[str, Any]) -> dict[str, Any]:
        given = dict(wish.get("data") or {})
        related = {name: given.pop(name) for name in list(given) if "__" in name}
        fields = self.input_class(data=given, context=self.get_serializer_context(), partial=True)
        if not fields.is_valid():
            raise BadRequest({"data": fields.errors})
        values = dict(fields.validated_data)
        # `flat` leaves the responsible to a call of its own; a stage that asks for one takes it with the move.
        person = {"responsible": values["responsible"]} if "responsible" in values else {}
        return {**self.flat(values), **person, **_client_fields(record, wish["to"], related)}

    def flat(self, data: dict[str, Any]) -> dict[str, Any]:
        """Input as columns of the record; lists of phones and e-mails become one text each."""
        for name in ("phone", "email"):
            if (values := data.pop(f"{name}s", None)) is not None:
                data[name] = ", ".join(values)
        return {name: value for name, value in data.items() if name not in {"pipeline", "responsible"}}

    def _with_targets(self, error: DomainError, record: Any) -> DomainError:
        """Where it may go instead, for a move that the pipeline does not have."""
        if error.code == "move_not_allowed" and not error.errors:
            offered = [stage.key for stage in stages.allowed_targets(record, self.request.user)]
            error.errors.append({"pointer": "/to", "code": error.code, "message": error.message, "allowed": offered})
        return error

    # -- people -------------------------------------------------------------------------------------------------------

    @extend_schema(summary=gettext_lazy("Give to another person"), request=AssignInput, parameters=[UNDO_HEADER])
    @action(detail=True, methods=["post"])
    def assign(self, request: Request, **kwargs: Any) -> Response:
        """Make somebody else responsible; open tasks of the former one go along."""
        wish = self.read(AssignInput)
        with transaction.atomic():
            record = self.locked()
            former = record.responsible_id
            services.record_assign(
                record, responsible=wish["responsible"], by=self.actor, reason=wish.get("reason", "")
            )
        return self.assigned(record, former)

    def assigned(self, record: Any, former: int | None) -> Response:
        """The record with its new responsible, and the way back where it has another than before."""
        if former == record.responsible_id:
            return self.show(record.pk)
        rows = [[record.pk, former, record.responsible_id]]
        offered = undo.offer(self.caller, "assign", record_type=self.record_type, rows=rows)
        return undoable(self.show(record.pk), offered)

    # -- the timeline -------------------------------------------------------------------------------------------------

    @extend_schema(
        summary=gettext_lazy("Timeline"),
        responses=EntryOutput(many=True),
        parameters=[OpenApiParameter("kind", str, enum=TIMELINE_KINDS)],
    )
    @action(detail=True, filterset_class=None, ordering_fields=("at", "id"), default_ordering="-at")
    def timeline(self, request: Request, **kwargs: Any) -> Response:
        """What happened to the record, the newest first."""
        refuse_unknown(request, PAGING | {"kind"})
        kind = request.query_params.get("kind", "")
        if kind and kind not in TIMELINE_KINDS:
            raise BadRequest({"kind": [_("Choose among: %(names)s.") % {"names": ", ".join(TIMELINE_KINDS)}]})
        rows = timeline.entries_for(self.get_object(), request.user, kind=kind)
        page = self.paginate_queryset(rows) or []
        context = {"added": timeline.added(page)}
        return self.get_paginated_response(EntryOutput(page, many=True, context=context).data)

    @extend_schema(summary=gettext_lazy("Write a note"), request=NoteInput, responses={201: EntryOutput})
    @action(detail=True, methods=["post"])
    def notes(self, request: Request, **kwargs: Any) -> Response:
        """Write a note on the timeline."""
        wish = self.read(NoteInput)
        internal = wish["internal"] and may_see_partner_internals(self.caller)
        with transaction.atomic():
            entry = services.note_add(
                self.locked(action="comment"), text=wish["text"], by=self.actor, internal=internal
            )
        return Response(EntryOutput(entry).data, status=201)

    # -- files --------------------------------------------------------------------------------------------------------

    @extend_schema(methods=["GET"], summary=gettext_lazy("Files"), responses=FileOutput(many=True))
    @extend_schema(
        methods=["POST"],
        summary=gettext_lazy("Add a file"),
        request={"multipart/form-data": FileInput},
        responses={201: FileOutput},
    )
    @action(
        detail=True, methods=["get", "post"], filterset_class=None, ordering_fields=("created_at", "id"),
        default_ordering="-created_at",
    )  # fmt: skip
    def files(self, request: Request, **kwargs: Any) -> Response:
        """The files of the record, or one more."""
        if request.method == "POST":
            wish = self.read(FileInput)
            internal = wish["internal"] and may_see_partner_internals(self.caller)
            with transaction.atomic():
                kept = services.attachment_add(
                    self.locked(action="comment"), upload=wish["file"], by=self.actor, internal=internal
                )
            return Response(FileOutput(kept, context=self.get_serializer_context()).data, status=201)
        refuse_unknown(request, PAGING)
        page = self.paginate_queryset(self._files())
        return self.get_paginated_response(FileOutput(page, many=True, context=self.get_serializer_context()).data)

    @extend_schema(
        summary=gettext_lazy("Download a file"),
        responses={(200, "application/octet-stream"): OpenApiResponse(OpenApiTypes.BINARY)},
        parameters=[OpenApiParameter("file_id", int, OpenApiParameter.PATH)],
    )
    @action(
        detail=True, url_path=r"files/(?P<file_id>[0-9]{1,18})", url_name="file", filterset_class=None,
        pagination_class=None,
    )  # fmt: skip
    def file(self, request: Request, file_id: str, **kwargs: Any) -> FileResponse:
        """The content of a file."""
        kept = self._files().filter(pk=int(file_id)).first()
        if kept is None:
            raise Http404
        answer = FileResponse(kept.file.open("rb"), as_attachment=True, filename=kept.name)
        answer["Content-Type"] = "application/octet-stream"
        answer["X-Content-Type-Options"] = "nosniff"
        return answer

    def _files(self) -> Any:
        return files_of(self.get_object(), self.caller)

    # -- tasks --------------------------------------------------------------------------------------------------------

    @extend_schema(methods=["GET"], summary=gettext_lazy("Tasks of the record"), responses=TaskOutput(many=True))
    @extend_schema(
        methods=["POST"], summary=gettext_lazy("Plan a task"), request=TaskInput, responses={201: TaskOutput}
    )
    @action(
        detail=True, methods=["get", "post"], filterset_class=None, ordering_fields=("due_at", "created_at", "id"),
        default_ordering="due_at",
    )  # fmt: skip
    def tasks(self, request: Request, **kwargs: Any) -> Response:
        """The tasks, calls and meetings of the record that the caller may see, or one more."""
        if request.method == "POST":
            wish = self.read(TaskInput)
            with transaction.atomic():
                task = plan_task(self.locked(action="comment"), wish, by=self.actor, user=request.user)
            return Response(TaskOutput(task, context=self.get_serializer_context()).data, status=201)
        refuse_unknown(request, PAGING)
        record = self.get_object()
        rows = Activity.objects.visible_to(request.user).filter(record_type=record.RECORD_TYPE, record_id=record.pk)
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(TaskOutput(page, many=True, context=self.get_serializer_context()).data)


def _refusal_values(given: dict[str, Any]) -> dict[str, Any]:
    return {"reason_id" if name == "reason" else name: value for name, value in given.items()}


def _with_reasons(error: RefusalNeeded, record: Any, to: str) -> RefusalNeeded:
    """The reasons to choose from, with their ids."""
    stage = pipelines.find_stage(record.pipeline_id, to)
    rows = [{"id": row.pk, "name": row.name} for row in stage.reasons.filter(is_active=True)]
    error.errors = [{**item, "allowed": rows} if item["pointer"].endswith("reason") else item for item in error.errors]
    return error


def _client_fields(record: Any, to: str, given: dict[str, Any]) -> dict[str, Any]:
    """Fields of the client, only while the stage asks for them: a move is no way round the client's own rights."""
    if not given:
        return {}
    try:
        stage: Stage | None = pipelines.find_stage(record.pipeline_id, to)
    except KeyError:
        stage = None
    asked = {name for item in stages.missing_fields(record, stage) for name in item.fields} if stage else set()
    errors: dict[str, list[str]] = {}
    for name, value in given.items():
        if name not in asked or name not in CLIENT_FIELDS:
            errors[name[:60]] = [_("The stage does not ask for this.")]
        elif not isinstance(value, str) or len(value) > CLIENT_FIELDS[name]:
            errors[name] = [_("Give a short text.")]
    if errors:
        raise BadRequest({"data": errors})
    return given
