"""Quotes of a deal in the API: list, make one, look at it before; the file is one of the deal's files."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpResponse
from django.utils.translation import gettext_lazy
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from communications.templates_render import Letter
from crm import preferences
from crm.api.actions import RecordActions
from crm.api.filtering import refuse_unknown
from crm.api.serializers import Input, Reference
from deals.models import Deal, Quote
from deals.quote_sending import quote_letter, quote_send, stage_after
from deals.quotes import quote_create, quote_preview
from deals.stages import PROPOSAL_SENT


class QuoteOutput(serializers.ModelSerializer[Quote]):
    """A version of a quote; its PDF is at `files/{file}/` of the deal."""

    label = serializers.CharField(help_text=gettext_lazy("The number as it is printed."))  # type: ignore[assignment]
    file = serializers.IntegerField(source="attachment_id")
    sent_by = Reference(read_only=True)
    letter_state = serializers.CharField(
        source="letter.state", default="", help_text=gettext_lazy("queued, sending, sent, failed; empty: not sent yet.")
    )

    class Meta:
        model = Quote
        fields = (
            "id", "label", "year", "number", "version", "date", "valid_until", "total", "file", "created_at",
            "sent_at", "sent_to", "sent_by", "letter_state",
        )  # fmt: skip
        read_only_fields = fields


class QuoteInput(Input):
    """What a quote says beside the lines of the deal."""

    terms = serializers.CharField(
        required=False, allow_blank=True, max_length=3000, help_text=gettext_lazy("Not sent: the usual ones.")
    )
    valid_until = serializers.DateField(required=False)
    is_new = serializers.BooleanField(
        default=False, help_text=gettext_lazy("With a number of its own instead of the next version of the last one.")
    )


class QuoteSendInput(Input):
    """To whom a quote goes, and with which words."""

    address = serializers.CharField(
        max_length=254, help_text=gettext_lazy("An e-mail of the deal's contact or company.")
    )
    subject = serializers.CharField(
        required=False, max_length=255, help_text=gettext_lazy("Not sent: of the template.")
    )
    text = serializers.CharField(
        required=False, max_length=20_000, trim_whitespace=False, help_text=gettext_lazy("Not sent: of the template.")
    )
    data = serializers.DictField(  # type: ignore[assignment]
        child=serializers.JSONField(allow_null=True),
        required=False,
        help_text=gettext_lazy("Fields that the move to «Proposal sent» asks for; elsewhere not looked at."),
    )


ASKED = OpenApiExample(
    "a letter of one's own",
    value={
        "address": "petr@example.org",
        "subject": "Коммерческое предложение КП-12/2026",
        "text": "Здравствуйте, Пётр Иванович! Предложение во вложении.",
    },
    request_only=True,
)
SHORT = OpenApiExample(
    "by the template, with the amount that the stage asks for",
    value={"address": "petr@example.org", "data": {"amount": "8647500.00"}},
    request_only=True,
)
SENT = OpenApiExample(
    "queued",
    value={
        "id": 31, "label": "КП-12/2026", "year": 2026, "number": 12, "version": 1, "date": "2026-03-02",
        "valid_until": "2026-03-16", "total": "8647500.00", "file": 204, "created_at": "2026-03-02T12:00:00+03:00",
        "sent_at": "2026-03-02T12:05:00+03:00", "sent_to": "petr@example.org", "sent_by": 7, "letter_state": "queued",
    },
    response_only=True,
)  # fmt: skip


class QuoteActions(RecordActions):
    """Quotes of a deal; partners do not see the manufacturer's."""

    @extend_schema(methods=["GET"], summary=gettext_lazy("Quotes"), responses=QuoteOutput(many=True))
    @extend_schema(
        methods=["POST"], summary=gettext_lazy("Make a quote"), request=QuoteInput, responses={201: QuoteOutput}
    )
    @action(detail=True, methods=["get", "post"], filterset_class=None, pagination_class=None)
    def quotes(self, request: Request, **kwargs: Any) -> Response:
        """All versions, the latest first; or one more, of the lines as they are now."""
        if self.caller.is_partner:
            raise PermissionDenied
        if request.method != "POST":
            refuse_unknown(request, set())
            rows = self.get_object().quotes.select_related("letter")
            return Response(QuoteOutput(rows, many=True, context=self.get_serializer_context()).data)
        wish = {"terms": preferences.get("quote_terms"), **self.read(QuoteInput)}
        with transaction.atomic():
            deal: Deal = self.locked()
            made = quote_create(deal, by=self.actor, **wish)
        return Response(QuoteOutput(made, context=self.get_serializer_context()).data, status=201)

    @extend_schema(
        summary=gettext_lazy("Send a quote to the client"),
        request=QuoteSendInput,
        responses=QuoteOutput,
        examples=[ASKED, SHORT, SENT],
        parameters=[OpenApiParameter("quote", int, OpenApiParameter.PATH)],
    )
    @action(
        detail=True, methods=["post"], url_path=r"quotes/(?P<quote>[0-9]{1,18})/send", filterset_class=None,
        pagination_class=None,
    )  # fmt: skip
    def quote_send(self, request: Request, quote: str, **kwargs: Any) -> Response:
        """A letter with the PDF; a deal at «Costing» goes to «Proposal sent», 422 lists what that stage lacks.

        The same quote to the same address twice within a minute is one letter.
        """
        if self.caller.is_partner:
            raise PermissionDenied
        wish = self.read(QuoteSendInput)
        with transaction.atomic():
            deal: Deal = self.locked()
            found = deal.quotes.filter(pk=int(quote)).first()
            if found is None:
                raise Http404
            data = self._move_data(deal, {"to": PROPOSAL_SENT, "data": wish.get("data")}) if stage_after(deal) else None
            # The template is asked only for what was not sent: it may need what the deal does not have.
            letter = quote_letter(found) if {"subject", "text"} - wish.keys() else Letter("", "")
            made = quote_send(
                found,
                address=wish["address"],
                subject=wish.get("subject", letter.subject),
                text=wish.get("text", letter.text),
                by=self.actor,
                data=data,
            )
        return Response(QuoteOutput(made, context=self.get_serializer_context()).data)

    @extend_schema(
        summary=gettext_lazy("Look at a quote before it is made"),
        responses={(200, "application/pdf"): OpenApiResponse(OpenApiTypes.BINARY)},
    )
    @action(detail=True, url_path="quotes/preview", filterset_class=None, pagination_class=None)
    def quote_preview(self, request: Request, **kwargs: Any) -> HttpResponse:
        """The PDF as it would be, without a number; nothing is kept."""
        refuse_unknown(request, set())
        if self.caller.is_partner:
            raise PermissionDenied
        made = quote_preview(self.get_object(), terms=preferences.get("quote_terms"))
        return HttpResponse(made, content_type="application/pdf")
