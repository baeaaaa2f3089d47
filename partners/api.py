"""Partners in the API: who they are, handing records over to them and taking them back (PART-2, PART-4, PART-5)."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.urls import re_path
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from accounts.models import Partner, User
from accounts.selectors import assignable_users
from crm.api.filtering import PAGING, refuse_unknown
from crm.api.serializers import Input, OnePhone, Reference
from crm.api.views import ApiViewSet
from crm.models import record_model
from crm.visibility import visible_record
from deals.models import Deal
from partners import handoff, registry, selectors, services
from partners.models import Handoff, PartnerProfile
from partners.rights import may_control, require_manager
from partners.views import find_partner


class PartnerProfileOutput(serializers.ModelSerializer[PartnerProfile]):
    """What the registry keeps of a partner."""

    email = serializers.CharField(read_only=True)

    class Meta:
        model = PartnerProfile
        fields = (
            "company", "regions", "phone", "email", "contact_name", "commission_percent", "contract", "comment",
        )  # fmt: skip
        read_only_fields = fields


class PartnerOutput(serializers.ModelSerializer[Partner]):
    """A partner organisation."""

    class Meta:
        model = Partner
        fields = ("id", "name", "state", "created_at")
        read_only_fields = fields


class HandoffOutput(serializers.ModelSerializer[Handoff]):
    """One hand-over; of the two records each side is shown those it may see."""

    comment = serializers.SerializerMethodField()
    record = serializers.SerializerMethodField()
    twin = serializers.SerializerMethodField()
    partner = serializers.SerializerMethodField()

    class Meta:
        model = Handoff
        fields = (
            "id", "record_type", "record", "twin", "partner", "state", "comment", "handed_at", "ended_at", "end_reason",
        )  # fmt: skip
        read_only_fields = fields

    def get_comment(self, row: Handoff) -> str:
        return selectors.comment_for(self.context["request"].user, row)

    def get_record(self, row: Handoff) -> int | None:
        return self._seen(row, row.record_id)

    def get_twin(self, row: Handoff) -> int | None:
        return self._seen(row, row.twin_id)

    def get_partner(self, row: Handoff) -> dict[str, Any]:
        return {"id": row.partner_id, "name": row.partner.name}

    def _seen(self, row: Handoff, pk: int) -> int | None:
        rows: Any = record_model(row.record_type)._default_manager
        return pk if rows.visible_to(self.context["request"].user).filter(pk=pk).exists() else None


class WaitingOutput(serializers.Serializer[Handoff]):
    """A record of the manufacturer that came back from a partner and may be handed to another one."""

    record_type = serializers.CharField()
    record = serializers.IntegerField(source="record_id")
    handoff = serializers.IntegerField(source="pk")
    partner = serializers.SerializerMethodField(help_text=gettext_lazy("From whom it came back."))
    ended_at = serializers.DateTimeField()
    end_reason = serializers.CharField()

    def get_partner(self, row: Handoff) -> dict[str, Any]:
        """The partner's number and name."""
        return {"id": row.partner_id, "name": row.partner.name}


def _active_partners(user: User) -> Any:
    return selectors.partners_to_choose(user)


def _heirs(user: User) -> Any:
    return assignable_users(user)


def _their_people(user: User) -> Any:
    return User.objects.none() if user.is_partner else User.objects.filter(partner__isnull=False, is_active=True)


class HandOverInput(Input):
    """To whom the record goes."""

    partner = Reference(queryset=_active_partners)
    comment = serializers.CharField(required=False, allow_blank=True, max_length=5000)
    responsible = Reference(
        queryset=_their_people,
        required=False,
        allow_null=True,
        help_text=gettext_lazy("The partner's person; its first active one when none is given."),
    )


class RecallInput(Input):
    """Why the record is taken back."""

    reason = serializers.CharField(max_length=2000)


class HandOnInput(HandOverInput):
    """Why it is taken back, and to whom it goes now."""

    reason = serializers.CharField(max_length=2000)


