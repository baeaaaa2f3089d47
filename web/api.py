"""Global search, «my day» and the bell in the API: the same selectors as the pages."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from crm import notices
from crm.api.filtering import PAGING, refuse_unknown
from crm.api.tasks import TaskOutput
from crm.api.views import ApiViewSet
from crm.models import Activity, ClientType, Notification
from web import my_day
from web import search as searching

WORDS = {"lead": "leads", "deal": "deals"}


class SearchQuery(serializers.Serializer[Any]):
    """What is looked for."""

    q = serializers.CharField(
        max_length=200, help_text=gettext_lazy("Names, INN, any part of a phone, a size, a place, a number.")
    )
    limit = serializers.IntegerField(
        required=False, default=10, min_value=1, max_value=50, help_text=gettext_lazy("How many of each kind.")
    )
    client_type = serializers.ChoiceField(
        ClientType.choices,
        required=False,
        default="",
        help_text=gettext_lazy("Only contacts and companies of this type."),
    )


class SearchRowOutput(serializers.Serializer[Any]):
    """A record that was found."""

    id = serializers.IntegerField()
    title = serializers.CharField()
    note = serializers.CharField()
    stage = serializers.CharField(source="stage.key")
    responsible = serializers.IntegerField(source="responsible.pk", allow_null=True, default=None)


class SearchGroupOutput(serializers.Serializer[Any]):
    """What was found of one kind, what somebody worked on last first."""

    record_type = serializers.CharField()
    has_more = serializers.SerializerMethodField()
    items = SearchRowOutput(many=True)

    def get_has_more(self, group: searching.Group) -> bool:
        return bool(group.more_url)


class CallerOutput(serializers.Serializer[Any]):
    """What the call centre may learn of a client outside the leads."""

    name = serializers.CharField()
    responsible = serializers.SerializerMethodField()
    phone_tail = serializers.CharField()

    def get_responsible(self, caller: Any) -> str:
        return str(caller.responsible or "")


class SearchOutput(serializers.Serializer[Any]):
    """Everything that fits, by kind of record."""

    groups = SearchGroupOutput(many=True)
    callers = CallerOutput(many=True)


class SearchViewSet(ApiViewSet):
    """Global search over what the caller may see."""

    queryset = User.objects.none()
    serializer_class = SearchOutput

    @extend_schema(summary=gettext_lazy("Search everywhere"), operation_id="search", parameters=[SearchQuery])
    def find(self, request: Request) -> Response:
        """Leads, deals, contacts, companies and objects at once; ё is е, a wrong keyboard layout is understood."""
        refuse_unknown(request, {"q", "limit", "client_type"})
        wish = SearchQuery(data=request.query_params)
        wish.is_valid(raise_exception=True)
        asked = wish.validated_data
        found = searching.search(self.caller, asked["q"], limit=asked["limit"], client_type=asked["client_type"])
        return Response(SearchOutput(found).data)


# -- my day -----------------------------------------------------------------------------------------------------------


class DayRecordOutput(serializers.Serializer[Any]):
    """A record that waits for somebody."""

    record_type = serializers.CharField(source="record.RECORD_TYPE")
    id = serializers.IntegerField(source="record.pk")
    title = serializers.CharField(source="record")
    client = serializers.CharField()
    phone = serializers.CharField()
    stage = serializers.CharField(source="stage.key")
    since = serializers.DateTimeField()


class SectionOutput(serializers.Serializer[Any]):
    """A counter, where the list behind it is, and its first rows."""

    code = serializers.CharField()
    title = serializers.CharField()
    count = serializers.IntegerField()
    list = serializers.SerializerMethodField(help_text=gettext_lazy("The call that lists all of it."))
    tasks = serializers.SerializerMethodField()
    records = serializers.SerializerMethodField()

    def get_list(self, section: my_day.Section) -> str:
        word = "tasks" if section.is_tasks else WORDS[section.rows.model.RECORD_TYPE]
        return f"/api/v1/{word}/?{section.url.partition('?')[2]}"

    @extend_schema_field(TaskOutput(many=True))
    def get_tasks(self, section: my_day.Section) -> Any:
        if not section.is_tasks or not section.count:
            return []
        return TaskOutput(section.rows.order_by("due_at", "id")[: my_day.ROWS], many=True, context=self.context).data

    @extend_schema_field(DayRecordOutput(many=True))
    def get_records(self, section: my_day.Section) -> Any:
        if section.is_tasks or not section.count:
            return []
        return DayRecordOutput(my_day.first_records(section), many=True).data


class MyDayViewSet(ApiViewSet):
    """What the first page of the browser shows."""

    queryset = Activity.objects.none()
    serializer_class = SectionOutput
    pagination_class = None

    @extend_schema(
        summary=gettext_lazy("My day"),
        operation_id="my_day",
        responses=SectionOutput(many=True),
        parameters=[
            OpenApiParameter(
                "of", str, enum=["me", "all"], description=gettext_lazy("Everybody's day, for the sales head.")
            )
        ],
    )
    def show(self, request: Request) -> Response:
        """What is late, due today, taken up by nobody, without a next step; each with its list."""
        refuse_unknown(request, {"of"})
        of = request.query_params.get("of", "me")
        if of not in {"me", "all"}:
            raise serializers.ValidationError({"of": [_("Choose among: %(names)s.") % {"names": "me, all"}]})
        if of == "all" and not my_day.may_look_around(self.caller):
            raise PermissionDenied(_("Only the sales head looks at everybody's day."))
        found = my_day.counted(request, everybody=of == "all")  # type: ignore[arg-type]
        return Response(SectionOutput(found, many=True, context=self.get_serializer_context()).data)


# -- the bell ---------------------------------------------------------------------------------------------------------


class NotificationOutput(serializers.Serializer[Any]):
    """A line of the bell; of a burst of events one line stands for all. Out of sight, the record is null."""

    id = serializers.IntegerField(source="row.pk")
    kind = serializers.CharField(source="row.kind")
    at = serializers.DateTimeField(source="row.last_at")
    text = serializers.CharField()
    count = serializers.IntegerField()
    record_type = serializers.SerializerMethodField()
    record_id = serializers.SerializerMethodField()
    is_read = serializers.SerializerMethodField()

    def get_record_type(self, line: dict[str, Any]) -> str:
        return str(line["row"].record_type) if line["record"] else ""

    def get_record_id(self, line: dict[str, Any]) -> int | None:
        return line["row"].record_id if line["record"] else None

    def get_is_read(self, line: dict[str, Any]) -> bool:
        return line["row"].read_at is not None


class NotificationViewSet(ApiViewSet):
    """What others did that concerns the caller."""

    queryset = Notification.objects.none()
    serializer_class = NotificationOutput
    ordering_fields = ("last_at", "id")
    default_ordering = "-last_at"

    @extend_schema(summary=gettext_lazy("What others did that concerns me"), responses=NotificationOutput(many=True))
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A page of the bell, the latest first."""
        refuse_unknown(request, PAGING)
        page = self.paginate_queryset(notices.bell(self.caller))
        return self.get_paginated_response(NotificationOutput(notices.groups(page or [], self.caller), many=True).data)

    @extend_schema(
        summary=gettext_lazy("Mark everything as read"),
        operation_id="notifications_read_all",
        request=None,
        responses={204: None},
    )
    def read_all(self, request: Request) -> Response:
        """Everything that there is until now."""
        notices.read_all(self.caller)
        return Response(status=204)

    @extend_schema(
        summary=gettext_lazy("Mark a line as read"),
        operation_id="notifications_read",
        request=None,
        responses={204: None},
    )
    def read_one(self, request: Request, pk: int) -> Response:
        """One line, with the burst that it stands for."""
        row = Notification.objects.filter(pk=pk, user=self.caller).first()
        if row is None:
            raise Http404
        notices.read(row)
        return Response(status=204)


urlpatterns = [
    path("search/", SearchViewSet.as_view({"get": "find"}), name="api-search"),
    path("my-day/", MyDayViewSet.as_view({"get": "show"}), name="api-my-day"),
    path("notifications/", NotificationViewSet.as_view({"get": "list"}), name="api-notification-list"),
    path("notifications/read/", NotificationViewSet.as_view({"post": "read_all"}), name="api-notification-read-all"),
    path(
        "notifications/<int:pk>/read/", NotificationViewSet.as_view({"post": "read_one"}), name="api-notification-read"
    ),
]
