"""How one gets in: password, second factor, sessions; and the administrator's page that says who must have one."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from django import forms
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import sessions
from accounts.devices import is_mobile
from accounts.factors import FACTORS
from accounts.models import Role, User
from crm import preferences, settings_services
from crm.screens import dialogs
from crm.views.people import put_errors
from crm.views.profile import page_context
from crm.views.settings_nav import administrator_page, settings_context


@login_required
@require_safe
def security(request: HttpRequest) -> HttpResponse:
    """Password, second factor and sessions of one's own."""
    user: Any = request.user
    kinds = list(Authenticator.objects.filter(user_id=user.pk).values_list("type", flat=True))
    rows = [
        {"row": row, "is_here": row.session_key == request.session.session_key, "is_mobile": is_mobile(row.agent)}
        for row in sessions.sessions_of(user)
    ]
    context = {
        **page_context(request, "accounts:security"),
        "sessions": rows,
        "has_app": Authenticator.Type.TOTP in kinds,
        "passkeys": kinds.count(Authenticator.Type.WEBAUTHN),
        "has_codes": Authenticator.Type.RECOVERY_CODES in kinds,
        "must_have": user.role in preferences.get("second_factor_roles"),
    }
    return render(request, "accounts/security.html", context)


@login_required
@require_POST
def session_end(request: HttpRequest, pk: int) -> HttpResponse:
    """End one of one's sessions."""
    user: Any = request.user
    row = sessions.living_of(user).filter(pk=pk).first()
    if row is None:
        raise Http404
    sessions.session_end(row, by=user)
    text = _("%(device)s is signed out.") % {"device": row.device}
    return dialogs.done(request, text, to=reverse("accounts:security"), go=True)


@login_required
@require_POST
def sessions_end(request: HttpRequest) -> HttpResponse:
    """Sign out everywhere but here."""
    user: Any = request.user
    count = sessions.sessions_end_everywhere(user, by=user, but=request.session.session_key)
    text = ngettext("%(count)s session has ended.", "%(count)s sessions have ended.", count) % {"count": count}
    return dialogs.done(request, text, to=reverse("accounts:security"), go=True)


class SecurityForm(forms.Form):
    """Who must have a second factor."""

    second_factor_roles = forms.MultipleChoiceField(
        label=gettext_lazy("Who must have a second factor"),
        choices=Role.choices,
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text=preferences.SETTINGS["second_factor_roles"].help,
    )


@administrator_page
@require_http_methods(["GET", "HEAD", "POST"])
def settings_security(request: HttpRequest) -> HttpResponse:
    """Which roles must have a second factor, and who of them has none yet."""
    chosen = preferences.get("second_factor_roles")
    form = SecurityForm(request.POST or None, initial={"second_factor_roles": chosen})
    if request.method == "POST":
        form = SecurityForm(request.POST)
        if form.is_valid():
            try:
                settings_services.preferences_set(form.cleaned_data, by=request.user)
            except ValidationError as error:
                put_errors(form, error)
            else:
                return dialogs.done(request, _("Saved."), to=request.path, go=True)
    with_factor = Authenticator.objects.filter(type__in=FACTORS).values("user_id")
    context = {
        **settings_context(request, "settings-security"),
        "form": form,
        "without": User.objects.filter(is_active=True).exclude(pk__in=with_factor).order_by("role", "last_name"),
        "chosen": chosen,
    }
    return render(request, "crm/settings/security.html", context, status=422 if form.errors else 200)
