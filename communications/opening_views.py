"""The image in letters: handed out at once to whoever asks, noted where the address is ours."""

from __future__ import annotations

import structlog
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from rest_framework.throttling import SimpleRateThrottle

from communications import openings
from crm.throttling import seconds_to_wait

log = structlog.get_logger(__name__)

# One transparent point, 1x1.
IMAGE = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00"
    b"\x01\x00\x00\x02\x01D\x00;"
)


class OpeningThrottle(SimpleRateThrottle):
    """So many openings a minute from one address."""

    scope = "openings"

    def get_cache_key(self, request: object, view: object) -> str:
        """Where it comes from."""
        ident = self.get_ident(request)  # type: ignore[arg-type]
        return self.cache_format % {"scope": self.scope, "ident": ident}


@require_safe
def letter_image(request: HttpRequest, token: str) -> HttpResponse:
    """The image. A wrong address gets the same answer: there is nothing to be learnt from it."""
    pk = openings.letter_of(token)
    is_shown = request.method == "GET" and not _is_ahead(request)
    if pk is not None and is_shown and not seconds_to_wait(OpeningThrottle(), None, request):
        try:
            openings.opening_note(pk)
        except OperationalError:  # somebody else is writing: the next opening counts
            log.warning("opening_not_noted", message_id=pk)
    response = HttpResponse(IMAGE, content_type="image/gif")
    response["Cache-Control"] = "no-store, no-cache, must-revalidate, private, max-age=0"
    # Mail programmes show it on pages of other origins.
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def _is_ahead(request: HttpRequest) -> bool:
    """Is it fetched before anybody looks, and says so?"""
    said = (request.headers.get(name, "") for name in ("Purpose", "Sec-Purpose", "X-Purpose", "X-Moz"))
    return any("prefetch" in text.lower() or "preview" in text.lower() for text in said)
