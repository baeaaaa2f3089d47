"""Tasks, calls and meetings: the caller's own list, and what is done with one."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError as BadRequest
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from crm import services
from crm.activities import LATER, activity_change, activity_postpone, later
from crm.api.filtering import refuse_unknown
from crm.api.serializers import Input, Moment, Reference
from crm.api.views import ApiViewSet
from crm.errors import StageConflict
from crm.filters import ActivityFilter
from crm.models import Activity
from crm.people import assignable
from crm.visibility import refusal, visible_record


class TaskOutput(serializers.ModelSerializer[Activity]):
    """A task, call or meeting."""

    responsible = Reference(read_only=True)
    created_by = Reference(read_only=True)

    class Meta:
        model = Activity
        fields: tuple[str, ...] = (
            "id", "record_type", "record_id", "kind", "title", "text", "responsible", "due_at", "done_at", "result",
            "created_at", "created_by",
        )  # fmt: skip
        read_only_fields: tuple[str, ...] = fields


class TaskInput(Input):
    """What is to be done, by whom and until when."""

    title = serializers.CharField(max_length=255)
    due_at = Moment()
    kind = serializers.ChoiceField(Activity.Kind.choices, default=Activity.Kind.TASK)
    text = serializers.CharField(required=False, allow_blank=True, max_length=20_000)
    responsible = Reference(
        queryset=assignable, required=False, allow_null=True, help_text=gettext_lazy("Yourself when none is given.")
    )


class TaskChange(Input):
    """What is to be different; what is not named stays."""

    title = serializers.CharField(required=False, max_length=255)
    due_at = Moment(required=False)
    kind = serializers.ChoiceField(Activity.Kind.choices, required=False)
    text = serializers.CharField(required=False, allow_blank=True, max_length=20_000)
    responsible = Reference(queryset=assignable, required=False)


class PostponeInput(Input):
    """To which day: a word, or the moment itself."""

    to = serializers.ChoiceField(
        choices=list(LATER),
        required=False,
        help_text=gettext_lazy("At the same time of day: tomorrow (the next day of work), on Monday, in a week."),
    )
    due_at = Moment(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One of the two."""
        if len(attrs) != 1:
            raise BadRequest({"to": [_("Give either “to” or “due_at”.")]}, code="required")
        return attrs


class NextInput(Input):
    """The next step, for the same person unless another is named."""

    title = serializers.CharField(max_length=255)
    due_at = Moment()
    kind = serializers.ChoiceField(
        Activity.Kind.choices, required=False, help_text=gettext_lazy("The same kind when none is given.")
    )
    text = serializers.CharField(required=False, allow_blank=True, max_length=20_000)
    responsible = Reference(queryset=assignable, required=False)


class ResultInput(Input):
    """How it went, and what is to be done next."""

    result = serializers.CharField(required=False, allow_blank=True, max_length=20_000)
    next = NextInput(required=False, help_text=gettext_lazy("Planned with it, unless the task was done before."))


class CompletedOutput(TaskOutput):
    """The task that was done, with the next one if it was planned by the same call."""

    next = serializers.SerializerMethodField()

    class Meta(TaskOutput.Meta):
        fields = (*TaskOutput.Meta.fields, "next")
        read_only_fields = fields

    @extend_schema_field(TaskOutput(allow_null=True))
    def get_next(self, _task: Activity) -> dict[str, Any] | None:
        task = self.context.get("next")
        return TaskOutput(task, context=self.context).data if task is not None else None


def plan_task(record: Any, wish: dict[str, Any], *, by: Any, user: Any) -> Activity:
    """Plan a task on a record that the caller may change."""
    return services.activity_create(
        record,
        title=wish["title"],
        due_at=wish["due_at"],
        responsible=wish.get("responsible") or user,
        by=by,
        kind=wish["kind"],
        text=wish.get("text", ""),
    )


