"""Partners in the API: who they are, handing records over to them and taking them back (PART-2, PART-4, PART-5)."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.urls import re_path
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from accounts.models import User
from crm.api.filtering import PAGING, refuse_unknown
from crm.api.serializers import Input, Reference
from crm.api.views import ApiViewSet
from crm.models import record_model
from crm.visibility import visible_record
from deals.models import Deal
from partners import commission_api, handoff, papers_api, selectors, services
from partners.accepting import handoff_accept
from partners.models import Handoff
from partners.registry_api import PartnerViewSet, RemindedOutput
from partners.reminding import partner_remind
from partners.rights import may_control


class HandoffOutput(serializers.ModelSerializer[Handoff]):
    """One hand-over; of the two records each side is shown those it may see."""

    comment = serializers.SerializerMethodField()
    record = serializers.SerializerMethodField()
    twin = serializers.SerializerMethodField()
    partner = serializers.SerializerMethodField()

    class Meta:
        model = Handoff
        fields = (
            "id", "record_type", "record", "twin", "partner", "state", "comment", "handed_at", "accepted_at",
            "ended_at", "end_reason",
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

    @extend_schema(summary=gettext_lazy("Accept what was handed over"), request=None, responses=HandoffOutput)
    def accept(self, request: Request, **kwargs: Any) -> Response:
        """The partner takes the record; to decline it is to move it to a refusal with its reason."""
        return Response(self.get_serializer(handoff_accept(self._record(), by=self.actor)).data)

    @extend_schema(summary=gettext_lazy("Remind the partner of it"), request=None, responses=RemindedOutput)
    def remind(self, request: Request, **kwargs: Any) -> Response:
        """Tell the partner's person of a record of the partner; 0 where they were told within four hours."""
        record = self._record()
        if record.partner_id is None:
            raise Http404
        return Response({"reminded": partner_remind(by=self.actor, records=[record])})

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
        return self.page_of(selectors.handoffs_waiting(self.caller))


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
    calls = (
        ("hand-over", "hand_over"),
        ("recall", "recall"),
        ("hand-on", "hand_on"),
        ("remind", "remind"),
        ("accept", "accept"),
    )
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
    *papers_api.urlpatterns,
    *router.urls,
    *_paths("leads", "lead"),
    *_paths("deals", "deal"),
    *commission_api.urlpatterns,
    re_path(r"^deals/(?P<pk>[0-9]{1,18})/feedback/$", FeedbackViewSet.as_view({"post": "enter"}), name="api-feedback"),
]