class FeedbackInput(Input):
    """What the client says at the end."""

    product = serializers.IntegerField(required=False, min_value=1, max_value=5)
    partner = serializers.IntegerField(required=False, min_value=1, max_value=5)
    text = serializers.CharField(required=False, allow_blank=True, max_length=10_000)


class FeedbackOutput(serializers.Serializer[Any]):
    """What is known of the client's opinion."""

    product = serializers.IntegerField(source="feedback_product", allow_null=True)
    partner = serializers.IntegerField(source="feedback_partner", allow_null=True)
    text = serializers.CharField(source="feedback_text")


class ProfileFields(Input):
    """What the registry keeps of a partner."""

    name = serializers.CharField(max_length=200)
    contact_name = serializers.CharField(required=False, allow_blank=True, max_length=200)
    phone = serializers.CharField(required=False, allow_blank=True, max_length=60)
    email = serializers.EmailField(required=False, allow_blank=True, max_length=254)
    commission_percent = serializers.DecimalField(
        required=False, max_digits=5, decimal_places=2, min_value=0, max_value=100
    )
    contract = serializers.CharField(required=False, allow_blank=True, max_length=200)
    regions = serializers.ListField(required=False, child=serializers.CharField(max_length=200), max_length=100)
    comment = serializers.CharField(required=False, allow_blank=True, max_length=10_000)


class PartnerPersonInput(Input):
    """A person of a partner; the password is set by “forgotten password”."""

    last_name = serializers.CharField(max_length=100)
    first_name = serializers.CharField(required=False, allow_blank=True, max_length=100)
    email = serializers.EmailField(max_length=254)
    phone = OnePhone(required=False, allow_blank=True)


class PartnerPersonOutput(serializers.ModelSerializer[User]):
    """A person of a partner."""

    name = serializers.CharField(source="full_name", read_only=True)

    class Meta:
        model = User
        fields = ("id", "name", "email", "phone", "is_active")
        read_only_fields = fields


class PartnerDetailOutput(serializers.ModelSerializer[Partner]):
    """The card of a partner: its profile, its load and its people."""

    profile = serializers.SerializerMethodField()
    open_leads = serializers.IntegerField(read_only=True)
    open_deals = serializers.IntegerField(read_only=True)
    people = serializers.SerializerMethodField()

    class Meta:
        model = Partner
        fields = ("id", "name", "state", "created_at", "profile", "open_leads", "open_deals", "people")
        read_only_fields = fields

    @extend_schema_field(PartnerProfileOutput)
    def get_profile(self, partner: Partner) -> dict[str, Any]:
        return PartnerProfileOutput(registry.profile_of(partner)).data

    @extend_schema_field(PartnerPersonOutput(many=True))
    def get_people(self, partner: Partner) -> Any:
        people = partner.users.order_by("-is_active", "last_name", "pk")
        return PartnerPersonOutput(people, many=True).data


class StateInput(Input):
    """At work again, or paused; closing is an action of its own."""

    state = serializers.ChoiceField(
        choices=[(state.value, state.label) for state in (Partner.State.ACTIVE, Partner.State.PAUSED)]
    )


class CloseInput(Input):
    """To whom the partner's open leads and deals go, and why."""

    hand_back_to = Reference(queryset=_heirs, required=False)
    reason = serializers.CharField(required=False, allow_blank=True, max_length=1000)


class ClosedOutput(serializers.Serializer[Any]):
    """How many records were taken back."""

    returned = serializers.IntegerField()


