"""The caller, and the people to whom the caller may give records."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiToken, User
from accounts.services import profile_update
from crm.api.filtering import PAGING, refuse_unknown
from crm.api.serializers import RecordInput
from crm.api.views import ApiViewSet
from crm.people import assignable


class PersonOutput(serializers.ModelSerializer[User]):
    """A colleague."""

    name = serializers.CharField(source="full_name", read_only=True)

    class Meta:
        model = User
        fields = ("id", "name", "position", "role")
        read_only_fields = fields


class MeOutput(serializers.ModelSerializer[User]):
    """The caller's own account, and the scopes of the token."""

    scopes = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = (
            "id", "email", "last_name", "first_name", "patronymic", "position", "phone", "role", "team", "partner",
            "language", "time_zone", "absent_from", "absent_to", "scopes",
        )  # fmt: skip
        read_only_fields = fields

    def get_scopes(self, user: User) -> list[str] | None:
        token = self.context["request"].auth
        return list(token.scopes) if isinstance(token, ApiToken) else None


class MeInput(RecordInput):
    """What people may change of their own account."""

    class Meta:
        model = User
        fields = (
            "last_name", "first_name", "patronymic", "position", "phone", "language", "time_zone", "absent_from",
            "absent_to",
        )  # fmt: skip


class MeViewSet(ApiViewSet):
    """The caller."""

    queryset = User.objects.none()
    serializer_class = MeOutput

    @extend_schema(summary=gettext_lazy("Who am I"), operation_id="me_retrieve")
    def show(self, request: Request) -> Response:
        """The caller's account."""
        refuse_unknown(request, set())
        return Response(self.get_serializer(request.user).data)

    @extend_schema(summary=gettext_lazy("Change my account"), request=MeInput, operation_id="me_partial_update")
    def change(self, request: Request) -> Response:
        """Change one's own name, phone, language, time zone or absence."""
        user = profile_update(self.caller, data=self.read(MeInput, partial=True))
        return Response(self.get_serializer(user).data)


@extend_schema_view(list=extend_schema(summary=gettext_lazy("List people to assign to")))
class UserViewSet(ApiViewSet):
    """The active people to whom the caller may give records."""

    queryset = User.objects.none()
    serializer_class = PersonOutput
    ordering_fields = ("last_name", "id")
    default_ordering = "last_name"

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A page of people."""
        refuse_unknown(request, PAGING)
        page = self.paginate_queryset(assignable(self.caller))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)
