"""How the installation is: the health page that a load balancer asks, and the age of the last tick."""

import time
from collections.abc import Callable

from django.core.cache import cache
from django.db import connection
from django.db.models import Min
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts import identity
from crm import clock, row_security
from crm.models import Event

LAST_TICK = "health:last-tick"
# Ticks come every five seconds; after this long the worker or the beat is not there.
LATE_AFTER = 120.0
# What workers have to do, and how many seconds the oldest of it has been waiting.
BACKLOGS: dict[str, Callable[[], float]] = {}


def backlog(name: str, age: Callable[[], float]) -> None:
    """Register work that waits for a worker; called from AppConfig.ready. `age`: seconds of the oldest, 0 for none."""
    BACKLOGS[name] = age


def note_tick() -> None:
    """Remember that the worker has just done what the beat asked for."""
    # The machine's clock, not the product's: the demo's may be moved by months.
    cache.set(LAST_TICK, time.time(), None)


def tick_age() -> float | None:
    """Tell how many seconds ago a tick was last done; None when none is known of."""
    last = cache.get(LAST_TICK)
    return None if last is None else max(0.0, time.time() - float(last))


def outbox_age() -> float:
    """Tell how many seconds the oldest event that is due has been waiting; 0 when none is."""
    now = clock.now()
    unfinished = Event.objects.filter(state__in=[Event.State.PENDING, Event.State.RUNNING], not_before__lte=now)
    oldest = unfinished.aggregate(oldest=Min("not_before"))["oldest"]
    return (now - oldest).total_seconds() if oldest else 0.0


def database_answers() -> bool:
    """Ask the database for one row."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return bool(cursor.fetchone() == (1,))
    except Exception:  # Whatever the driver raises, the answer is "no".
        return False


def cache_answers() -> bool:
    """Write to the cache and read back."""
    try:
        cache.set("health:probe", "ok", 30)
        return bool(cache.get("health:probe") == "ok")
    except Exception:  # As above: a broken connection has many faces.
        return False


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 503 when a part that pages need is missing.

    Late ticks, events and requests are told too, but they are no reason to take the web servers away.
    """
    with identity.as_system():  # Nobody asks, and only ages are told.
        return _health()


def _health() -> JsonResponse:
    parts = {"database": database_answers(), "cache": cache_answers()}
    if not all(parts.values()):
        return JsonResponse({"status": "failing", **parts}, status=503)
    age, waiting = tick_age(), {name: waits() for name, waits in {"outbox": outbox_age, **BACKLOGS}.items()}
    late = age is None or age > LATE_AFTER or max(waiting.values()) > LATE_AFTER
    guarded = row_security.is_active()
    if guarded is not None:
        parts["row_security"] = guarded
    background = {f"{name}_waiting_seconds": round(seconds) for name, seconds in waiting.items()}
    told = {"status": "degraded" if late else "ok", **parts, "last_tick_seconds": None if age is None else round(age)}
    return JsonResponse({**told, **background})
