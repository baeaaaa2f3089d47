"""Quotes of a deal in the API: list, make one, look at it before; the file is one of the deal's files."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpResponse
from django.utils.translation import gettext_lazy
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm import preferences
from crm.api.actions import RecordActions
from crm.api.filtering import refuse_unknown
from crm.api.serializers import Input
from deals.models import Deal, Quote
from deals.quotes import quote_create, quote_preview


class QuoteOutput(serializers.ModelSerializer[Quote]):
    """A version of a quote; its PDF is at `files/{file}/` of the deal."""

    label = serializers.CharField(help_text=gettext_lazy("The number as it is printed."))  # type: ignore[assignment]
    file = serializers.IntegerField(source="attachment_id")

    class Meta:
        model = Quote
        fields = ("id", "label", "year", "number", "version", "date", "valid_until", "total", "file", "created_at")
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
            return Response(QuoteOutput(self.get_object().quotes.all(), many=True).data)
        wish = {"terms": preferences.get("quote_terms"), **self.read(QuoteInput)}
        with transaction.atomic():
            deal: Deal = self.locked()
            made = quote_create(deal, by=self.actor, **wish)
        return Response(QuoteOutput(made).data, status=201)

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
