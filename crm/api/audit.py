"""The audit trail in the API: who changed what and when, records and settings alike; only read (ACC-5)."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.views import ApiViewSet
from crm.filters import KeyFilter
from crm.models import ActorKind, Change
from crm.views.audit import ChangeFilter, lines_of


class AuditFilter(ChangeFilter):
    """What the trail is cut by; `after` is for programs that fetch what is new."""

    after = KeyFilter(field_name="id", lookup_expr="gt", label=gettext_lazy("After the line with this number"))


class AuditOutput(serializers.Serializer[Any]):
    """One changed field. `old` and `new` are as they are kept, the texts as people read them."""

    id = serializers.IntegerField(source="row.pk")
    at = serializers.DateTimeField(source="row.at")
    record_type = serializers.CharField(
        source="row.record_type", help_text=gettext_lazy("lead, deal …, or a kind of setting: stage, team, user …")
    )
    record_id = serializers.IntegerField(
        source="row.record_id", help_text=gettext_lazy("0 for settings that are named and not numbered: see `of`.")
    )
    of = serializers.CharField(help_text=gettext_lazy("Which row of the settings."))
    field = serializers.CharField(source="row.field")
    label = serializers.CharField(help_text=gettext_lazy("The field, as the card calls it."))  # type: ignore[assignment]
    old = serializers.SerializerMethodField()
    new = serializers.SerializerMethodField()
    old_text = serializers.CharField(source="old")
    new_text = serializers.CharField(source="new")
    actor_kind = serializers.ChoiceField(source="row.actor_kind", choices=ActorKind.choices)
    actor_user = serializers.IntegerField(source="row.actor_user_id", allow_null=True)
    actor_name = serializers.CharField(source="row.actor_name")
    request_id = serializers.CharField(source="row.request_id", help_text=gettext_lazy("The number of the call."))

    @extend_schema_field(serializers.JSONField(allow_null=True))
    def get_old(self, line: dict[str, Any]) -> Any:
        return line["row"].old

    @extend_schema_field(serializers.JSONField(allow_null=True))
    def get_new(self, line: dict[str, Any]) -> Any:
        return line["row"].new


EXAMPLE = OpenApiExample(
    "a change by a token",
    value={
        "id": 815, "at": "2026-03-02T09:00:00+03:00", "record_type": "deal", "record_id": 42, "of": "",
        "field": "amount", "label": "Amount", "old": "100.00", "new": "120.00", "old_text": "100", "new_text": "120",
        "actor_kind": "token", "actor_user": 7, "actor_name": "Ivanov I. · Site", "request_id": "0190b0…",
    },
    response_only=True,
)  # fmt: skip


@extend_schema_view(
    list=extend_schema(
        summary=gettext_lazy("Read the audit trail"), responses=AuditOutput(many=True), examples=[EXAMPLE]
    )
)
class AuditViewSet(ApiViewSet):
    """All changes of records and settings, and what happened at the door, for heads and administrators."""

    queryset = Change.objects.none()
    serializer_class = AuditOutput
    filterset_class = AuditFilter
    ordering_fields = ("at", "id")
    default_ordering = "-id"

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A page of changes, the latest first; `ordering=id&after=` goes on from the last line known."""
        if not self.caller.is_head:
            raise PermissionDenied
        page = self.paginate_queryset(self.filter_queryset(Change.objects.select_related("actor_user")))
        return self.get_paginated_response(AuditOutput(lines_of(page or [], self.caller), many=True).data)
