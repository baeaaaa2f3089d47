"""The health page: is the database there, is the cache there?"""

from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe


def database_answers() -> bool:
    """Ask the database for one row."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return cursor.fetchone() == (1,)
    except Exception:  # Whatever the driver raises, the answer is "no".
        return False


def cache_answers() -> bool:
    """Write to the cache and read back."""
    try:
        cache.set("healthz", "ok", 30)
        return cache.get("healthz") == "ok"
    except Exception:  # As above: a broken connection has many faces.
        return False


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when every part works and 503 when one does not, naming it."""
    parts = {"database": database_answers(), "cache": cache_answers()}
    healthy = all(parts.values())
    return JsonResponse({"status": "ok" if healthy else "failing", **parts}, status=200 if healthy else 503)
