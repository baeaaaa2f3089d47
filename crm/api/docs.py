"""The description of the API for programs and people; nothing is loaded from elsewhere."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views import View, defaults
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.response import Response

from crm.api.schema import PROBLEM_TYPE
from crm.errors import problem

# What a program may meet in `code`; the type of a problem leads to its line here.
CODES: dict[str, tuple[int, Any]] = {
    "invalid": (400, gettext_lazy("A value is wrong; `errors` names each field.")),
    "parse_error": (400, gettext_lazy("The body is not JSON, or JSON that cannot be kept.")),
    "not_authenticated": (401, gettext_lazy("Send a token: «Authorization: Bearer …».")),
    "authentication_failed": (401, gettext_lazy("The token is unknown, expired or revoked.")),
    "permission_denied": (403, gettext_lazy("The token has no such scope, or the record may only be looked at.")),
    "only_looking": (403, gettext_lazy("The browser looks at a partner's cabinet: nothing is changed meanwhile.")),
    "not_found": (404, gettext_lazy("There is no such record, or you may not see it.")),
    "method_not_allowed": (405, gettext_lazy("The address has no such method.")),
    "not_acceptable": (406, gettext_lazy("The API answers JSON alone.")),
    "bulk_refused": (422, gettext_lazy("All or nothing was asked for, and some records were refused.")),
    "in_use": (422, gettext_lazy("Living records hang on it: it cannot be deleted.")),
    "export_refused": (
        422,
        gettext_lazy("More than a partner takes away as files in a day; `detail` says what is left."),
    ),
    "too_many": (422, gettext_lazy("More records at once than one call takes.")),
    "conflict": (409, gettext_lazy("Somebody else changed or moved the record meanwhile: read it again.")),
    "duplicate_objects": (409, gettext_lazy("Similar objects exist: name one of them, or ask for a new one.")),
    "possible_duplicate": (409, gettext_lazy("The client is here already; `errors` names those in sight.")),
    "merge_refused": (409, gettext_lazy("The records cannot be merged, or the merge cannot be undone.")),
    "different_inns": (422, gettext_lazy("The records have different INNs; send `accept_different_inns` to merge.")),
    "not_linked": (409, gettext_lazy("The lead was not linked by hand, or its client was changed since.")),
    "conversion_stays": (409, gettext_lazy("Something new hangs on what the conversion made: it cannot be undone.")),
    "version_differs": (412, gettext_lazy("The record is not at the version of If-Match any more.")),
    "events_gone": (410, gettext_lazy("Events right after that one are not kept any more: read the records.")),
    "too_large": (413, gettext_lazy("The body is larger than is accepted.")),
    "unsupported_media_type": (415, gettext_lazy("Send JSON; files as multipart/form-data.")),
    "no_document": (
        422,
        gettext_lazy("Such a document cannot be made, sent or changed so; the message says why."),
    ),
    "move_not_allowed": (422, gettext_lazy("The pipeline has no such move; `allowed` lists those it has.")),
    "missing_fields": (422, gettext_lazy("The stage asks for more; `fields` names what to send in `data`.")),
    "refusal_needed": (422, gettext_lazy("A lost record needs a reason and a comment; `allowed` lists the reasons.")),
    "idempotency_key_reused": (422, gettext_lazy("The key was used for another call: take a new one.")),
    "missing_value": (422, gettext_lazy("A template asks for something that the record does not have.")),
    "needs_attention": (422, gettext_lazy("The request was kept, but a person must look at it; `detail` says why.")),
    "refused": (422, gettext_lazy("The rules of the product refuse it; `detail` says why.")),
    "handoff_refused": (409, gettext_lazy("The record cannot be handed over, or the hand-over is over already.")),
    "server_error": (500, gettext_lazy("Something broke on our side; quote `instance` to the support.")),
    "throttled": (429, gettext_lazy("Too many calls; wait as long as Retry-After says.")),
}


# It follows from the code alone and takes seconds to make, so each process makes it once per language.
_made: dict[str, Any] = {}


class ApiSchema(SpectacularAPIView):
    """OpenAPI 3.1, as YAML or JSON."""

    def _get_schema_response(self, request: Any) -> Response:
        language = get_language() or ""
        if language not in _made:
            made: Any = super()
            _made[language] = made._get_schema_response(request).data
        return Response(_made[language], headers={"Content-Disposition": 'inline; filename="crm-api"'})


class ApiDocs(SpectacularSwaggerSplitView):
    """Swagger UI from our own files, under the content policy of the whole site."""

    template_name = "crm/api_docs.html"
    template_name_js = "drf_spectacular/swagger_ui.js"


class ErrorCodes(View):
    """The page to which the `type` of every problem leads."""

    def get(self, request: HttpRequest) -> Any:
        """All codes with what they mean."""
        rows = [{"code": code, "status": status, "text": text} for code, (status, text) in CODES.items()]
        return render(request, "crm/api_errors.html", {"codes": rows})


def server_error(request: HttpRequest) -> HttpResponse:
    """A failure of ours: in the form of the API below its addresses, as the page with the apology elsewhere."""
    if not request.path.startswith("/api/"):
        return defaults.server_error(request)
    text = _("Something broke on our side. Quote the number of the call to the support.")
    body = problem(500, "server_error", _("Server error"), text)
    return JsonResponse(body, status=500, content_type=PROBLEM_TYPE, json_dumps_params={"ensure_ascii": False})


@csrf_exempt
def no_such_address(request: HttpRequest) -> JsonResponse:
    """A 404 in the form of the API, not as a page."""
    body = problem(404, "not_found", _("Not found."), _("The API has no such address."))
    return JsonResponse(body, status=404, content_type=PROBLEM_TYPE, json_dumps_params={"ensure_ascii": False})
