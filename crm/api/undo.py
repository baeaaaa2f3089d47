"""Taking back what a call has just done, as the button beside the toast does."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from crm import undo
from crm.api.views import ApiViewSet

HEADER = "Undo-Location"
# For the description of calls that can be taken back.
UNDO_HEADER = OpenApiParameter(
    HEADER,
    str,
    OpenApiParameter.HEADER,
    response=[200, 204],
    description=gettext_lazy("POST here within a minute to take it back; absent where there is nothing to take back."),
)


class UndoneOutput(serializers.Serializer[Any]):
    """What was taken back, in a sentence for people."""

    message = serializers.CharField()


def undoable(response: Response, offered: str) -> Response:
    """The answer with the address that takes the call back; `offered` is what `crm.undo.offer` gave."""
    if key := undo.key_of(offered):
        response[HEADER] = reverse("api-undo", args=[key])
    return response


class UndoViewSet(ApiViewSet):
    """The way back from a call."""

    queryset = User.objects.none()
    serializer_class = UndoneOutput

    @extend_schema(
        summary=gettext_lazy("Take back what was just done"),
        operation_id="undo",
        request=None,
        parameters=[OpenApiParameter("key", str, OpenApiParameter.PATH)],
    )
    def take_back(self, request: Request, key: str) -> Response:
        """Once, within a minute, by its author; 422 when it is too late, 409 when it was changed on meanwhile."""
        with transaction.atomic():
            text = undo.undo(self.actor, key)
        return Response(UndoneOutput({"message": text}).data)
