"""Webhooks in the API: endpoints, the log of deliveries, and the events themselves for whoever missed some (COM-7)."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError as BadRequest
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from accounts.models import User
from communications.exclusions_api import HeadsOnly
from communications.models import WebhookDelivery, WebhookEndpoint, WebhookEvent
from communications.webhooks import catalogue, payload, services, signing
from communications.webhooks.views import find_delivery, find_endpoint, log_rows
from crm.api.filtering import PAGING, refuse_unknown
from crm.api.pagination import BIGGEST_KEY
from crm.api.serializers import Input, Reference
from crm.api.views import ApiViewSet
from crm.errors import DomainError


class EventsGone(DomainError):
    """What is asked for was forgotten already."""

    code = "events_gone"
    status = 410
    title = gettext_lazy("These events are not kept any more")


class EndpointOutput(serializers.ModelSerializer[WebhookEndpoint]):
    """An endpoint; its secret is told once, when it is made or changed."""

    owner = Reference(read_only=True)
    events = serializers.ListField(child=serializers.CharField(), read_only=True)
    off_reason = serializers.CharField(read_only=True)

    class Meta:
        model = WebhookEndpoint
        fields = (
            "id", "name", "url", "owner", "events", "is_active", "off_reason", "failing_since", "paused_until",
            "old_until", "created_at",
        )  # fmt: skip
        read_only_fields = fields


class SecretOutput(EndpointOutput):
    """An endpoint with its secret, which is not told again."""

    secret = serializers.SerializerMethodField()

    class Meta:
        model = WebhookEndpoint
        fields = (*EndpointOutput.Meta.fields, "secret")
        read_only_fields = fields

    def get_secret(self, endpoint: WebhookEndpoint) -> str:
        return signing.secret_of(endpoint)


def _owners(user: User) -> Any:
    return services.owners_for(user)


class EndpointInput(Input):
    """What is set up of an endpoint."""

    name = serializers.CharField(max_length=100)
    url = serializers.CharField(max_length=1000, help_text=gettext_lazy("Where to; an inner network is refused."))
    owner = Reference(
        queryset=_owners, required=False, help_text=gettext_lazy("Whose eyes it sees with; you, when not given.")
    )
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=catalogue.ALL_TYPES), required=False, max_length=100
    )
    is_active = serializers.BooleanField(required=False)


class DeliveryOutput(serializers.ModelSerializer[WebhookDelivery]):
    """A message to an endpoint: how it stands, the latest answer, and the body once it was made."""

    endpoint = Reference(read_only=True)
    webhook_id = serializers.CharField(source="event.uid", read_only=True)
    type = serializers.CharField(source="event.type", read_only=True)
    record_type = serializers.CharField(source="event.record_type", read_only=True)
    record_id = serializers.IntegerField(source="event.record_id", read_only=True)

    class Meta:
        model = WebhookDelivery
        fields = (
            "id", "endpoint", "webhook_id", "type", "record_type", "record_id", "state", "created_at", "not_before",
            "tried_at", "done_at", "attempts", "status", "answer", "error", "body",
        )  # fmt: skip
        read_only_fields = fields


class DeliveryQuery(serializers.Serializer[Any]):
    """How the log is cut."""

    endpoint = serializers.IntegerField(required=False, min_value=1, max_value=BIGGEST_KEY)
    state = serializers.ChoiceField(choices=WebhookDelivery.State.choices, required=False)


@extend_schema_view(
    list=extend_schema(summary=gettext_lazy("List webhooks")),
    retrieve=extend_schema(summary=gettext_lazy("Read a webhook")),
    create=extend_schema(summary=gettext_lazy("Make a webhook"), request=EndpointInput, responses={201: SecretOutput}),
    partial_update=extend_schema(summary=gettext_lazy("Change a webhook"), request=EndpointInput),
    destroy=extend_schema(summary=gettext_lazy("Delete a webhook with its log"), responses={204: None}),
)
class WebhookViewSet(HeadsOnly):
    """Where programs of others are told of what happens; for the sales head."""

    queryset = WebhookEndpoint.objects.none()
    serializer_class = EndpointOutput
    ordering_fields = ("name", "created_at", "id")
    default_ordering = "name"

    def get_queryset(self) -> QuerySet[WebhookEndpoint]:
        """All endpoints."""
        return WebhookEndpoint.objects.select_related("owner")

    def _found(self) -> WebhookEndpoint:
        return find_endpoint(int(self.kwargs["pk"]))

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A page of endpoints."""
        refuse_unknown(request, PAGING)
        return self.page_of(self.get_queryset())

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One endpoint."""
        refuse_unknown(request, set())
        return Response(EndpointOutput(self._found()).data)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A new endpoint, with its secret this once."""
        made, _secret = services.endpoint_create(data=self.read(EndpointInput), by=self.actor)
        return Response(SecretOutput(made).data, status=201)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change what is given."""
        data = self.read(EndpointInput, partial=True)
        return Response(EndpointOutput(services.endpoint_change(self._found(), data=data, by=self.actor)).data)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Take it away; what waits for it is not sent."""
        services.endpoint_delete(self._found(), by=self.actor)
        return Response(status=204)

    @extend_schema(summary=gettext_lazy("Another secret"), request=None, responses=SecretOutput)
    @action(detail=True, methods=["post"])
    def secret(self, request: Request, **kwargs: Any) -> Response:
        """Make another secret, told this once; for a day messages are signed by both."""
        changed, _secret = services.secret_rotate(self._found(), by=self.actor)
        return Response(SecretOutput(changed).data)

    @extend_schema(summary=gettext_lazy("Send a test message"), request=None, responses={201: DeliveryOutput})
    @action(detail=True, methods=["post"])
    def test(self, request: Request, **kwargs: Any) -> Response:
        """Queue a test message; look at the delivery a few seconds later."""
        made = services.test_send(self._found(), by=self.actor)
        return Response(DeliveryOutput(find_delivery(made.pk)).data, status=201)

    @extend_schema(summary=gettext_lazy("Send everything again that failed"), request=None, responses={204: None})
    @action(detail=True, methods=["post"], url_path="failed/again")
    def failed_again(self, request: Request, **kwargs: Any) -> Response:
        """All that could not be delivered goes out again."""
        services.failed_again(self._found(), by=self.actor)
        return Response(status=204)


