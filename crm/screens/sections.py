"""A short list of one kind of record inside the card of another: the kind's own address, filter and rights."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from crm.screens import listing, registry
from crm.screens.dialogs import is_partial
from crm.screens.light import light

ROWS = 10


@login_required
@require_safe
def record_section(request: HttpRequest, record_type: str) -> HttpResponse:
    """The first rows that the query leaves, newest first, and how to see all of them."""
    screen = registry.of(record_type)
    query = request.GET.copy()
    query.setdefault("pipeline", listing.ALL)
    whole = f"{reverse(f'{record_type}-list')}?{query.urlencode()}"
    if not is_partial(request):
        return HttpResponseRedirect(whole)
    if query["pipeline"] == listing.ALL:
        query.pop("pipeline")
    rows: Any = listing.filtered(request, screen, query).qs
    found = list(light(screen, rows.order_by("-created_at", "-pk"))[: ROWS + 1])
    context = {
        "screen": screen,
        "rows": _lines(screen, found[:ROWS], request.user),
        "whole_url": whole,
        "has_more": len(found) > ROWS,
    }
    return render(request, "crm/record_section.html", context)


def _lines(screen: registry.Screen, rows: list[Any], user: Any) -> list[dict[str, Any]]:
    """The rows as shown; to the manufacturer a partner's record, the twin of an own one, says whose it is."""
    whose: dict[int, str] = {}
    if not user.is_partner and any(field.name == "partner" for field in screen.model._meta.concrete_fields):
        manager: Any = screen.model._default_manager
        held = manager.filter(pk__in=[row.pk for row in rows], partner__isnull=False)
        whose = dict(held.values_list("pk", "partner__name"))
    return [{**_line(screen, row), "partner": whose.get(row.pk, "")} for row in rows]


def _line(screen: registry.Screen, row: Any) -> dict[str, Any]:
    """A row as its board card shows it: client (unless its title names it), phone, size, amount where there are any."""
    card = screen.board_card(row)
    client = card.get("client")
    parts = ["" if client and client in str(row) else client, card.get("size")]
    return {
        "url": row.get_absolute_url(),
        "title": str(row),
        "stage": row.stage_row,
        "amount": card.get("amount"),
        "phone": card.get("phone", ""),
        "note": " · ".join(str(part) for part in parts if part),
        "responsible": row.responsible,
    }
