"""The page that shows every part of the interface with sample data, for those who build pages and their tests."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import User
from crm.styleguide import styleguide_context


@login_required
@require_safe
def styleguide(request: HttpRequest) -> HttpResponse:
    """Every part of the interface; nobody but an administrator has any use for it."""
    if not (isinstance(request.user, User) and request.user.is_administrator) and not settings.DEBUG:
        raise Http404
    return render(request, "components/styleguide.html", styleguide_context())
