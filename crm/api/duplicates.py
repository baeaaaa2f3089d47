"""Making a client that is there already: the API asks, as the forms of the interface do (LEAD-14)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework.exceptions import ValidationError as BadRequest
from rest_framework.request import Request

from crm.duplicates import ClientMatch, client_matches
from crm.errors import DomainError
from crm.models import RecordType

PARAMETER = "duplicates"
ASK, ALLOW = "ask", "allow"
# A request of a known client is a request: leads are asked about only when the caller wants it.
DEFAULTS = {RecordType.CONTACT: ASK, RecordType.COMPANY: ASK, RecordType.LEAD: ALLOW}


class KnownAlready(DomainError):
    """A client with the same phone, e-mail or INN is there; nothing was made. `errors` name those in sight."""

    code = "possible_duplicate"
    status = 409
    title = gettext_lazy("This client may be known already")


def ask_about_duplicates(request: Request, record_type: str, data: Mapping[str, Any], user: Any) -> None:
    """KnownAlready when the record to be made is surely known and the call did not say `?duplicates=allow`."""
    kind = RecordType(record_type)
    if kind not in DEFAULTS or _wish(request, kind) == ALLOW:
        return
    inn = "" if kind == RecordType.CONTACT else str(data.get("inn") or "")
    phones, emails = data.get("phones") or (), data.get("emails") or ()
    if not (phones or emails or inn):
        return
    matches = client_matches(phones=phones, emails=emails, inn=inn, user=user)
    found = [match for match in matches if match.is_sure]
    if found:
        text = _("Such a client is here already. Send it with ?duplicates=allow to make a second one all the same.")
        raise KnownAlready(text, errors=[_row(match) for match in found])


def _wish(request: Request, kind: RecordType) -> str:
    wish = request.query_params.get(PARAMETER, DEFAULTS[kind])
    if wish not in {ASK, ALLOW}:
        names = f"{ASK}, {ALLOW}"
        raise BadRequest({PARAMETER: [_("Choose among: %(names)s.") % {"names": names}]}, code="invalid")
    return wish


def _row(match: ClientMatch) -> dict[str, Any]:
    record: Any = match.record
    known = {} if record is None else {"record_type": str(record.RECORD_TYPE), "id": record.pk, "name": str(record)}
    return {"pointer": "", "code": "duplicate", "message": ", ".join(match.reasons), **known}
