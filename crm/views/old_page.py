"""The answer to a form whose token is missing or of another sign-in: the page is old, not the person without rights."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import render


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 with a new token in the cookie and a header by which the scripts know that sending again will do."""
    get_token(request)
    response = render(request, "403_csrf.html", status=403)
    response["X-CSRF-Failed"] = "1"
    return response
