"""The page that shows of whom nothing was heard, and closes those chosen as a job (ACC-3)."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from crm.errors import DomainError
from crm.keys import key_in, keys_in
from crm.screens.forms import add_errors
from partners.forms import CloseInactiveForm
from partners.inactive import FEWEST_DAYS, MOST_DAYS, USUAL_DAYS, inactive_close, inactive_partners
from partners.rights import may_manage


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def partners_inactive(request: HttpRequest) -> HttpResponse:
    """Who would be closed, with what they still have in hand; a post closes those ticked."""
    user: Any = request.user
    if not may_manage(user):
        raise PermissionDenied
    asked = request.POST if request.method == "POST" else request.GET
    given = key_in(asked.get("days", USUAL_DAYS)) or USUAL_DAYS
    days = min(max(given, FEWEST_DAYS), MOST_DAYS)
    form = CloseInactiveForm(request.POST or None, user=user)
    ticked = keys_in(request.POST.getlist("partners"))
    if form.is_bound and form.is_valid():
        try:
            job = inactive_close(by=user, partners=ticked, days=days, **form.cleaned_data)
        except DomainError as error:
            add_errors(form, error)
        else:
            return HttpResponseRedirect(reverse("job", args=[job.pk]))
    rows = list(inactive_partners(user, days))
    context = {
        "rows": rows,
        "ticked": ticked if form.is_bound else [row.pk for row in rows],
        "open_records": sum(row.open_leads + row.open_deals for row in rows),
        "days": days,
        "form": form,
    }
    return render(request, "partners/inactive.html", context, status=422 if form.errors else 200)
