"""Requests that need attention or were held back, message templates with a preview."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.db.models import Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from communications.models import MessageTemplate, Submission, WebForm
from communications.submissions import submission_reprocess
from communications.templates_render import PLACEHOLDERS, check_text
from communications.templates_render import render as render_letter
from crm.errors import DomainError
from crm.http import paginate
from crm.models import Contact, RecordType, record_model
from crm.screens import dialogs
from crm.views.catalogue import Catalogue
from crm.views.settings_nav import settings_context, settings_page

STATES = (
    ("failed", gettext_lazy("Needs attention")),
    ("held", gettext_lazy("Held back")),
    ("", gettext_lazy("All posts")),
)
SHOWN_BODY = 20_000


@settings_page
@require_GET
def submissions(request: HttpRequest) -> HttpResponse:
    """Posts of site forms: those that need attention, or all."""
    state = request.GET.get("state", "failed")
    rows = Submission.objects.select_related("form").defer("body").order_by("-received_at", "-id")
    if state in Submission.State.values:
        rows = rows.filter(state=state)
    if request.GET.get("form", "").isdigit():
        rows = rows.filter(form_id=int(request.GET["form"][:18]))
    page = paginate(request, rows)
    context = {
        **settings_context(request, "settings-submissions"),
        "dropped": WebForm.objects.aggregate(total=Sum("held_back"))["total"] or 0 if state == "held" else 0,
        "page": page,
        "lines": [{"row": row, "gist": gist(row)} for row in page],
        "tabs": [{"label": label, "url": f"?state={code}", "active": code == state} for code, label in STATES],
        "state": state,
    }
    return render(request, "communications/submissions.html", context)


def gist(submission: Submission) -> str:
    """The first few values of a post, to tell one from another."""
    pairs = submission.fields if isinstance(submission.fields, list) else list(submission.fields.items())
    told = [
        pair for pair in pairs[:100] if len(pair) == 2 and str(pair[1]).strip() and not str(pair[0]).startswith("_")
    ]
    return " · ".join(f"{name}: {str(value)[:60]}" for name, value in told[:4])


def _find(pk: int) -> Submission:
    found = Submission.objects.filter(pk=pk).select_related("form", "duplicate_of").first()
    if found is None:
        raise Http404
    return found


@settings_page
@require_GET
def submission_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One post exactly as it came, what became of it, and "process again"."""
    row = _find(pk)
    body = bytes(row.body)
    text = body[:SHOWN_BODY].decode("utf-8", errors="replace")
    lead: Any = None
    if row.lead_id:
        rows: Any = record_model(RecordType.LEAD)._default_manager
        lead = rows.visible_to(request.user).filter(pk=row.lead_id).first()
    pairs = row.fields if isinstance(row.fields, list) else list(row.fields.items())
    context = {
        **settings_context(request, "settings-submissions"),
        "row": row,
        "pairs": [pair for pair in pairs if len(pair) == 2],
        "body": text,
        "is_cut": len(body) > SHOWN_BODY,
        "size": len(body),
        "lead": lead,
        "meta": json.dumps(row.meta, ensure_ascii=False, indent=1),
        "may_process": row.state in {Submission.State.FAILED, Submission.State.HELD},
    }
    return render(request, "communications/submission.html", context)


@settings_page
@require_POST
def submission_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Process a post once more."""
    row = submission_reprocess(_find(pk), by=request.user)
    if row.state == Submission.State.DONE and row.lead_id:
        rows: Any = record_model(RecordType.LEAD)._default_manager
        lead = rows.visible_to(request.user).filter(pk=row.lead_id).first()
        to = lead.get_absolute_url() if lead else reverse("settings-submissions")
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


@settings_page
@require_GET
def template_preview(request: HttpRequest, pk: str) -> HttpResponse:
    """The letter for a real deal: the one asked for, else the latest that has a contact."""
    template = MessageTemplate.objects.filter(pk=pk).first()
    if template is None:
        raise Http404
    form = PreviewForm(request.GET or None)
    rows: Any = record_model(RecordType.DEAL)._default_manager
    deals = rows.visible_to(request.user).alive().filter(contact__isnull=False)
    number = form.cleaned_data.get("number") if form.is_bound and form.is_valid() else None
    deal = deals.filter(pk=number).first() if number else deals.order_by("-last_activity_at", "-id").first()
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
