"""The address that sites post their forms to: no sign-in, no CSRF token, any usual kind of body."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin, urlsplit

import structlog
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.request import UnreadablePostError
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from rest_framework.throttling import SimpleRateThrottle

from communications.channels.webform.fields import field_of
from communications.channels.webform.streaming import MAX_BODY, MAX_READ, MB, Taken, take_multipart, take_plain
from communications.channels.webform.transport import Parsed, boundary_of, parse
from communications.models import Submission, WebForm
from communications.submissions import Stored, submission_keep_beginning, submission_process, submission_store
from crm.errors import problem

log = structlog.get_logger(__name__)

MAX_KEY = 255
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type, Idempotency-Key",
    "Access-Control-Max-Age": "86400",
}
STATUS_WORDS: dict[str, str] = {
    Submission.State.DONE: "processed",
    Submission.State.FAILED: "needs_attention",
    Submission.State.RECEIVED: "received",
    Submission.State.RUNNING: "received",
    Submission.State.DUPLICATE: "received",
}


class FormThrottle(SimpleRateThrottle):
    """So many posts a minute from one address to one form."""

    scope = "forms"

    def get_cache_key(self, request: Any, view: Any) -> str:
        """The form and the address."""
        return self.cache_format % {"scope": self.scope, "ident": f"{view}:{self.get_ident(request)}"}


@csrf_exempt
def form_submission(request: HttpRequest, key: str) -> HttpResponse:
    """Take a post of a site's form: it is stored first, then a lead is made of it (LEAD-1, LEAD-2)."""
    response = _answered(request, key)
    for name, value in CORS.items():
        response[name] = value
    return response


def _answered(request: HttpRequest, key: str) -> HttpResponse:
    if request.method == "OPTIONS":
        return HttpResponse(status=204)
    if request.method != "POST":
        response = _problem(405, "method_not_allowed", _("Forms are posted here."), _("Send the form with POST."))
        response["Allow"] = "POST, OPTIONS"
        return response
    form = WebForm.objects.filter(key=key, is_active=True).first()
    if form is None:
        return _problem(404, "not_found", _("There is no such form"), _("No form in use has this key."))
    if (refused := _too_many(request, form) or _not_to_be_read(request)) is not None:
        return refused
    try:
        taken = _read(request)
    except (UnreadablePostError, OSError):
        return _problem(400, "unreadable", _("The request broke off"), _("The connection was closed too early."))
    if not taken.is_whole:
        return _keep_beginning(request, form, taken)
    return _take(request, form, taken.body)


def _read(request: HttpRequest) -> Taken:
    """The body, bounded; with files piece by piece."""
    content_type = request.headers.get("Content-Type", "")
    if request.content_type == "multipart/form-data" and (boundary := boundary_of(content_type)):
        return take_multipart(request, boundary)
    return take_plain(request, _length(request))


def _length(request: HttpRequest) -> int:
    length = request.META.get("CONTENT_LENGTH") or "0"
    return int(length[:20]) if length.isascii() and length.isdigit() else 0


def _not_to_be_read(request: HttpRequest) -> HttpResponse | None:
    """A body of unknown length, or one that nobody would read to its end."""
    if "chunked" in request.headers.get("Transfer-Encoding", "").lower() and not request.META.get("CONTENT_LENGTH"):
        return _problem(411, "length_required", _("How long is it?"), _("Send the form with Content-Length."))
    if _length(request) > MAX_READ:
        return _too_large(MAX_READ)
    return None


