"""The settings area: who gets in, and the list of its pages; upper apps hang their own pages into it by URL name."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

# (group, ((label, URL name, icon, administrators only), ...))
PAGES: tuple[tuple[Any, tuple[tuple[Any, str, str, bool], ...]], ...] = (
    (
        _("Sales"),
        (
            (_("Pipelines and stages"), "settings-pipelines", "layout-kanban", False),
            (_("Company settings"), "settings-company", "adjustments-horizontal", False),
            (_("Working calendar"), "settings-calendar", "calendar-due", False),
            (_("Routing of leads"), "settings-routing", "arrows-split", False),
            (_("Catalogue of products"), "settings-products", "package", False),
            (_("Bonus rules"), "settings-bonus", "coin", False),
            (_("Robots"), "settings-rules", "robot", False),
            (_("What robots are going to do"), "robots-planned", "calendar-due", False),
            (_("Export, import, history"), "settings-transfer", "transfer", False),
        ),
    ),
    (
        _("Requests and messages"),
        (
            (_("Needs attention"), "settings-submissions", "alert-triangle", False),
            (_("Exclusion list"), "settings-exclusions", "ban", False),
            (_("Web forms"), "settings-webforms", "forms", False),
            (_("Message templates"), "settings-templates", "mail", False),
            (_("Sources"), "settings-sources", "ad-2", False),
            (_("Webhooks"), "settings-webhooks", "webhook", False),
        ),
    ),
    (
        _("Buildings"),
        (
            (_("Purposes"), "settings-purposes", "building-warehouse", False),
            (_("Steel consumption"), "settings-steel", "weight", False),
        ),
    ),
    (
        _("People"),
        (
            (_("People"), "settings-users", "users", True),
            (_("Handing over work"), "settings-work", "user-share", False),
            (_("Teams"), "settings-teams", "users-group", True),
            (_("Audit trail"), "settings-audit", "history", False),
            (_("Security of sign-in"), "settings-security", "shield-lock", True),
        ),
    ),
)


def settings_page(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Decorator: a page of the settings, for the sales head and the administrator."""

    @login_required
    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_head:  # type: ignore[union-attr]
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return wrapper


def administrator_page(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Decorator: a page of the settings, for the administrator alone."""

    @login_required
    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_administrator:  # type: ignore[union-attr]
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return wrapper


def settings_context(request: HttpRequest, here: str) -> dict[str, Any]:
    """The list of pages on the left of every page of the settings; `here` is the URL name of the present one."""
    user: Any = request.user
    groups = []
    for label, pages in PAGES:
        items = []
        for title, name, icon, for_administrators in pages:
            if for_administrators and not user.is_administrator:
                continue
            try:
                items.append({"label": title, "url": reverse(name), "icon": icon, "active": name == here})
            except NoReverseMatch:
                continue
        if items:
            groups.append({"label": label, "items": items})
    return {"settings_groups": groups}
