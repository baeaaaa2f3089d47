"""The exclusion list in the API, and the requests that it held back (LEAD-15); for the sales head."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from communications.exclusion_views import found
from communications.models import Submission
from communications.processing import submission_reprocess
from crm import undo
from crm.api.filtering import PAGING, refuse_unknown
from crm.api.serializers import Input
from crm.api.undo import UNDO_HEADER, undoable
from crm.api.views import ApiViewSet
from crm.exclusions import exclusion_remove, exclusions_keep
from crm.models import Exclusion
from crm.settings_audit import require_head


class ExclusionOutput(serializers.ModelSerializer[Exclusion]):
    """A row of the list; `held` is how many requests it has held back."""

    held = serializers.IntegerField(read_only=True)

    class Meta:
        model = Exclusion
        fields = ("id", "kind", "value", "reason", "added_by", "added_at", "held")
        read_only_fields = fields


class ExclusionInput(Input):
    """Whom to exclude and why; several values by commas."""

    kind = serializers.ChoiceField(choices=Exclusion.Kind.choices)
    value = serializers.CharField(max_length=50_000)
    reason = serializers.CharField(max_length=255)


class ExclusionQuery(serializers.Serializer[Any]):
    """How the list is cut."""

    search = serializers.CharField(required=False, allow_blank=True, max_length=254)
    kind = serializers.ChoiceField(choices=Exclusion.Kind.choices, required=False)


class HeldOutput(serializers.ModelSerializer[Submission]):
    """A request that made no lead; `lead` is set once somebody wanted one all the same."""

    form = serializers.CharField(source="form.name", default="")
    lead = serializers.IntegerField(source="lead_id", allow_null=True)
    deal = serializers.IntegerField(source="deal_id", allow_null=True)

    class Meta:
        model = Submission
        fields = ("id", "received_at", "form", "fields", "exclusion", "state", "lead", "deal")
        read_only_fields = fields


class HeadsOnly(ApiViewSet):
    """For those who keep the settings."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Only they get in."""
        super().initial(request, *args, **kwargs)
        require_head(self.caller)


@extend_schema_view(
    list=extend_schema(summary=gettext_lazy("List exclusions"), parameters=[ExclusionQuery]),
    create=extend_schema(
        summary=gettext_lazy("Add to the exclusion list"),
        request=ExclusionInput,
        responses={201: ExclusionOutput(many=True)},
    ),
    destroy=extend_schema(
        summary=gettext_lazy("Take out of the exclusion list"), responses={204: None}, parameters=[UNDO_HEADER]
    ),
)
class ExclusionViewSet(HeadsOnly):
    """Phones, addresses, domains and messenger ids of which no leads are made."""

    queryset = Exclusion.objects.none()
    serializer_class = ExclusionOutput
    ordering_fields = ("added_at", "id")
    default_ordering = "-added_at"

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A page of the list."""
        refuse_unknown(request, PAGING | {"search", "kind"})
        wish = ExclusionQuery(data=request.query_params)
        wish.is_valid(raise_exception=True)
        rows = found(wish.validated_data.get("search", ""), wish.validated_data.get("kind", ""))
        return self.get_paginated_response(self.get_serializer(self.paginate_queryset(rows), many=True).data)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Put somebody on the list; answers the rows that are new."""
        data = self.read(ExclusionInput)
        added = exclusions_keep(kind=data["kind"], values=data["value"], reason=data["reason"], by=self.actor)
        rows = found("").filter(pk__in=[row.pk for row in added])
        return Response(self.get_serializer(rows, many=True).data, status=201)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Take somebody out; what was held back stays where it is."""
        row = Exclusion.objects.filter(pk=self.kwargs["pk"]).first()
        if row is None:
            raise Http404
        exclusion_remove(row, by=self.actor)
        return undoable(Response(status=204), undo.offer(self.caller, "exclusion", id=row.pk))


@extend_schema_view(list=extend_schema(summary=gettext_lazy("List requests that were held back")))
class HeldViewSet(HeadsOnly):
    """Requests of those on the exclusion list, kept as they came."""

    queryset = Submission.objects.none()
    serializer_class = HeldOutput
    ordering_fields = ("received_at", "id")
    default_ordering = "-received_at"

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A page of them, the latest first."""
        refuse_unknown(request, PAGING)
        rows = Submission.objects.filter(exclusion__isnull=False).select_related("form").defer("body")
        return self.get_paginated_response(self.get_serializer(self.paginate_queryset(rows), many=True).data)

    @extend_schema(summary=gettext_lazy("Make a lead of a request that was held back"), request=None)
    @action(detail=True, methods=["post"])
    def release(self, request: Request, **kwargs: Any) -> Response:
        """A lead after all; the list stays as it is."""
        row = Submission.objects.filter(pk=self.kwargs["pk"], exclusion__isnull=False).first()
        if row is None:
            raise Http404
        submission_reprocess(row, by=self.actor)
        return Response(self.get_serializer(Submission.objects.select_related("form").get(pk=row.pk)).data)


router = SimpleRouter()
router.register("exclusions", ExclusionViewSet, basename="api-exclusion")
router.register("held-requests", HeldViewSet, basename="api-held")
urlpatterns = router.urls
