"""The post of a form behind a lead or deal, in the API: what its card shows of it."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.urls import re_path
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from communications.models import Submission
from communications.record_views import request_behind
from crm.api.filtering import refuse_unknown
from crm.api.views import ApiViewSet
from crm.visibility import visible_record


class RequestProblemOutput(serializers.Serializer[Any]):
    """Something of a request that was not understood or not kept."""

    pointer = serializers.CharField(default="")
    code = serializers.CharField(default="")
    message = serializers.CharField(default="")


class ConsentOutput(serializers.Serializer[Any]):
    """The text that the visitor agreed to."""

    version = serializers.IntegerField()
    text = serializers.CharField()


class RecordRequestOutput(serializers.ModelSerializer[Submission]):
    """How a request came; heads read all of it at `/submissions/{id}/`."""

    form = serializers.CharField(source="form.name", default="")
    consent = ConsentOutput(allow_null=True)
    problems = RequestProblemOutput(many=True)

    class Meta:
        model = Submission
        fields = ("id", "form", "received_at", "consent", "problems")
        read_only_fields = fields


class RecordRequestViewSet(ApiViewSet):
    """The request that a lead or deal was made of."""

    queryset = Submission.objects.none()
    serializer_class = RecordRequestOutput
    pagination_class = None
    record_type = ""

    @extend_schema(summary=gettext_lazy("How the request came"), responses=RecordRequestOutput)
    def show(self, request: Request, pk: str) -> Response:
        """The form, the consent and what was not understood; 404 where no form stands behind the record."""
        refuse_unknown(request, set())
        record = visible_record(self.record_type, int(pk), self.caller)
        row = request_behind(record, self.caller) if record is not None else None
        if row is None:
            raise Http404
        return Response(self.get_serializer(row).data)


urlpatterns = [
    re_path(
        rf"^{word}/(?P<pk>[0-9]{{1,18}})/request/$",
        RecordRequestViewSet.as_view({"get": "show"}, record_type=kind),
        name=f"api-{kind}-request",
    )
    for word, kind in (("leads", "lead"), ("deals", "deal"))
]
