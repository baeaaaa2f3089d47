"""Rate limits: of the API, counted per token, for people in the browser per person; of an operator's lookups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

if TYPE_CHECKING:  # the framework loads this module while its views load
    from rest_framework.views import APIView

log = structlog.get_logger(__name__)


def seconds_to_wait(throttle: SimpleRateThrottle, whose: Any, request: Any = None) -> int:
    """Count one use of a budget, and answer the seconds to wait; 0 is to go on.

    `whose` is given in the place of the view. Without the cache nothing is counted and nobody is stopped.
    """
    try:
        return 0 if throttle.allow_request(request, whose) else int(throttle.wait() or 0) + 1
    except Exception as error:
        log.warning("throttle_failed", scope=throttle.scope, error=repr(error))
        return 0


class TokenRateThrottle(SimpleRateThrottle):
    """One budget per API token, so that a busy integration does not lock out the person who made it."""

    scope = "token"

    def get_cache_key(self, request: Request, view: APIView) -> str:
        """Name whose budget the request is taken from."""
        token = getattr(request.auth, "pk", None)
        if token is not None:
            ident = f"token-{token}"
        elif request.user and request.user.is_authenticated:
            ident = f"user-{request.user.pk}"
        else:
            ident = f"ip-{self.get_ident(request)}"
        return self.cache_format % {"scope": self.scope, "ident": ident}


class LookupThrottle(SimpleRateThrottle):
    """So many searches for clients an hour for a person who may recognise them, but not see them."""

    scope = "lookups"

    def get_cache_key(self, request: object, view: object) -> str:
        """The person, given in the place of the view."""
        return self.cache_format % {"scope": self.scope, "ident": getattr(view, "pk", "")}
