"""The caller, and the people to whom the caller may give records."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import sessions
from accounts.models import ApiToken, CalendarFeed, User, UserSession
from accounts.services import profile_update
from crm import notify, people_services
from crm.api.filtering import PAGING, refuse_unknown
from crm.api.jobs import JobDetail
from crm.api.serializers import Input, OnePhone, RecordInput, Reference
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

    phone = OnePhone(required=False, allow_blank=True)

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


class FeedOutput(serializers.ModelSerializer[CalendarFeed]):
    """The address of a calendar, without its secret."""

    class Meta:
        model = CalendarFeed
        fields = ("created_at", "last_used_at")
        read_only_fields = fields


class MyCalendarFeedViewSet(ApiViewSet):
    """The private address of the caller's calendar. It is made in the browser: a secret is shown to a person, once."""

    queryset = CalendarFeed.objects.none()
    serializer_class = FeedOutput

    @extend_schema(summary=gettext_lazy("The address of my calendar"), operation_id="me_calendar_feed_retrieve")
    def show(self, request: Request) -> Response:
        """Since when there is one, and when it was last read; a 404 where there is none."""
        refuse_unknown(request, set())
        feed = CalendarFeed.objects.filter(user=self.caller).first()
        if feed is None:
            raise Http404
        return Response(self.get_serializer(feed).data)

    @extend_schema(
        summary=gettext_lazy("End the address of my calendar"),
        operation_id="me_calendar_feed_destroy",
        responses={204: None},
    )
    def end(self, request: Request) -> Response:
        """It works no more at once; twice changes nothing."""
        people_services.feed_end(self.caller)
        return Response(status=204)


class NotificationSettings(serializers.Serializer[Any]):
    """Which events one is told of by which channel, and the hours without letters, in one's own time zone."""

    channels = serializers.DictField(
        child=serializers.ListField(child=serializers.ChoiceField(choices=list(notify.CHANNELS.items()))),
        required=False,
        help_text=gettext_lazy("By kind of event: responsible, task, client, note, stage, message."),
    )
    quiet_from = serializers.TimeField(required=False, allow_null=True, format="%H:%M")
    quiet_to = serializers.TimeField(required=False, allow_null=True, format="%H:%M")


class MyNotificationsViewSet(ApiViewSet):
    """What the caller is told of."""

    queryset = User.objects.none()
    serializer_class = NotificationSettings

    def _shown(self) -> dict[str, Any]:
        quiet = notify.quiet_hours(self.caller) or (None, None)
        return {"channels": notify.channels_of(self.caller), "quiet_from": quiet[0], "quiet_to": quiet[1]}

    @extend_schema(summary=gettext_lazy("What I am told of"), operation_id="me_notifications_retrieve")
    def show(self, request: Request) -> Response:
        """Channels by kind of event, and the quiet hours."""
        refuse_unknown(request, set())
        return Response(self.get_serializer(self._shown()).data)

    @extend_schema(
        summary=gettext_lazy("Choose what I am told of"),
        request=NotificationSettings,
        operation_id="me_notifications_partial_update",
    )
    def change(self, request: Request) -> Response:
        """Change channels of some kinds, or the quiet hours; what is not named stays."""
        given = self.read(NotificationSettings, partial=True)
        values = self._shown() | given
        user = notify.settings_change(
            self.caller,
            channels=given.get("channels", {}),
            quiet_from=values["quiet_from"],
            quiet_to=values["quiet_to"],
        )
        self.caller.notification_settings = user.notification_settings
        return Response(self.get_serializer(self._shown()).data)


class TokenOutput(serializers.ModelSerializer[ApiToken]):
    """A token without its secret, which is nowhere kept."""

    class Meta:
        model = ApiToken
        fields = (
            "id", "name", "prefix", "scopes", "created_at", "expires_at", "last_used_at", "revoked_at",
        )  # fmt: skip
        read_only_fields = fields


