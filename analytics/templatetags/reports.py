"""What stands around a report: the periods at one press, and its head on paper."""

from __future__ import annotations

from typing import Any

from django import template

from analytics import export
from analytics.query import PERIODS, ReportQuery

register = template.Library()


@register.simple_tag(takes_context=True)
def period_links(context: dict[str, Any], query: ReportQuery) -> list[dict[str, Any]]:
    """The usual periods, each with its address; the rest of the question is kept."""
    found = []
    for code, label in PERIODS:
        if code == "custom":
            continue
        asked = context["request"].GET.copy()
        for name in ("from", "to", "format"):
            asked.pop(name, None)
        asked["period"] = code
        found.append({"label": label, "url": f"?{asked.urlencode()}", "active": code == query.preset})
    return found


@register.simple_tag(takes_context=True)
def asked_in_words(context: dict[str, Any], query: ReportQuery) -> str:
    """Pipeline, period, cuts and the way of counting, as they stand in the files of the report too."""
    return export.about(query, context.get("ways", ()))


@register.simple_tag
def made_when(query: ReportQuery) -> str:
    """When the figures were taken, and who asked."""
    return export.made(query)
