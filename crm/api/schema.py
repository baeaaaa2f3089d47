"""The description of the API (OpenAPI 3.1): what every operation shares is written here once."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from crm.api import duplicates
from crm.models import RecordType

PROBLEM_TYPE = "application/problem+json"


class ProblemItem(serializers.Serializer[Any]):
    """One wrong value or missing field."""

    pointer = serializers.CharField(help_text=gettext_lazy("Where in the body: /phones/0"))
    code = serializers.CharField()
    message = serializers.CharField()
    fields = serializers.ListField(  # type: ignore[assignment]
        child=serializers.CharField(), required=False, help_text=gettext_lazy("The fields that would meet it.")
    )
    allowed = serializers.ListField(
        child=serializers.JSONField(), required=False, help_text=gettext_lazy("The values to choose from.")
    )
    record_type = serializers.CharField(required=False, help_text=gettext_lazy("Of a client who is here already."))
    id = serializers.IntegerField(required=False)
    name = serializers.CharField(required=False)


class Problem(serializers.Serializer[Any]):
    """Why a call was refused (RFC 9457); `detail` is for people, `code` for programs."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    instance = serializers.CharField(help_text=gettext_lazy("The number of the call, to quote to the support."))
    errors = ProblemItem(many=True)  # type: ignore[assignment]


REASONS: dict[int, Any] = {
    400: gettext_lazy("A value is wrong; `errors` names it."),
    401: gettext_lazy("No token, or one that is expired or revoked."),
    403: gettext_lazy("The token has no such scope, or the record may only be looked at."),
    404: gettext_lazy("There is no such record, or you may not see it."),
    405: gettext_lazy("The address has no such method."),
    406: gettext_lazy("The API answers JSON alone."),
    409: gettext_lazy("Somebody else changed the record meanwhile."),
    412: gettext_lazy("The record is no longer at the version of If-Match."),
    413: gettext_lazy("The body is too large."),
    415: gettext_lazy("Send JSON."),
    422: gettext_lazy("The rules refuse it; `errors` lists what is missing."),
    429: gettext_lazy("Too many calls; wait as long as Retry-After says."),
}
READING = (400, 401, 403, 404, 406, 429)
WRITING = (400, 401, 403, 404, 406, 409, 412, 413, 415, 422, 429)


def reference_schema(of: str = "integer") -> dict[str, Any]:
    """An id, or in answers with `?expand=` an id and a name."""
    expanded = {
        "type": "object",
        "required": ["id", "name"],
        "properties": {"id": {"type": of}, "name": {"type": "string"}},
    }
    return {"oneOf": [{"type": of}, expanded, {"type": "null"}]}


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the description speaks of our tokens."""

    target_class = "accounts.api_auth.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """A bearer token."""
        text = _("A token of your account, with the scopes it was given: read, write, reports.")
        return {"type": "http", "scheme": "bearer", "description": text}


class RecordSchema(AutoSchema):
    """Adds the problems and the headers that no view has to repeat."""

    def get_tags(self) -> list[str]:
        """The first word of the address."""
        parts = self.path.removeprefix("/api/v1/").split("/")
        return [parts[0] or "api"]

    def get_override_parameters(self) -> list[Any]:
        """Headers of writing calls."""
        rows = list(super().get_override_parameters() or [])
        if self.method == "POST":
            text = _("A repeated call with the same key is done once; the answer is kept for a day at least.")
            rows.append(OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER, description=text))
        if self._looks_for_duplicates():
            text = _(
                "A client who is here already: “ask” answers 409 with those in sight, “tell” makes another one and "
                "lists them in `possible_duplicates`, “allow” looks nothing up."
            )
            choices = [duplicates.ASK, duplicates.TELL, duplicates.ALLOW]
            usual = duplicates.DEFAULTS[RecordType(getattr(self.view, "record_type", ""))]
            rows.append(OpenApiParameter(duplicates.PARAMETER, str, description=text, enum=choices, default=usual))
        if self.method in {"PATCH", "POST"} and "{id}" in self.path:
            text = _("Only if the record is still at this version: the ETag of an earlier answer.")
            rows.append(OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, description=text))
        return rows

    def _looks_for_duplicates(self) -> bool:
        kind = getattr(self.view, "record_type", "")
        return getattr(self.view, "action", "") == "create" and kind in duplicates.DEFAULTS

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        if not self.path.startswith("/api/v1/"):
            return bodies
        if self._looks_for_duplicates():
            match = self.resolve_serializer(duplicates.MatchOutput, "response").ref
            told = {"possible_duplicates": {"type": "array", "items": match}}
            for media in bodies["201"]["content"].values():
                media["schema"] = {"allOf": [media["schema"], {"type": "object", "properties": told}]}
        problem = self.resolve_serializer(Problem, "response").ref
        for status in READING if self.method == "GET" else WRITING:
            bodies.setdefault(
                str(status), {"description": str(REASONS[status]), "content": {PROBLEM_TYPE: {"schema": problem}}}
            )
        return bodies
