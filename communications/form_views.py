"""Web forms in the settings: list, builder with preview, what a site's fields are, a trial, how to connect."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from communications.channels.webform.hosted import language_of, page
from communications.channels.webform.hosted_form import HostedForm
from communications.channels.webform.labels import MEANINGS
from communications.channels.webform.names import IN_THE_TEXT
from communications.channels.webform.transport import Parsed
from communications.form_forms import NewWebForm, WebFormSettings, field_rows
from communications.learning import field_meanings_set, fields_seen, posts_read_again
from communications.models import Submission, WebForm
from communications.trial import submission_try
from communications.web_forms import clean_fields, fields_of, web_form_change, web_form_create
from crm import clock
from crm.attribution import UTM_MARKS
from crm.errors import DomainError
from crm.screens import dialogs
from crm.screens.forms import add_errors
from crm.views.settings_nav import settings_context, settings_page

MONTH = timedelta(days=30)
# Meanings that no field of a form of ours has, but a site's may.
FURTHER = ("referrer", "page", "technical", *UTM_MARKS, "yclid", "gclid", "roistat")


def _find(pk: int) -> WebForm:
    form = WebForm.objects.filter(pk=pk).select_related("source", "responsible").first()
    if form is None:
        raise Http404
    return form


@settings_page
@require_safe
def web_forms(request: HttpRequest) -> HttpResponse:
    """All forms, with what came through each in the last 30 days."""
    recent = Q(submissions__received_at__gte=clock.now() - MONTH)
    rows = WebForm.objects.select_related("source", "responsible").annotate(
        came=Count("submissions", recent & Q(submissions__state=Submission.State.DONE)),
        failed=Count("submissions", Q(submissions__state=Submission.State.FAILED)),
        held=Count("submissions", Q(submissions__state=Submission.State.HELD)),
    )
    context = {**settings_context(request, "settings-webforms"), "rows": rows.order_by("name", "pk")}
    return render(request, "communications/web_forms.html", context)


@settings_page
@require_http_methods(["GET", "HEAD", "POST"])
def web_form_add(request: HttpRequest) -> HttpResponse:
    """A new form: its name; the rest is built on its page."""
    form = NewWebForm(request.POST or None, instance=WebForm())
    if form.is_bound and form.is_valid():
        try:
            made = web_form_create(data=form.cleaned_data, by=request.user)
        except DomainError as error:
            add_errors(form, error)
        else:
            return dialogs.done(request, _("Saved."), to=reverse("settings-webforms-edit", args=[made.pk]), go=True)
    context = {
        "dialog_title": _("New form"),
        "form": form,
        "dialog_action": request.path,
        "dialog_back": reverse("settings-webforms"),
        "dialog_size": "dialog-small",
    }
    return dialogs.dialog(request, "crm/settings/row_dialog.html", context, status=422 if form.errors else 200)


@settings_page
@require_http_methods(["GET", "HEAD", "POST"])
def web_form_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """The builder: fields, texts, consent, colours, sites; beside it the form as visitors see it."""
    row = _find(pk)
    data = request.POST if request.method == "POST" else None
    form, rows = WebFormSettings(data, instance=_find(pk), user=request.user), field_rows(row, data)
    if data is not None and form.is_valid() and rows.is_valid():
        try:
            web_form_change(row, data={**form.values(), "fields": rows.rows()}, by=request.user)
        except DomainError as error:
            add_errors(form, error)
        else:
            return dialogs.done(request, _("Saved."), to=request.path, go=True)
    context = {
        **settings_context(request, "settings-webforms"),
        "row": row,
        "form": form,
        "field_rows": rows,
        "consents": row.consents.all()[:10],
        "page_url": request.build_absolute_uri(reverse("hosted-form", args=[row.key])),
    }
    return render(
        request, "communications/web_form.html", context, status=422 if form.errors or not _are_right(rows) else 200
    )


def _are_right(rows: Any) -> bool:
    return not rows.is_bound or rows.is_valid()


@settings_page
@xframe_options_sameorigin
@require_http_methods(["GET", "HEAD", "POST"])
def web_form_preview(request: HttpRequest, pk: int) -> HttpResponse:
    """The form as visitors see it, with what stands in the builder and is not saved yet."""
    row = _find(pk)
    if request.method == "POST":
        form, rows = WebFormSettings(request.POST, instance=row, user=request.user), field_rows(row, request.POST)
        form.is_valid()
        try:
            row.fields = clean_fields(rows.rows())
        except DomainError as error:
            row = _find(pk)
            return _framed(page(request, row, HostedForm(row), {}, notice=error.message, is_preview=True))
    with translation.override(language_of(request, row)):
        return _framed(page(request, row, HostedForm(row), {}, is_preview=True))


def _framed(response: HttpResponse) -> HttpResponse:
    response._csp_replace = {"frame-ancestors": ["'self'"]}  # type: ignore[attr-defined]
    return response


@settings_page
@require_http_methods(["GET", "HEAD", "POST"])
def web_form_trial(request: HttpRequest, pk: int) -> HttpResponse:
    """Fill the form in and see the lead that would be made and the way it would take; nothing is kept."""
    row = _find(pk)
    parsed = trial = None
    if request.method == "POST":
        names = {field.key for field in fields_of(row)} | {"_consent", "_page"}
        pairs = [(name, value) for name, values in request.POST.lists() for value in values if name in names]
        parsed = Parsed([("_page", value) if name == "_page" else (name, value) for name, value in pairs])
    fields = HostedForm(row, parsed)
    if parsed is not None and fields.is_valid():
        trial = submission_try(row, parsed, by=request.user)
    context = {
        **settings_context(request, "settings-webforms"),
        "row": row,
        "form": fields,
        "trial": trial,
        "page_value": request.POST.get("_page", ""),
    }
    return render(request, "communications/web_form_trial.html", context, status=422 if fields.errors else 200)


@settings_page
@require_http_methods(["GET", "HEAD", "POST"])
def web_form_fields(request: HttpRequest, pk: int) -> HttpResponse:
    """The fields that came with a form's posts, with samples; a person says what each is."""
    row = _find(pk)
    seen = fields_seen(row)
    choices = [*MEANINGS.items(), *((name, _further().get(name, name)) for name in FURTHER)]
    if request.method == "POST":
        told = {item.name: request.POST.get(f"m{number}", "") for number, item in enumerate(seen)}
        try:
            field_meanings_set(row, meanings=told, by=request.user)
        except DomainError as error:
            return dialogs.message(request, error.message, title=_("This could not be kept"))
        return dialogs.done(request, _("Remembered."), to=f"{request.path}?saved=1", go=True)
    known = dict(choices)
    context = {
        **settings_context(request, "settings-webforms"),
        "row": row,
        "lines": [
            {"seen": item, "name": f"m{number}", "guess": known.get(item.guess.removeprefix("mark:"), item.guess)}
            for number, item in enumerate(seen)
        ],
        "choices": choices,
        "in_text": IN_THE_TEXT,
        "failed": row.submissions.filter(state=Submission.State.FAILED).count(),
    }
    return render(request, "communications/web_form_fields.html", context)


