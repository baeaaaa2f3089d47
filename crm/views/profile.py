"""One's own account: name, language, time zone, absence; API tokens."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST
from django.views.i18n import set_language

from accounts import services
from accounts.models import ApiToken, CalendarFeed, User
from crm import notify, people_services
from crm.formfields import DayField, PhoneField
from crm.screens import dialogs
from crm.views.people import put_errors
from crm.views.settings_company import zone_choices

TIME = forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
TABS = (
    (gettext_lazy("Profile"), "accounts:profile", "user-circle"),
    (gettext_lazy("Signing in"), "accounts:security", "shield-lock"),
    (gettext_lazy("Notifications"), "accounts:notifications", "bell"),
    (gettext_lazy("Weekly letter"), "analytics:digest", "mail"),
    (gettext_lazy("Calendar on the phone"), "accounts:calendar", "calendar-event"),
    (gettext_lazy("API tokens"), "accounts:tokens", "api"),
)


class ProfileForm(forms.ModelForm):
    """What everybody keeps of themselves."""

    phone = PhoneField(label=gettext_lazy("Phone"), required=False, max_length=60)
    absent_from = DayField(label=gettext_lazy("Absent from"), required=False)
    absent_to = DayField(label=gettext_lazy("Absent to"), required=False)
    time_zone = forms.ChoiceField(label=gettext_lazy("Time zone"), choices=zone_choices)

    class Meta:
        model = User
        fields = (
            "last_name", "first_name", "patronymic", "position", "phone", "language", "time_zone", "absent_from",
            "absent_to",
        )  # fmt: skip

    def _post_clean(self) -> None:
        # The model is checked by the service, under its own rules; the form only reads.
        self.instance = self.instance.__class__(pk=self.instance.pk)


class TokenForm(forms.Form):
    """A new API token."""

    name = forms.CharField(
        label=gettext_lazy("What it is for"), max_length=100, widget=forms.TextInput(attrs={"autofocus": True})
    )
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("What it may do"), choices=ApiToken.Scope.choices, widget=forms.CheckboxSelectMultiple
    )
    days = forms.TypedChoiceField(
        label=gettext_lazy("Expires"),
        coerce=int,
        choices=[
            (30, gettext_lazy("in 30 days")),
            (90, gettext_lazy("in 90 days")),
            (365, gettext_lazy("in a year")),
            (0, gettext_lazy("never")),
        ],
        initial=365,
    )


def page_context(request: HttpRequest, here: str) -> dict[str, Any]:
    """The tabs of the person's own pages."""
    tabs = [{"label": label, "url": reverse(name), "icon": icon, "active": name == here} for label, name, icon in TABS]
    return {"tabs": tabs}


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Name, phone, language, time zone, absence."""
    user: Any = request.user
    form = ProfileForm(request.POST or None, instance=user)
    if form.is_bound and form.is_valid():
        try:
            saved = services.profile_update(user, data=form.cleaned_data)
        except ValidationError as error:
            put_errors(form, error)
        else:
            translation.activate(saved.language)
            return dialogs.done(request, _("Saved."), to=request.path, go=True)
    user = User.objects.get(pk=user.pk)
    context = {**page_context(request, "accounts:profile"), "form": form, "person": user}
    return render(request, "accounts/profile.html", context, status=422 if form.errors else 200)


class QuietForm(forms.Form):
    """The hours in which no letters come."""

    quiet_from = forms.TimeField(label=gettext_lazy("Quiet from"), required=False, widget=TIME)
    quiet_to = forms.TimeField(label=gettext_lazy("Quiet to"), required=False, widget=TIME)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def notifications(request: HttpRequest) -> HttpResponse:
    """Which events one is told of by which channel, and the quiet hours."""
    user: Any = request.user
    quiet = notify.quiet_hours(user) or (None, None)
    form = QuietForm(request.POST or None, initial={"quiet_from": quiet[0], "quiet_to": quiet[1]})
    chosen = notify.channels_of(user)
    if request.method == "POST":
        chosen = {kind: [name for name in notify.CHANNELS if f"{kind}:{name}" in request.POST] for kind in notify.KINDS}
        if form.is_valid():
            try:
                notify.settings_change(user, channels=chosen, **form.cleaned_data)
            except ValidationError as error:
                put_errors(form, error)
            else:
                return dialogs.done(request, _("Saved."), to=request.path, go=True)
    matrix = [
        {
            "label": label,
            "cells": [(f"{kind}:{name}", word, name in chosen[kind]) for name, word in notify.CHANNELS.items()],
        }
        for kind, label in notify.KINDS.items()
    ]
    context = {
        **page_context(request, "accounts:notifications"),
        "form": form,
        "matrix": matrix,
        "channels": notify.CHANNELS.values(),
        "person": user,
    }
    return render(request, "accounts/notifications.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def calendar(request: HttpRequest) -> HttpResponse:
    """The address of one's calendar: made, made anew, ended. It is shown this once."""
    user: Any = request.user
    address = ""
    if request.method == "POST":
        if "end" in request.POST:
            people_services.feed_end(user)
            return dialogs.done(request, _("The old address works no more."), to=request.path, go=True)
        path = reverse("calendar-feed", args=[people_services.feed_give(user)])
        address = request.build_absolute_uri(path)
    context = {
        **page_context(request, "accounts:calendar"),
        "address": address,
        "feed": CalendarFeed.objects.filter(user=user).first(),
    }
    response = render(request, "accounts/calendar.html", context)
    response["Cache-Control"] = "no-store"
    return response


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Change the language: who is signed in keeps it in the account, everybody else in a cookie."""
    code = request.POST.get("language", "")
    user: Any = request.user
    if user.is_authenticated and code in dict(settings.LANGUAGES):
        services.profile_update(user, data={"language": code})
    return set_language(request)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """One's API tokens; a new one is shown this once."""
    user: Any = request.user
    form = TokenForm(request.POST or None)
    secret, made = "", None
    if form.is_bound and form.is_valid():
        data = dict(form.cleaned_data)
        days = data.pop("days")
        end = timezone.now() + timedelta(days=days)
        data["expires_at"] = datetime.combine(end.date(), time.max, tzinfo=end.tzinfo) if days else None
        try:
            made, secret = people_services.token_give(user=user, by=user, data=data)
            form = TokenForm()
        except ValidationError as error:
            put_errors(form, error)
    context = {
        **page_context(request, "accounts:tokens"),
        "form": form,
        "secret": secret,
        "made": made,
        "now": timezone.now(),
        "tokens": ApiToken.objects.filter(user=user),
        "me_url": request.build_absolute_uri("/api/v1/me/"),
    }
    return render(request, "accounts/tokens.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def token_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """End one of one's tokens at once."""
    user: Any = request.user
    token = ApiToken.objects.filter(pk=pk, user=user).first()
    if token is None:
        raise Http404
    people_services.token_end(token, by=user)
    text = _("The token «%(name)s» works no more.") % {"name": token.name}
    return dialogs.done(request, text, to=reverse("accounts:tokens"), go=True)
