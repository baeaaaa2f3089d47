"""A worker is called as soon as a post is stored, so that its lead is there within a second and not at the next tick.

The call is only a hint: what waits are rows, and beat's tick finds them when a call was lost. One call is enough for
all posts that come until a worker answers it: a burst of a thousand posts is a handful of messages. Where no worker can
be had - the broker is away, or all of them are busy with long jobs - the web process makes a few leads itself.
"""

from __future__ import annotations

import time

import structlog
from django.core.cache import cache

log = structlog.get_logger(__name__)

CALLED = "submissions:called"
# Seconds for which one call is worth anything.
WORTH = 60
# A call that nobody has answered for so long is not going to be answered soon: a worker's turn is much shorter.
LATE = 15.0
# Where there is no broker now, nobody tries it for so many seconds.
PAUSE = 10.0
# Somebody waits for the answer: the post itself, and one that was left before.
FEW = 2
_quiet_until = 0.0


def call_worker() -> None:
    """See to it that somebody makes the leads of what waits; called after the commit."""
    if not _is_called():
        from communications import processing

        processing.process_due(limit=FEW)


def _is_called() -> bool:
    """Ask for a worker, unless one has been asked for and is still expected; False where none can be had."""
    global _quiet_until
    if time.monotonic() < _quiet_until:
        return False
    from communications.tasks import process_received

    try:
        if cache.add(CALLED, time.time(), WORTH):
            process_received.apply_async(expires=WORTH)
            return True
        called_at = cache.get(CALLED)
    except Exception as error:
        _quiet_until = time.monotonic() + PAUSE
        log.warning("worker_not_called", error=repr(error))
        return False
    return called_at is None or time.time() - float(called_at) < LATE


def answer_call() -> None:
    """The worker has come: posts stored from now on call for one again. Before it looks for what waits."""
    try:
        cache.delete(CALLED)
    except Exception as error:
        log.warning("call_not_answered", error=repr(error))