@extend_schema_view(list=extend_schema(summary=gettext_lazy("List my tokens")))
class MyTokensViewSet(ApiViewSet):
    """The caller's own tokens. New ones are made in the browser: a secret is shown to a person, once."""

    queryset = ApiToken.objects.none()
    serializer_class = TokenOutput
    ordering_fields = ("created_at", "id")
    default_ordering = "-id"

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A page of them, the latest first."""
        refuse_unknown(request, PAGING)
        return self.page_of(ApiToken.objects.filter(user=self.caller))

    @extend_schema(summary=gettext_lazy("Revoke a token"), request=None, responses=TokenOutput)
    @action(detail=True, methods=["post"])
    def revoke(self, request: Request, **kwargs: Any) -> Response:
        """End one of one's tokens at once, also the one that calls; doing it twice changes nothing."""
        token = ApiToken.objects.filter(pk=int(self.kwargs["pk"]), user=self.caller).first()
        if token is None:
            raise Http404
        return Response(self.get_serializer(people_services.token_end(token, by=self.actor)).data)


class SessionOutput(serializers.ModelSerializer[UserSession]):
    """Where one is signed in in a browser."""

    device = serializers.CharField(read_only=True)

    class Meta:
        model = UserSession
        fields = ("id", "device", "ip", "created_at", "seen_at")
        read_only_fields = fields


@extend_schema_view(list=extend_schema(summary=gettext_lazy("List my sessions")))
class MySessionsViewSet(ApiViewSet):
    """The browsers in which the caller is signed in."""

    queryset = UserSession.objects.none()
    serializer_class = SessionOutput
    ordering_fields = ("seen_at", "id")
    default_ordering = "-id"

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A page of them, the latest first."""
        refuse_unknown(request, PAGING)
        return self.page_of(sessions.living_of(self.caller))

    @extend_schema(summary=gettext_lazy("End a session"), request=None, responses={204: None})
    @action(detail=True, methods=["post"])
    def end(self, request: Request, **kwargs: Any) -> Response:
        """Sign out in that browser at once."""
        row = sessions.living_of(self.caller).filter(pk=int(self.kwargs["pk"])).first()
        if row is None:
            raise Http404
        sessions.session_end(row, by=self.caller, author=self.actor)
        return Response(status=204)

    @extend_schema(summary=gettext_lazy("End all sessions"), request=None, responses={204: None})
    @action(detail=False, methods=["post"], url_path="end-all", pagination_class=None)
    def end_all(self, request: Request, **kwargs: Any) -> Response:
        """Sign out in every browser; tokens stay."""
        sessions.sessions_end_everywhere(self.caller, by=self.caller, author=self.actor)
        return Response(status=204)


def _everybody(user: User) -> Any:
    return User.objects.filter(is_active=True) if user.is_head else User.objects.none()


class HandOverAllInput(Input):
    """Who takes everything."""

    to = Reference(queryset=_everybody)


class WorkOutput(serializers.Serializer[Any]):
    """Open records by kind, and tasks that are not done."""

    leads = serializers.IntegerField(source="lead")
    deals = serializers.IntegerField(source="deal")
    contacts = serializers.IntegerField(source="contact")
    companies = serializers.IntegerField(source="company")
    objects = serializers.IntegerField(source="object")
    tasks = serializers.IntegerField(source="task")


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
        return self.page_of(assignable(self.caller))

    def _person(self) -> User:
        """Anybody, also who has left, for heads; 403 for others."""
        if not self.caller.is_head:
            raise PermissionDenied
        person = User.objects.filter(pk=int(self.kwargs["pk"])).first()
        if person is None:
            raise Http404
        return person

    @extend_schema(summary=gettext_lazy("What hangs on a person"), responses=WorkOutput)
    @action(detail=True, url_path="open-work", pagination_class=None)
    def open_work(self, request: Request, **kwargs: Any) -> Response:
        """How many open records and tasks a person answers for: what hand-over would give to another one."""
        refuse_unknown(request, set())
        return Response(WorkOutput(people_services.open_work(self._person(), self.caller)).data)

    @extend_schema(
        summary=gettext_lazy("Hand over everything open of a person"), request=HandOverAllInput, responses=JobDetail
    )
    @action(detail=True, methods=["post"], url_path="hand-over")
    def hand_over(self, request: Request, **kwargs: Any) -> Response:
        """Give all open records and tasks of a person, also of one who has left, to another one; answers the job."""
        person, wish = self._person(), self.read(HandOverAllInput)
        return Response(JobDetail(people_services.hand_over_all(person, to=wish["to"], by=self.actor)).data)
