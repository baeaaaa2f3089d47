"""The address that sites post their forms to: no sign-in, no CSRF token, any usual kind of body."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin, urlsplit

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.request import UnreadablePostError
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from accounts import identity
from communications.channels.webform import guards, work
from communications.channels.webform.fields import field_of
from communications.channels.webform.streaming import MAX_BODY, MAX_READ, MB, Taken, take_multipart, take_plain
from communications.channels.webform.transport import Parsed, boundary_of, parse
from communications.models import Submission, WebForm
from communications.processing import submission_continue, submission_process
from communications.submissions import Stored, submission_hold, submission_keep_beginning, submission_store
from communications.web_forms import form_in_use, names_of
from crm.errors import problem

MAX_KEY = 255
STATUS_WORDS: dict[str, str] = {
    Submission.State.DONE: "processed",
    Submission.State.FAILED: "needs_attention",
    Submission.State.RECEIVED: "received",
    Submission.State.RUNNING: "received",
    Submission.State.DUPLICATE: "received",
    # Whoever is on the exclusion list is not told so.
    Submission.State.HELD: "received",
}


@csrf_exempt
def form_submission(request: HttpRequest, key: str) -> HttpResponse:
    """Take a post of a site's form: once it is stored the sender has the answer, a worker makes the lead (LEAD-2).

    Who asks with `Prefer: wait` gets the answer when the lead is made.
    """
    form = form_in_use(key)
    response = _answered(request, form)
    for name, value in guards.cors_headers(request, form).items():
        response[name] = value
    return response


# A site is nobody: what it posts is the product's to keep, and of nothing else is told.
@identity.as_system()
def _answered(request: HttpRequest, form: WebForm | None) -> HttpResponse:
    if request.method == "OPTIONS":
        return HttpResponse(status=204)
    if request.method != "POST":
        response = _problem(405, "method_not_allowed", _("Forms are posted here."), _("Send the form with POST."))
        response["Allow"] = "POST, OPTIONS"
        return response
    if form is None:
        return _problem(404, "not_found", _("There is no such form"), _("No form in use has this key."))
    limit = guards.limit_of(request, form)
    if not limit.is_kept:
        return _too_many(limit)
    if (refused := _not_to_be_read(request)) is not None:
        return refused
    try:
        taken = read_body(request)
    except (UnreadablePostError, OSError):
        return _problem(400, "unreadable", _("The request broke off"), _("The connection was closed too early."))
    if not taken.is_whole:
        return _too_many(limit) if limit.wait else _keep_beginning(request, form, taken)
    return _take(request, form, taken.body, limit)


def read_body(request: HttpRequest) -> Taken:
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
        form=form, body=taken.body, size=taken.size, content_type=content_type, meta=meta_of(request, Parsed())
    )
    return _too_large(MAX_BODY, id=kept.pk)


def _take(request: HttpRequest, form: WebForm, body: bytes, limit: guards.Limit) -> HttpResponse:
    content_type = request.headers.get("Content-Type", "")
    if not body.strip():
        return _problem(422, "empty", _("The request is empty"), _("Send at least a phone or an e-mail."), _fields())
    parsed = parse(body, content_type)
    if parsed.pairs == [("test", "test")]:
        # A site builder tries the address before it uses it.
        return HttpResponse("ok", content_type="text/plain")
    post: dict[str, Any] = {
        "form": form,
        "body": body,
        "content_type": content_type,
        "parsed": parsed,
        "meta": meta_of(request, parsed),
    }
    if limit.wait:
        return _too_many(limit, id=submission_hold(**post, why=guards.OFTEN).pk)
    if (held := _held(request, form, parsed, post)) is not None:
        return held
    idempotency_key = request.headers.get("Idempotency-Key", "").strip()[:MAX_KEY]
    waits = _waits(request)
    stored = submission_store(**post, idempotency_key=idempotency_key, is_taken=waits)
    work.settle(form, parsed, stored.submission)
    submission = _processed(stored, parsed) if waits else stored.first
    if stored.submission.state == Submission.State.FAILED:
        submission = stored.submission
    response = _answer(request, form, parsed, submission, waits=waits)
    if waits:
        response["Preference-Applied"] = "wait"
    if stored.original is not None:
        response["Idempotent-Replayed"] = "true"
    return response


def _waits(request: HttpRequest) -> bool:
    """Does the caller want to hear of the lead (RFC 7240)? A visitor of a site is not kept waiting for it."""
    asked = (part.partition("=")[0].strip().lower() for part in request.headers.get("Prefer", "")[:500].split(","))
    return "wait" in asked


def _processed(stored: Stored, parsed: Parsed) -> Submission:
    """The post with its lead; the same post once more waits for the first one's, unless a worker is just at it."""
    if stored.original is not None:
        return submission_process(stored.original.pk)
    if stored.submission.state == Submission.State.RUNNING:
        return submission_continue(stored.submission, parsed=parsed)
    return stored.submission


