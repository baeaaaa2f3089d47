"""Screens of leads: list, board, card, new lead, editing. What every kind of record shares is in crm.screens."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import Role
from crm.duplicates import MATCHED_TYPES, duplicates_of
from crm.models import RecordType
from crm.screens import access, board, card, listing, pages
from crm.screens.matches import matches_context
from crm.screens.merging import undoable_merges
from crm.visibility import visible_record
from leads.forms import LeadForm, QuickLeadForm
from leads.models import Lead
from leads.qualification import missing_minimum
from leads.rights import may_convert
from leads.screens import SCREEN
from leads.services import PIPELINE, lead_create
from leads.stages import CONTACT_SAVED, CONVERTED
from objects_registry.record_views import object_url, object_warning

SPAM = {"name": "spam", "label": gettext_lazy("Spam / not a client"), "icon": "ban", "danger": True}
TIES = (("contact", gettext_lazy("Contact")), ("company", gettext_lazy("Company")), ("object", gettext_lazy("Object")))


@login_required
@require_safe
def lead_list(request: HttpRequest) -> HttpResponse:
    """Leads as a table."""
    page = {
        "heading": _("Leads"),
        "create_url": reverse("lead-create") if SCREEN.may_create(request.user) else "",
        "create_label": _("New lead"),
        "more_actions": [SPAM | {"url": reverse("lead-bulk-spam")}] if may_mark_spam(request) else (),
    }
    return listing.list_answer(request, SCREEN, page)


@login_required
@require_safe
def lead_board(request: HttpRequest) -> HttpResponse:
    """Leads by stage."""
    deeds = [SPAM | {"url": reverse("lead-spam", args=[0])}] if may_mark_spam(request) else ()
    extra = {"may_create": SCREEN.may_create(request.user), "board_deeds": deeds}
    return board.board_answer(request, SCREEN, "leads/board.html", extra)


def may_mark_spam(request: HttpRequest) -> bool:
    """In the manufacturer's own pipeline, for its own people."""
    user: Any = request.user
    is_own = request.GET.get("pipeline", PIPELINE) == PIPELINE
    return is_own and user.role not in {Role.PARTNER, Role.PARTNER_CONTROL}


@login_required
@require_safe
def lead_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """The card of a lead; the address of a merged one leads to the main one."""
    user: Any = request.user
    lead, main = access.find_or_merged(SCREEN.record_type, pk, user)
    if main is not None:
        return HttpResponseRedirect(main.get_absolute_url())
    context = card.card_context(request, SCREEN, lead)
    may = context["may_change"]
    ends = {stage.code for stage in context["close_stages"]}
    # The conversion is the way to these stages: they have no button of their own in the bar.
    dialogs_own = SCREEN.stage_dialogs.keys()
    context["close_stages"] = [stage for stage in context["close_stages"] if stage.code not in dialogs_own]
    context |= {
        "ties": ties(lead, user),
        "merges": undoable_merges(lead, user),
        "call_phone": lead.phone,
        "missing": missing_minimum(lead) if lead.is_open and lead.partner_id is None else [],
        "may_hand_over": may and may_convert(user) and lead.is_open and lead.partner_id is None,
        "convert_url": reverse("lead-convert", args=[pk]) if CONVERTED in ends else "",
        "save_contact_url": f"{reverse('lead-convert', args=[pk])}?to={CONTACT_SAVED}" if CONTACT_SAVED in ends else "",
        "link_url": reverse("lead-link", args=[pk]) if may and lead.is_open and lead.partner_id is None else "",
        "is_linked": lead.contact_id is not None or lead.company_id is not None,
        "spam_url": reverse("lead-spam", args=[pk]) if may and lead.is_open and lead.partner_id is None else "",
        "object_url": object_url(lead, user, may_change=may),
        "warnings_url": reverse("lead-warnings", args=[pk]) if lead.is_open else "",
    }
    return render(request, "leads/detail.html", context)


def ties(lead: Lead, user: Any) -> list[dict[str, Any]]:
    """What the lead hangs together with, as far as the reader may see it."""
    found = [(str(label), access.tie(lead, name, user)) for name, label in TIES]
    for label, pk in ((_("Deal"), lead.deal_id), (_("Mother deal"), lead.mother_deal_id)):
        found.append((label, visible_record(RecordType.DEAL, pk, user) if pk else None))
    return [
        {"label": label, "title": str(row), "url": row.get_absolute_url()} for label, row in found if row is not None
    ]


@login_required
@require_safe
def lead_warnings(request: HttpRequest, pk: int) -> HttpResponse:
    """Known clients and objects that this lead may be about; fetched by the card after it is shown."""
    user: Any = request.user
    lead = access.find(SCREEN.record_type, pk, user)
    may = access.may_change(lead, user)
    found: list[Any] = []
    if lead.is_open:
        # A lead with a client has only its own kind to be compared with.
        is_linked = lead.contact_id is not None or lead.company_id is not None
        found = duplicates_of(lead, user, record_types=(RecordType.LEAD,) if is_linked else MATCHED_TYPES)
    link_url = reverse("lead-link", args=[pk]) if may else ""
    context = {
        "matches": matches_context(found, link_url=link_url, record=lead, user=user),
        "object_warning": object_warning(lead, user),
        "object_url": object_url(lead, user, may_change=may),
    }
    return render(request, "crm/warnings.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def lead_create_page(request: HttpRequest) -> HttpResponse:
    """A new lead: two fields in the dialog, all of them on the page."""
    user: Any = request.user
    if not SCREEN.may_create(request.user):
        raise PermissionDenied
    quick = "full" not in request.GET
    form: Any
    if quick:
        form = QuickLeadForm(request.POST or None)
    else:
        first = {name: request.GET[name] for name in ("name", "phone", "request_text") if request.GET.get(name)}
        form = LeadForm(request.POST or None, record=Lead(), user=user)
        form.initial |= first

    def make(values: dict[str, Any]) -> Lead:
        given = {name: value for name, value in values.items() if value not in (None, "")}
        return lead_create(by=user, data=given)

    return pages.create_page(request, SCREEN, form, make, title=_("New lead"), quick=quick)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def lead_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """All fields of a lead."""
    return pages.edit_page(request, SCREEN, pk, LeadForm)
