"""Walks a report: every figure in it, and how many rows its list shows to the reader."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.http import QueryDict
from django.test import RequestFactory
from django.urls import resolve

from analytics.funnel import Figure
from analytics.query import FILTERS, ReportQuery
from crm.filters import ActivityFilter, CompanyFilter, ContactFilter
from crm.models import Activity, Company, Contact
from deals.models import Deal
from leads.models import Lead

LISTS: dict[str, tuple[Any, Any]] = {
    "lead-list": (Lead, FILTERS["lead"]),
    "deal-list": (Deal, FILTERS["deal"]),
    "contact-list": (Contact, ContactFilter),
    "company-list": (Company, CompanyFilter),
    "task-list": (Activity, ActivityFilter),
}


def figures(value: Any) -> list[Figure]:
    """Every figure anywhere in a report."""
    if isinstance(value, Figure):
        return [value]
    if isinstance(value, ReportQuery):
        return []
    if is_dataclass(value) and not isinstance(value, type):
        return [found for item in fields(value) for found in figures(getattr(value, item.name))]
    if isinstance(value, dict):
        return [found for item in value.values() for found in figures(item)]
    if isinstance(value, list | tuple):
        return [found for item in value for found in figures(item)]
    return []


def opened(user: Any, figure: Figure) -> int:
    """How many rows the list behind a figure shows to the user."""
    parts = urlsplit(figure.url)
    model, filterset = LISTS[resolve(parts.path).url_name or ""]
    rows = model._default_manager.visible_to(user)
    if hasattr(rows, "alive"):
        rows = rows.alive()
    request = RequestFactory().get(figure.url)
    request.user = user
    found = filterset(QueryDict(parts.query), rows, request=request)
    assert found.is_valid(), found.errors
    assert set(parse_qs(parts.query)) <= set(found.filters), "the list knows every parameter of the link"
    return found.qs.count()


def wrong(user: Any, report: Any) -> list[tuple[str, int, int]]:
    """The figures of a report whose list shows another number of rows: (address, figure, rows)."""
    walked = [(figure.url, figure.value, opened(user, figure)) for figure in figures(report) if figure.url]
    return [row for row in walked if row[1] != row[2]]
