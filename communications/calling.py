"""A worker is called as soon as a post is stored, so that its lead is there within a second and not at the next tick.

The call is only a hint: what waits are rows, and beat's tick finds them when a call was lost. One call is enough for
all posts that come until a worker answers it: a burst of a thousand posts is a handful of messages.
"""

from __future__ import annotations

import time

import structlog
from django.core.cache import cache

log = structlog.get_logger(__name__)

CALLED = "submissions:called"
# A call that nobody answered within this time was lost; it is also how long a call is worth anything.
WORTH = 10
# Where there is no broker now, nobody waits for it at every post.
PAUSE = 10.0
_quiet_until = 0.0


def call_worker() -> None:
    """Ask for a worker, unless one has been asked for and has not come yet; called after the commit. Never raises."""
    global _quiet_until
    if time.monotonic() < _quiet_until:
        return
    from communications.tasks import process_received

    try:
        if cache.add(CALLED, 1, WORTH):
            process_received.apply_async(expires=WORTH)
    except Exception as error:
        _quiet_until = time.monotonic() + PAUSE
        log.warning("worker_not_called", error=repr(error))


def answer_call() -> None:
    """The worker has come: posts stored from now on call for one again. Before it looks for what waits."""
    try:
        cache.delete(CALLED)
    except Exception as error:
        log.warning("call_not_answered", error=repr(error))