@extend_schema_view(
    list=extend_schema(summary=gettext_lazy("List tasks")),
    partial_update=extend_schema(summary=gettext_lazy("Change a task"), request=TaskChange, responses=TaskOutput),
    retrieve=extend_schema(summary=gettext_lazy("Read a task")),
)
class TaskViewSet(ApiViewSet):
    """Tasks in the caller's sight; new ones are planned on their record (`POST /deals/{id}/tasks/`)."""

    queryset = Activity.objects.none()
    serializer_class = TaskOutput
    filterset_class = ActivityFilter
    ordering_fields = ("due_at", "created_at", "id")
    default_ordering = "due_at"

    def get_queryset(self) -> Any:
        """The tasks in the caller's sight."""
        return Activity.objects.visible_to(self.request.user)

    def get_object(self) -> Activity:
        """The task that the address names; a 404 when it is not there for the caller."""
        task = self.get_queryset().filter(pk=int(self.kwargs["pk"])).first()
        if task is None:
            raise Http404
        return task

    def _changeable(self) -> Activity:
        rows = Activity.objects.visible_to(self.request.user, "change").select_for_update(of=("self",))
        task = rows.filter(pk=int(self.kwargs["pk"])).first()
        if task is None:
            raise PermissionDenied(refusal(self.get_object(), self.caller))
        return task

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A page of the tasks in the caller's sight."""
        return self.page_of(self.filter_queryset(self.get_queryset()))

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One task."""
        refuse_unknown(request, set())
        return Response(self.get_serializer(self.get_object()).data)

    def _open(self) -> Activity:
        """The task that is still to be done; StageConflict when it is done already."""
        task = self._changeable()
        if task.done_at is not None:
            raise StageConflict(_("This task is done already: open it again first."))
        return task

    def _shown(self, task: Activity) -> Response:
        return Response(self.get_serializer(task).data)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change what is to be done, by whom or until when."""
        data = self.read(TaskChange, partial=True)
        with transaction.atomic():
            task = self._open()
            if (heir := data.get("responsible")) and not self._may_have(task, heir):
                raise BadRequest({"responsible": [_("There is no such row, or you may not see it.")]})
            task = activity_change(task, by=self.actor, data=data)
        return self._shown(task)

    def _may_have(self, task: Activity, heir: User) -> bool:
        """People of the record's own side, as on the form of the task."""
        return heir.pk == task.responsible_id or assignable(self.caller, task.record).filter(pk=heir.pk).exists()

    @extend_schema(summary=gettext_lazy("Move to another day"), request=PostponeInput, responses=TaskOutput)
    @action(detail=True, methods=["post"])
    def postpone(self, request: Request, **kwargs: Any) -> Response:
        """Move a task that is still to be done to tomorrow, to Monday, a week on, or to a moment."""
        wish = self.read(PostponeInput)
        with transaction.atomic():
            task = self._open()
            due_at = wish["due_at"] if "due_at" in wish else later(task.due_at, wish["to"])
            activity_postpone(task, due_at=due_at, by=self.actor)
        return self._shown(task)

    @extend_schema(summary=gettext_lazy("Mark as done"), request=ResultInput, responses=CompletedOutput)
    @action(detail=True, methods=["post"])
    def complete(self, request: Request, **kwargs: Any) -> Response:
        """Mark a task as done, with its result, and plan the next step with it; twice changes nothing."""
        wish = self.read(ResultInput)
        fresh = None
        with transaction.atomic():
            task = self._changeable()
            was_open = task.done_at is None
            task = services.activity_complete(task, by=self.actor, result=wish.get("result", ""))
            if was_open and "next" in wish:
                fresh = self._plan_next(task, wish["next"])
        return Response(CompletedOutput(task, context={**self.get_serializer_context(), "next": fresh}).data)

    def _plan_next(self, task: Activity, wish: dict[str, Any]) -> Activity:
        record = visible_record(task.record_type, task.record_id, self.caller)
        if record is None:
            raise Http404
        if (heir := wish.get("responsible")) and not self._may_have(task, heir):
            raise BadRequest({"next": {"responsible": [_("There is no such row, or you may not see it.")]}})
        given = {"kind": task.kind, "responsible": task.responsible, **wish}
        return plan_task(record, given, by=self.actor, user=self.caller)

    @extend_schema(summary=gettext_lazy("Open again"), request=None, responses=TaskOutput)
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, **kwargs: Any) -> Response:
        """Take the mark back."""
        with transaction.atomic():
            task = services.activity_reopen(self._changeable(), by=self.actor)
        return Response(self.get_serializer(task).data)
