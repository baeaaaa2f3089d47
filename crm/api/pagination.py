"""Pages by cursor: the next page begins after the last row shown, so rows that come and go lose and double nothing."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError as BadRequest
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from crm.http import COUNT_CAP

if TYPE_CHECKING:  # the framework loads this module while its views load
    from rest_framework.views import APIView

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
BIGGEST_KEY = 2**63 - 1


def check_text(kept: Any) -> None:
    """Refuse what no database takes as a text: a made-up cursor may hold anything."""
    if kept is not None and (not isinstance(kept, str) or "\x00" in kept):
        raise ValueError(kept)
    if kept is not None:
        kept.encode()


@dataclass(frozen=True)
class Order:
    """One of the orders a resource offers; the primary key breaks ties, rows without a value come last."""

    field: models.Field[Any, Any]
    descending: bool

    @classmethod
    def read(cls, model: type[models.Model], text: str) -> Order:
        name = text.removeprefix("-")
        field: Any = model._meta.pk if name == "id" else model._meta.get_field(name)
        return cls(field, text.startswith("-"))

    @property
    def name(self) -> str:
        return self.field.attname

    def terms(self) -> list[Any]:
        """What order_by takes."""
        step = F(self.name).desc if self.descending else F(self.name).asc
        first = step(nulls_last=True) if self.field.null else step()
        return [first] if self.field.primary_key else [first, "-pk" if self.descending else "pk"]

    def after(self, value: Any, pk: int) -> Q:
        """The rows that follow the one with this value and key."""
        beyond = "lt" if self.descending else "gt"
        if self.field.primary_key:
            return Q(**{f"pk__{beyond}": pk})
        same = Q(**{self.name: value}, **{f"pk__{beyond}": pk})
        if value is None:
            return Q(**{f"{self.name}__isnull": True, f"pk__{beyond}": pk})
        further = Q(**{f"{self.name}__{beyond}": value}) | same
        if self.field.null:
            return further | Q(**{f"{self.name}__isnull": True})
        # The outer bound lets the database go straight to the place in the index.
        return Q(**{f"{self.name}__{beyond}e": value}) & further


class RecordPagination(BasePagination):
    """`?limit=&cursor=&ordering=`; counting is done on request only (`?count=exact`)."""

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any] | None:
        """One page of rows; a cursor of another order, or none of ours, is a 400."""
        self.request = request
        self.order_text = self._ordering(request, view)
        order = Order.read(queryset.model, self.order_text)
        self.limit = self._limit(request)
        self.count = self._count(queryset, request)
        rows = queryset.order_by(*order.terms())
        if given := request.query_params.get("cursor"):
            rows = rows.filter(self._after(order, given))
        page = list(rows[: self.limit + 1])
        self.cursor = self._cursor(order, page[self.limit - 1]) if len(page) > self.limit else None
        return page[: self.limit]

    def get_paginated_response(self, data: Any) -> Response:
        """The envelope: is there more, where it begins, and the rows."""
        address = self.request.build_absolute_uri()
        body = {
            "has_more": self.cursor is not None,
            "next_cursor": self.cursor,
            "next": replace_query_param(address, "cursor", self.cursor) if self.cursor else None,
            "results": data,
        }
        if self.count is not None:
            body["count"] = self.count
        return Response(body)

    @staticmethod
    def _ordering(request: Request, view: Any) -> str:
        offered: tuple[str, ...] = getattr(view, "ordering_fields", ("id",))
        wanted = str(request.query_params.get("ordering") or getattr(view, "default_ordering", "-id"))
        if wanted.removeprefix("-") not in offered:
            raise BadRequest({"ordering": [_("Order by one of: %(names)s.") % {"names": ", ".join(offered)}]})
        return wanted

    @staticmethod
    def _limit(request: Request) -> int:
        text = request.query_params.get("limit") or str(DEFAULT_LIMIT)
        if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= MAX_LIMIT):
            raise BadRequest({"limit": [_("Give a number from 1 to %(most)s.") % {"most": MAX_LIMIT}]})
        return int(text)

    @staticmethod
    def _count(queryset: QuerySet[Any], request: Request) -> int | None:
        match request.query_params.get("count", "none"):
            case "none":
                return None
            case "capped":
                return queryset.order_by().values("pk")[:COUNT_CAP].count()
            case "exact":
                return queryset.order_by().values("pk").count()
        raise BadRequest({"count": [_("Give one of: none, capped, exact.")]})

    def _cursor(self, order: Order, row: models.Model) -> str:
        value = None if order.field.primary_key else getattr(row, order.name)
        kept = None if value is None else order.field.value_to_string(row)
        raw = json.dumps([self.order_text, kept, row.pk], ensure_ascii=False, separators=(",", ":"))
        return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")

    def _after(self, order: Order, given: str) -> Q:
        try:
            raw = base64.urlsafe_b64decode(given + "=" * (-len(given) % 4))
            ordering, kept, pk = json.loads(raw)
            if ordering != self.order_text or type(pk) is not int or not 0 < pk <= BIGGEST_KEY:
                raise ValueError(ordering)
            check_text(kept)
            if order.field.primary_key:
                return order.after(None, pk)
            value = order.field.to_python(kept)
            order.field.run_validators(value)
        except (ValueError, TypeError, RecursionError, binascii.Error, ValidationError) as error:
            text = _("Take the cursor from the page before, with the same order.")
            raise BadRequest({"cursor": [text]}) from error
        return order.after(value, pk)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The envelope, for the description of the API."""
        return {
            "type": "object",
            "required": ["has_more", "next_cursor", "next", "results"],
            "properties": {
                "has_more": {"type": "boolean", "example": True},
                "next_cursor": {"type": ["string", "null"], "example": "WyItY3JlYXRlZF9hdCIsbnVsbCw0Ml0"},
                "next": {
                    "type": ["string", "null"],
                    "format": "uri",
                    "example": "https://crm.example.com/api/v1/deals/?cursor=WyItY3JlYXRlZF9hdCIsbnVsbCw0Ml0",
                },
                "count": {
                    "type": "integer",
                    "description": _("Only with `count=exact` or `count=capped`."),
                    "example": 1,
                },
                "results": schema,
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """The query parameters, for the description of the API."""
        offered = [sign + name for name in getattr(view, "ordering_fields", ("id",)) for sign in ("", "-")]
        limits = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
        rows = (
            ("limit", _("How many rows."), limits),
            ("cursor", _("`next_cursor` of the page before."), {"type": "string"}),
            ("count", _("Count the rows."), {"type": "string", "enum": ["none", "capped", "exact"]}),
            ("ordering", _("The order; a minus in front turns it round."), {"type": "string", "enum": offered}),
        )
        return [
            {"name": name, "in": "query", "required": False, "description": text, "schema": schema}
            for name, text, schema in rows
        ]
