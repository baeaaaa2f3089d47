"""The page of a person's figures, and the page where they choose its tiles."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from analytics import forms
from analytics.dashboard import services
from analytics.dashboard.services import Shown
from analytics.dashboard.tile import Board, Number, Tile, board_of
from analytics.views import names_what_is_wrong
from crm.errors import DomainError
from crm.http import HtmxHttpRequest, answers_errors
from crm.screens import dialogs

CHOOSE = "analytics:dashboard-tiles"


@require_safe
@login_required
@answers_errors
@names_what_is_wrong
def dashboard_page(request: HtmxHttpRequest) -> HttpResponseBase:
    """The person's tiles for the period of the address; each figure opens its list, each title its report."""
    board = board_of(request.user, request.GET)
    context = {
        "query": board.query,
        "board": board,
        "tiles": [_shown(item, board) for item in services.shown(board)],
        "form": forms.bound(board.query, request.GET, ()),
        "period": {"start": board.period.start, "end": board.period.end},
        "report_errors": getattr(request, "report_errors", []),
        "own_only": not request.user.is_head,
    }
    return render(request, "analytics/dashboard.html", context)


def _shown(item: Shown, board: Board) -> dict[str, Any]:
    is_number = isinstance(item.made, Number)
    return {
        "tile": item.tile,
        "number": item.made if is_number else None,
        "part": None if is_number else item.made,
        "page_url": report_url(item.tile, board),
    }


def report_url(tile: Tile, board: Board) -> str:
    """The report that a tile is taken from, for the same period."""
    if not tile.page:
        return ""
    asked = urlencode(list(board.asked.items()))
    return f"{reverse(f'analytics:{tile.page}')}?{'&'.join(filter(None, [tile.params, asked]))}"


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def tiles_page(request: HttpRequest) -> HttpResponse:
    """Add, remove, put in order, go back to the tiles of the role; buttons tell which, and dragging sends the order."""
    user: Any = request.user
    if request.method == "POST":
        try:
            text = _change(request)
        except DomainError as error:
            return dialogs.message(request, error.message)
        return dialogs.done(request, text, to=request.get_full_path())
    period = urlencode([(name, request.GET[name]) for name in ("period", "from", "to") if request.GET.get(name)])
    context = {
        "tiles": services.tiles_of(user),
        "offered": services.offered_to(user),
        "back_url": f"{reverse('analytics:dashboard')}{f'?{period}' if period else ''}",
    }
    return render(request, "analytics/dashboard_tiles.html", context)


def _change(request: HttpRequest) -> str:
    """Do what the pressed button, or the order that was dragged, says; answers it in words."""
    user: Any = request.user
    asked = request.POST
    if "ids" in asked:
        services.tiles_set(user, [code for code in asked["ids"].split(",") if code])
        return _("The order of the tiles is saved.")
    for name, step in (("up", -1), ("down", 1)):
        if name in asked:
            services.tile_shift(user, asked[name], step)
            return _("The order of the tiles is saved.")
    if "add" in asked:
        services.tile_add(user, asked["add"])
        return _("The tile is added.")
    if "remove" in asked:
        services.tile_remove(user, asked["remove"])
        return _("The tile is removed.")
    services.tiles_reset(user)
    return _("The tiles of your role are back.")
