"""The dialog that sends a document to the client."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from communications.addressees import addressees, no_address
from communications.templates_render import MissingValue
from crm.errors import DomainError
from crm.screens import dialogs
from crm.screens.forms import MoveForm
from deals.document_forms import LetterForm
from deals.document_sending import document_send, letter_of, require_sendable, stage_after
from deals.document_views import are_valid, asked_by_stage, find_document, moved_text, place_errors
from deals.models import Document


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def deal_document_send(request: HttpRequest, pk: int, document_pk: int) -> HttpResponse:
    """The letter, proposed from the template; where the deal's next stage asks for fields, with them."""
    document = find_document(request, pk, document_pk)
    deal = document.deal
    try:
        require_sendable(document, deal)
    except DomainError as error:
        return dialogs.message(request, error.message)
    if not addressees(deal):
        return dialogs.message(request, no_address(deal))
    asked = asked_by_stage(request, deal, document.kind)
    if request.method != "POST":
        return _shown(request, document, _proposed(document), asked, status=200)
    form = LetterForm(request.POST, deal=deal)
    if are_valid(form, asked):
        before = deal.stage
        try:
            data = asked.values() if asked else None
            made = document_send(document, **form.cleaned_data, by=request.user, data=data)
        except DomainError as error:
            asked = place_errors(request, deal, error, form, asked)
        else:
            text = _("%(quote)s is on its way to %(address)s.") % {"quote": made.label, "address": made.sent_to}
            return dialogs.done(request, text + moved_text(made.deal, before), deal)
    return _shown(request, document, form, asked)


def _proposed(document: Document) -> LetterForm:
    """The template's words; where it asks for what the deal lacks, an empty letter and the reason."""
    try:
        letter = letter_of(document)
    except MissingValue as error:
        form = LetterForm(deal=document.deal)
        form.fields["text"].help_text = error.message
        return form
    return LetterForm(deal=document.deal, initial={"subject": letter.subject, "text": letter.text})


def _shown(
    request: HttpRequest, document: Document, form: LetterForm, asked: MoveForm | None, *, status: int = 422
) -> HttpResponse:
    context: dict[str, Any] = {
        "dialog_title": _("Send %(quote)s") % {"quote": document.label},
        "form": form,
        "asked": asked,
        "document": document,
        "to_stage": stage_after(document.deal, document.kind, request.user),
        "dialog_action": request.path,
        "dialog_back": document.deal.get_absolute_url(),
        "dialog_submit": _("Send"),
    }
    return dialogs.dialog(request, "deals/document_send.html", context, status=status)
