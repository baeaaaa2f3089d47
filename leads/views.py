"""Screens of leads: list, board, card, new lead, editing. What every kind of record shares is in crm.screens."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.models import Role
from crm.screens import access, board, card, dialogs, listing, pages
from leads.forms import LeadForm, QuickLeadForm
from leads.models import Lead
from leads.screens import SCREEN
from leads.services import lead_create


@login_required
@require_GET
def lead_list(request: HttpRequest) -> HttpResponse:
    """Leads as a table."""
    context = {**listing.list_context(request, SCREEN), "may_create": may_create(request)}
    template = "leads/list.html#rows" if dialogs.is_partial(request) else "leads/list.html"
    return render(request, template, context)


@login_required
@require_GET
def lead_board(request: HttpRequest) -> HttpResponse:
    """Leads by stage."""
    return board.board_answer(request, SCREEN, "leads/board.html", {"may_create": may_create(request)})


def may_create(request: HttpRequest) -> bool:
    """Those who only control the partners make no leads."""
    return request.user.role != Role.PARTNER_CONTROL  # type: ignore[union-attr]


@login_required
@require_GET
def lead_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """The card of a lead; the address of a merged one leads to the main one."""
    user: Any = request.user
    if main := access.merged_target(SCREEN.record_type, pk, user):
        return HttpResponseRedirect(main.get_absolute_url())
    lead = access.find(SCREEN.record_type, pk, user)
    return render(request, "leads/detail.html", card.card_context(request, SCREEN, lead))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def lead_create_page(request: HttpRequest) -> HttpResponse:
    """A new lead: two fields in the dialog, all of them on the page."""
    user: Any = request.user
    quick = "full" not in request.GET
    form: Any
    if quick:
        form = QuickLeadForm(request.POST or None)
    else:
        first = {name: request.GET[name] for name in ("name", "phone", "request_text") if request.GET.get(name)}
        form = LeadForm(request.POST or None, record=Lead(), user=user)
        form.initial |= first

    def make(values: dict[str, Any]) -> Lead:
        given = {name: value for name, value in values.items() if value not in (None, "")}
        return lead_create(by=user, data=given)

    return pages.create_page(request, SCREEN, form, make, title=_("New lead"), quick=quick)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def lead_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """All fields of a lead."""
    return pages.edit_page(request, SCREEN, pk, LeadForm)
