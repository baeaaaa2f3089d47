"""The weekly letter in the person's own settings: whether, when, and what it would say today."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_http_methods, require_safe

from analytics.dashboard import digest
from crm import clock, preferences
from crm.screens import dialogs
from crm.views.profile import page_context


class DigestForm(forms.Form):
    """Whether and when."""

    is_on = forms.BooleanField(label=gettext_lazy("Send me the weekly letter"), required=False)
    weekday = forms.TypedChoiceField(
        label=gettext_lazy("Day"), coerce=int, choices=[(number + 1, name) for number, name in WEEKDAYS.items()]
    )
    hour = forms.TypedChoiceField(
        label=gettext_lazy("Hour"), coerce=int, choices=[(hour, f"{hour:02}:00") for hour in range(24)]
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def digest_page(request: HttpRequest) -> HttpResponse:
    """The choice, and the letter about the last seven days under it."""
    user: Any = request.user
    choice = digest.choice_of(user)
    initial = {"is_on": choice.is_on, "weekday": choice.weekday, "hour": choice.hour}
    form = DigestForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        digest.choice_change(user, **form.cleaned_data)
        return dialogs.done(request, _("Saved."), to=request.path, go=True)
    context = {
        **page_context(request, "analytics:digest"),
        "form": form,
        "person": user,
        "zone": preferences.get("company_time_zone"),
        "made": digest.written(user, digest.week_before(clock.today())),
        "letter_url": reverse("analytics:digest-letter"),
    }
    return render(request, "accounts/digest.html", context, status=422 if form.errors else 200)


@require_safe
@login_required
@xframe_options_sameorigin
def letter_page(request: HttpRequest) -> HttpResponse:
    """The letter as a mail programme shows it, for the frame on the page."""
    user: Any = request.user
    response = HttpResponse(digest.written(user, digest.week_before(clock.today())).html)
    response._csp_replace = {"frame-ancestors": ["'self'"]}  # type: ignore[attr-defined]
    return response
