"""The page behind an invitation's link: its owner sets the first password and is signed in."""

from __future__ import annotations

from typing import Any

from allauth.account.utils import perform_login
from django import forms
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.invitations import invitation_accept, invitation_find
from crm.views.people import put_errors

# The secret is moved from the address into the session: it is in no log, no Referer and no history after that.
SESSION = "invitation"


class FirstPasswordForm(forms.Form):
    """The first password, typed twice."""

    password = forms.CharField(
        label=gettext_lazy("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "autofocus": True}),
        help_text=gettext_lazy("At least 10 characters, not only digits. Several words are easy to remember."),
    )
    again = forms.CharField(
        label=gettext_lazy("The same again"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, data: Any = None, *, user: Any) -> None:
        super().__init__(data)
        self.user = user

    def clean(self) -> dict[str, Any]:
        """Are both the same, and good enough?"""
        given = super().clean() or {}
        first, second = given.get("password"), given.get("again")
        if first and second and first != second:
            raise ValidationError({"again": _("The two passwords differ.")})
        if first:
            try:
                password_validation.validate_password(first, self.user)
            except ValidationError as error:
                raise ValidationError({"password": error.messages}) from error
        return given


@never_cache
@require_http_methods(["GET", "HEAD"])
def invitation(request: HttpRequest, secret: str) -> HttpResponse:
    """The address of the letter: looked at without harm by mail scanners, it only leads on to the form."""
    if invitation_find(secret) is None:
        return render(request, "account/invitation.html", {"broken": True}, status=404)
    request.session[SESSION] = secret
    return HttpResponseRedirect(reverse("invitation-accept"))


@never_cache
@sensitive_post_parameters("password", "again")
@require_http_methods(["GET", "HEAD", "POST"])
def accept(request: HttpRequest) -> HttpResponse:
    """Set the password; the link works no more after that, and whoever set it is in."""
    secret = str(request.session.get(SESSION, ""))
    found = invitation_find(secret)
    if found is None:
        request.session.pop(SESSION, None)
        return render(request, "account/invitation.html", {"broken": True}, status=404)
    form = FirstPasswordForm(request.POST or None, user=found.user)
    if form.is_bound and form.is_valid():
        try:
            user = invitation_accept(secret, password=form.cleaned_data["password"])
        except ValidationError as error:
            put_errors(form, error)
        else:
            request.session.pop(SESSION, None)
            return perform_login(request, user, redirect_url="/")
    context = {"form": form, "person": found.user}
    return render(request, "account/invitation.html", context, status=422 if form.errors else 200)
