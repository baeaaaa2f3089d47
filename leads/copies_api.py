"""«Лид + сделка» by API: copies of a deal, and taking a set of them back (DEAL-9)."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.urls import re_path
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api import idempotency
from crm.api.serializers import Coded, Input, RecordInput, Reference, visible
from crm.api.views import ApiViewSet
from deals.models import CopySet, Deal
from leads import copies
from objects_registry.models import Purpose


class RowInput(RecordInput):
    """What differs in one of the copies."""

    title = serializers.CharField(required=False, allow_blank=True, max_length=255)
    object = Reference(queryset=visible("objects_registry.ConstructionObject"), required=False, allow_null=True)
    purpose = Coded(queryset=Purpose.objects.all(), required=False, allow_null=True)

    class Meta:
        model = Deal
        fields = copies.ROW_FIELDS


class CopiesInput(Input):
    """How many copies, and what differs in the first of them."""

    count = serializers.IntegerField(min_value=1, max_value=copies.MAX_COPIES)
    rows = RowInput(many=True, required=False, max_length=copies.MAX_COPIES)  # type: ignore[call-arg]


class CopySetOutput(serializers.ModelSerializer[CopySet]):
    """One run: so many leads and deals from one mother deal."""

    mother = Reference(read_only=True)
    upsell_by = Reference(read_only=True)
    deals: Any = serializers.PrimaryKeyRelatedField(many=True, read_only=True)
    leads: Any = serializers.PrimaryKeyRelatedField(many=True, read_only=True)

    class Meta:
        model = CopySet
        fields = ("id", "mother", "count", "upsell_by", "created_at", "undone_at", "deals", "leads")
        read_only_fields = fields


class CopySetViewSet(ApiViewSet):
    """Copies of a deal with their leads."""

    queryset = CopySet.objects.none()
    serializer_class = CopySetOutput
    pagination_class = None

    @extend_schema(
        summary=gettext_lazy("Copy lead and deal"),
        parameters=[OpenApiParameter(idempotency.HEADER, str, OpenApiParameter.HEADER, required=True)],
        request=CopiesInput,
        responses={201: CopySetOutput},
        operation_id="deals_copies_create",
    )
    def make(self, request: Request, pk: str) -> Response:
        """Make N leads and N deals from a deal in one transaction.

        The header Idempotency-Key has to be given: a repeated call with the same key makes nothing new.
        """
        wish = self.read(CopiesInput)
        key = idempotency.required_key_of(request)[: copies.MAX_KEY]
        done = copies.make_copies(
            deal_id=int(pk), by=self.actor, count=wish["count"], key=key, rows=wish.get("rows", ())
        )
        return Response(self._shown(done), status=201)

    @extend_schema(summary=gettext_lazy("Undo a set of copies"), request=None, operation_id="copy_sets_undo")
    def undo(self, request: Request, pk: str) -> Response:
        """Take a set back while nothing new hangs on its records."""
        mothers = Deal.objects.visible_to(request.user, "change").values("pk")
        found = CopySet.objects.filter(pk=int(pk), mother__in=mothers).first()
        if found is None:
            raise Http404
        return Response(self._shown(copies.undo_copies(copy_set_id=found.pk, by=self.actor)))

    def _shown(self, copy_set: CopySet) -> Any:
        return self.get_serializer(CopySet.objects.prefetch_related("deals", "leads").get(pk=copy_set.pk)).data


urlpatterns = [
    re_path(r"^deals/(?P<pk>[0-9]{1,18})/copies/$", CopySetViewSet.as_view({"post": "make"}), name="api-deal-copies"),
    re_path(r"^copy-sets/(?P<pk>[0-9]{1,18})/undo/$", CopySetViewSet.as_view({"post": "undo"}), name="api-copies-undo"),
]
