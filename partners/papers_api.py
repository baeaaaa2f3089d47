"""Papers of partners, and closing those of whom nothing was heard, in the API."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import FileResponse
from django.urls import re_path
from django.utils.translation import gettext_lazy
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Partner, User
from accounts.selectors import assignable_users
from crm import jobs
from crm.api.filtering import PAGING, refuse_unknown
from crm.api.jobs import JobOutput
from crm.api.serializers import Day, Input, Reference
from crm.api.views import ApiViewSet
from crm.screens.files import saved
from partners.document_views import find_document
from partners.documents import document_add, document_remove, documents_of
from partners.inactive import FEWEST_DAYS, MOST_DAYS, USUAL_DAYS, inactive_close, inactive_partners
from partners.models import PartnerDocument
from partners.rights import may_manage
from partners.views import find_partner


class PaperOutput(serializers.ModelSerializer[PartnerDocument]):
    """A paper of a partner; its content is one call further."""

    class Meta:
        model = PartnerDocument
        fields = ("id", "kind", "number", "day", "valid_until", "comment", "name", "size", "uploaded_by", "created_at")
        read_only_fields = fields


class PaperInput(Input):
    """A paper, as multipart/form-data."""

    file = serializers.FileField()
    kind = serializers.ChoiceField(choices=PartnerDocument.Kind.choices, required=False)
    number = serializers.CharField(required=False, allow_blank=True, max_length=60)
    day = Day(required=False)
    valid_until = Day(required=False)
    comment = serializers.CharField(required=False, allow_blank=True, max_length=300)


class PaperViewSet(ApiViewSet):
    """The papers of a partner, read by those who control partners, kept by heads."""

    queryset = PartnerDocument.objects.none()
    serializer_class = PaperOutput
    ordering_fields = ("created_at", "id")
    default_ordering = "-id"

    def _partner(self, *, manage: bool = False) -> Partner:
        return find_partner(self.caller, int(self.kwargs["pk"]), manage=manage)

    @extend_schema(summary=gettext_lazy("Documents of a partner"))
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A page of papers, the newest first."""
        refuse_unknown(request, PAGING)
        return self.page_of(documents_of(self._partner(), self.caller))

    @extend_schema(
        summary=gettext_lazy("Add a document of a partner"),
        request={"multipart/form-data": PaperInput},
        responses={201: PaperOutput},
    )
    def add(self, request: Request, pk: str) -> Response:
        """One more paper."""
        partner, wish = self._partner(manage=True), self.read(PaperInput)
        made = document_add(partner, upload=wish.pop("file"), by=self.actor, data=wish)
        return Response(PaperOutput(made).data, status=201)


class OnePaperViewSet(PaperViewSet):
    """One paper: its content, and its removal."""

    pagination_class = None

    @extend_schema(
        summary=gettext_lazy("Download a document of a partner"),
        responses={(200, "application/octet-stream"): OpenApiResponse(OpenApiTypes.BINARY)},
    )
    def content(self, request: Request, pk: str, document: str) -> FileResponse:
        """The content of a paper."""
        answer = saved(find_document(self.caller, self._partner(), int(document)))
        answer["Content-Type"] = "application/octet-stream"
        return answer

    @extend_schema(summary=gettext_lazy("Remove a document of a partner"), responses={204: None})
    def remove(self, request: Request, pk: str, document: str) -> Response:
        """Take it off the card, with its file."""
        document_remove(find_document(self.caller, self._partner(manage=True), int(document)), by=self.actor)
        return Response(status=204)


class InactiveOutput(serializers.Serializer[Any]):
    """A partner of whom nothing was heard: since when, and what it still has in hand."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    state = serializers.CharField()
    seen_at = serializers.DateTimeField()
    people = serializers.IntegerField(source="active_users")
    open_leads = serializers.IntegerField()
    open_deals = serializers.IntegerField()


def _heirs(user: User) -> Any:
    return assignable_users(user)


class CloseInactiveInput(Input):
    """Which of them to close, and to whom their open records go."""

    days = serializers.IntegerField(min_value=FEWEST_DAYS, max_value=MOST_DAYS)
    partners = serializers.ListField(child=serializers.IntegerField(min_value=1), max_length=500)
    hand_back_to = Reference(queryset=_heirs, required=False)
    reason = serializers.CharField(required=False, allow_blank=True, max_length=1000)


class InactiveViewSet(ApiViewSet):
    """Partners of whom nothing was heard, for heads: looked at first, then closed by a worker."""

    queryset = Partner.objects.none()
    serializer_class = InactiveOutput
    pagination_class = None

    def _check(self) -> None:
        if not may_manage(self.caller):
            raise PermissionDenied

    @extend_schema(
        summary=gettext_lazy("Partners of whom nothing was heard"),
        parameters=[OpenApiParameter("days", OpenApiTypes.INT, description=gettext_lazy("90 when not given."))],
        responses=InactiveOutput(many=True),
    )
    def found(self, request: Request) -> Response:
        """Those not closed yet, longest silent first: what closing would do."""
        self._check()
        refuse_unknown(request, {"days"})
        days = serializers.IntegerField(min_value=FEWEST_DAYS, max_value=MOST_DAYS).run_validation(
            request.query_params.get("days", USUAL_DAYS)
        )
        return Response(InactiveOutput(inactive_partners(self.caller, days), many=True).data)

    @extend_schema(
        summary=gettext_lazy("Close partners of whom nothing was heard"),
        request=CloseInactiveInput,
        responses={202: JobOutput},
    )
    def close(self, request: Request) -> Response:
        """A job: each partner with its records in one step; who was heard of meanwhile stays as it is."""
        self._check()
        wish = self.read(CloseInactiveInput)
        job = inactive_close(
            by=self.actor,
            partners=wish["partners"],
            days=wish["days"],
            hand_back_to=wish.get("hand_back_to"),
            reason=wish.get("reason", ""),
            token_name=jobs.token_name(self.actor),
        )
        return Response(JobOutput(job).data, status=202)


_PAPERS = r"^partners/(?P<pk>[0-9]{1,18})/documents/"
urlpatterns = [
    re_path(rf"{_PAPERS}$", PaperViewSet.as_view({"get": "list", "post": "add"}), name="api-partner-documents"),
    re_path(
        rf"{_PAPERS}(?P<document>[0-9]{{1,18}})/$",
        OnePaperViewSet.as_view({"get": "content", "delete": "remove"}),
        name="api-partner-document",
    ),
    re_path(r"^partners/inactive/$", InactiveViewSet.as_view({"get": "found"}), name="api-partners-inactive"),
    re_path(r"^partners/close-inactive/$", InactiveViewSet.as_view({"post": "close"}), name="api-partners-close"),
]
