"""Screens of deals: list, board, card, new deal, editing. What every kind of record shares is in crm.screens."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.models import Role
from crm import pipelines
from crm.screens import access, board, card, dialogs, listing, pages
from crm.visibility import visible_record
from deals.forms import DealForm, QuickDealForm
from deals.models import Deal
from deals.screens import SCREEN
from deals.services import deal_create


@login_required
@require_GET
def deal_list(request: HttpRequest) -> HttpResponse:
    """Deals as a table."""
    context = {**listing.list_context(request, SCREEN), "may_create": may_create(request)}
    template = "deals/list.html#rows" if dialogs.is_partial(request) else "deals/list.html"
    return render(request, template, context)


@login_required
@require_GET
def deal_board(request: HttpRequest) -> HttpResponse:
    """Deals by stage, with their sums."""
    return board.board_answer(request, SCREEN, "deals/board.html", {"may_create": may_create(request)})


def may_create(request: HttpRequest) -> bool:
    """Those who only control the partners or answer the phone make no deals."""
    return request.user.role not in {Role.PARTNER_CONTROL, Role.CALL_CENTER}  # type: ignore[union-attr]


@login_required
@require_GET
def deal_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """The card of a deal; the address of a merged one leads to the main one."""
    user: Any = request.user
    if main := access.merged_target(SCREEN.record_type, pk, user):
        return HttpResponseRedirect(main.get_absolute_url())
    deal = access.find(SCREEN.record_type, pk, user)
    context = {
        **card.card_context(request, SCREEN, deal),
        "lines": list(deal.lines.all()),
        "object": visible_object(deal, user),
    }
    return render(request, "deals/detail.html", context)


def visible_object(record: Any, user: Any) -> Any:
    """The object of a lead or deal, if the person may see it."""
    return visible_record("object", record.object_id, user) if record.object_id else None


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def deal_create_page(request: HttpRequest) -> HttpResponse:
    """A new deal: a few fields in the dialog, all of them on the page."""
    user: Any = request.user
    quick = "full" not in request.GET
    form: Any
    if quick:
        form = QuickDealForm(request.POST or None, user=user)
        form.initial = {name: request.GET[name] for name in ("contact", "company") if request.GET.get(name)}
    else:
        form = DealForm(request.POST or None, record=Deal(), user=user)
    wanted = request.GET.get("pipeline", "")

    def make(values: dict[str, Any]) -> Deal:
        given = {name: value for name, value in values.items() if value not in (None, "")}
        if user.is_partner:
            return deal_create(by=user, data=given)
        own = [pipeline.code for pipeline in pipelines.pipelines_of(SCREEN.record_type, partner=False)]
        return deal_create(by=user, data=given, pipeline=wanted if wanted in own else own[0])

    return pages.create_page(request, SCREEN, form, make, title=_("New deal"), quick=quick)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def deal_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """All fields of a deal."""
    return pages.edit_page(request, SCREEN, pk, DealForm)
