"""Accounts of people in the API, kept by administrators: new ones, changes, switching off."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Partner, Role, Team, User
from accounts.selectors import found_users, manageable_users
from crm import people_services
from crm.api.filtering import PAGING, refuse_unknown
from crm.api.serializers import OnePhone, RecordInput, Reference
from crm.api.views import ApiViewSet


class AccountOutput(serializers.ModelSerializer[User]):
    """An account."""

    has_password = serializers.BooleanField(
        source="has_usable_password", read_only=True, help_text=gettext_lazy("No: nobody can sign in by it yet.")
    )

    class Meta:
        model = User
        fields = (
            "id", "email", "last_name", "first_name", "patronymic", "position", "phone", "role", "team", "partner",
            "language", "time_zone", "absent_from", "absent_to", "is_active", "has_password",
        )  # fmt: skip
        read_only_fields = fields


class AccountInput(RecordInput):
    """An account as its administrator fills it in."""

    phone = OnePhone(required=False, allow_blank=True)
    team = Reference(queryset=Team.objects.all(), required=False, allow_null=True)
    partner = Reference(queryset=Partner.objects.all(), required=False, allow_null=True)

    class Meta:
        model = User
        fields = (
            "email", "last_name", "first_name", "patronymic", "position", "phone", "role", "team", "partner",
            "language", "time_zone", "absent_from", "absent_to",
        )  # fmt: skip


class AccountQuery(serializers.Serializer[Any]):
    """What to cut the list by."""

    search = serializers.CharField(
        required=False, max_length=200, help_text=gettext_lazy("How a name or e-mail begins.")
    )
    role = serializers.ChoiceField(choices=Role.choices, required=False)
    is_active = serializers.BooleanField(required=False, allow_null=True, default=None)


@extend_schema_view(
    list=extend_schema(summary=gettext_lazy("List accounts"), parameters=[AccountQuery]),
    retrieve=extend_schema(summary=gettext_lazy("Read an account")),
    create=extend_schema(summary=gettext_lazy("Make an account"), request=AccountInput, responses={201: AccountOutput}),
    partial_update=extend_schema(
        summary=gettext_lazy("Change an account"), request=AccountInput, responses=AccountOutput
    ),
)
class AccountViewSet(ApiViewSet):
    """Everybody's accounts, for administrators; giving records to people is at `/users/`."""

    queryset = User.objects.none()
    serializer_class = AccountOutput
    ordering_fields = ("last_name", "id")
    default_ordering = "last_name"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Only administrators."""
        super().initial(request, *args, **kwargs)
        if not self.caller.is_administrator:
            raise PermissionDenied(_("Only an administrator manages people."))

    def get_object(self) -> User:
        """The account that the address names, or a 404."""
        user = manageable_users(self.caller).filter(pk=int(self.kwargs["pk"])).first()
        if user is None:
            raise Http404
        return user

    def _shown(self, user: User, status: int = 200) -> Response:
        return Response(self.get_serializer(user).data, status=status)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A page of accounts, by how the name begins, by role, switched on or off."""
        refuse_unknown(request, PAGING | {"search", "role", "is_active"})
        wish = AccountQuery(data=request.query_params)
        wish.is_valid(raise_exception=True)
        given = wish.validated_data
        rows = found_users(manageable_users(self.caller), given.get("search", ""))
        wanted = {name: given[name] for name in ("role", "is_active") if given.get(name) is not None}
        return self.page_of(rows.filter(**wanted))

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One account."""
        refuse_unknown(request, set())
        return self._shown(self.get_object())

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A new account; its owner sets the password by the letter that `POST /people/{id}/letter/` sends."""
        return self._shown(people_services.person_create(by=self.actor, data=self.read(AccountInput)), 201)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change the fields that are sent; the others stay."""
        user = self.get_object()
        data = self.read(AccountInput, instance=user, partial=True)
        return self._shown(people_services.person_update(user, by=self.actor, data=data))

    @extend_schema(summary=gettext_lazy("Send a person the letter to get in"), request=None, responses=AccountOutput)
    @action(detail=True, methods=["post"])
    def letter(self, request: Request, **kwargs: Any) -> Response:
        """An invitation for who has no password yet, else a link to set a new one; the letter leaves in seconds."""
        user = self.get_object()
        if user.has_usable_password():
            people_services.person_reset(user, by=self.actor)
        else:
            people_services.person_invite(user, by=self.actor)
        return self._shown(user)

    @extend_schema(summary=gettext_lazy("Sign a person out everywhere"), request=None, responses=AccountOutput)
    @action(detail=True, methods=["post"], url_path="sign-out")
    def sign_out(self, request: Request, **kwargs: Any) -> Response:
        """End all sessions of a person; their tokens stay."""
        user = self.get_object()
        people_services.person_sign_out(user, by=self.actor)
        return self._shown(user)

    @extend_schema(summary=gettext_lazy("Take the second factor off"), request=None, responses=AccountOutput)
    @action(detail=True, methods=["post"], url_path="remove-factors")
    def remove_factors(self, request: Request, **kwargs: Any) -> Response:
        """For a person who has lost telephone and codes: the password alone lets them in then."""
        user = self.get_object()
        people_services.person_factors_remove(user, by=self.actor)
        return self._shown(user)

    @extend_schema(summary=gettext_lazy("Switch an account off"), request=None, responses=AccountOutput)
    @action(detail=True, methods=["post"])
    def deactivate(self, request: Request, **kwargs: Any) -> Response:
        """End its sessions and tokens at once; what it did and owns stays."""
        return self._shown(people_services.person_switch(self.get_object(), by=self.actor, on=False))

    @extend_schema(summary=gettext_lazy("Switch an account on"), request=None, responses=AccountOutput)
    @action(detail=True, methods=["post"])
    def activate(self, request: Request, **kwargs: Any) -> Response:
        """Let its owner sign in again; ended sessions and revoked tokens stay ended."""
        return self._shown(people_services.person_switch(self.get_object(), by=self.actor, on=True))
