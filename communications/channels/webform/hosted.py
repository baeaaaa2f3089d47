"""The page of a form on our own host, without scripts and cookies, and what the snippet of other sites asks for."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.request import UnreadablePostError
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from accounts import identity
from communications.channels.webform import guards, work
from communications.channels.webform.hosted_form import HostedForm
from communications.channels.webform.names import is_mark
from communications.channels.webform.transport import Parsed, parse
from communications.channels.webform.views import meta_of, read_body
from communications.models import Submission, WebForm
from communications.submissions import (
    CONSENT_FIELD,
    submission_hold,
    submission_keep_beginning,
    submission_store,
)
from communications.web_forms import fields_of, form_in_use
from crm.normalize import one_line

LANGUAGES = ("ru", "en")
_HEX = re.compile(r"#[0-9a-fA-F]{6}")
MAX_HIDDEN = 40


def _form(key: str) -> WebForm:
    form = form_in_use(key)
    if form is None:
        raise Http404
    return form


def language_of(request: HttpRequest, form: WebForm) -> str:
    """The form's own language, else the one asked for, else the visitor's."""
    asked = request.GET.get("lang", "")
    usual = translation.get_language_from_request(request)
    return next(code for code in (form.language, asked, usual, "ru") if code in LANGUAGES)


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def hosted_form(request: HttpRequest, key: str) -> HttpResponse:
    """The page of a form: shown, and taken when it is sent; nothing but the form itself is needed."""
    form = _form(key)
    with translation.override(language_of(request, form)):
        if request.method == "POST":
            return _take(request, form)
        return page(request, form, HostedForm(form), hidden_of(request))


def page(
    request: HttpRequest,
    form: WebForm,
    fields: HostedForm,
    hidden: dict[str, str],
    *,
    status: int = 200,
    notice: str = "",
    **extra: Any,
) -> HttpResponse:
    """The form with what was typed; `notice` stands above it."""
    context = {
        "form": form,
        "fields": fields,
        "has_files": any(row.type == "file" for row in fields_of(form)),
        "hidden": hidden,
        "notice": notice,
        "style_url": style_url(form),
        "work": f"{work.ROUNDS} {work.BITS}" if form.asks_work else "",
        **extra,
    }
    response = render(request, "communications/hosted/form.html", context, status=status)
    if form.redirect_url:
        # The browser checks the page it is sent on to as well.
        target = urlsplit(form.redirect_url)
        response._csp_update = {"form-action": [f"{target.scheme}://{target.netloc}"]}  # type: ignore[attr-defined]
    return response


def style_url(form: WebForm) -> str:
    """The style sheet with the colours of a form."""
    colours = f"?colour={form.colour.lstrip('#')}&background={form.background.lstrip('#')}"
    return reverse("hosted-style", args=[form.key]) + colours


def hidden_of(request: HttpRequest) -> dict[str, str]:
    """What tells where the visitor comes from: marks and click ids of the address, the referrer, the page."""
    marks = {name.lower()[:50]: one_line(value, 500) for name, value in request.GET.items() if is_mark(name.lower())}
    before = one_line(request.GET.get("referrer") or request.headers.get("Referer", ""), 2000)
    if _host(before) == request.get_host():
        before = ""
    here = one_line(request.GET.get("page") or request.build_absolute_uri(), 2000)
    hidden = {**dict(list(marks.items())[:MAX_HIDDEN]), "_referrer": before, "_page": here}
    return {guards.STARTED_FIELD: guards.started(), **{name: value for name, value in hidden.items() if value}}


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc
    except ValueError:
        return ""


def _hidden_again(parsed: Parsed) -> dict[str, str]:
    """The hidden values of a page that is shown once more."""
    names = {guards.STARTED_FIELD, "_referrer", "_page"}
    found = {name: value[:2000] for name, value in parsed.pairs if name in names or is_mark(name)}
    if guards.visit_of(found.get(guards.STARTED_FIELD, "")) is None:
        found[guards.STARTED_FIELD] = guards.started()
    return found


# A visitor is nobody: what is posted is the product's to keep, and nothing of it is shown.
@identity.as_system()
def _take(request: HttpRequest, form: WebForm) -> HttpResponse:
    limit = guards.limit_of(request, form)
    content_type = request.headers.get("Content-Type", "")
    try:
        taken = read_body(request)
    except (UnreadablePostError, OSError):
        return page(request, form, HostedForm(form), hidden_of(request), status=400)
    if not taken.is_whole:
        if not limit.wait:
            submission_keep_beginning(
                form=form, body=taken.body, size=taken.size, content_type=content_type, meta=meta_of(request, Parsed())
            )
        notice = _("This is too much text. Shorten it, please.")
        return page(request, form, HostedForm(form), hidden_of(request), status=413, notice=notice)
    parsed = parse(taken.body, content_type)
    fields = HostedForm(form, parsed)
    hidden = _hidden_again(parsed)
    meta = meta_of(request, parsed)
    post: dict[str, Any] = {
        "form": form, "body": taken.body, "content_type": content_type, "parsed": parsed, "meta": meta,
    }  # fmt: skip
    if limit.wait:
        if limit.is_kept:
            submission_hold(**post, why=guards.OFTEN)
        return _too_often(request, form, fields, hidden, limit.wait)
    if guards.is_robot(parsed):
        submission_hold(**post, why=guards.ROBOT)
        return _thank(form, request)
    if not guards.value_of(parsed, guards.STARTED_FIELD) or guards.is_fast(form, parsed):
        has_token = bool(guards.value_of(parsed, guards.STARTED_FIELD))
        submission_hold(**post, why=guards.FAST if has_token else guards.TOKENLESS)
        notice = _("That was very quick. Press the button once more, please.")
        return page(request, form, fields, hidden, status=422, notice=notice)
    done = work.judge(request, form, parsed, post)
    if done.wait:
        submission_hold(**post, why=guards.WORKLESS)
        return _too_often(request, form, fields, hidden, done.wait)
    if not done.is_taken:
        submission_hold(**post, why=guards.UNSOLVED)
        hidden[guards.STARTED_FIELD] = guards.started_again(form, parsed)
        notice = _("Your browser has not finished its task. Press the button once more, please.")
        return page(request, form, fields, hidden, status=422, notice=notice)
    refused = [] if fields.is_valid() else fields.rows()
    stored = submission_store(**post, refused=refused)
    work.settle(form, parsed, stored.submission)
    if refused:
        return page(request, form, fields, hidden, status=422)
    if stored.submission.state == Submission.State.FAILED:
        return page(request, form, fields, hidden, status=422, notice=stored.submission.error)
    return _thank(form, request)


def _too_often(
    request: HttpRequest, form: WebForm, fields: HostedForm, hidden: dict[str, str], wait: int
) -> HttpResponse:
    notice = _("Too many requests come from your address. Wait a minute and press the button again.")
    response = page(request, form, fields, hidden, status=429, notice=notice)
    response["Retry-After"] = str(wait)
    return response


def _thank(form: WebForm, request: HttpRequest) -> HttpResponse:
    thanks = reverse("hosted-thanks", args=[form.key])
    asked = request.GET.get("lang", "")
    target = form.redirect_url or (f"{thanks}?lang={asked}" if asked in LANGUAGES else thanks)
    return HttpResponseRedirect(target, status=303)


@require_safe
def hosted_thanks(request: HttpRequest, key: str) -> HttpResponse:
    """The page after sending."""
    form = _form(key)
    with translation.override(language_of(request, form)):
        return render(request, "communications/hosted/thanks.html", {"form": form, "style_url": style_url(form)})


@require_safe
def hosted_style(request: HttpRequest, key: str) -> HttpResponse:
    """The colours of a form as a style sheet: the policy of our pages allows none within them."""
    colours = {}
    for name, usual in (("colour", "#1f5fbf"), ("background", "#ffffff")):
        asked = f"#{request.GET.get(name, '')}"
        colours[name] = asked if _HEX.fullmatch(asked) else usual
    is_dark = luminance(colours["background"]) < 0.4
    lines = {
        "--f-colour": colours["colour"],
        "--f-on-colour": "#ffffff" if luminance(colours["colour"]) < 0.4 else "#16181d",
        "--f-background": colours["background"],
        "--f-text": "#f3f4f6" if is_dark else "#1b1f27",
        "--f-quiet": "#b6bcc8" if is_dark else "#565d6b",
        "--f-line": "#6b7280" if is_dark else "#8a92a0",
        "--f-field": "#ffffff14" if is_dark else "#ffffff",
        "--f-bad": "#ff9a8f" if is_dark else "#b3261e",
        "color-scheme": "dark" if is_dark else "light",
    }
    text = ":root{" + "".join(f"{name}:{value};" for name, value in lines.items()) + "}\n"
    response = HttpResponse(text, content_type="text/css; charset=utf-8")
    response["Cache-Control"] = "public, max-age=3600"
    return response


def luminance(colour: str) -> float:
    """How bright a colour is, from 0 to 1, as contrast is reckoned."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "OPTIONS"])
