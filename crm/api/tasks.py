"""Tasks, calls and meetings: the caller's own list, and what is done with one."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm import services
from crm.api.filtering import refuse_unknown
from crm.api.serializers import Input, Moment, Reference
from crm.api.views import ApiViewSet
from crm.filters import ActivityFilter
from crm.models import Activity
from crm.people import assignable
from crm.visibility import refusal


class TaskOutput(serializers.ModelSerializer[Activity]):
    """A task, call or meeting."""

    responsible = Reference(read_only=True)
    created_by = Reference(read_only=True)

    class Meta:
        model = Activity
        fields = (
            "id", "record_type", "record_id", "kind", "title", "text", "responsible", "due_at", "done_at", "result",
            "created_at", "created_by",
        )  # fmt: skip
        read_only_fields = fields


class TaskInput(Input):
    """What is to be done, by whom and until when."""

    title = serializers.CharField(max_length=255)
    due_at = Moment()
    kind = serializers.ChoiceField(Activity.Kind.choices, default=Activity.Kind.TASK)
    text = serializers.CharField(required=False, allow_blank=True, max_length=20_000)
    responsible = Reference(
        queryset=assignable, required=False, allow_null=True, help_text=gettext_lazy("Yourself when none is given.")
    )


class ResultInput(Input):
    """How it went."""

    result = serializers.CharField(required=False, allow_blank=True, max_length=20_000)


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
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One task."""
        refuse_unknown(request, set())
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(summary=gettext_lazy("Mark as done"), request=ResultInput, responses=TaskOutput)
    @action(detail=True, methods=["post"])
    def complete(self, request: Request, **kwargs: Any) -> Response:
        """Mark a task as done, with its result; twice changes nothing."""
        wish = self.read(ResultInput)
        with transaction.atomic():
            task = services.activity_complete(self._changeable(), by=self.actor, result=wish.get("result", ""))
        return Response(self.get_serializer(task).data)

    @extend_schema(summary=gettext_lazy("Open again"), request=None, responses=TaskOutput)
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, **kwargs: Any) -> Response:
        """Take the mark back."""
        with transaction.atomic():
            task = services.activity_reopen(self._changeable(), by=self.actor)
        return Response(self.get_serializer(task).data)
