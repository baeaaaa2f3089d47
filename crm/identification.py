"""Who is it, for those who see no clients: an operator recognises a caller and learns nothing beyond that (LEAD-12).

Shown are the name, the company, the ends of the phones and who is responsible. So that the base cannot be copied this
way, a search needs four digits or three letters in a row, shows a few, is counted, and stands in the audit trail; and a
client is chosen by a note that only a search gives, never by number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import structlog
from django.core.signing import BadSignature, Signer
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import identity
from accounts.models import Role, User
from crm import clock, normalize
from crm.client_search import FoundClient, find_clients, search_clients
from crm.errors import DomainError
from crm.models import RecordType, record_model
from crm.phone_search import SHORTEST_TAIL, KnownCaller, callers_by_tail
from crm.settings_audit import audit
from crm.throttling import LookupThrottle, seconds_to_wait

log = structlog.get_logger(__name__)

SHORTEST_WORD = 3
MOST = 5
# So long a choice may be thought over, in seconds.
NOTE_LIVES = 3600
LOOKED_UP = "client_lookup"
_signer = Signer(salt="crm.identification")
_word = re.compile(rf"[^\W\d_]{{{SHORTEST_WORD}}}")


class LookupsUsedUp(DomainError):
    """The person looked for more clients than calls can explain; `wait` is in seconds."""

    code = "throttled"
    status = 429
    title = gettext_lazy("Too many requests")

    def __init__(self, wait: float) -> None:
        self.wait = wait
        minutes = int(wait // 60) + 1
        super().__init__(_("Too many searches for clients. Try again in %(minutes)s min.") % {"minutes": minutes})


def identifies_only(user: User) -> bool:
    """Does the person recognise clients without seeing any?"""
    return user.is_active and user.role == Role.CALL_CENTER


def says_enough(query: str) -> bool:
    """Is it a thing a caller says of themselves: four digits at least, or three letters in a row?"""
    return bool(_word.search(query)) or len(normalize.digits(query)) >= SHORTEST_TAIL


def clients_for(lead: Any, query: str, *, by: User) -> list[FoundClient]:
    """Clients whom the caller of `lead` may be: those `by` may see, or glimpses of all for who only identifies.

    LookupsUsedUp for who asks for more than calls can explain. That the lead is theirs, the caller has checked.
    """
    if not identifies_only(by):
        return find_clients(query, by)
    if not says_enough(query):
        return []
    _spend(by)
    with identity.as_system():  # Only a glimpse of each is shown (see _glimpse).
        found = search_clients(query, lambda rows: rows, limit=MOST)
    if found:
        shown = ", ".join(f"{hit.record.RECORD_TYPE} {hit.record.pk}" for hit in found)
        audit(lead.RECORD_TYPE, lead, LOOKED_UP, None, f"{normalize.one_line(query, 60)}: {shown}", by)
    return [_glimpse(hit, lead, by) for hit in found]


def callers_for(query: str, *, by: User) -> list[KnownCaller]:
    """The search by phone of who only identifies clients; nothing for all others, and for who has used it up."""
    if not identifies_only(by) or len(normalize.digits(query)) < SHORTEST_TAIL:
        return []
    try:
        _spend(by)
    except LookupsUsedUp:
        return []
    with identity.as_system():  # Name and responsible alone are shown.
        return callers_by_tail(query)


def client_of_note(note: str, lead: Any, *, by: User) -> Any:
    """The living client that a search showed to this person for this lead; None for any other note."""
    try:
        content = _signer.unsign_object(note[:500])
        user, lead_id, kind, pk, at = content
    except (BadSignature, ValueError, TypeError):
        return None
    if (user, lead_id) != (by.pk, lead.pk) or clock.now().timestamp() - at > NOTE_LIVES:
        return None
    rows: Any = record_model(RecordType(kind))._default_manager
    with identity.as_system():  # The note was signed when it was shown.
        return rows.alive().filter(pk=pk).first()


def _spend(user: User) -> None:
    # No cache, no count: the audit trail still tells.
    if wait := seconds_to_wait(LookupThrottle(), user):
        raise LookupsUsedUp(wait)


def _glimpse(hit: FoundClient, lead: Any, by: User) -> FoundClient:
    row: Any = hit.record
    notes = (str(getattr(row, "company", None) or ""), str(row.responsible or ""))
    note = _signer.sign_object([by.pk, lead.pk, str(row.RECORD_TYPE), row.pk, int(clock.now().timestamp())])
    return FoundClient(row, tuple(_ends(hit.points)), tuple(text for text in notes if text), note)


def _ends(points: Iterable[str]) -> Iterable[str]:
    """The ends of the phones: what is shown of a number to compare it with what the caller says."""
    for point in points:
        if "@" not in point and len(normalize.digits(point)) > SHORTEST_TAIL:
            tail = normalize.digits(point)[-SHORTEST_TAIL:]
            yield f"… {tail[:2]}-{tail[2:]}"