def _held(request: HttpRequest, form: WebForm, parsed: Parsed, post: dict[str, Any]) -> HttpResponse | None:
    """What looks like a robot's is kept for a person to look at; a robot is not told so."""
    if origin := guards.foreign_origin(request, form):
        kept = submission_hold(**post, why=guards.FOREIGN, origin=origin)
        detail = _("The form does not take posts from %(origin)s.") % {"origin": origin}
        return _problem(403, "origin_not_allowed", _("This site may not post here"), detail, id=kept.pk)
    if guards.is_robot(parsed):
        kept = submission_hold(**post, why=guards.ROBOT)
        return JsonResponse({"id": kept.pk, "status": "received"}, status=202)
    if guards.is_fast(form, parsed):
        kept = submission_hold(**post, why=guards.FAST)
        detail = _("Wait a moment and send it again.")
        response = _problem(422, "too_fast", _("That was very quick"), detail, id=kept.pk)
        response["Retry-After"] = str(form.min_seconds)
        return response
    return _held_for_work(request, form, parsed, post)


def _held_for_work(request: HttpRequest, form: WebForm, parsed: Parsed, post: dict[str, Any]) -> HttpResponse | None:
    """A snippet's post whose task was not solved: it gets another one; without any answer only so many are taken."""
    done = work.judge(request, form, parsed, post)
    if done.wait:
        return _too_many(guards.Limit(done.wait), id=submission_hold(**post, why=guards.WORKLESS).pk)
    if done.is_taken:
        return None
    kept = submission_hold(**post, why=guards.UNSOLVED)
    detail = _("Send it once more, please.")
    again = guards.started_again(form, parsed)
    return _problem(
        422, "work_not_done", _("Your browser has not finished its task"), detail, id=kept.pk, started=again
    )


def meta_of(request: HttpRequest, parsed: Parsed) -> dict[str, str]:
    """What the request itself tells: the page with the form, the browser, the visit of a page of ours."""
    names = {"referer": "Referer", "origin": "Origin", "user_agent": "User-Agent", "idempotency_key": "Idempotency-Key"}
    meta = {
        name: value.replace("\x00", "")[:2000]
        for name, header in names.items()
        if (value := request.headers.get(header, ""))
    }
    visit = guards.visit_of(guards.value_of(parsed, guards.STARTED_FIELD))
    return {**meta, "visit": visit[0]} if visit else meta


def _too_many(limit: guards.Limit, **extra: Any) -> HttpResponse:
    response = _problem(429, "throttled", _("Too many requests"), _("Try again in a minute."), **extra)
    response["Retry-After"] = str(limit.wait)
    return response


# -- answers -----------------------------------------------------------------------------------------------------------


def _answer(
    request: HttpRequest, form: WebForm, parsed: Parsed, submission: Submission, *, waits: bool
) -> HttpResponse:
    """What the sender understands: `ok` for a site builder, a page for a browser, JSON for a program."""
    failed = submission.state == Submission.State.FAILED
    if _wants_page(request):
        return _page(request, form, parsed, submission, failed=failed)
    marks = (field_of(parsed, meaning, names_of(form)) for meaning in ("transaction", "form"))
    if not _is_json(request) and any(marks):
        # It would send the same again and again; the request is kept and shown to our own people.
        return HttpResponse("ok", content_type="text/plain")
    if failed:
        title = _("The request was stored and needs attention")
        return _problem(422, "needs_attention", title, submission.error, _rows_of(submission), id=submission.pk)
    # Who does not wait for the lead gets the same answer each time, also when it has been made meanwhile.
    state = submission.state if waits else Submission.State.RECEIVED
    told: dict[str, Any] = {"id": submission.pk, "status": STATUS_WORDS[state]}
    if submission.problems:
        told["problems"] = submission.problems
    if form.redirect_url:
        told["redirect"] = form.redirect_url
    return JsonResponse(told, status=201 if state == Submission.State.DONE else 202)


def _wants_page(request: HttpRequest) -> bool:
    accept = request.headers.get("Accept", "")
    is_json = _is_json(request) or request.headers.get("X-Requested-With") == "XMLHttpRequest"
    return "text/html" in accept and not is_json


def _is_json(request: HttpRequest) -> bool:
    return (request.content_type or "").endswith("json")


def _page(request: HttpRequest, form: WebForm, parsed: Parsed, submission: Submission, *, failed: bool) -> HttpResponse:
    back = request.headers.get("Referer", "")
    target = _next_page(parsed, back) or form.redirect_url
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
    return JsonResponse(
        body, status=status, content_type="application/problem+json", json_dumps_params={"ensure_ascii": False}
    )
