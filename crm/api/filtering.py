"""Filters of the API: the same FilterSets as the lists of the interface, and no parameter that means nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _
from django_filters import BooleanFilter
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ValidationError as BadRequest
from rest_framework.request import Request

from crm.filters import INTERNAL

if TYPE_CHECKING:  # the framework loads this module while its views load
    from rest_framework.views import APIView

PAGING = frozenset({"limit", "cursor", "count", "ordering"})


class StrictFilterBackend(DjangoFilterBackend):
    """A misspelt filter would silently answer everything, so unknown parameters are refused by name."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: APIView) -> QuerySet[Any]:
        """Cut the rows by the query; ValidationError names unknown parameters and wrong values."""
        filterset_class = getattr(view, "filterset_class", None)
        names = set(filterset_class.base_filters) - internal_filters(request.user) if filterset_class else set()
        refuse_unknown(request, names | PAGING | set(getattr(view, "extra_parameters", ())))
        if filterset_class is None or not names & set(request.query_params):
            return queryset  # a form of thirty fields is not built to find nothing in it
        refuse_doubtful(request.query_params, filterset_class.base_filters)
        return super().filter_queryset(request, queryset, view)


def internal_filters(user: Any) -> frozenset[str]:
    """The filters that do not exist for a person: they would tell a partner of fields that it is not shown."""
    return INTERNAL if getattr(user, "is_partner", False) else frozenset()


def refuse_unknown(asked: Request | QueryDict, known: set[str] | frozenset[str]) -> None:
    """A 400 that names the query parameters which the call does not have; an empty one of paging asks for nothing."""
    given = asked if isinstance(asked, QueryDict) else asked.query_params
    if unknown := sorted(name for name in set(given) - known if given[name] or name not in PAGING):
        raise BadRequest({name: [_("There is no such parameter.")] for name in unknown})


def refuse_doubtful(query: QueryDict, filters: dict[str, Any]) -> None:
    """A yes-or-no filter takes only yes or no: the form behind it would take anything else for "not given"."""
    for name in set(query) & set(filters):
        given = str(query[name])
        if isinstance(filters[name], BooleanFilter) and given.lower() not in {"true", "false", ""}:
            raise BadRequest({name: [_("Give true or false.")]})