@extend_schema_view(
    list=extend_schema(summary=gettext_lazy("Read the log of webhooks"), parameters=[DeliveryQuery]),
    retrieve=extend_schema(summary=gettext_lazy("Read a delivery")),
)
class WebhookDeliveryViewSet(HeadsOnly):
    """What was sent to whom, and what they answered; for the sales head."""

    queryset = WebhookDelivery.objects.none()
    serializer_class = DeliveryOutput
    ordering_fields = ("id",)
    default_ordering = "-id"

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A page of the log, the latest first."""
        refuse_unknown(request, PAGING | {"endpoint", "state"})
        wish = DeliveryQuery(data=request.query_params)
        wish.is_valid(raise_exception=True)
        rows = log_rows(state=wish.validated_data.get("state", ""))
        if "endpoint" in wish.validated_data:
            rows = rows.filter(endpoint=wish.validated_data["endpoint"])
        return self.page_of(rows)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One message."""
        refuse_unknown(request, set())
        return Response(self.get_serializer(find_delivery(int(self.kwargs["pk"]))).data)

    @extend_schema(summary=gettext_lazy("Send a message again"), request=None)
    @action(detail=True, methods=["post"])
    def again(self, request: Request, **kwargs: Any) -> Response:
        """It goes out again, with the same webhook-id."""
        row = services.delivery_again(find_delivery(int(self.kwargs["pk"])), by=self.actor)
        return Response(self.get_serializer(find_delivery(row.pk)).data)


class EventOutput(serializers.Serializer[Any]):
    """An event as webhooks are told of it. `data.record` is the record as it is now; null once it is deleted."""

    position = serializers.IntegerField(help_text=gettext_lazy("Ask for what follows with `after=`."))
    id = serializers.CharField(help_text=gettext_lazy("The webhook-id of the messages about it."))
    type = serializers.CharField(help_text=gettext_lazy("lead.created, deal.stage_changed …"))
    timestamp = serializers.DateTimeField()
    data = serializers.DictField(child=serializers.JSONField(allow_null=True))  # type: ignore[assignment]


EXAMPLE = OpenApiExample(
    "a deal was moved",
    value={
        "position": 815, "id": "evt_4Kq…", "type": "deal.stage_changed", "timestamp": "2026-03-02T06:00:00+00:00",
        "data": {
            "record_type": "deal", "record_id": 42, "url": "https://crm.example.com/deals/42/",
            "actor": {"kind": "user", "id": 7, "name": "Ivanov I."},
            "changes": [{"field": "stage", "old": "deal:costing", "new": "deal:proposal_sent"}], "record": {"id": 42},
        },
    },
    response_only=True,
)  # fmt: skip


@extend_schema_view(
    list=extend_schema(
        summary=gettext_lazy("Read what happened"),
        responses=EventOutput(many=True),
        examples=[EXAMPLE],
        parameters=[
            OpenApiParameter("after", int, description=gettext_lazy("Position of the last event known.")),
            OpenApiParameter("type", str, description=gettext_lazy("Events of these kinds, by commas.")),
        ],
    )
)
class EventViewSet(ApiViewSet):
    """What happened to the records in the caller's sight, in order: for whoever missed messages of a webhook."""

    queryset = WebhookEvent.objects.none()
    serializer_class = EventOutput
    ordering_fields = ("position",)
    default_ordering = "position"

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A page of events. They are kept as long as the log of webhooks, and only while there is any webhook."""
        refuse_unknown(request, PAGING | {"after", "type"})
        after = _position(request.query_params.get("after", ""))
        rows = payload.events_in_sight(self.caller).filter(position__gt=after)
        if after and _is_forgotten(after):
            raise EventsGone(_("Events right after this one were forgotten already: read the records themselves."))
        if names := [name for name in request.query_params.get("type", "").split(",") if name]:
            if unknown := set(names) - set(catalogue.ALL_TYPES):
                raise BadRequest({"type": [_("There is no such event: %(name)s.") % {"name": min(unknown)[:60]}]})
            rows = rows.filter(type__in=names)
        page = self.paginate_queryset(rows) or []
        told = payload.described(page, self.caller)
        return self.get_paginated_response(
            [{"position": event.position, **row} for event, row in zip(page, told, strict=True)]
        )


def _position(text: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and int(text[:20]) <= BIGGEST_KEY and len(text) <= 19):
        raise BadRequest({"after": [_("Give the position of an event.")]})
    return int(text)


def _is_forgotten(after: int) -> bool:
    """Positions have no gaps: where the first one kept is not the next, some between are gone."""
    first = WebhookEvent.objects.filter(position__isnull=False).order_by("position").values_list("position", flat=True)
    kept = first.first()
    return kept is not None and kept > after + 1


router = SimpleRouter()
router.register("webhooks", WebhookViewSet, basename="api-webhook")
router.register("webhook-deliveries", WebhookDeliveryViewSet, basename="api-webhook-delivery")
router.register("events", EventViewSet, basename="api-event")
urlpatterns = router.urls
