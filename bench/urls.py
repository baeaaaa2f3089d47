"""The product's addresses, and the bare pages that they are compared with."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import path
from rest_framework import generics, serializers

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


SHOWN = (
    "title", "stage", "amount", "city", "created_at", "next_activity_at", "responsible__last_name",
    "responsible__first_name", "responsible__patronymic", "responsible__email",
)  # fmt: skip


def bare_leads(request: HttpRequest) -> HttpResponse:
    """What Django itself needs for a page of fifty leads."""
    rows = Lead.objects.filter(deleted_at=None, pipeline="lead").select_related("responsible").only(*SHOWN)
    return _page(request, "Leads", rows.order_by("-created_at", "-id")[:50])


def bare_board(request: HttpRequest) -> HttpResponse:
    """What Django itself needs for the cards of one board: as many rows as the board shows, ordered by one index."""
    rows = Deal.objects.filter(deleted_at=None, pipeline="deal", stage="deal:costing")
    related = rows.select_related("responsible").only(*SHOWN)
    return _page(request, "Deals", related.order_by("-stage_entered_at", "-id")[:160])


class BareSerializer(serializers.ModelSerializer[Lead]):
    """Four fields of a lead."""

    class Meta:
        model = Lead
        fields = ("title", "name", "phone", "email")


class BareCreate(generics.CreateAPIView[Lead]):
    """What the REST framework itself needs to store one lead that somebody posts: no recognition, no duplicates, no
    timeline, no responsible."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    schema = None
    serializer_class = BareSerializer

    def perform_create(self, serializer: serializers.BaseSerializer[Lead]) -> None:
        """At the first stage."""
        serializer.save(pipeline_id="lead", stage="lead:new")


urlpatterns = [
    *urlpatterns,
    path("bare/leads/", bare_leads),
    path("bare/board/", bare_board),
    path("bare/create/", BareCreate.as_view()),
]

__all__ = ["handler500", "urlpatterns"]