@extend_schema_view(
    list=extend_schema(summary=gettext_lazy("List partners")),
    retrieve=extend_schema(summary=gettext_lazy("Read a partner"), responses=PartnerDetailOutput),
    create=extend_schema(
        summary=gettext_lazy("Enter a partner"), request=ProfileFields, responses={201: PartnerDetailOutput}
    ),
    partial_update=extend_schema(
        summary=gettext_lazy("Change a partner"), request=ProfileFields, responses=PartnerDetailOutput
    ),
)
class PartnerViewSet(ApiViewSet):
    """The partners whose names the caller may see; the registry is read by partner control and kept by the head."""

    queryset = Partner.objects.none()
    serializer_class = PartnerOutput
    ordering_fields = ("name", "id")
    default_ordering = "name"

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A page of partners."""
        refuse_unknown(request, PAGING)
        page = self.paginate_queryset(selectors.partners_for(self.caller))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def _partner(self, *, manage: bool = False) -> Partner:
        return find_partner(self.caller, int(self.kwargs["pk"]), manage=manage)

    def _shown(self, pk: int, status: int = 200) -> Response:
        row = selectors.partners_with_load(self.caller).get(pk=pk)
        return Response(PartnerDetailOutput(row).data, status=status)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Profile, load and people, for those who control partners."""
        refuse_unknown(request, set())
        return self._shown(self._partner().pk)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A new partner with its company; then add its people."""
        require_manager(self.actor)
        partner = registry.partner_enter(by=self.actor, data=self.read(ProfileFields))
        return self._shown(partner.pk, 201)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change the name or the profile; what is not named stays."""
        partner = self._partner(manage=True)
        registry.partner_change(partner, by=self.actor, data=self.read(ProfileFields, partial=True))
        return self._shown(partner.pk)

    @extend_schema(
        summary=gettext_lazy("Add a person of a partner"),
        request=PartnerPersonInput,
        responses={201: PartnerPersonOutput},
    )
    @action(detail=True, methods=["post"])
    def people(self, request: Request, **kwargs: Any) -> Response:
        """An account for a person of the partner."""
        made = registry.person_add(self._partner(manage=True), by=self.actor, data=self.read(PartnerPersonInput))
        return Response(PartnerPersonOutput(made).data, status=201)

    @extend_schema(
        summary=gettext_lazy("Pause a partner or let it work again"), request=StateInput, responses=PartnerDetailOutput
    )
    @action(detail=True, methods=["post"])
    def state(self, request: Request, **kwargs: Any) -> Response:
        """A paused partner works on, but is handed nothing new. The people of a closed one are let in one by one."""
        partner = self._partner(manage=True)
        registry.state_set(partner, state=self.read(StateInput)["state"], by=self.actor)
        return self._shown(partner.pk)

    @extend_schema(summary=gettext_lazy("Close a partner"), request=CloseInput, responses=ClosedOutput)
    @action(detail=True, methods=["post"])
    def close(self, request: Request, **kwargs: Any) -> Response:
        """End the access of its people at once and take its open records back; 400 when nobody is named for them."""
        partner, wish = self._partner(manage=True), self.read(CloseInput)
        returned = registry.partner_shut(
            partner, by=self.actor, hand_back_to=wish.get("hand_back_to"), reason=wish.get("reason", "")
        )
        return Response({"returned": returned})


