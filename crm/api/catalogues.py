"""Small catalogues of the settings in the API: the same rows, checks and audit as the dialogs of the browser have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.filtering import PAGING, refuse_unknown
from crm.api.serializers import RecordInput
from crm.api.views import ApiViewSet
from crm.models import Source, Tag
from crm.settings_audit import require_head
from crm.tags import tags_of
from crm.views.catalogue import Catalogue, row_delete, row_save
from crm.views.catalogues import SOURCES


def described(what: Any, given: type[Any], shown: type[Any], *, deletes: bool = False) -> Callable[[type], type]:
    """The description of a catalogue's calls: what it is of, what a row is given as and how it is shown."""
    calls = {
        "list": extend_schema(summary=gettext_lazy("List them"), description=what, responses=shown(many=True)),
        "create": extend_schema(
            summary=gettext_lazy("Add a row"), description=what, request=given, responses={201: shown}
        ),
        "partial_update": extend_schema(
            summary=gettext_lazy("Change a row"), description=what, request=given, responses=shown
        ),
    }
    if deletes:
        calls["destroy"] = extend_schema(summary=gettext_lazy("Delete a row"), description=what)
    return extend_schema_view(**calls)


class CatalogueViewSet(ApiViewSet):
    """The rows of one catalogue, all at once; kept by the sales head (some by administrators alone)."""

    catalogue: Catalogue
    input_class: type[Any]
    # Read by everybody: records name these rows.
    is_open = False
    pagination_class = None
    lookup_value_regex = r"[-a-zA-Z0-9_]{1,50}"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Those who keep the catalogue; to look at an open one, everybody."""
        super().initial(request, *args, **kwargs)
        if self.is_open and request.method in {"GET", "HEAD"}:
            return
        require_head(self.caller)
        if self.catalogue.for_administrators and not self.caller.is_administrator:
            raise PermissionDenied

    def get_queryset(self) -> Any:
        """All rows, in the order of the settings."""
        return self.catalogue.model._default_manager.order_by(*self.catalogue.order)

    def get_object(self) -> Any:
        """The row that the address names, or a 404."""
        row = self.get_queryset().filter(pk=self.kwargs["pk"]).first()
        if row is None:
            raise Http404
        return row

    def _shown(self, row: Any, status: int = 200) -> Response:
        return Response(self.get_serializer(row).data, status=status)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """All rows."""
        refuse_unknown(request, set())
        return Response(self.get_serializer(self.get_queryset(), many=True).data)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One more row; its code is made of its name."""
        row = self.catalogue.model()
        self._save(row, self.read(self.input_class))
        return self._shown(row, 201)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change what is sent; the rest stays."""
        row = self.get_object()
        self._save(row, self.read(self.input_class, partial=True))
        return self._shown(self.get_object())

    def _save(self, row: Any, data: dict[str, Any]) -> None:
        """By the service of the settings; a name in one language stands for both where the other is left empty."""
        is_new = row._state.adding
        if "name_en" in self.input_class().fields and (is_new or "name_en" in data):
            data["name_en"] = data.get("name_en") or data.get("name_ru") or row.name_ru
        row_save(self.catalogue, row, data, by=self.actor)


class DeletableCatalogueViewSet(CatalogueViewSet):
    """A catalogue whose rows may be deleted."""

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Take a row out for good."""
        row_delete(self.catalogue, self.get_object(), by=self.actor)
        return Response(status=204)


class SourceOutput(serializers.ModelSerializer[Source]):
    """Where clients come from."""

    class Meta:
        model = Source
        fields = ("code", "name", "name_ru", "name_en", "order", "is_active")
        read_only_fields = fields


class SourceInput(RecordInput):
    """A source as the settings keep it."""

    name_en = serializers.CharField(required=False, allow_blank=True, max_length=100)

    class Meta:
        model = Source
        fields = ("name_ru", "name_en", "order", "is_active")


@described(gettext_lazy("Sources of clients."), SourceInput, SourceOutput)
class SourceViewSet(CatalogueViewSet):
    """The dictionary of sources."""

    queryset = Source.objects.none()
    serializer_class = SourceOutput
    catalogue = SOURCES
    input_class = SourceInput
    is_open = True


class TagOutput(serializers.ModelSerializer[Tag]):
    """A label of leads and deals; a new one is made by putting it on a record."""

    class Meta:
        model = Tag
        fields = ("id", "name")
        read_only_fields = fields


@extend_schema_view(list=extend_schema(summary=gettext_lazy("List tags")))
class TagViewSet(ApiViewSet):
    """The labels whose names the caller may know: a partner those on its own records."""

    queryset = Tag.objects.none()
    serializer_class = TagOutput
    ordering_fields = ("name", "id")
    default_ordering = "name"

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A page of them, by name."""
        refuse_unknown(request, PAGING)
        return self.page_of(tags_of(self.caller))
