"""Requests that need attention or were held back, message templates with a preview."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
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
from communications.templates_render import PLACEHOLDERS, TEXTS, check_text, language_for
from communications.templates_render import render as render_letter
from crm import preferences, scope
from crm.errors import DomainError
from crm.formfields import insert_buttons
from crm.http import paginate
from crm.keys import key_in
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
    key = key_in(request.GET.get("exclusion", ""))
    by = Exclusion.every.filter(pk=key).first() if key is not None else None
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


USED_BY: list[Callable[[], Mapping[str, list[str]]]] = []


def used_by(find: Callable[[], Mapping[str, list[str]]]) -> None:
    """Register who uses templates: it answers names by the code of the template, for the list of the settings."""
    if find not in USED_BY:
        USED_BY.append(find)


def placeholder_buttons() -> str:
    """What a letter may name; a press puts it where the cursor is, without scripts it is a list to type from."""
    return insert_buttons({name: item.label for name, item in PLACEHOLDERS.items()})


class TemplateForm(forms.ModelForm):
    """A letter with placeholders."""

    class Meta:
        model = MessageTemplate
        fields = ("name_ru", "name_en", *TEXTS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name_en"].required = False
        self.fields["text"].widget.attrs["rows"] = self.fields["text_en"].widget.attrs["rows"] = 12
        self.fields["text_en"].help_text = _("Left empty, the letter goes in Russian.")
        for name in TEXTS:
            self.fields[name].widget.attrs["data-complete"] = ""
        self.fields["text"].help_text = placeholder_buttons()

    def clean(self) -> dict[str, Any]:
        """Only placeholders that are known."""
        given = super().clean() or {}
        for name in TEXTS:
            try:
                check_text(given.get(name, ""))
            except DomainError as error:
                self.add_error(name, error.message)
        return given


def _template(row: Any) -> dict[str, Any]:
    preview = {"label": _("Preview"), "url": reverse("settings-template-preview", args=[row.pk]), "dialog": True}
    copy = {"label": _("Copy"), "url": f"{reverse('settings-templates-add')}?like={row.pk}", "dialog": True}
    users = sorted(name for names in _users().values() for name in names.get(row.pk, ()))
    used = _("Used by: %(names)s") % {"names": ", ".join(users)} if users else _("Used by no robot")
    return {"title": row.name, "notes": [row.subject, used], "links": [copy, preview]}


def _users() -> Mapping[int, Mapping[str, list[str]]]:
    """Who uses templates, asked once for a page."""
    return scope.remember("communications.used_by", lambda: {n: find() for n, find in enumerate(USED_BY)})


def _like(request: HttpRequest) -> MessageTemplate:
    """A new template, or a copy of the one that is named."""
    like = MessageTemplate.objects.filter(pk=request.GET.get("like", "")[:50]).first()
    if like is None:
        return MessageTemplate()
    return MessageTemplate(
        name_ru=_("%(name)s (copy)") % {"name": like.name_ru},
        name_en=f"{like.name_en} (copy)",
        **{name: getattr(like, name) for name in TEXTS},
    )


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
    blank=_like,
)

TRIED_ON = (RecordType.DEAL, RecordType.LEAD)
FOUND = 6


class PreviewForm(forms.Form):
    """Of which record the letter is: one found by words or number, the one named, or the latest."""

    kind = forms.ChoiceField(
        label=gettext_lazy("Record"), choices=[(kind.value, kind.label) for kind in TRIED_ON], required=False
    )
    q = forms.CharField(label=gettext_lazy("Name, number or phone"), max_length=100, required=False)
    language = forms.ChoiceField(
        label=gettext_lazy("Language"), choices=[("", "—"), *preferences.LANGUAGES], required=False
    )
    number = forms.IntegerField(min_value=1, max_value=2**62, required=False, widget=forms.HiddenInput)


def deal_to_try(user: Any, number: int | None = None) -> Any:
    """The deal in sight for which a template is tried: the one asked for, else the latest that has a contact."""
    rows: Any = record_model(RecordType.DEAL)._default_manager
    deals = rows.visible_to(user).alive().filter(contact__isnull=False).select_related("contact")
    return deals.filter(pk=number).first() if number else deals.order_by("-last_activity_at", "-id").first()


def records_to_try(user: Any, kind: str, query: str, number: int | None) -> list[Any]:
    """The records in sight for which a template is tried, the first of them shown; the latest where none is asked."""
    if kind == RecordType.DEAL and not query:
        return [deal] if (deal := deal_to_try(user, number)) is not None else []
    manager: Any = record_model(kind)._default_manager
    rows = manager.visible_to(user).alive().select_related("contact")
    rows = rows.filter(pk=number) if number else rows.search(query) if query else rows.filter(contact__isnull=False)
    return list(rows.order_by("-last_activity_at", "-id")[: FOUND if query else 1])


@settings_page
@require_safe
def template_preview(request: HttpRequest, pk: str) -> HttpResponse:
    """The letter for a real record: one found by words, the one asked for, else the latest that has a contact."""
    template = MessageTemplate.objects.filter(pk=pk).first()
    if template is None:
        raise Http404
    form = PreviewForm(request.GET)
    asked = form.cleaned_data if form.is_valid() else {}
    kind, query = asked.get("kind") or RecordType.DEAL, (asked.get("q") or "").strip()
    found = records_to_try(request.user, kind, query, asked.get("number"))
    record = found[0] if found else None
    language = asked.get("language") or language_for(getattr(record, "contact", None))
    context: dict[str, Any] = {
        "dialog_title": _("Preview: «%(template)s»") % {"template": template.name},
        "template": template,
        "form": PreviewForm(initial={"kind": kind, "q": query, "language": language}),
        "kind": kind,
        "language": language,
        "record": record,
        "others": found[1:],
        "dialog_back": reverse("settings-templates"),
    }
    if record is not None:
        contact: Contact | None = record.contact
        try:
            context["letter"] = render_letter(template, record, contact, language=language)
            context["to"] = getattr(contact, "email", "") or _("(the contact has no e-mail)")
        except DomainError as error:
            context["problem"] = error.message
    return dialogs.dialog(request, "communications/preview.html", context)
