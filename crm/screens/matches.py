"""The warning of duplicates while somebody types a name, a phone, an e-mail or an INN (LEAD-14)."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from crm.clients import client_matches
from crm.models import RECORD_MODELS, RecordType
from crm.visibility import visible_record

NAMES = {
    "phones": ("phone", "phones"),
    "emails": ("email", "emails"),
    "inn": ("inn",),
    "name": ("name", "company_name"),
}

LINKED = frozenset({RecordType.CONTACT, RecordType.COMPANY})


@login_required
@require_GET
def matches(request: HttpRequest) -> HttpResponse:
    """Who may be the same client as the one in the form; nothing when nobody is."""
    user: Any = request.user
    given: dict[str, Any] = {
        key: next((request.GET[name].strip()[:255] for name in names if request.GET.get(name, "").strip()), "")
        for key, names in NAMES.items()
    }
    exclude = None
    record_type, raw = request.GET.get("record_type", ""), request.GET.get("record_id", "")
    if record_type in RECORD_MODELS and raw.isdigit() and len(raw) < 19:
        exclude = visible_record(record_type, int(raw), user)
    found = client_matches(**given, user=user, exclude=exclude) if any(given.values()) else []
    return render(request, "components/duplicate_banner.html", matches_context(found))


def matches_context(found: Any, *, link_url: str = "") -> dict[str, Any]:
    """Matches as components/duplicate_banner.html reads them; contacts and companies can be linked there."""
    return {
        "duplicates_title": _("This client may be known already"),
        "duplicates": [
            {
                "title": f"{match.record._meta.verbose_name.capitalize()}: {match.record}",
                "url": match.record.get_absolute_url(),
                "reason": ", ".join(match.reasons),
                "link_url": link_url if match.record.RECORD_TYPE in LINKED else "",
                "link_name": match.record.RECORD_TYPE,
                "link_id": match.record.pk,
            }
            for match in found
            if match.record is not None
        ],
        "duplicates_hidden": sum(match.record is None for match in found),
    }
