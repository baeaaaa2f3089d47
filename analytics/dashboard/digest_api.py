"""The weekly letter by the REST API."""

from __future__ import annotations

from typing import Any, cast

from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiToken, User
from analytics.dashboard import digest
from analytics.models import DigestChoice
from crm import clock
from crm.api.filtering import refuse_unknown
from crm.api.serializers import Input
from crm.api.views import ApiViewSet


class DigestChoiceOutput(serializers.Serializer[DigestChoice]):
    """Whether the caller gets the letter, on which weekday (Monday is 1) and at which hour of the company's clock."""

    is_on = serializers.BooleanField()
    weekday = serializers.IntegerField(min_value=1, max_value=7)
    hour = serializers.IntegerField(min_value=0, max_value=23)


class DigestChoiceInput(Input):
    """The change of it: what is given."""

    is_on = serializers.BooleanField(required=False)
    weekday = serializers.IntegerField(min_value=1, max_value=7, required=False)
    hour = serializers.IntegerField(min_value=0, max_value=23, required=False)


class DigestChoiceViewSet(ApiViewSet):
    """The caller's own choice."""

    serializer_class = DigestChoiceOutput

    @extend_schema(operation_id="digest_choice", responses=DigestChoiceOutput, summary=_("My weekly letter"))
    def show(self, request: Request) -> Response:
        """Whether and when."""
        refuse_unknown(request, set())
        return Response(DigestChoiceOutput(digest.choice_of(self.caller)).data)

    @extend_schema(
        operation_id="digest_choice_change", request=DigestChoiceInput, responses=DigestChoiceOutput,
        summary=_("Change my weekly letter"),
    )  # fmt: skip
    def change(self, request: Request) -> Response:
        """What is not given stays."""
        return Response(DigestChoiceOutput(digest.choice_change(self.caller, **self.read(DigestChoiceInput))).data)


class DigestViewSet(ApiViewSet):
    """What the letter would say."""

    token_scope = ApiToken.Scope.REPORTS

    @extend_schema(
        operation_id="digest_letter", responses={200: OpenApiTypes.OBJECT}, summary=_("The weekly letter of today")
    )
    def show(self, request: Request) -> Response:
        """The letter about the last seven days, for the caller: {subject, text, html}."""
        refuse_unknown(request, set())
        made = digest.written(cast("User", request.user), digest.week_before(clock.today()))
        answer: dict[str, Any] = {"subject": made.subject, "text": made.text, "html": made.html}
        return Response(answer)


def digest_paths() -> list[URLPattern]:
    """The addresses of both."""
    choice = DigestChoiceViewSet.as_view({"get": "show", "patch": "change"})
    return [
        path("me/digest/", choice, name="api-me-digest"),
        path("reports/digest/", DigestViewSet.as_view({"get": "show"}), name="api-digest"),
    ]
