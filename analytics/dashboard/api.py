"""A person's figures by the REST API, and their choice of tiles."""

from __future__ import annotations

from typing import Any, cast

from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiToken, User
from analytics.api_shapes import PERIOD_PARAMETERS, plain
from analytics.dashboard import services
from analytics.dashboard.registry import BY_CODE, tiles_for
from analytics.dashboard.services import Shown
from analytics.dashboard.tile import Number, board_of, rows_of
from crm.api.filtering import refuse_unknown
from crm.api.serializers import Input
from crm.api.views import ApiViewSet


def as_json(item: Shown) -> dict[str, Any]:
    """A tile with its figure, or with its table: {columns, rows: [{label, cells: [{value, url}]}]}."""
    found: dict[str, Any] = {"code": item.tile.code, "name": str(item.tile.name)}
    made = item.made
    if isinstance(made, Number):
        value = made.figure.value if made.kind == "count" else made.value
        return found | {"kind": made.kind, "value": value, "records": made.figure.value, "url": made.url}
    if made is None:
        return found | {"kind": "table", "columns": [], "rows": []}
    columns = [{"name": str(column.label), "kind": column.kind} for column in made.columns]
    return found | {"kind": "table", "columns": columns, "rows": rows_of(made)}


class DashboardViewSet(ApiViewSet):
    """The figures of the caller's tiles."""

    token_scope = ApiToken.Scope.REPORTS

    @extend_schema(
        operation_id="dashboard", parameters=PERIOD_PARAMETERS[:3], responses={200: OpenApiTypes.OBJECT},
        summary=_("My figures"),
    )  # fmt: skip
    def show(self, request: Request) -> Response:
        """The tiles in the caller's order, each figure with the address of the list behind it; this month at first."""
        refuse_unknown(request, {"period", "from", "to"})
        board = board_of(cast("User", request.user), request.query_params)
        tiles = [plain(as_json(item)) for item in services.shown(board)]
        return Response({"from": board.period.start, "to": board.period.end, "tiles": tiles})


class TilesInput(Input):
    """The choice, in order; null goes back to the tiles of the role."""

    tiles = serializers.ListField(
        child=serializers.ChoiceField(choices=sorted(BY_CODE)), allow_null=True, max_length=100
    )


class TilesViewSet(ApiViewSet):
    """Which tiles the caller has."""

    @extend_schema(operation_id="dashboard_tiles", responses={200: OpenApiTypes.OBJECT}, summary=_("My tiles"))
    def show(self, request: Request) -> Response:
        """The tiles chosen, and all that the caller's role may choose from."""
        refuse_unknown(request, set())
        return Response(self._said())

    @extend_schema(
        operation_id="dashboard_tiles_set", request=TilesInput, responses={200: OpenApiTypes.OBJECT},
        summary=_("Choose my tiles"),
    )  # fmt: skip
    def set(self, request: Request) -> Response:
        """Keep the choice: codes in their order, or null for the tiles of the role."""
        codes = self.read(TilesInput)["tiles"]
        if codes is None:
            services.tiles_reset(self.caller)
        else:
            services.tiles_set(self.caller, codes)
        return Response(self._said())

    def _said(self) -> dict[str, Any]:
        return {
            "tiles": [tile.code for tile in services.tiles_of(self.caller)],
            "known": [{"code": tile.code, "name": str(tile.name)} for tile in tiles_for(self.caller)],
        }


def dashboard_paths() -> list[URLPattern]:
    """The addresses of both."""
    return [
        path("reports/dashboard/", DashboardViewSet.as_view({"get": "show"}), name="api-dashboard"),
        path(
            "reports/dashboard/tiles/",
            TilesViewSet.as_view({"get": "show", "put": "set"}),
            name="api-dashboard-tiles",
        ),
    ]
