"""Screens of deals: list, board, card, new deal, editing. What every kind of record shares is in crm.screens."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from crm import pipelines
from crm.errors import DomainError
from crm.keys import key_in
from crm.models import RecordType
from crm.screens import access, board, card, dialogs, listing, pages
from crm.visibility import visible_record
from deals import money
from deals.document_list import document_rows
from deals.documents import has_stage_for, is_makeable
from deals.forms import AmountForm, DealForm, LineFormSet, QuickDealForm, arranged, posted_rows
from deals.models import Deal, Document
from deals.screens import SCREEN
from deals.services import LINE_FIELDS, deal_create, deal_lines_set
from objects_registry.record_views import object_url, object_warning

LINE_COLUMNS = ("product", *LINE_FIELDS)


@login_required
@require_safe
def deal_list(request: HttpRequest) -> HttpResponse:
    """Deals as a table."""
    page = {
        "heading": _("Deals"),
        "create_url": reverse("deal-create") if SCREEN.may_create(request.user) else "",
        "create_label": _("New deal"),
    }
    return listing.list_answer(request, SCREEN, page)


@login_required
@require_safe
def deal_board(request: HttpRequest) -> HttpResponse:
    """Deals by stage, with their sums."""
    return board.board_answer(request, SCREEN, "deals/board.html", {"may_create": SCREEN.may_create(request.user)})


@login_required
@require_safe
def deal_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """The card of a deal; the address of a merged one leads to the main one."""
    user: Any = request.user
    deal, main = access.find_or_merged(SCREEN.record_type, pk, user)
    if main is not None:
        return HttpResponseRedirect(main.get_absolute_url())
    prefetch_related_objects([deal], "lines")  # the amount and the table below it read the same rows
    context = card.card_context(request, SCREEN, deal)
    may = context["may_change"]
    may_carry_on = may and deal.is_open and deal.partner_id is None
    client = deal.contact or deal.company
    context |= {
        "ties": ties(deal, user),
        **papers(deal, user, may_change=may, has_files=bool(context["files"])),
        "may_switch": may_carry_on and listing.has_directions("deal", user),
        "may_hand_over": may_carry_on,
        "call_phone": client.phone if client else "",
        "client_email": client.email if client else "",
        "object_url": object_url(deal, user, may_change=may),
        "warnings_url": reverse("deal-warnings", args=[pk]) if deal.is_open and deal.object_id is None else "",
    }
    return render(request, "deals/detail.html", context)


ICONS = {
    Document.Kind.QUOTE: "file-text",
    Document.Kind.CONTRACT: "contract",
    Document.Kind.INVOICE: "file-invoice",
}


def papers(deal: Deal, user: Any, *, may_change: bool, has_files: bool) -> dict[str, Any]:
    """The lines of a deal, its documents and what can be made of them; partners have no documents of ours."""
    may_make = may_change and not user.is_partner
    # Each document has its file among the deal's: without files there is none to ask for.
    rows = deal.documents.select_related("letter", "sent_by") if has_files and not user.is_partner else []
    documents = document_rows(rows)
    # What was lost or is a partner's has its papers, and nothing more is done with them.
    live = {kind for kind in Document.Kind.values if may_make and has_stage_for(deal, kind)}
    for row in documents:
        row["may_act"] = row["document"].kind in live and row["state"] not in {"replaced", "void"}
    return {
        "lines": list(deal.lines.all()),
        "totals": money.totals_of(deal.lines.all()),
        "lines_url": reverse("deal-lines", args=[deal.pk]) if may_change and deal.is_open else "",
        "documents": [row for row in documents if row["state"] not in {"replaced", "void"}],
        "former_documents": [row for row in documents if row["state"] in {"replaced", "void"}],
        "overdue": [row["document"] for row in documents if row["state"] == "overdue"],
        "makes": [
            {"label": kind.label, "url": reverse("deal-document", args=[deal.pk, kind]), "icon": icon}
            for kind, icon in ICONS.items()
            if kind in live and is_makeable(deal, kind)
        ],
    }


def ties(deal: Deal, user: Any) -> list[dict[str, Any]]:
    """What the deal hangs together with beyond its client, as far as the reader may see it."""
    mother = visible_record(RecordType.DEAL, deal.mother_id, user) if deal.mother_id else None
    found = [(_("Object"), access.tie(deal, "object", user)), (_("Mother deal"), mother)]
    return [
        {"label": label, "title": str(row), "url": row.get_absolute_url()} for label, row in found if row is not None
    ]


@login_required
@require_safe
def deal_warnings(request: HttpRequest, pk: int) -> HttpResponse:
    """Objects that this deal may be about (DEAL-3); fetched by the card after it is shown."""
    user: Any = request.user
    deal = access.find(SCREEN.record_type, pk, user)
    context = {
        "object_warning": object_warning(deal, user),
        "object_url": object_url(deal, user, may_change=access.may_change(deal, user)),
    }
    return render(request, "crm/warnings.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def deal_lines(request: HttpRequest, pk: int) -> HttpResponse:
    """The products and services of a deal, all of them at once."""
    user: Any = request.user
    deal = access.find_to_change(SCREEN.record_type, pk, user)
    known = {row.pk: {"row": row.pk, **{name: getattr(row, name) for name in LINE_COLUMNS}} for row in deal.lines.all()}
    moved = arranged(request.POST, "lines") if request.method == "POST" else None
    is_kept = request.method == "POST" and moved is None
    first = moved if moved is not None else list(known.values())
    if is_kept:
        first = [known.get(key_in(row["row"]), {}) for row in posted_rows(request.POST, "lines")]
    rows = LineFormSet(request.POST if is_kept else None, initial=first, prefix="lines", form_kwargs={"user": user})
    if "add" in request.POST:
        next(iter(rows.forms[-1].visible_fields())).field.widget.attrs["autofocus"] = True
    is_following = "takes_amount" in request.POST if moved is not None else not deal.amount_is_manual
    amount = AmountForm(request.POST if is_kept else None, initial={"takes_amount": is_following})
    problem = ""
    if rows.is_bound and rows.is_valid() and amount.is_valid():
        given = [row.cleaned_data for row in rows if row.cleaned_data.get("name") or row.cleaned_data.get("product")]
        try:
            deal_lines_set(deal, by=user, lines=given, takes_amount=amount.cleaned_data["takes_amount"])
        except DomainError as error:
            problem = error.message
        else:
            return dialogs.done(request, _("Products and services are saved."), deal)
    context = {
        "dialog_title": _("Products and services"),
        "dialog_size": "dialog-wide",
        "dialog_action": request.path,
        "dialog_back": deal.get_absolute_url(),
        "rows": rows,
        "amount_form": amount,
        "problem": problem,
    }
    return dialogs.dialog(request, "deals/lines.html", context, status=422 if rows.is_bound else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def deal_create_page(request: HttpRequest) -> HttpResponse:
    """A new deal: a few fields in the dialog, all of them on the page."""
    user: Any = request.user
    if not SCREEN.may_create(request.user):
        raise PermissionDenied
    quick = "full" not in request.GET
    form: Any
    if quick:
        form = QuickDealForm(request.POST or None, user=user)
        form.initial = {name: request.GET[name] for name in ("contact", "company") if request.GET.get(name)}
    else:
        form = DealForm(request.POST or None, record=Deal(), user=user)
    wanted = request.GET.get("pipeline", "")

    def make(values: dict[str, Any]) -> Deal:
        given = {name: value for name, value in values.items() if value not in (None, "")}
        if user.is_partner:
            return deal_create(by=user, data=given)
        own = [pipeline.code for pipeline in pipelines.pipelines_of(SCREEN.record_type, partner=False)]
        return deal_create(by=user, data=given, pipeline=wanted if wanted in own else own[0])

    return pages.create_page(request, SCREEN, form, make, title=_("New deal"), quick=quick)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def deal_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """All fields of a deal."""
    return pages.edit_page(request, SCREEN, pk, DealForm)
