"""Roles that must have a second factor: until theirs is set up, its people are led there and get nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.factors import has_factor
from accounts.models import User
from crm import preferences
from crm.errors import problem

# Where one gets on without: setting it up, going out, proving who one is, and what pages are made of.
OPEN = (
    "/accounts/2fa/",
    "/accounts/logout/",
    "/accounts/reauthenticate/",
    "/i18n/",
    "/session/",
    "/healthz",
    "/static/",
)


def is_owed(user: User) -> bool:
    """Must the person set up a second factor before anything else?"""
    return user.role in preferences.get("second_factor_roles") and not has_factor(user)


class SecondFactorMiddleware:
    """Leads people of such roles to the page that sets it up; calls with an API token have no session and go on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._led(request) or self.get_response(request)

    @staticmethod
    def _led(request: HttpRequest) -> HttpResponse | None:
        user: Any = getattr(request, "user", None)
        if request.path.startswith(OPEN) or user is None or not user.is_authenticated or not is_owed(user):
            return None
        if request.path.startswith("/api/"):
            text = _("Set up the second factor first: your role must have one.")
            body = problem(403, "second_factor_required", _("Not allowed"), text, [])
            return JsonResponse(body, status=403, content_type="application/problem+json")
        to = reverse("mfa_index")
        if request.headers.get("HX-Request"):
            response = HttpResponse(status=204)
            response["HX-Redirect"] = to
            return response
        return HttpResponseRedirect(to)