def _further() -> dict[str, str]:
    return {
        "referrer": _("Referrer"),
        "page": _("Page of the site"),
        "technical": _("Nothing: leave it out of the text"),
    }


@settings_page
@require_POST
def web_form_read_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Read the earlier posts anew with what is known of the fields now."""
    done = posts_read_again(_find(pk), by=request.user)
    queued = ngettext(
        "%(count)s request is being processed again.", "%(count)s requests are being processed again.", done.queued
    ) % {"count": done.queued}
    completed = ngettext("%(count)s lead was completed.", "%(count)s leads were completed.", done.completed) % {
        "count": done.completed
    }
    return dialogs.done(request, f"{queued} {completed}", to=reverse("settings-webform-fields", args=[pk]), go=True)


@settings_page
@require_safe
def web_form_howto(request: HttpRequest, pk: int) -> HttpResponse:
    """The address to post to, a plain form and a curl line."""
    form = _find(pk)
    url = request.build_absolute_uri(reverse("form-submission", args=[form.key]))
    words = {"name": pgettext("person", "Name"), "phone": _("Phone"), "wish": _("What to build?"), "send": _("Send")}
    example = {"name": "Иван Петров", "phone": "+7 912 345-67-89", "comment": "Склад 60×24, Казань"}
    body = json.dumps(example, ensure_ascii=False)
    context = {
        "dialog_title": _("How to connect «%(form)s»") % {"form": form.name},
        "form_row": form,
        "url": url,
        "curl": f"curl -X POST {url} -H 'Content-Type: application/json' -d '{body}'",
        "html": HTML_EXAMPLE.format(url=url, **words),
        "page_url": request.build_absolute_uri(reverse("hosted-form", args=[form.key])),
        "snippet": SNIPPET.format(script=request.build_absolute_uri(f"{settings.STATIC_URL}js/embed.js"), key=form.key),
        "dialog_back": reverse("settings-webforms"),
    }
    return dialogs.dialog(request, "communications/howto.html", context)


# The script's plain address is served beside the one with a fingerprint, and stays the same.
SNIPPET = '<div data-crm-form="{key}"></div>\n<script src="{script}" async></script>'
HTML_EXAMPLE = """<form method="post" action="{url}">
  <input name="name" placeholder="{name}">
  <input name="phone" placeholder="{phone}" required>
  <textarea name="comment" placeholder="{wish}"></textarea>
  <button>{send}</button>
</form>"""
