"""The warning of duplicates while somebody types a name, a phone, an e-mail or an INN (LEAD-14)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from accounts.models import User
from crm import normalize
from crm.duplicates import ClientMatch, client_matches, duplicates_of
from crm.keys import key_in
from crm.models import RECORD_MODELS, RecordType
from crm.screens import access
from crm.visibility import visible_record

NAMES = {
    "phones": ("phone", "phones"),
    "emails": ("email", "emails"),
    "inn": ("inn",),
    "company_name": ("company_name",),
}
PERSON = ("last_name", "first_name", "patronymic")
LINKED = frozenset({RecordType.CONTACT, RecordType.COMPANY})
# A form that was sent with these shown is not asked about them again.
SEEN = "seen_duplicates"
HIDDEN = "hidden"


def asked_of(data: Mapping[str, Any], record_type: str = "") -> dict[str, Any]:
    """What a form says of a client, as client_matches() takes it; `record_type` is what the form makes."""
    given = {
        key: next((str(data.get(name) or "").strip()[:255] for name in names if data.get(name)), "")
        for key, names in NAMES.items()
    }
    person = " ".join(str(data[name]).strip() for name in PERSON if data.get(name)) or str(data.get("name") or "")
    given["company_name" if record_type == RecordType.COMPANY else "name"] = person.strip()[:255]
    return given


@login_required
@require_safe
def matches(request: HttpRequest) -> HttpResponse:
    """Who may be the same client as the one in the form; nothing when nobody is."""
    user: Any = request.user
    record_type, key = request.GET.get("record_type", ""), key_in(request.GET.get("record_id", ""))
    given = asked_of(request.GET, record_type)
    exclude = None
    if record_type in RECORD_MODELS and key is not None:
        exclude = visible_record(record_type, key, user)
    found = client_matches(**given, user=user, exclude=exclude) if any(given.values()) else []
    context = {**matches_context(found), "seen": seen_of(found), "seen_name": SEEN}
    digits = normalize.digits(given["inn"])
    if len(digits) >= 10 and normalize.inn(given["inn"]) is None:
        context["inn_problem"] = _("This INN does not check: a digit is wrong, missing or too many.")
    return render(request, "components/duplicate_banner.html", context)


def unseen_duplicates(request: HttpRequest, record_type: str) -> list[ClientMatch]:
    """Sure duplicates of what a form is about to make that the person has not been shown yet."""
    user: Any = request.user
    given = asked_of(request.POST, record_type)
    given["name"] = ""
    if record_type != RecordType.COMPANY:
        given["company_name"] = ""
    found = [match for match in client_matches(**given, user=user) if match.is_sure] if any(given.values()) else []
    shown = set(request.POST.get(SEEN, "").split(","))
    return found if set(seen_of(found).split(",")) - shown - {""} else []


def seen_of(found: Iterable[ClientMatch]) -> str:
    """The sure matches as a form carries them along."""
    keys = [f"{m.record.RECORD_TYPE}:{m.record.pk}" if m.record is not None else HIDDEN for m in found if m.is_sure]
    return ",".join(keys)


def matches_context(
    found: Iterable[ClientMatch], *, link_url: str = "", record: Any = None, user: User | None = None
) -> dict[str, Any]:
    """Matches as components/duplicate_banner.html reads them.

    With `link_url` contacts and companies can be linked there. With the `record` that they are like, those of its
    kind can be merged with it by heads, and all can be marked as no duplicates by whoever may change it (`user`).
    """
    rows = list(found)
    may = record is not None and user is not None and access.may_change(record, user)
    return {
        "duplicates_title": _("This client may be known already"),
        "duplicates": [_row(match, link_url, record, user, may=may) for match in rows if match.record is not None],
        "duplicates_hidden": sum(match.record is None for match in rows),
    }


def _row(match: ClientMatch, link_url: str, record: Any, user: User | None, *, may: bool) -> dict[str, Any]:
    other: Any = match.record
    is_same_kind = record is not None and other.RECORD_TYPE == record.RECORD_TYPE
    merge_url = ""
    if is_same_kind and user is not None and user.is_head:
        merge_url = f"{reverse(f'{record.RECORD_TYPE}-merge')}?ids={record.pk},{other.pk}"
    return {
        "title": f"{other._meta.verbose_name.capitalize()}: {other}",
        "url": other.get_absolute_url(),
        "reason": ", ".join(match.reasons),
        "certain": False,
        "is_hint": not match.is_sure,
        "owner": str(other.responsible or ""),
        "link_url": link_url if other.RECORD_TYPE in LINKED else "",
        "link_name": other.RECORD_TYPE,
        "link_id": other.pk,
        "merge_url": merge_url,
        "different_url": reverse(f"{record.RECORD_TYPE}-not-duplicate", args=[record.pk]) if may else "",
        "different_type": other.RECORD_TYPE,
    }


@login_required
@require_safe
def record_duplicates(request: HttpRequest, record_type: str, pk: int) -> HttpResponse:
    """The banner on the card of a contact or a company: who of its kind may be the same."""
    user: Any = request.user
    record = access.find(record_type, pk, user)
    found = duplicates_of(record, user, record_types=(record_type,))
    context = {"matches": {**matches_context(found, record=record, user=user), "duplicates_title": TITLES[record_type]}}
    return render(request, "crm/warnings.html", context)


TITLES: dict[str, Any] = {
    RecordType.CONTACT: gettext_lazy("This person may be in the base twice"),
    RecordType.COMPANY: gettext_lazy("This company may be in the base twice"),
}
