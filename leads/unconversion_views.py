"""What a lead became, on the cards of both, and the way back (LEAD-10)."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from crm.errors import DomainError
from crm.models import RecordType
from crm.screens import access, dialogs
from crm.visibility import visible_record
from leads.models import Lead, LeadConversion
from leads.unconversion import KINDS, hindrances, latest_conversion, made_by, undo_conversion


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def lead_unconvert(request: HttpRequest, pk: int) -> HttpResponse:
    """What would be taken back, then taking it back; a sentence where something new hangs on it."""
    user: Any = request.user
    lead = access.find_to_change(RecordType.LEAD, pk, user)
    title = _("The conversion stays")
    if request.method == "POST":
        try:
            lead = undo_conversion(lead_id=lead.pk, by=user)
        except DomainError as error:
            return dialogs.message(request, error.message, title=title, status=error.status)
        text = _("The conversion was undone: the lead stands at «%(stage)s» again.") % {"stage": lead.stage_row.name}
        return dialogs.done(request, text, lead, go=True)
    conversion = latest_conversion(lead)
    if conversion is None:
        return dialogs.message(request, _("There is no conversion of this lead that could be undone."), title=title)
    if found := hindrances(conversion, user):
        text = _("Something new hangs on what the conversion made. Clear it away first, or leave it as it is.")
        return dialogs.message(request, text, title=title, reasons=found)
    context = {
        "dialog_title": _("Undo the conversion"),
        "dialog_submit": _("Undo the conversion"),
        "dialog_action": request.path,
        "dialog_back": lead.get_absolute_url(),
        "record": lead,
        "made": [row for row in made_by(conversion) if row.deleted_at is None],
        "kept": [row for row, is_made in _results(conversion, user) if not is_made],
    }
    return dialogs.dialog(request, "leads/unconvert.html", context)


def _results(conversion: LeadConversion, user: Any) -> list[tuple[Any, bool]]:
    """What the lead became, as far as the reader sees it, and whether the conversion made it."""
    found = [(kind, visible_record(kind, getattr(conversion, f"{kind}_id") or 0, user)) for kind in KINDS]
    return [(row, kind in conversion.snapshot["made"]) for kind, row in found if row is not None]


def _undo_url(conversion: LeadConversion, lead: Lead, user: Any) -> str:
    """The way back, only while there is one: what could but answer that the conversion stays is not offered."""
    if lead.is_open or hindrances(conversion, user):
        return ""
    return reverse("lead-unconvert", args=[lead.pk])


@login_required
@require_safe
def record_conversion(request: HttpRequest, record_type: str, pk: int) -> HttpResponse:
    """The panel on a lead's card (what it became) and on a deal's (of which leads it was made)."""
    user: Any = request.user
    if record_type not in {RecordType.LEAD, RecordType.DEAL}:
        raise Http404
    record = access.find(record_type, pk, user)
    rows = LeadConversion.objects.filter(undone_at=None).select_related("by")
    if record_type == RecordType.LEAD:
        found = [(row, record) for row in rows.filter(lead=record)[:1]]
    else:
        leads = Lead.objects.visible_to(user).alive().in_bulk(rows.filter(deal_id=pk).values_list("lead_id", flat=True))
        found = [(row, leads[row.lead_id]) for row in rows.filter(deal_id=pk) if row.lead_id in leads]
    may = access.changeable(Lead, [lead.pk for _row, lead in found], user)
    lines = [
        {
            "conversion": row,
            "lead": lead,
            "results": [result for result, _made in _results(row, user)] if record_type == RecordType.LEAD else [],
            "undo_url": _undo_url(row, lead, user) if lead.pk in may else "",
        }
        for row, lead in found
    ]
    return render(request, "leads/conversion_panel.html", {"record": record, "lines": lines})