def hosted_config(request: HttpRequest, key: str) -> HttpResponse:
    """What the snippet on another site draws the form from; readable by scripts of the sites that may post."""
    form = _form(key)
    if request.method == "OPTIONS":
        response: HttpResponse = HttpResponse(status=204)
    elif origin := guards.foreign_origin(request, form):
        response = JsonResponse({"detail": f"{origin} is not among the sites of this form."}, status=403)
    else:
        with translation.override(language_of(request, form)):
            response = JsonResponse(config_of(request, form))
    for name, value in guards.cors_headers(request, form).items():
        response[name] = value
    return response


def config_of(request: HttpRequest, form: WebForm) -> dict[str, Any]:
    """A form as the snippet reads it."""
    return {
        "language": translation.get_language(),
        "post_url": request.build_absolute_uri(reverse("form-submission", args=[form.key])),
        "page_url": request.build_absolute_uri(reverse("hosted-form", args=[form.key])),
        "started": guards.started(),
        "min_seconds": form.min_seconds,
        "work": {
            "rounds": work.ROUNDS, "bits": work.BITS, "script": request.build_absolute_uri(static("js/work.js")),
        } if form.asks_work else None,
        "title": form.title,
        "intro": form.intro,
        "fields": [
            {
                "name": row.key, "label": row.shown, "type": row.type, "required": row.required,
                "options": list(row.options),
            }
            for row in fields_of(form)
        ],
        "consent": {
            "name": CONSENT_FIELD, "text": form.consent_text, "version": form.consent_version,
            "required": form.consent_required,
        } if form.consent_text else None,
        "button": form.button or _("Send"),
        "thanks": form.thanks or _("Thank you! We have received your request and will call or write to you."),
        "redirect": form.redirect_url,
        "colour": form.colour,
        "on_colour": "#ffffff" if luminance(form.colour) < 0.4 else "#16181d",
        "words": {
            "choose": _("Choose…"),
            "wrong": _("Something is missing or wrong. Look at the marked fields."),
            "failed": _("It could not be sent. Your text is still here: try again in a minute."),
            "required": _("Fill this in, please."),
        },
    }  # fmt: skip
