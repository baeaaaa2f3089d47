"""What the card of a lead or deal shows of communications, in the API: its request, its letters that did not leave."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.urls import re_path
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from communications.models import Message, Submission
from communications.record_views import request_behind
from communications.selectors import letter_in_sight, unsent_of
from communications.services import message_resend, message_settle
from crm.api.filtering import refuse_unknown
from crm.api.views import ApiViewSet
from crm.visibility import refusal, visible_record


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


class UnsentLetterOutput(serializers.ModelSerializer[Message]):
    """A letter to the client; `is_unsure`: unknown whether it left, so it is not sent again by itself."""

    class Meta:
        model = Message
        fields = ("id", "record_type", "record_id", "state", "is_unsure", "address", "subject", "error", "created_at")
        read_only_fields = fields


class UnsentLettersViewSet(ApiViewSet):
    """The letters of a lead or deal that wait for a person."""

    queryset = Message.objects.none()
    serializer_class = UnsentLetterOutput
    pagination_class = None
    record_type = ""

    @extend_schema(summary=gettext_lazy("Letters that did not leave"), responses=UnsentLetterOutput(many=True))
    def show(self, request: Request, pk: str) -> Response:
        """Those that failed, and those of which it is unknown whether they left, oldest first."""
        refuse_unknown(request, set())
        record = visible_record(self.record_type, int(pk), self.caller)
        if record is None:
            raise Http404
        return Response(self.get_serializer(unsent_of(record, self.caller), many=True).data)


class LetterViewSet(ApiViewSet):
    """What a person decides about one such letter."""

    queryset = Message.objects.none()
    serializer_class = UnsentLetterOutput

    def _letter(self) -> int:
        """The letter that the address names: 404 out of sight, 403 where one may only look."""
        pk = int(self.kwargs["pk"])
        found = letter_in_sight(pk, self.caller)
        if found is None:
            raise Http404
        if letter_in_sight(pk, self.caller, "change") is None:
            raise PermissionDenied(refusal(found[1], self.caller))
        return pk

    @extend_schema(summary=gettext_lazy("Send a letter again"), request=None, responses=UnsentLetterOutput)
    @action(detail=True, methods=["post"])
    def again(self, request: Request, **kwargs: Any) -> Response:
        """It is sent again with the same Message-ID; one that waits, leaves or has left stays as it is."""
        return Response(self.get_serializer(message_resend(message_id=self._letter(), by=self.actor)).data)

    @extend_schema(summary=gettext_lazy("Leave a letter as it is"), request=None, responses=UnsentLetterOutput)
    @action(detail=True, methods=["post"])
    def settle(self, request: Request, **kwargs: Any) -> Response:
        """Where it was unknown, the client has it: `sent`; else it is not sent any more: `cancelled`."""
        return Response(self.get_serializer(message_settle(message_id=self._letter(), by=self.actor)).data)


router = SimpleRouter()
router.register("letters", LetterViewSet, basename="api-letter")
urlpatterns = [
    *router.urls,
    *(
        re_path(
            rf"^{word}/(?P<pk>[0-9]{{1,18}})/{name}/$",
            view.as_view({"get": "show"}, record_type=kind),
            name=f"api-{kind}-{name}",
        )
        for word, kind in (("leads", "lead"), ("deals", "deal"))
        for name, view in (("request", RecordRequestViewSet), ("unsent-letters", UnsentLettersViewSet))
    ),
]
