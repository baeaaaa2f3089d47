"""The window in which an unknown caller is recognised: search, «Это он», done (LEAD-12)."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from crm.client_search import SHORTEST_QUERY, find_clients
from crm.errors import DomainError
from crm.models import RecordType
from crm.screens import access, dialogs
from crm.visibility import visible_record
from leads.linking import lead_link_client, lead_unlink_client


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def lead_link(request: HttpRequest, pk: int) -> HttpResponse:
    """The search with its hits; POST names the contact or the company that it is."""
    user: Any = request.user
    lead = access.find_to_change(RecordType.LEAD, pk, user)
    if request.method == "POST":
        return _link(request, lead)
    query = request.GET.get("q", "").strip()[:200]
    context = {
        "dialog_title": _("Who is it?"),
        "dialog_action": request.path,
        "dialog_back": lead.get_absolute_url(),
        "record": lead,
        "query": query,
        "is_asked": len(query) >= SHORTEST_QUERY,
        "found": find_clients(query, user) if query else [],
    }
    if dialogs.is_partial(request) and request.htmx.target == "found-clients":  # type: ignore[attr-defined]
        return render(request, "leads/link.html#found", context)
    return dialogs.dialog(request, "leads/link.html", context)


def _link(request: HttpRequest, lead: Any) -> HttpResponse:
    user: Any = request.user
    chosen = {}
    for kind in (RecordType.CONTACT, RecordType.COMPANY):
        raw = request.POST.get(kind, "")
        if raw:
            number = int(raw) if raw.isascii() and raw.isdigit() and len(raw) < 19 else 0
            chosen[kind.value] = visible_record(kind, number, user)
    if chosen and None in chosen.values():
        raise Http404
    try:
        lead = lead_link_client(lead, by=user, **chosen)
    except DomainError as error:
        return dialogs.message(request, error.message)
    text = _("Linked to «%(client)s».") % {"client": lead.contact or lead.company}
    return dialogs.done(request, text, lead, undo_url=reverse("lead-unlink", args=[lead.pk]))


@login_required
@require_POST
def lead_unlink(request: HttpRequest, pk: int) -> HttpResponse:
    """Take the link back."""
    user: Any = request.user
    lead = access.find_to_change(RecordType.LEAD, pk, user)
    try:
        lead = lead_unlink_client(lead, by=user)
    except DomainError as error:
        return dialogs.message(request, error.message, status=error.status)
    return dialogs.done(request, _("The link was taken back."), lead)
