"""Search-as-you-type for fields that point to a record: never a list of all of them."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from crm.models import RECORD_MODELS, record_model
from crm.normalize import format_phone
from crm.tags import tags_of

LIMIT = 20


@login_required
@require_safe
def record_options(request: HttpRequest, record_type: str) -> JsonResponse:
    """Up to twenty records that the person may see: those found by `?q=`, the latest ones without it."""
    if record_type not in RECORD_MODELS:
        raise Http404
    rows: Any = record_model(record_type)._default_manager.visible_to(request.user).alive()  # type: ignore[attr-defined]
    query = request.GET.get("q", "").strip()[:200]
    rows = rows.search(query) if query else rows
    found = rows.order_by("-last_activity_at", "-id")[:LIMIT]
    return JsonResponse({"results": [{"id": row.pk, "text": str(row), "note": _note(row)} for row in found]})


@login_required
@require_safe
def tag_options(request: HttpRequest) -> JsonResponse:
    """Tags whose name holds `?q=`: to a partner only those that stand on its own records."""
    user: Any = request.user
    query = request.GET.get("q", "").strip()[:50].casefold()
    # The names are few, and SQLite knows no letter case but the Latin one.
    found = [name for name in tags_of(user).values_list("name", flat=True) if query in name.casefold()][:LIMIT]
    return JsonResponse({"results": [{"id": name, "text": name, "note": ""} for name in found]})


def _note(row: Any) -> str:
    """What tells two of the same name apart."""
    parts = [
        getattr(row, "inn", ""),
        format_phone(row.phone) if getattr(row, "phone", "") else "",
        getattr(row, "city", "") or getattr(row, "address", ""),
    ]
    return " · ".join(part for part in parts if part)
