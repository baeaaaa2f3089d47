"""Making a client that is there already: the API asks or tells, as the forms of the interface do (LEAD-14)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers
from rest_framework.exceptions import ValidationError as BadRequest
from rest_framework.request import Request

from crm.duplicates import ClientMatch, client_matches
from crm.errors import DomainError
from crm.models import RecordType

PARAMETER = "duplicates"
ASK, TELL, ALLOW = "ask", "tell", "allow"
# A request of a known client is a request: leads are made and the answer tells of whom there is, unless the caller
# wants to be asked, or to hear nothing.
DEFAULTS = {RecordType.CONTACT: ASK, RecordType.COMPANY: ASK, RecordType.LEAD: TELL}
POINTS = ("phones", "emails")
NAMES = ("last_name", "first_name", "patronymic")


class MatchOutput(serializers.Serializer[Any]):
    """A record that may be the same client; a partner's user may learn only that there is one."""

    record_type = serializers.CharField(source="record.RECORD_TYPE", default=None, allow_null=True)
    id = serializers.IntegerField(source="record.pk", default=None, allow_null=True)
    name = serializers.CharField(source="record", default=None, allow_null=True)
    reasons = serializers.ListField(child=serializers.CharField())
    is_sure = serializers.BooleanField(help_text=gettext_lazy("By phone, e-mail or INN; a name alone is a hint."))

    def to_representation(self, instance: Any) -> Any:
        if instance.record is None:
            return {"record_type": None, "id": None, "name": None, "reasons": list(instance.reasons), "is_sure": True}
        return super().to_representation(instance)


class KnownAlready(DomainError):
    """A client with the same phone, e-mail or INN is there; nothing was made. `errors` name those in sight."""

    code = "possible_duplicate"
    status = 409
    title = gettext_lazy("This client may be known already")


def known_before(
    request: Request, record_type: str, data: Mapping[str, Any], user: Any
) -> dict[str, list[dict[str, Any]]]:
    """Who may be the client of the record to be made, as the answer tells it; empty where the call wants no check.

    KnownAlready when the client is surely known and the call, or the kind of record, wants to be asked.
    """
    kind = RecordType(record_type)
    if kind not in DEFAULTS or (wish := _wish(request, kind)) == ALLOW:
        return {}
    matches = client_matches(**_asked(kind, data), user=user)
    sure = [match for match in matches if match.is_sure]
    if wish == ASK and sure:
        text = _("Such a client is here already. Send it with ?duplicates=allow to make a second one all the same.")
        raise KnownAlready(text, errors=[_row(match) for match in sure])
    return {"possible_duplicates": [dict(row) for row in MatchOutput(matches, many=True).data]}


def _asked(kind: RecordType, data: Mapping[str, Any]) -> dict[str, Any]:
    """What the body says of the client."""
    asked: dict[str, Any] = {name: data.get(name) or () for name in POINTS}
    if kind != RecordType.CONTACT:
        asked["inn"] = str(data.get("inn") or "")
    said = str(data.get("name") or "") or " ".join(filter(None, (str(data.get(name) or "") for name in NAMES)))
    if kind == RecordType.COMPANY:
        return {**asked, "company_name": said}
    return {**asked, "name": said, "company_name": str(data.get("company_name") or "")}


def _wish(request: Request, kind: RecordType) -> str:
    wish = request.query_params.get(PARAMETER, DEFAULTS[kind])
    if wish not in {ASK, TELL, ALLOW}:
        names = f"{ASK}, {TELL}, {ALLOW}"
        raise BadRequest({PARAMETER: [_("Choose among: %(names)s.") % {"names": names}]}, code="invalid")
    return wish


def _row(match: ClientMatch) -> dict[str, Any]:
    record: Any = match.record
    known = {} if record is None else {"record_type": str(record.RECORD_TYPE), "id": record.pk, "name": str(record)}
    return {"pointer": "", "code": "duplicate", "message": ", ".join(match.reasons), **known}
