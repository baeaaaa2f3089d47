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

from communications.client_letters import letter_proposed, letter_write
from communications.models import Message, MessageTemplate, Submission
from communications.record_views import request_behind
from communications.selectors import letter_in_sight, unsent_of
from communications.services import ContactWay, contact_note, message_resend, message_settle
from crm.api.filtering import refuse_unknown
from crm.api.serializers import Coded, Input
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


class ContactNoteInput(Input):
    """A call, a meeting, a message past the product's own channels."""

    way = serializers.ChoiceField(choices=ContactWay.choices)
    text = serializers.CharField(
        required=False, allow_blank=True, max_length=20_000, help_text=gettext_lazy("Needed but for unanswered calls.")
    )
    phone = serializers.CharField(required=False, allow_blank=True, max_length=20)


class WriteInput(Input):
    """A letter to the client."""

    address = serializers.CharField(max_length=254, help_text=gettext_lazy("One of the client's addresses."))
    subject = serializers.CharField(max_length=255)
    text = serializers.CharField(max_length=20_000)


class WrittenOutput(serializers.ModelSerializer[Message]):
    """A letter that waits to be sent, or was."""

    class Meta:
        model = Message
        fields = ("id", "record_type", "record_id", "state", "address", "subject", "text", "created_at", "sent_at")
        read_only_fields = fields


class ProposalInput(Input):
    """By which template, to which address."""

    template = Coded(queryset=MessageTemplate.objects.all())
    address = serializers.CharField(required=False, allow_blank=True, max_length=254)


class ProposalOutput(serializers.Serializer[Any]):
    """The words of a template for the record; `problem` names what is left in braces."""

    subject = serializers.CharField()
    text = serializers.CharField()
    problem = serializers.CharField()


class ClientTalkViewSet(ApiViewSet):
    """What passes between our people and the client of a record."""

    queryset = Message.objects.none()
    serializer_class = WrittenOutput
    pagination_class = None
    record_type = ""

    def _record(self, pk: str) -> Any:
        record = visible_record(self.record_type, int(pk), self.caller)
        if record is None:
            raise Http404
        if visible_record(self.record_type, int(pk), self.caller, "comment") is None:
            raise PermissionDenied(refusal(record, self.caller))
        return record

    def _record_to_write(self, pk: str) -> Any:
        if self.caller.is_partner:
            raise Http404
        return self._record(pk)

    @extend_schema(
        summary=gettext_lazy("Note that the client called, wrote or met us"), request=ContactNoteInput,
        responses={204: None},
    )  # fmt: skip
    def note(self, request: Request, pk: str) -> Response:
        """It is on the timeline, and what the client did starts and stops robots."""
        given = ContactNoteInput(data=request.data)
        given.is_valid(raise_exception=True)
        contact_note(self._record(pk), by=self.actor, **given.validated_data)
        return Response(status=204)

    @extend_schema(
        summary=gettext_lazy("Write the client a letter"), request=WriteInput, responses={201: WrittenOutput}
    )
    def write(self, request: Request, pk: str) -> Response:
        """It waits in the outbox; the same letter twice within a minute is one."""
        record = self._record_to_write(pk)
        given = WriteInput(data=request.data)
        given.is_valid(raise_exception=True)
        return Response(self.get_serializer(letter_write(record, by=self.actor, **given.validated_data)).data, 201)

    @extend_schema(
        summary=gettext_lazy("The words of a template for the record"), request=ProposalInput, responses=ProposalOutput
    )
    def propose(self, request: Request, pk: str) -> Response:
        """Subject and text to be finished by a person; nothing is sent."""
        record = self._record_to_write(pk)
        given = ProposalInput(data=request.data)
        given.is_valid(raise_exception=True)
        letter, problem = letter_proposed(
            record, given.validated_data["template"], address=given.validated_data.get("address", "")
        )
        found = {"subject": letter.subject, "text": letter.text, "problem": problem}
        return Response(ProposalOutput(found).data)


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
    *(
        re_path(
            rf"^{word}/(?P<pk>[0-9]{{1,18}})/{name}/$",
            ClientTalkViewSet.as_view({"post": action_name}, record_type=kind),
            name=f"api-{kind}-{name}",
        )
        for word, kind in (("leads", "lead"), ("deals", "deal"), ("contacts", "contact"), ("companies", "company"))
        for name, action_name in (("talks", "note"), ("letters", "write"), ("letter-proposal", "propose"))
    ),
]
