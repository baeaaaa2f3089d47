"""The registry of partners in the API: profile, load, people, state; what the registry's pages do."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext, gettext_lazy
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError as BadRequest
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Partner, User
from accounts.selectors import assignable_users
from crm.api.filtering import PAGING, refuse_unknown
from crm.api.serializers import Input, OnePhone, Reference
from crm.api.views import ApiViewSet
from partners import registry, selectors
from partners.commission import rule_in_force
from partners.control import control_lines
from partners.models import PartnerProfile
from partners.reminding import partner_remind
from partners.rights import may_control, require_manager
from partners.views import find_partner


class PartnerProfileOutput(serializers.ModelSerializer[PartnerProfile]):
    """What the registry keeps of a partner."""

    email = serializers.CharField(read_only=True)
    commission_percent = serializers.SerializerMethodField(
        help_text=gettext_lazy("Of a won amount, today; the first step where there are steps, null without terms.")
    )

    class Meta:
        model = PartnerProfile
        fields = (
            "company", "regions", "phone", "email", "contact_name", "commission_percent", "contract", "comment",
        )  # fmt: skip
        read_only_fields = fields

    def get_commission_percent(self, profile: PartnerProfile) -> str | None:
        """The percent of the terms in force."""
        rule = rule_in_force(profile.partner_id) if profile.partner_id else None
        return rule.steps[0][1] if rule else None


class PartnerOutput(serializers.ModelSerializer[Partner]):
    """A partner organisation."""

    class Meta:
        model = Partner
        fields = ("id", "name", "state", "created_at")
        read_only_fields = fields


def _heirs(user: User) -> Any:
    return assignable_users(user)


class ProfileFields(Input):
    """What the registry keeps of a partner."""

    name = serializers.CharField(max_length=200)
    contact_name = serializers.CharField(required=False, allow_blank=True, max_length=200)
    phone = serializers.CharField(required=False, allow_blank=True, max_length=60)
    email = serializers.EmailField(required=False, allow_blank=True, max_length=254)
    commission_percent = serializers.DecimalField(
        required=False, max_digits=5, decimal_places=2, min_value=0, max_value=100
    )
    inn = serializers.CharField(
        required=False, allow_blank=True, max_length=20, help_text=gettext_lazy("Of a new partner's company.")
    )
    contract = serializers.CharField(required=False, allow_blank=True, max_length=200)
    regions = serializers.ListField(required=False, child=serializers.CharField(max_length=200), max_length=100)
    comment = serializers.CharField(required=False, allow_blank=True, max_length=10_000)


class PartnerPersonInput(Input):
    """A person of a partner; a letter invites them to set a password."""

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


def _controlled(user: User) -> Any:
    return selectors.partners_for(user)


class RemindInput(Input):
    """Whom to remind."""

    partner = Reference(queryset=_controlled, required=False, help_text=gettext_lazy("Not sent: all partners."))


class RemindedOutput(serializers.Serializer[Any]):
    """Of how many records they were told."""

    reminded = serializers.IntegerField()


class FiguresOutput(serializers.Serializer[Any]):
    """Records of one kind at a partner."""

    open = serializers.IntegerField()
    untouched = serializers.IntegerField(source="fresh")
    over_norm = serializers.IntegerField(source="late")
    unrecorded = serializers.IntegerField(
        help_text=gettext_lazy("Moved on as contacted, and neither a call nor a message says so.")
    )


class DealFiguresOutput(FiguresOutput):
    """Deals, with those that were won."""

    won = serializers.IntegerField()


class ControlLineOutput(serializers.Serializer[Any]):
    """One partner's leads and deals in figures."""

    partner = PartnerOutput()
    leads = FiguresOutput()
    deals = DealFiguresOutput()


class ControlOutput(serializers.Serializer[Any]):
    """All partners, who has most over the norm first; `waiting`: what came back and is to be handed to another."""

    waiting = serializers.IntegerField()
    partners = ControlLineOutput(many=True)


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
        return self.page_of(selectors.partners_for(self.caller))

    @extend_schema(summary=gettext_lazy("The board of partner control"), responses=ControlOutput)
    @action(detail=False, pagination_class=None)
    def control(self, request: Request, **kwargs: Any) -> Response:
        """What each partner has in hand, for those who control them; the records behind a figure are those of
        `/leads|deals/?partner=…&kind=open`, `&norm_exceeded=true`, the norms stand in `/stages/`.
        """
        refuse_unknown(request, set())
        if not may_control(self.caller):
            raise PermissionDenied
        waiting = selectors.handoffs_waiting(self.caller).count()
        return Response(ControlOutput({"waiting": waiting, "partners": control_lines(self.caller)}).data)

    @extend_schema(summary=gettext_lazy("Remind the partners"), request=RemindInput, responses=RemindedOutput)
    @action(detail=False, methods=["post"])
    def remind(self, request: Request, **kwargs: Any) -> Response:
        """Tell their people of what nobody has touched for a day or stands over the norm; not twice within 4 hours."""
        if not may_control(self.caller):
            raise PermissionDenied
        wish = self.read(RemindInput)
        return Response({"reminded": partner_remind(by=self.actor, partner=wish.get("partner"))})

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
        wish = self.read(ProfileFields, partial=True)
        if "inn" in wish:
            raise BadRequest({"inn": [gettext("The details of a partner we know are changed at its company.")]})
        registry.partner_change(partner, by=self.actor, data=wish)
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
