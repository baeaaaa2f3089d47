"""Requests that need attention or were held back, message templates with a preview."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.db.models import Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from communications.models import MessageTemplate, Submission, WebForm
from communications.processing import submission_reprocess
from communications.templates_render import PLACEHOLDERS, check_text
from communications.templates_render import render as render_letter
from crm.errors import DomainError
from crm.http import paginate
from crm.models import Contact, Exclusion, RecordType, record_model
from crm.screens import dialogs
from crm.screens.list_files import FileColumn, file_asked, list_file
from crm.views.catalogue import Catalogue
from crm.views.settings_nav import settings_context, settings_page
from crm.visibility import visible_record

STATES = (
    ("failed", gettext_lazy("Needs attention")),
    ("held", gettext_lazy("Held back")),
    ("", gettext_lazy("All posts")),
)
SHOWN_BODY = 20_000


@settings_page
@require_safe
def submissions(request: HttpRequest) -> HttpResponseBase:
    """Posts of site forms: those that need attention, or all."""
    state = request.GET.get("state", "failed")
    rows = Submission.objects.select_related("form", "exclusion").defer("body").order_by("-received_at", "-id")
    if state in Submission.State.values:
        rows = rows.filter(state=state)
    if (form := request.GET.get("form", "")).isascii() and form.isdigit():
        rows = rows.filter(form_id=int(form[:18]))
    if request.GET.get("exclusion") == "any":
        rows = rows.filter(exclusion__isnull=False)
    raw = request.GET.get("exclusion", "")
    by = Exclusion.every.filter(pk=int(raw)).first() if raw.isascii() and raw.isdigit() and len(raw) < 19 else None
    if by is not None:
        rows = rows.filter(exclusion=by)
    if file_asked(request):
        about = _("Filter: %(filter)s") % {"filter": dict(STATES).get(state) or _("none")}
        return list_file(request, "requests", SUBMISSION_FILE, rows, about=about)
    page = paginate(request, rows)
    context = {
        **settings_context(request, "settings-submissions"),
        "dropped": WebForm.objects.aggregate(total=Sum("held_back"))["total"] or 0 if state == "held" else 0,
        "page": page,
        "lines": [{"row": row, "gist": gist(row)} for row in page],
        "tabs": [{"label": label, "url": f"?state={code}", "active": code == state} for code, label in STATES],
        "state": state,
        "exclusion": by,
    }
    return render(request, "communications/submissions.html", context)


def gist(submission: Submission) -> str:
    """The first few values of a post, to tell one from another."""
    pairs = submission.fields if isinstance(submission.fields, list) else list(submission.fields.items())
    told = [
        (str(pair[0]).strip(), str(pair[1]).strip())
        for pair in pairs[:100]
        if len(pair) == 2 and any(map(str.isalnum, str(pair[1]))) and not str(pair[0]).startswith("_")
    ]
    return " · ".join(f"{name}: {value[:60]}" if name else value[:60] for name, value in told[:4])


SUBMISSION_FILE = (
    FileColumn(gettext_lazy("Received"), lambda row: row.received_at, "moment"),
    FileColumn(gettext_lazy("Form"), lambda row: str(row.form or "")),
    FileColumn(gettext_lazy("State"), lambda row: row.get_state_display()),
    FileColumn(gettext_lazy("Request"), gist),
    FileColumn(gettext_lazy("Error"), lambda row: row.error),
    FileColumn(gettext_lazy("Number of the lead"), lambda row: row.lead_id, "number"),
)


def _find(pk: int) -> Submission:
    found = Submission.objects.filter(pk=pk).select_related("form", "duplicate_of", "exclusion").first()
    if found is None:
        raise Http404
    return found


def made_of(row: Submission, user: Any) -> Any:
    """The lead or deal that a post became, where the person may see it."""
    for record_type, pk in ((RecordType.LEAD, row.lead_id), (RecordType.DEAL, row.deal_id)):
        if pk is not None:
            return visible_record(record_type, pk, user)
    return None


@settings_page
@require_safe
def submission_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One post exactly as it came, what became of it, and "process again"."""
    row = _find(pk)
    body = bytes(row.body)
    text = body[:SHOWN_BODY].decode("utf-8", errors="replace")
    made = made_of(row, request.user)
    pairs = row.fields if isinstance(row.fields, list) else list(row.fields.items())
    context = {
        **settings_context(request, "settings-submissions"),
        "row": row,
        "pairs": [pair for pair in pairs if len(pair) == 2],
        "body": text,
        "is_cut": len(body) > SHOWN_BODY,
        "size": len(body),
        "made": made,
        "meta": json.dumps(row.meta, ensure_ascii=False, indent=1),
        "may_process": row.state in {Submission.State.FAILED, Submission.State.HELD},
    }
    return render(request, "communications/submission.html", context)


