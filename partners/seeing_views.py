"""Beginning and ending to look at a partner's cabinet with the eyes of its person (partners.seeing)."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from crm.errors import DomainError
from crm.keys import key_in
from crm.screens import dialogs
from partners.seeing import seeing_begin, seeing_end
from partners.views import find_partner


@login_required
@require_POST
def partner_see(request: HttpRequest, pk: int) -> HttpResponse:
    """Look at the cabinet of a partner, with `person` as that person of it sees it."""
    user: Any = request.user
    partner = find_partner(user, pk)
    given = request.POST.get("person", "")
    person = key_in(given) if given else None
    if given and not partner.users.filter(pk=person or 0).exists():
        raise Http404
    try:
        seeing_begin(request, partner, person)
    except DomainError as error:
        return dialogs.message(request, error.message)
    return HttpResponseRedirect(reverse("partner-cabinet", args=["new"]))


@login_required
@require_POST
def partner_see_end(request: HttpRequest) -> HttpResponse:
    """Back to one's own work."""
    partner = seeing_end(request)
    to = reverse("partner-detail", args=[partner.pk]) if partner is not None else "/"
    return HttpResponseRedirect(to)
