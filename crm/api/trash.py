"""The trash in the API: what the caller may bring back for thirty days."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.urls import path, re_path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError as BadRequest
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from crm import trash
from crm.api.filtering import PAGING, refuse_unknown
from crm.api.views import ApiViewSet
from crm.models import RECORD_MODELS

KINDS = tuple(RECORD_MODELS)


class TrashOutput(serializers.Serializer[Any]):
    """A deleted record."""

    record_type = serializers.CharField(source="RECORD_TYPE")
    id = serializers.IntegerField(source="pk")
    title = serializers.CharField(source="*")
    stage = serializers.CharField()
    responsible = serializers.IntegerField(source="responsible_id", allow_null=True)
    deleted_at = serializers.DateTimeField(allow_null=True, help_text=gettext_lazy("Null once it was brought back."))


class TrashViewSet(ApiViewSet):
    """Records deleted in the last thirty days that the caller may bring back."""

    queryset = User.objects.none()
    serializer_class = TrashOutput
    ordering_fields = ("deleted_at", "id")
    default_ordering = "-deleted_at"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Only those whose role deletes."""
        super().initial(request, *args, **kwargs)
        if not trash.may_delete(self.caller):
            raise PermissionDenied(_("Your role deletes nothing."))

    @extend_schema(
        summary=gettext_lazy("What is in the trash"),
        operation_id="trash_list",
        parameters=[OpenApiParameter("kind", str, enum=KINDS, required=True)],
        responses=TrashOutput(many=True),
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A page of deleted records of one kind, the latest first."""
        refuse_unknown(request, PAGING | {"kind"})
        kind = request.query_params.get("kind", "")
        if kind not in RECORD_MODELS:
            raise BadRequest({"kind": [_("Choose among: %(names)s.") % {"names": ", ".join(RECORD_MODELS)}]})
        page = self.paginate_queryset(trash.deleted(kind, self.caller))
        return self.get_paginated_response(TrashOutput(page, many=True).data)

    @extend_schema(
        summary=gettext_lazy("Bring a deleted record back"),
        operation_id="trash_restore",
        request=None,
        responses=TrashOutput,
        parameters=[
            OpenApiParameter("record_type", str, OpenApiParameter.PATH, enum=KINDS),
            OpenApiParameter("id", int, OpenApiParameter.PATH),
        ],
    )
    def restore(self, request: Request, **kwargs: Any) -> Response:
        """Out of the trash; what hung on it is there again."""
        record = trash.deleted(kwargs["record_type"], self.caller).filter(pk=int(kwargs["id"])).first()
        if record is None:
            raise Http404
        return Response(TrashOutput(trash.record_bring_back(record, by=self.actor)).data)


urlpatterns = [
    path("trash/", TrashViewSet.as_view({"get": "list"}), name="api-trash"),
    re_path(
        rf"^trash/(?P<record_type>{'|'.join(KINDS)})/(?P<id>[0-9]{{1,18}})/restore/$",
        TrashViewSet.as_view({"post": "restore"}),
        name="api-trash-restore",
    ),
]
