"""What stands around the content of every page: menu, counters, quick create, bell."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts.models import User
from crm import preferences, scope, trash
from web import counters, menu


def shell(request: HttpRequest) -> dict[str, Any]:
    """Context of the frame; worked out only where a template draws it, so that partials cost nothing."""
    user = getattr(request, "user", None)
    if not isinstance(user, User):
        return {}

    def counts() -> dict[str, int]:
        return scope.remember("web.counts", lambda: counters.shell_counts(user))

    def lines() -> list[dict[str, Any]]:
        return scope.remember("web.menu", lambda: menu.menu_of(user, request.path, counts()))

    return {
        "menu": SimpleLazyObject(lines),
        "bottom_menu": SimpleLazyObject(lambda: menu.bottom_menu(user, lines())),
        "quick_create": SimpleLazyObject(lambda: menu.quick_create(user)),
        # A function and no lazy object: Russian plurals reckon with the number itself.
        "unread_notifications": lambda: counts()["unread"],
        "may_open_trash": trash.may_delete(user),
        "notifications_url": menu.address("web:notifications"),
        "product_name": SimpleLazyObject(lambda: preferences.get("company_name") or "CRM"),
    }
