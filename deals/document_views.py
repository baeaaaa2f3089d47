"""Documents of a deal: make one and send it at once, look at it before; then paid, signed, void."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from communications.addressees import no_address
from crm.errors import DomainError, MissingField, MissingFields
from crm.models import RecordType
from crm.screens import access, dialogs
from crm.screens.forms import MoveForm, add_errors
from deals.document_content import gaps_of
from deals.document_forms import DocumentForm, PaymentForm, SignatureForm, VoidForm
from deals.document_sending import document_make_and_send, stage_after
from deals.document_states import asked_on_the_way, document_pay, document_sign, document_void, way_to_win
from deals.documents import document_create, document_preview, latest_of, require_makeable
from deals.models import Deal, Document

Kind = Document.Kind


def find_document(request: HttpRequest, pk: int, document_pk: int) -> Document:
    """A document of a deal that the person may change; 404 for one out of sight, of another deal, and for partners."""
    user: Any = request.user
    deal = access.find_to_change(RecordType.DEAL, pk, user)
    document: Document | None = Document.objects.visible_to(user).filter(deal=deal.pk, pk=document_pk).first()
    if document is None:
        raise Http404
    document.deal = deal
    return document


def _deal_and_kind(request: HttpRequest, pk: int, kind: str) -> Deal:
    if kind not in Kind.values:
        raise Http404
    deal: Deal = access.find_to_change(RecordType.DEAL, pk, request.user)  # type: ignore[arg-type]
    return deal


def asked_form(request: HttpRequest, deal: Deal, missing: list[MissingField]) -> MoveForm | None:
    """The fields that the stages to come ask for; filled in where the dialog has shown them."""
    if request.method == "POST" and "fields" not in request.POST:
        return None
    user: Any = request.user
    form = MoveForm(request.POST or None, record=deal, missing=missing, user=user)
    return form if form.can_be_filled else None


def asked_by_stage(request: HttpRequest, deal: Deal, kind: str) -> MoveForm | None:
    """The fields that the stage to which sending moves the deal asks for."""
    from crm import stages

    target = stage_after(deal, kind, request.user)
    if target is None:
        return None
    return asked_form(request, deal, stages.missing_fields(deal, target, request.user))


def place_errors(
    request: HttpRequest, deal: Deal, error: DomainError, form: forms.Form, asked: MoveForm | None
) -> MoveForm | None:
    """Put a refusal where it can be mended; answers the form of the fields that are asked for, where there is one."""
    if isinstance(error, MissingFields):
        if asked is None:
            user: Any = request.user
            asked = MoveForm(record=deal, missing=error.missing, user=user)
        form.add_error(None, error.message)
        return asked if asked.can_be_filled else None
    at_field = asked is not None and any(str(row.get("pointer")).startswith("/data") for row in error.errors)
    add_errors(asked if asked is not None and at_field else form, error)
    return asked


def are_valid(*forms_: forms.Form | None) -> bool:
    """Is every form that there is filled in rightly? All are looked at, so that each shows what is wrong."""
    found = [form.is_valid() for form in forms_ if form is not None]
    return all(found)


def moved_text(deal: Deal, before: str) -> str:
    """That the deal stands elsewhere now, for the message; nothing where it does not."""
    after = deal.stage_row
    if after.key == before:
        return ""
    return " " + _("«%(record)s» → «%(stage)s»") % {"record": deal, "stage": after.name}


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def deal_document(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    """The dialog of a new document: two presses make it and send it."""
    deal = _deal_and_kind(request, pk, kind)
    try:
        require_makeable(deal, kind)
    except DomainError as error:
        return dialogs.message(request, error.message)
    form = DocumentForm(request.POST or None, deal=deal, kind=kind)
    is_sending = request.method != "POST" or "send" in request.POST
    has_address = len(form.fields["address"].choices) > 1  # type: ignore[attr-defined]
    asked = asked_by_stage(request, deal, kind) if is_sending and has_address else None
    if form.is_bound and are_valid(form, asked):
        before = deal.stage
        try:
            made = _make(request, deal, form, asked)
        except DomainError as error:
            asked = place_errors(request, deal, error, form, asked)
        else:
            text = _("%(kind)s %(number)s is made.") % {"kind": form.kind.label, "number": made.label}
            if made.sent_to:
                text = _("%(quote)s is on its way to %(address)s.") % {"quote": made.label, "address": made.sent_to}
            return dialogs.done(request, text + moved_text(made.deal, before), deal)
    last = latest_of(deal, kind)
    context = {
        "dialog_title": form.kind.label if last is None else _("%(kind)s: after %(number)s") % {
            "kind": form.kind.label, "number": last.label,
        },
        "form": form, "asked": asked, "to_stage": stage_after(deal, kind, request.user), "gaps": gaps_of(deal, kind),
        "no_address": "" if has_address else no_address(deal),
        "dialog_action": request.path, "dialog_back": deal.get_absolute_url(),
        "preview_url": reverse("deal-document-preview", args=[pk, kind]),
    }  # fmt: skip
    return dialogs.dialog(request, "deals/document.html", context, status=422 if form.is_bound else 200)


def _make(request: HttpRequest, deal: Deal, form: DocumentForm, asked: MoveForm | None) -> Document:
    address = form.cleaned_data["address"] if "send" in request.POST else ""
    if not address:
        return document_create(deal, by=request.user, wish=form.wish(), is_new=form.is_new)
    return document_make_and_send(
        deal, by=request.user, wish=form.wish(), is_new=form.is_new, address=address,
        data=asked.values() if asked else None,
    )  # fmt: skip


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def deal_document_preview(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    """The file as it would be, shown in the browser; nothing is kept and no number is taken.

    With what the dialog says where that is posted, else with the usual terms.
    """
    deal = _deal_and_kind(request, pk, kind)
    form = DocumentForm(request.POST if request.method == "POST" else {"document-language": "ru"}, deal=deal, kind=kind)
    if request.method != "POST":
        form.data = {**form.data, "document-terms": form.fields["terms"].initial}
    if not form.is_valid():
        return dialogs.message(request, str(next(iter(form.errors.values()))[0]))
    try:
        made = document_preview(deal, wish=form.wish())
    except DomainError as error:
        return dialogs.message(request, error.message)
    return HttpResponse(
        made, content_type="application/pdf", headers={"Content-Disposition": f'inline; filename="{kind}.pdf"'}
    )


# -- what becomes of it -----------------------------------------------------------------------------------------------


def _deed(
    request: HttpRequest,
    document: Document,
    form: forms.Form,
    do: Callable[[], Document],
    context: dict[str, Any],
    asked: MoveForm | None = None,
) -> HttpResponse:
    """A dialog with one form that changes a document."""
    deal = document.deal
    before = deal.stage
    if form.is_bound and are_valid(form, asked):
        try:
            made = do()
        except DomainError as error:
            asked = place_errors(request, deal, error, form, asked)
        else:
            return dialogs.done(request, context["done"] + moved_text(made.deal, before), deal)
    shown = {
        "form": form, "asked": asked, "document": document, "dialog_action": request.path,
        "dialog_back": deal.get_absolute_url(), "dialog_size": "dialog-small", **context,
    }  # fmt: skip
    return dialogs.dialog(request, "deals/document_deed.html", shown, status=422 if form.is_bound else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def deal_document_void(request: HttpRequest, pk: int, document_pk: int) -> HttpResponse:
    """Why a document is void."""
    document = find_document(request, pk, document_pk)
    form = VoidForm(request.POST or None)

    def do() -> Document:
        return document_void(document, reason=form.cleaned_data["reason"], by=request.user)

    context = {
        "dialog_title": _("Declare %(document)s void") % {"document": document.title},
        "dialog_submit": _("Declare void"),
        "dialog_danger": True,
        "done": _("%(document)s is void.") % {"document": document.title},
    }
    return _deed(request, document, form, do, context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def deal_document_pay(request: HttpRequest, pk: int, document_pk: int) -> HttpResponse:
    """How much of an invoice is paid."""
    document = find_document(request, pk, document_pk)
    form = PaymentForm(request.POST or None, document=document)

    def do() -> Document:
        return document_pay(document, **form.cleaned_data, by=request.user)

    context = {
        "dialog_title": _("Payment of %(document)s") % {"document": document.title},
        "dialog_submit": _("Save"),
        "done": _("The payment of %(document)s is noted.") % {"document": document.title},
    }
    return _deed(request, document, form, do, context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def deal_document_sign(request: HttpRequest, pk: int, document_pk: int) -> HttpResponse:
    """A contract is signed: day, number, scan, and the deal's way to its success."""
    document = find_document(request, pk, document_pk)
    form = SignatureForm(request.POST or None, request.FILES or None, document=document)
    asked = asked_form(request, document.deal, asked_on_the_way(document.deal, request.user))
    way = way_to_win(document.deal, request.user)

    def do() -> Document:
        data = asked.values() if asked else None
        return document_sign(document, **form.cleaned_data, by=request.user, data=data)

    context = {
        "dialog_title": _("%(document)s is signed") % {"document": document.title},
        "dialog_submit": _("Save"),
        "to_stage": way[-1] if way else None,
        "done": _("%(document)s is marked as signed.") % {"document": document.title},
    }
    return _deed(request, document, form, do, context, asked)
