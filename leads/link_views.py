"""The window in which an unknown caller is recognised: search, «Это он», done (LEAD-12)."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from crm.client_search import SHORTEST_QUERY
from crm.errors import DomainError
from crm.identification import LookupsUsedUp, client_of_note, clients_for, identifies_only, says_enough
from crm.keys import key_in
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
    context = {
        "dialog_title": _("Who is it?"),
        "dialog_action": request.path,
        "dialog_back": lead.get_absolute_url(),
        "record": lead,
        "is_blind": identifies_only(user),
        **_search(request.GET.get("q", "").strip()[:200], lead, user),
    }
    if dialogs.is_partial(request) and request.htmx.target == "found-clients":  # type: ignore[attr-defined]
        return render(request, "leads/link.html#found", context)
    return dialogs.dialog(request, "leads/link.html", context)


def _search(query: str, lead: Any, user: Any) -> dict[str, Any]:
    """What was asked and who was found, or why nobody was looked for."""
    is_asked = says_enough(query) if identifies_only(user) else len(query) >= SHORTEST_QUERY
    try:
        found = clients_for(lead, query, by=user) if is_asked else []
    except LookupsUsedUp as error:
        return {"query": query, "is_asked": True, "found": [], "trouble": error.message}
    return {"query": query, "is_asked": is_asked, "found": found, "trouble": ""}


def _link(request: HttpRequest, lead: Any) -> HttpResponse:
    user: Any = request.user
    chosen: dict[str, Any] = {}
    if note := request.POST.get("note", ""):
        client = client_of_note(note, lead, by=user)
        chosen[client.RECORD_TYPE if client is not None else "contact"] = client
    for kind in (RecordType.CONTACT, RecordType.COMPANY):
        raw = request.POST.get(kind, "")
        if raw:
            chosen[kind.value] = visible_record(kind, key_in(raw) or 0, user)
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
