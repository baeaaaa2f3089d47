"""What keeps robots out of forms without hindering people: a field nobody sees, a shortest time, limits, sites."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import structlog
from django.core.signing import BadSignature, Signer
from django.db.models import F
from django.http import HttpRequest
from django.utils.translation import gettext_noop
from rest_framework.throttling import SimpleRateThrottle

from communications.channels.webform.transport import Parsed
from communications.models import WebForm
from communications.web_forms import may_post_from
from crm import clock
from crm.throttling import seconds_to_wait

log = structlog.get_logger(__name__)

STARTED_FIELD = "_started"
# People never see them; `homepage` counts only in our own pages and snippet, a site may have such a field of its own.
TRAP_FIELD, OWN_TRAP_FIELD = "_gotcha", "homepage"
ROBOT = gettext_noop("A field that people do not see was filled in: it looks like a robot.")
FAST = gettext_noop("It was sent faster than a person can type.")
TOKENLESS = gettext_noop("It was sent without opening the page of the form.")
FOREIGN = gettext_noop("It was posted from a site that is not allowed: %(origin)s")
OFTEN = gettext_noop("Too many posts came from one address.")
UNSOLVED = gettext_noop("The task that the browser is asked to solve was not solved: it looks like a robot.")
WORKLESS = gettext_noop("Too many posts came in a minute without the task that browsers solve.")
_signer = Signer(salt="webform.started")


class FormThrottle(SimpleRateThrottle):
    """So many posts a minute from one address to one form."""

    scope = "forms"
    purse = "forms"

    def get_cache_key(self, request: Any, view: Any) -> str:
        """The form and the address."""
        return self.cache_format % {"scope": self.purse, "ident": f"{view}:{self.get_ident(request)}"}


class HeldThrottle(FormThrottle):
    """As many more are still kept, though not processed; beyond them posts are only counted."""

    purse = "forms-held"


class WorklessThrottle(FormThrottle):
    """Where browsers are asked to solve a task: so many posts without it a minute, from all addresses together."""

    purse = scope = "forms_without_work"

    def get_cache_key(self, request: Any, view: Any) -> str:
        """The form."""
        return self.cache_format % {"scope": self.purse, "ident": view}


@dataclass(frozen=True)
class Limit:
    """What the limit says: seconds to wait (0: go on), and whether the post is still kept."""

    wait: int = 0
    is_kept: bool = True


def limit_of(request: HttpRequest, form: WebForm) -> Limit:
    """Count a post; without the cache there is no count, for a request that is lost is worse than one too many."""
    throttle, held = FormThrottle(), HeldThrottle()
    try:
        if throttle.allow_request(request, form.pk):  # type: ignore[arg-type]
            return Limit()
        is_kept = held.allow_request(request, form.pk)  # type: ignore[arg-type]
    except Exception as error:
        log.warning("form_throttle_failed", form_id=form.pk, error=repr(error))
        return Limit()
    if not is_kept:
        WebForm.objects.filter(pk=form.pk).update(held_back=F("held_back") + 1)
    return Limit(int(throttle.wait() or 0) + 1, is_kept)


def workless_wait(request: HttpRequest, form: WebForm) -> int:
    """Count a post without the task; answers the seconds to wait, 0: go on."""
    return seconds_to_wait(WorklessThrottle(), form.pk, request)


def started(visit: str = "", *, seconds_ago: int = 0) -> str:
    """A signed note of the moment at which a page of a form was opened, and of that one visit.

    `visit` goes on with an earlier one, whose page was opened so many seconds ago.
    """
    at = int(clock.now().timestamp() * 1000) - 1000 * seconds_ago
    return _signer.sign(f"{visit or secrets.token_urlsafe(9)}.{at}")


def started_again(form: WebForm, parsed: Parsed) -> str:
    """A new note for a visit that is to be sent once more: its time is not to be waited for again."""
    visit = visit_of(value_of(parsed, STARTED_FIELD))
    return started(visit[0], seconds_ago=form.min_seconds) if visit else started()


def visit_of(token: str) -> tuple[str, float] | None:
    """The visit and how many seconds ago it began; None for a note that is not ours."""
    try:
        visit, _dot, at = _signer.unsign(token[:200]).partition(".")
        return visit, clock.now().timestamp() - int(at) / 1000
    except (BadSignature, ValueError):
        return None


def value_of(parsed: Parsed, name: str) -> str:
    """The first value of a field by its exact name."""
    return next((value for key, value in parsed.pairs if key == name and value), "")


def is_robot(parsed: Parsed) -> bool:
    """Was a field filled in that people do not see?"""
    trap = value_of(parsed, TRAP_FIELD)
    return bool(trap or (value_of(parsed, STARTED_FIELD) and value_of(parsed, OWN_TRAP_FIELD)))


def is_fast(form: WebForm, parsed: Parsed) -> bool:
    """Was a page of ours sent faster than the form allows? Posts of other pages say nothing about it."""
    token = value_of(parsed, STARTED_FIELD)
    if not token:
        return False
    visit = visit_of(token)
    return visit is None or visit[1] < form.min_seconds


def foreign_origin(request: HttpRequest, form: WebForm) -> str:
    """The site from which the post came, when it may not; servers name none."""
    origin = request.headers.get("Origin", "").replace("\x00", "")[:300]
    own = f"{request.scheme}://{request.get_host()}"
    return origin if origin and origin != own and not may_post_from(form, origin) else ""


def cors_headers(request: HttpRequest, form: WebForm | None) -> dict[str, str]:
    """What lets a script of a page post: only where the form allows the page's site."""
    origin = request.headers.get("Origin", "")
    if form is None or (form.allowed_origins and (not origin or not may_post_from(form, origin))):
        return {"Vary": "Origin"}
    return {
        "Access-Control-Allow-Origin": origin if form.allowed_origins else "*",
        "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
        "Access-Control-Allow-Headers": "Content-Type, Idempotency-Key, Prefer",
        "Access-Control-Expose-Headers": "Retry-After",
        "Access-Control-Max-Age": "600",
        "Vary": "Origin",
    }
