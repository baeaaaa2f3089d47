"""“See as this partner”: who controls partners looks at a cabinet with the eyes of a person of the partner (PART-4).

The request is that person's: the first lock reads them, the identity that the database goes by is theirs. Nothing can
be done with it: everything but reading is refused, what belongs to the person alone (profile, sessions, keys) is
closed, and no statement of such a request changes a row. Both ends stand in the audit trail.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from accounts import identity
from accounts.happenings import happened
from accounts.models import Partner, User
from accounts.signin_events import where
from crm import clock, read_only
from crm.errors import DomainError, problem
from crm.http import refused
from crm.read_only import OnlyLookingError
from partners.rights import may_control

KEY = "seeing"
# Whoever forgets to leave is let out by the product.
LASTS = timedelta(hours=1)
READS = frozenset({"GET", "HEAD"})
# What is the person's own: an account, not the work of the partner.
PERSONAL = ("/accounts/", "/profile/", "/i18n/", "/api/v1/me/", "/calendar/feed/")


@dataclass(frozen=True)
class Sight:
    """Who looks, with whose eyes, since when."""

    viewer: User
    person: User
    since: datetime


def eyes_of(partner: Partner, person_id: int | None = None) -> User:
    """The person of the partner with whose eyes one looks: the one named, else its first; DomainError without any."""
    people = partner.users.filter(is_active=True).order_by("pk").select_related("partner", "team")
    found = people.filter(pk=person_id).first() if person_id is not None else people.first()
    if found is None:
        raise DomainError(_("Nobody of «%(partner)s» can sign in: there is nothing to look at.") % {"partner": partner})
    return found


@transaction.atomic
def seeing_begin(request: HttpRequest, partner: Partner, person_id: int | None = None) -> Sight:
    """Let the session look from now on; the caller has asked whether its person controls the partners."""
    viewer: Any = request.user
    sight = Sight(viewer, eyes_of(partner, person_id), clock.now())
    happened("seeing_began", sight.person, viewer, ", ".join((partner.name, str(sight.person), where(request))))
    request.session[KEY] = {"person": sight.person.pk, "since": sight.since.isoformat()}
    return sight


@transaction.atomic
def seeing_end(request: HttpRequest, why: str = "") -> Partner | None:
    """Let the session be its owner's alone again; answers whose cabinet it was, None where none was looked at."""
    kept = request.session.pop(KEY, None)
    if kept is None:
        return None
    person = User.objects.select_related("partner").filter(pk=kept["person"]).first()
    details = ", ".join(filter(None, (str(person.partner or "") if person else "", str(person or ""), why)))
    happened("seeing_ended", person, request.user, details)
    return person.partner if person else None


def sight_of(request: HttpRequest) -> Sight | None:
    """What the session looks at; None where it does not, or may not any more."""
    kept: dict[str, str] = request.session[KEY]
    viewer: Any = request.user
    person = User.objects.select_related("partner", "team").filter(pk=kept["person"], is_active=True).first()
    since = parse_datetime(kept["since"])
    may = isinstance(viewer, User) and may_control(viewer)
    if not may or person is None or not person.is_partner or since is None or clock.now() - since > LASTS:
        return None
    return Sight(viewer, person, since)


class Middleware:
    """Puts the person looked for into the place of the one who looks, and holds everything that is not looking."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if KEY not in request.session or _by_token(request):
            return self.get_response(request)
        if request.path == reverse("partner-see-end"):
            return self.get_response(request)
        if request.path == reverse("account_logout") and request.method == "POST":
            seeing_end(request, _("signed out"))
            return self.get_response(request)
        sight = sight_of(request)
        return self._over(request) if sight is None else self._looked(request, sight)

    def _looked(self, request: HttpRequest, sight: Sight) -> HttpResponse:
        request.user, request.seeing = sight.person, sight  # type: ignore[attr-defined]
        try:
            if request.method not in READS:
                return told(request, _refusal(sight))
            if request.path.startswith(PERSONAL):
                return told(
                    request, OnlyLookingError(_("This is the person's own, not the partner's: it stays closed."))
                )
            with identity.standing_in(sight.person), read_only.nothing_changes():
                response = self.get_response(request)
                identity.keep(response)
            return response
        finally:
            request.user = sight.viewer

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """What wanted to write while it was only looked is answered like any other refusal."""
        return told(request, error) if isinstance(error, OnlyLookingError) else None

    @staticmethod
    def _over(request: HttpRequest) -> HttpResponse:
        """The look is over: the time is up, or rights or account are gone. What was asked is not done as oneself."""
        seeing_end(request, _("the time was up"))
        error = OnlyLookingError(_("You do not look at the partner's cabinet any more: open it again if need be."))
        if request.method not in READS or request.path.startswith("/api/") or getattr(request, "htmx", False):
            return told(request, error)
        messages.info(request, error.message)
        return HttpResponseRedirect("/")


def _by_token(request: HttpRequest) -> bool:
    """A call that brings a token of its own is its owner's, whatever the browser's session does."""
    given = request.headers.get("Authorization", "")
    return request.path.startswith("/api/") and given.split(" ")[0].lower() == "bearer"


def _refusal(sight: Sight) -> OnlyLookingError:
    names = {"partner": sight.person.partner}
    return OnlyLookingError(
        _("You are looking at the cabinet of «%(partner)s»: nothing is changed. To work, leave it first.") % names
    )


def told(request: HttpRequest, error: OnlyLookingError) -> HttpResponse:
    """The refusal as a program, a dialog or a page takes it."""
    if request.path.startswith("/api/"):
        body = problem(error.status, error.code, str(error.title), error.message)
        return JsonResponse(body, status=error.status, content_type="application/problem+json")
    if getattr(request, "htmx", False) or request.headers.get("X-Requested-With") == "fetch":
        response = refused(request, error)
        # Boards, cells and htmx show it as a dialog; to a 403 they say a word of their own.
        response.status_code = 409
        return response
    return render(request, "403.html", {"exception": error.message}, status=error.status)