class HandoffViewSet(ApiViewSet):
    """Hand-overs of one lead or deal, from either side of it."""

    queryset = Handoff.objects.none()
    serializer_class = HandoffOutput
    pagination_class = None
    record_type = ""

    def _record(self) -> Any:
        record = visible_record(self.record_type, int(self.kwargs["pk"]), self.caller)
        if record is None:
            raise Http404
        return record

    def _active(self) -> Handoff:
        """The hand-over under way of the record, or of which it is the twin."""
        rows = selectors.handoffs_of(self.caller, self._record())
        found = next((row for row in rows if row.state == Handoff.State.ACTIVE), None)
        if found is None:
            raise Http404
        return found

    @extend_schema(summary=gettext_lazy("Hand-overs of the record"), responses=HandoffOutput(many=True))
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """All hand-overs of the record, the newest first."""
        refuse_unknown(request, set())
        rows = selectors.handoffs_of(self.caller, self._record())
        return Response(self.get_serializer(rows, many=True).data)

    @extend_schema(
        summary=gettext_lazy("Hand over to a partner"), request=HandOverInput, responses={201: HandoffOutput}
    )
    def hand_over(self, request: Request, **kwargs: Any) -> Response:
        """Give the record to a partner, who works on a twin of it; nothing is closed by it."""
        wish = self.read(HandOverInput)
        done = handoff.hand_over(record=self._record(), by=self.actor, **wish)
        return Response(self.get_serializer(done).data, status=201)

    @extend_schema(summary=gettext_lazy("Recall from the partner"), request=RecallInput, responses=HandoffOutput)
    def recall(self, request: Request, **kwargs: Any) -> Response:
        """Take the record back; a deal is at work again."""
        wish = self.read(RecallInput)
        done = handoff.recall(handoff_id=self._active().pk, by=self.actor, reason=wish["reason"])
        return Response(self.get_serializer(done).data)

    @extend_schema(
        summary=gettext_lazy("Hand on to another partner"), request=HandOnInput, responses={201: HandoffOutput}
    )
    def hand_on(self, request: Request, **kwargs: Any) -> Response:
        """Take the record back and give it to another partner in one step."""
        wish = self.read(HandOnInput)
        done = handoff.hand_on(handoff_id=self._active().pk, by=self.actor, **wish)
        return Response(self.get_serializer(done).data, status=201)


@extend_schema_view(list=extend_schema(summary=gettext_lazy("List what waits to be handed over")))
class WaitingViewSet(ApiViewSet):
    """Records that came back from a partner and wait to go to another one; those who control the partners read it."""

    queryset = Handoff.objects.none()
    serializer_class = WaitingOutput
    ordering_fields = ("waiting_since", "id")
    default_ordering = "waiting_since"

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A page of them, who waits longest first."""
        refuse_unknown(request, PAGING)
        if not may_control(self.caller):
            raise PermissionDenied
        page = self.paginate_queryset(selectors.handoffs_waiting(self.caller))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class FeedbackViewSet(ApiViewSet):
    """The client's feedback about a partner's deal."""

    queryset = Deal.objects.none()
    serializer_class = FeedbackOutput

    @extend_schema(summary=gettext_lazy("Enter the client's feedback"), request=FeedbackInput, responses=FeedbackOutput)
    def enter(self, request: Request, pk: str) -> Response:
        """Scores of the product and of the partner, entered by the manufacturer (PART-5)."""
        wish = self.read(FeedbackInput)
        deal = visible_record("deal", int(pk), self.caller)
        if deal is None:
            raise Http404
        done = services.feedback_set(deal, by=self.actor, **wish)
        return Response(FeedbackOutput(done).data)


def _paths(word: str, record_type: str) -> list[Any]:
    """The addresses of hand-overs below one kind of record."""
    base, name = rf"^{word}/(?P<pk>[0-9]{{1,18}})", f"api-{record_type}"
    calls = (("hand-over", "hand_over"), ("recall", "recall"), ("hand-on", "hand_on"))
    view = HandoffViewSet.as_view
    return [
        re_path(rf"{base}/handoffs/$", view({"get": "list"}, record_type=record_type), name=f"{name}-handoffs"),
        *(
            re_path(rf"{base}/{tail}/$", view({"post": method}, record_type=record_type), name=f"{name}-{tail}")
            for tail, method in calls
        ),
    ]


router = SimpleRouter()
router.register("partners", PartnerViewSet, basename="api-partner")
router.register("hand-overs/waiting", WaitingViewSet, basename="api-waiting")
urlpatterns = [
    *router.urls,
    *_paths("leads", "lead"),
    *_paths("deals", "deal"),
    re_path(r"^deals/(?P<pk>[0-9]{1,18})/feedback/$", FeedbackViewSet.as_view({"post": "enter"}), name="api-feedback"),
]
