"""What HTML views share: the request's scope, htmx answers, errors as dialogs, cursor-free capped pagination."""

from __future__ import annotations

import json
import uuid
import zoneinfo
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from django.contrib import messages
from django.core.paginator import EmptyPage
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django_fsm import ConcurrentTransition
from django_htmx.middleware import HtmxDetails

from accounts import identity
from accounts.models import User
from accounts.sessions import session_noted
from crm import scope
from crm.errors import DomainError, lost_race

PAGE_SIZE = 50
COUNT_CAP = 10_000


class HtmxHttpRequest(HttpRequest):
    """A request of a signed-in person, with what the middleware adds."""

    htmx: HtmxDetails
    user: User  # type: ignore[assignment]


class RequestScopeMiddleware:
    """Opens the memo of the request, names it, and turns language and time zone to the person's own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        token = scope.request_id.set(given[:36] if given.replace("-", "").isalnum() else uuid.uuid4().hex)
        try:
            with scope.opened():
                self._personal(request)
                response = self.get_response(request)
                response["X-Request-ID"] = scope.request_id.get()
                self._keep_private(request, response)
                return self._back_to_the_page(request, response)
        finally:
            scope.request_id.reset(token)
            timezone.deactivate()

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """A page whose transaction lost a race tells its person to try again, whichever page it is."""
        conflict = lost_race(error)
        return refused(request, conflict) if conflict is not None else None

    @staticmethod
    def _keep_private(request: HttpRequest, response: HttpResponse) -> None:
        """What a person sees is kept by no proxy and not looked at again without asking; leaving clears the rest."""
        user = getattr(request, "user", None)
        if user is not None and user.is_authenticated and not response.has_header("Cache-Control"):
            response["Cache-Control"] = "private, no-cache"
        if request.method == "POST" and request.path == reverse("account_logout"):
            # The pages that "Back" would bring are thrown away with it.
            response["Clear-Site-Data"] = '"cache"'

    @staticmethod
    def _back_to_the_page(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """After signing in one comes back to the page one was on, not to an address that takes posts only."""
        sign_in = reverse("account_login")
        if request.method == "POST" and response.get("Location", "").startswith(f"{sign_in}?next="):
            page = urlsplit(request.headers.get("Referer", ""))
            path = urlunsplit(("", "", page.path, page.query, "")) if page.netloc == request.get_host() else ""
            response["Location"] = f"{sign_in}?{urlencode({'next': path or '/'})}"
        return response

    @staticmethod
    def _personal(request: HttpRequest) -> None:
        user = getattr(request, "user", None)
        if user is None or not user.is_authenticated:
            return
        identity.become(user)
        session_noted(request)
        translation.activate(user.language)
        request.LANGUAGE_CODE = user.language
        try:
            timezone.activate(zoneinfo.ZoneInfo(user.time_zone))
        except (zoneinfo.ZoneInfoNotFoundError, ValueError):
            timezone.deactivate()


def triggers(response: HttpResponse, **events: Any) -> HttpResponse:
    """Add HX-Trigger events (toast=..., closeDialog=True, dealChanged=id) to an answer."""
    known = json.loads(response.get("HX-Trigger", "{}"))
    response["HX-Trigger"] = json.dumps(known | events)
    return response


def done(
    request: HttpRequest, text: str, *, to: str, undo_url: str = "", refresh: bool = False, **events: Any
) -> HttpResponse:
    """The answer to a successful action: htmx gets 204 with a toast and the dialog closed, others a redirect.

    With `refresh` the browser goes to `to` also under htmx (the page as a whole has changed).
    """
    htmx = getattr(request, "htmx", False)
    if htmx and not refresh:
        toast = {"level": "success", "text": text, "undo_url": undo_url}
        return triggers(HttpResponse(status=204), toast=toast, closeDialog=True, **events)
    messages.success(request, text, extra_tags=f"undo:{undo_url}" if undo_url else "")
    if htmx:
        response = HttpResponse(status=204)
        response["HX-Redirect"] = to
        return response
    return HttpResponseRedirect(to)


def refused(request: HttpRequest, error: Exception, *, to: str = "") -> HttpResponse:
    """A domain error as a person meets it: a dialog under htmx (409, 422, 400), else a message and the way back."""
    error = lost_race(error) or error
    if not isinstance(error, DomainError):
        raise error
    if getattr(request, "htmx", False) or request.headers.get("X-Requested-With") == "fetch":
        context = {"error": error, "reload_url": to, "page_url": to or request.headers.get("Referer") or "/"}
        response = render(request, "components/error_dialog.html", context, status=error.status)
        response["HX-Retarget"] = "#dialog-body"
        response["HX-Reswap"] = "innerHTML"
        return response
    messages.error(request, error.message)
    return HttpResponseRedirect(to or request.headers.get("Referer") or "/")


def answers_errors(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Decorator: domain errors that a view lets through become answers a person can read."""

    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except (DomainError, ConcurrentTransition) as error:
            return refused(request, error)

    return wrapper


class Page:
    """One page of a queryset: rows, and a count that stops at a cap instead of counting a whole large table."""

    def __init__(self, queryset: QuerySet[Any], number: int, size: int = PAGE_SIZE) -> None:
        self.number, self.size = max(1, number), size
        start = (self.number - 1) * size
        rows = list(queryset[start : start + size + 1])
        self.rows, self.has_next = rows[:size], len(rows) > size
        if not self.has_next and (rows or self.number == 1):
            self.count, self.is_capped = start + len(self.rows), False
        else:
            self.count = queryset.order_by().values("pk")[: COUNT_CAP + 1].count()
            self.is_capped = self.count > COUNT_CAP
            self.count = min(self.count, COUNT_CAP)
        if not rows and self.number > 1 and self.count == 0:
            raise EmptyPage(_("That page contains no results"))

    def __iter__(self) -> Any:
        return iter(self.rows)

    @property
    def has_previous(self) -> bool:
        return self.number > 1

    @property
    def first_index(self) -> int:
        return (self.number - 1) * self.size + 1 if self.rows else 0

    @property
    def last_index(self) -> int:
        return (self.number - 1) * self.size + len(self.rows)


def paginate(request: HttpRequest, queryset: QuerySet[Any], size: int = PAGE_SIZE) -> Page:
    """The page that `?page=` asks for; nonsense and pages past the end give the first."""
    raw = request.GET.get("page", "1")
    number = int(raw) if raw.isascii() and raw.isdigit() and len(raw) < 7 else 1
    try:
        return Page(queryset, number, size)
    except EmptyPage:
        return Page(queryset, 1, size)
