"""Named views of lists in the API: one's own and those that colleagues share."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError as BadRequest
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Role
from crm import saved_views, undo
from crm.api.filtering import refuse_unknown
from crm.api.serializers import Input, Reference
from crm.api.undo import UNDO_HEADER, undoable
from crm.api.views import ApiViewSet
from crm.models import RECORD_MODELS, RecordType, SavedView
from crm.screens import registry
from crm.screens.saved import KEPT, clean_query


class ViewOutput(serializers.ModelSerializer[SavedView]):
    """A view; its `query` can be added to the address of the list."""

    owner = Reference(read_only=True)
    default_for = serializers.CharField(read_only=True)
    is_first = serializers.SerializerMethodField(help_text=gettext_lazy("The caller's list opens with it."))

    class Meta:
        model = SavedView
        fields = ("id", "record_type", "name", "query", "columns", "is_shared", "default_for", "owner", "is_first")
        read_only_fields = fields

    def get_is_first(self, view: SavedView) -> bool:
        return saved_views.default_view(self.context["request"].user, view.record_type) == view


class ViewFields(Input):
    """What a view holds and who sees it."""

    query = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=4000,
        help_text=gettext_lazy("As in the address: stage=...&sort=..."),
    )
    columns = serializers.ListField(required=False, child=serializers.CharField(max_length=60), max_length=100)
    is_shared = serializers.BooleanField(required=False)


class ViewChange(ViewFields):
    """What is to be different; what is not named stays."""

    name = serializers.CharField(required=False, max_length=100)
    default_for = serializers.ChoiceField(
        required=False, allow_blank=True, choices=Role.choices, help_text=gettext_lazy("Opens first for that role.")
    )


class ViewInput(ViewFields):
    """A new view; the same name of the same person is written over."""

    record_type = serializers.ChoiceField(choices=RecordType.choices)
    name = serializers.CharField(max_length=100)


class FirstInput(Input):
    """Shall the caller's list open with it?"""

    on = serializers.BooleanField(default=True)


@extend_schema_view(
    list=extend_schema(
        summary=gettext_lazy("List views of lists"),
        parameters=[OpenApiParameter("record_type", str, enum=list(RECORD_MODELS))],
        responses=ViewOutput(many=True),
    ),
    create=extend_schema(summary=gettext_lazy("Save a view"), request=ViewInput, responses={201: ViewOutput}),
    partial_update=extend_schema(summary=gettext_lazy("Change a view"), request=ViewChange, responses=ViewOutput),
    destroy=extend_schema(summary=gettext_lazy("Delete a view"), responses={204: None}, parameters=[UNDO_HEADER]),
)
class SavedViewViewSet(ApiViewSet):
    """Named filters of lists with their order and columns."""

    queryset = SavedView.objects.none()
    serializer_class = ViewOutput
    pagination_class = None

    def get_object(self) -> SavedView:
        """A view that the caller sees, or a 404."""
        view = saved_views.seen_by(self.caller).filter(pk=int(self.kwargs["pk"])).first()
        if view is None or view.record_type not in RECORD_MODELS:
            raise Http404
        return view

    def _owned(self) -> SavedView:
        """A view that the caller may change: 404 out of sight, 403 for a colleague's."""
        view = self.get_object()
        try:
            return saved_views.owned(self.caller, view.pk)
        except SavedView.DoesNotExist as error:
            raise PermissionDenied(_("This view is a colleague's.")) from error

    def _shown(self, view: SavedView, status: int = 200) -> Response:
        return Response(self.get_serializer(view).data, status=status)

    def _columns(self, record_type: str, keys: list[str]) -> list[str]:
        offered = [column.key for column in registry.of(record_type).columns_for(self.caller)]
        if unknown := [key for key in keys if key not in offered]:
            message = _("Choose among: %(names)s.") % {"names": ", ".join(offered)}
            raise BadRequest({"columns": [f"{unknown[0][:60]}. {message}"]})
        return keys

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """All that the caller sees, of one kind of record or of all."""
        refuse_unknown(request, {"record_type"})
        kind = request.query_params.get("record_type", "")
        if kind and kind not in RECORD_MODELS:
            raise BadRequest({"record_type": [_("Choose among: %(names)s.") % {"names": ", ".join(RECORD_MODELS)}]})
        rows = [row for name in ([kind] if kind else RECORD_MODELS) for row in saved_views.views_of(self.caller, name)]
        return Response(self.get_serializer(rows, many=True).data)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Keep a filter under a name."""
        data = self.read(ViewInput)
        view = saved_views.view_save(
            by=self.caller,
            record_type=data["record_type"],
            name=data["name"],
            query=clean_query(data.get("query", "")),
            columns=self._columns(data["record_type"], data.get("columns", [])),
            is_shared=data.get("is_shared", False),
        )
        return self._shown(view, 201)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Rename it, share it, let it open first for a role (heads), or let it hold another filter."""
        view, data = self._owned(), self.read(ViewChange, partial=True)
        if data.keys() & {"query", "columns"}:
            view = saved_views.view_update(
                by=self.caller,
                view_id=view.pk,
                query=clean_query(data.get("query", view.query)),
                columns=self._columns(view.record_type, data.get("columns", view.columns)),
            )
        if data.keys() & {"name", "is_shared", "default_for"}:
            values = {name: data.get(name, getattr(view, name)) for name in ("name", "is_shared", "default_for")}
            view = saved_views.view_rename(by=self.caller, view_id=view.pk, **values)
        return self._shown(view)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Forget it."""
        view = self._owned()
        kept = {name: getattr(view, name) for name in KEPT}
        saved_views.view_delete(by=self.caller, view_id=view.pk)
        return undoable(Response(status=204), undo.offer(self.caller, "view", **kept))

    @extend_schema(summary=gettext_lazy("Let my list open with a view"), request=FirstInput, responses=ViewOutput)
    @action(detail=True, methods=["post"])
    def first(self, request: Request, **kwargs: Any) -> Response:
        """For the caller alone; with `on: false` not any longer."""
        view = self.get_object()
        off = 0 if view.default_for == self.caller.role else None
        chosen = view.pk if self.read(FirstInput)["on"] else off
        saved_views.default_view_set(self.caller, view.record_type, chosen)
        return self._shown(view)