def _too_large(limit: int, **extra: Any) -> HttpResponse:
    detail = _("A form may carry up to %(limit)s MB.") % {"limit": limit // MB}
    return _problem(413, "too_large", _("The request is too large"), detail, **extra)


def _keep_beginning(request: HttpRequest, form: WebForm, taken: Taken) -> HttpResponse:
    """What is too large is refused, but its beginning is kept: who wrote may be read in it."""
    content_type = request.headers.get("Content-Type", "")
    kept = submission_keep_beginning(
        form=form, body=taken.body, size=taken.size, content_type=content_type, meta=_meta(request)
    )
    return _too_large(MAX_BODY, id=kept.pk)


def _take(request: HttpRequest, form: WebForm, body: bytes) -> HttpResponse:
    content_type = request.headers.get("Content-Type", "")
    if not body.strip():
        return _problem(422, "empty", _("The request is empty"), _("Send at least a phone or an e-mail."), _fields())
    parsed = parse(body, content_type)
    if parsed.pairs == [("test", "test")]:
        # A site builder tries the address before it uses it.
        return HttpResponse("ok", content_type="text/plain")
    stored = submission_store(
        form=form,
        body=body,
        content_type=content_type,
        parsed=parsed,
        meta=_meta(request),
        idempotency_key=request.headers.get("Idempotency-Key", "").strip()[:MAX_KEY],
    )
    submission = stored.first
    if stored.original is None:
        submission = submission_process(submission.pk, parsed=parsed)
    elif stored.submission.state == Submission.State.FAILED:
        submission = stored.submission
    return _answer(request, form, parsed, submission, stored)


def _meta(request: HttpRequest) -> dict[str, str]:
    """What the request itself tells: the page with the form, the browser."""
    names = {"referer": "Referer", "origin": "Origin", "user_agent": "User-Agent", "idempotency_key": "Idempotency-Key"}
    return {
        name: value.replace("\x00", "")[:2000]
        for name, header in names.items()
        if (value := request.headers.get(header, ""))
    }


def _too_many(request: HttpRequest, form: WebForm) -> HttpResponse | None:
    throttle = FormThrottle()
    try:
        allowed = throttle.allow_request(request, form.pk)  # type: ignore[arg-type]
    except Exception as error:
        # Without the cache there is no count; a request that is lost is worse than one too many.
        log.warning("form_throttle_failed", form_id=form.pk, error=repr(error))
        return None
    if allowed:
        return None
    response = _problem(429, "throttled", _("Too many requests"), _("Try again in a minute."))
    response["Retry-After"] = str(int(throttle.wait() or 0) + 1)
    return response


# -- answers -----------------------------------------------------------------------------------------------------------


def _answer(
    request: HttpRequest, form: WebForm, parsed: Parsed, submission: Submission, stored: Stored
) -> HttpResponse:
    """What the sender understands: `ok` for a site builder, a page for a browser, JSON for a program."""
    failed = submission.state == Submission.State.FAILED
    if _wants_page(request):
        return _page(request, parsed, submission, failed=failed)
    marks = (field_of(parsed, meaning, form.field_map) for meaning in ("transaction", "form"))
    if not _is_json(request) and any(marks):
        # It would send the same again and again; the request is kept and shown to our own people.
        return HttpResponse("ok", content_type="text/plain")
    if failed:
        title = _("The request was stored and needs attention")
        return _problem(422, "needs_attention", title, submission.error, _rows_of(submission), id=submission.pk)
    status = 201 if submission.state == Submission.State.DONE else 202
    told: dict[str, Any] = {"id": submission.pk, "status": STATUS_WORDS[submission.state]}
    if submission.problems:
        told["problems"] = submission.problems
    response = JsonResponse(told, status=status)
    if stored.original is not None:
        response["Idempotent-Replayed"] = "true"
    return response


def _wants_page(request: HttpRequest) -> bool:
    accept = request.headers.get("Accept", "")
    is_json = _is_json(request) or request.headers.get("X-Requested-With") == "XMLHttpRequest"
    return "text/html" in accept and not is_json


def _is_json(request: HttpRequest) -> bool:
    return (request.content_type or "").endswith("json")


def _page(request: HttpRequest, parsed: Parsed, submission: Submission, *, failed: bool) -> HttpResponse:
    back = request.headers.get("Referer", "")
    target = _next_page(parsed, back)
    if target and not failed:
        return HttpResponseRedirect(target, status=303)
    context = {"failed": failed, "error": submission.error, "number": submission.pk, "back": _web_address(back)}
    context["problems"] = submission.problems
    page = render_to_string("communications/form_answer.html", context)
    return HttpResponse(page, status=422 if failed else 200)


def _next_page(parsed: Parsed, back: str) -> str:
    """The page the site wants its visitor on, only within the site itself."""
    wanted = next((value for name, value in parsed.pairs if name.lower() == "_next" and value), "")
    here = _web_address(back)
    if not wanted or not here:
        return ""
    try:
        target = _web_address(urljoin(here, wanted))
        return target if urlsplit(target).netloc == urlsplit(here).netloc else ""
    except ValueError:
        return ""


def _web_address(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    is_plain = parts.scheme in {"http", "https"} and bool(parts.netloc) and url.isprintable() and "\\" not in url
    return url if is_plain and len(url) <= 2000 else ""


def _rows_of(submission: Submission) -> list[dict[str, str]]:
    """What is wrong with each field, as the processing has told."""
    return submission.problems or _fields(submission.error)


def _fields(message: str = "") -> list[dict[str, str]]:
    text = message or _("A phone or an e-mail is needed.")
    return [{"pointer": f"/{name}", "code": "required", "message": text} for name in ("phone", "email")]


def _problem(
    status: int, code: str, title: str, detail: str, errors: list[dict[str, str]] | None = None, **extra: Any
) -> HttpResponse:
    body = problem(status, code, title, detail, errors or []) | extra
    return JsonResponse(body, status=status, content_type="application/problem+json")
