"""The product's addresses, and the bare pages that they are compared with."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import path

from crm.urls import handler500, urlpatterns
from deals.models import Deal
from leads.models import Lead

ROWS = """<!doctype html><title>{{ title }}</title><table>{% for row in rows %}
<tr><td><a href="{{ row.pk }}">{{ row.title }}</a>
<td>{{ row.stage_id }}<td>{{ row.responsible }}<td>{{ row.amount }}<td>{{ row.city }}<td>{{ row.created_at }}
<td>{{ row.next_activity_at }}{% endfor %}</table>"""


def _page(request: HttpRequest, title: str, rows: object) -> HttpResponse:
    template = engines["django"].from_string(ROWS)
    return HttpResponse(template.render({"title": title, "rows": rows}, request))


def bare_leads(request: HttpRequest) -> HttpResponse:
    """What Django itself needs for a page of fifty leads."""
    rows = Lead.objects.filter(deleted_at=None, pipeline="lead").select_related("responsible", "source", "purpose")
    return _page(request, "Leads", rows.order_by("-created_at", "-id")[:50])


def bare_board(request: HttpRequest) -> HttpResponse:
    """What Django itself needs for the cards of one board: as many rows as the board shows, ordered by one index."""
    rows = Deal.objects.filter(deleted_at=None, pipeline="deal", stage="deal:costing")
    related = rows.select_related("responsible", "contact", "company")
    return _page(request, "Deals", related.order_by("-stage_entered_at", "-id")[:160])


urlpatterns = [*urlpatterns, path("bare/leads/", bare_leads), path("bare/board/", bare_board)]

__all__ = ["handler500", "urlpatterns"]