@settings_page
@require_POST
def submission_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Process a post once more."""
    row = submission_reprocess(_find(pk), by=request.user)
    if row.state == Submission.State.DONE:
        made = made_of(row, request.user)
        to = made.get_absolute_url() if made else reverse("settings-submissions")
        return dialogs.done(request, _("The lead is made."), to=to, go=True)
    text = row.error or _("It is being processed.")
    return dialogs.message(request, text, title=_("It still needs attention"))


# -- message templates ------------------------------------------------------------------------------------------------


class TemplateForm(forms.ModelForm):
    """A letter with placeholders."""

    class Meta:
        model = MessageTemplate
        fields = ("name_ru", "name_en", "subject", "text")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name_en"].required = False
        self.fields["text"].widget.attrs["rows"] = 12
        known = ", ".join(f"{{{name}}} – {item.label}" for name, item in PLACEHOLDERS.items())
        self.fields["text"].help_text = _("Placeholders: %(known)s.") % {"known": known}

    def clean(self) -> dict[str, Any]:
        """Only placeholders that are known."""
        given = super().clean() or {}
        for name in ("subject", "text"):
            try:
                check_text(given.get(name, ""))
            except DomainError as error:
                self.add_error(name, error.message)
        return given


def _template(row: Any) -> dict[str, Any]:
    preview = {"label": _("Preview"), "url": reverse("settings-template-preview", args=[row.pk]), "dialog": True}
    return {"title": row.name, "notes": [row.subject], "links": [preview]}


TEMPLATES = Catalogue(
    kind="template",
    model=MessageTemplate,
    form=TemplateForm,
    name="settings-templates",
    path="templates",
    title=gettext_lazy("Message templates"),
    add_label=gettext_lazy("New template"),
    line=_template,
    order=("name_ru", "pk"),
)


class PreviewForm(forms.Form):
    """Of which deal the letter is."""

    number = forms.IntegerField(label=gettext_lazy("Number of a deal"), min_value=1, required=False)


def deal_to_try(user: Any, number: int | None = None) -> Any:
    """The deal in sight for which a template is tried: the one asked for, else the latest that has a contact."""
    rows: Any = record_model(RecordType.DEAL)._default_manager
    deals = rows.visible_to(user).alive().filter(contact__isnull=False).select_related("contact")
    return deals.filter(pk=number).first() if number else deals.order_by("-last_activity_at", "-id").first()


@settings_page
@require_safe
def template_preview(request: HttpRequest, pk: str) -> HttpResponse:
    """The letter for a real deal: the one asked for, else the latest that has a contact."""
    template = MessageTemplate.objects.filter(pk=pk).first()
    if template is None:
        raise Http404
    form = PreviewForm(request.GET or None)
    number = form.cleaned_data.get("number") if form.is_bound and form.is_valid() else None
    deal = deal_to_try(request.user, number)
    context: dict[str, Any] = {
        "dialog_title": _("Preview: «%(template)s»") % {"template": template.name},
        "template": template,
        "form": form,
        "deal": deal,
        "number": number,
        "dialog_back": reverse("settings-templates"),
    }
    if deal is not None:
        contact: Contact = deal.contact
        try:
            context["letter"] = render_letter(template, deal, contact)
            context["to"] = contact.email or _("(the contact has no e-mail)")
        except DomainError as error:
            context["problem"] = error.message
    return dialogs.dialog(request, "communications/preview.html", context)
