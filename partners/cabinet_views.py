"""The partner's cabinet - new, in work, closed - and the manufacturer's control over all partners' records."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm import clock, norms, pipelines
from crm.errors import DomainError
from crm.http import paginate
from crm.keys import key_in
from crm.models import RecordType, Stage
from crm.screens import dialogs
from crm.screens.forms import add_errors
from crm.screens.list_files import FileColumn, file_asked, list_file
from crm.task_rows import client_name, phone_of
from crm.visibility import visible_record
from deals.models import Deal
from leads.models import Lead
from partners.accepting import handoff_accept, to_accept
from partners.control import Line, control_lines
from partners.forms import FeedbackForm
from partners.reminding import partner_remind, reminded_at, waiting_at_partners
from partners.rights import may_control
from partners.selectors import feedback_queue, handoffs_waiting, origins_in_bulk
from partners.services import feedback_set
from partners.stages import BY_KIND, CONTACTED, PARTNER_DEAL, WON
from partners.views import controllers_only, find_partner

TITLES = {
    "new": gettext_lazy("New requests"),
    "work": pgettext_lazy("requests", "In work"),
    "closed": pgettext_lazy("requests", "Closed"),
}
ROWS = 50
# So many of those who wait stand on the page of control.
LONGEST = 20


def keys_of(pipeline: str, state: str) -> list[str]:
    """The stages that count as new, in work or closed."""
    row = [stage for stage in pipelines.all_stages() if stage.pipeline_id == pipeline]
    if state == "new":
        return [stage.key for stage in row if stage.is_start]
    return [stage.key for stage in row if stage.is_open == (state == "work") and not stage.is_start]


@login_required
@require_safe
def partner_cabinet(request: HttpRequest, state: str) -> HttpResponse:
    """A partner's requests by state, the phone first; who has waited longest stands on top."""
    user: Any = request.user
    if not user.is_partner:
        raise PermissionDenied
    if state not in TITLES:
        raise Http404
    parts = []
    for record_type, label, rows in (
        (RecordType.DEAL, _("Deals"), Deal.objects.all().visible_to(user)),
        (RecordType.LEAD, _("Leads"), Lead.objects.all().visible_to(user)),
    ):
        keys = keys_of(BY_KIND[record_type], state)
        found = rows.alive().filter(stage__in=keys).select_related("contact", "company", "purpose", "responsible")
        order = ("-closed_at", "-id") if state == "closed" else ("stage_entered_at", "id")
        page = paginate(request, found.defer("request_text", "search_text").order_by(*order), ROWS)
        waiting = to_accept(page) if state == "new" else set()
        ahead = _next_stage(record_type) if state == "new" else None
        query = "&".join(f"stage={key}" for key in keys)
        parts.append(
            {
                "label": label,
                "count": page.count,
                "rows": [_row(row) | {"to_accept": (record_type, row.pk) in waiting, "ahead": ahead} for row in page],
                "more_url": f"{reverse(f'{record_type}-list')}?{query}" if page.has_next else "",
            }
        )
    context = {
        "state": state,
        "title": TITLES[state],
        "parts": parts,
        "total": sum(int(str(part["count"])) for part in parts),
    }
    return render(request, "partners/cabinet.html", context)


def _next_stage(record_type: RecordType) -> Stage:
    """Where a new request goes on to once its client is called."""
    return pipelines.find_stage(BY_KIND[record_type], CONTACTED)


@login_required
@require_POST
def request_accept(request: HttpRequest, record_type: str, pk: int) -> HttpResponse:
    """Take a request that was handed over, in one press."""
    user: Any = request.user
    record = visible_record(record_type, pk, user)
    if record is None or record_type not in BY_KIND:
        raise Http404
    try:
        handoff_accept(record, by=user)
    except DomainError as error:
        return dialogs.message(request, error.message)
    text = _("«%(record)s» is yours. Call the client.") % {"record": record}
    return dialogs.done(request, text, record, to=reverse("partner-cabinet", args=["new"]))


def _row(record: Any) -> dict[str, Any]:
    stage: Stage = record.stage_row
    now, due = clock.now(), norms.due(stage, record.stage_entered_at)
    return {
        "record": record,
        "kind": record.RECORD_TYPE,
        "url": record.get_absolute_url(),
        "phone": phone_of(record),
        "client": client_name(record) or getattr(record, "name", ""),
        "stage": stage,
        "left": due - now if due and now <= due else None,
        "late": now - due if due and now > due else None,
        "next": record.next_activity_title,
        "next_at": record.next_activity_at,
    }


# -- control ----------------------------------------------------------------------------------------------------------


CONTROL_FILE = (
    FileColumn(gettext_lazy("Partner"), lambda line: line.partner.name),
    FileColumn(gettext_lazy("State"), lambda line: line.partner.get_state_display()),
    FileColumn(gettext_lazy("Open leads"), lambda line: line.leads.open, "number"),
    FileColumn(gettext_lazy("Leads: untouched"), lambda line: line.leads.fresh, "number"),
    FileColumn(gettext_lazy("Leads over the norm"), lambda line: line.leads.late, "number"),
    FileColumn(gettext_lazy("Leads without a call"), lambda line: line.leads.unrecorded, "number"),
    FileColumn(gettext_lazy("Open deals"), lambda line: line.deals.open, "number"),
    FileColumn(gettext_lazy("Deals: untouched"), lambda line: line.deals.fresh, "number"),
    FileColumn(gettext_lazy("Deals over the norm"), lambda line: line.deals.late, "number"),
    FileColumn(gettext_lazy("Deals without a call"), lambda line: line.deals.unrecorded, "number"),
    FileColumn(gettext_lazy("Deals won"), lambda line: line.deals.won, "number"),
)


@login_required
@require_safe
@controllers_only
def partner_control(request: HttpRequest) -> HttpResponseBase:
    """Every partner's open records in figures, those over the norm first; each figure opens its list."""
    user: Any = request.user
    lines = control_lines(user)
    if file_asked(request):
        return list_file(request, "partner-control", CONTROL_FILE, lines, about=_("Partners' records"))
    rows = waiting_at_partners(user)
    related = ("contact", "company", "purpose", "responsible", "partner")
    shown = {
        kind: list(found.select_related(*related).defer("request_text", "search_text")[:LONGEST])
        for kind, found in rows.items()
    }
    context = {
        "rows": [_control_row(line) for line in lines],
        "longest": _longest(shown),
        "waiting": handoffs_waiting(user).count(),
        "to_remind": sum(len(found) if len(found) < LONGEST else rows[kind].count() for kind, found in shown.items()),
        "feedback": feedback_queue(user).count(),
        "boards": [
            {"label": _("Board of deals"), "url": f"{reverse('deal-board')}?pipeline={PARTNER_DEAL}"},
            {"label": _("Board of leads"), "url": f"{reverse('lead-board')}?pipeline={BY_KIND[RecordType.LEAD]}"},
        ],
    }  # fmt: skip
    return render(request, "partners/control.html", context)


# What a figure is called where the table's head is not seen, on a phone.
LABELS: dict[str, tuple[Any, ...]] = {
    RecordType.LEAD: (
        gettext_lazy("Open leads"), gettext_lazy("Leads: untouched"), gettext_lazy("Leads over the norm"),
        gettext_lazy("Leads without a call"),
    ),
    RecordType.DEAL: (
        gettext_lazy("Open deals"), gettext_lazy("Deals: untouched"), gettext_lazy("Deals over the norm"),
        gettext_lazy("Deals without a call"),
    ),
}  # fmt: skip


def _longest(waiting: dict[RecordType, list[Any]]) -> list[dict[str, Any]]:
    """What has waited longest at partners, deals and leads alike, each to be reminded of by itself."""
    found = sorted((row for rows in waiting.values() for row in rows), key=lambda row: row.stage_entered_at)[:LONGEST]
    known = reminded_at(found)
    return [{**_row(row), "reminded": known.get((row.RECORD_TYPE, row.pk))} for row in found]


def _control_row(line: Line) -> dict[str, Any]:
    cells = []
    for kind, figures in ((RecordType.LEAD, line.leads), (RecordType.DEAL, line.deals)):
        pipeline = BY_KIND[kind]
        base = f"{reverse(f'{kind}-list')}?pipeline={pipeline}&partner={line.partner.pk}"
        start = keys_of(pipeline, "new")[0]
        names = LABELS[kind]
        cells += [
            {"label": names[0], "value": figures.open, "url": f"{base}&kind=open"},
            {"label": names[1], "value": figures.fresh, "url": f"{base}&stage={start}"},
            {"label": names[2], "value": figures.late, "url": f"{base}&norm_exceeded=true", "bad": True},
            {"label": names[3], "value": figures.unrecorded, "url": f"{base}&unrecorded=true", "bad": True},
        ]
    deals = f"{reverse('deal-list')}?pipeline={PARTNER_DEAL}&partner={line.partner.pk}"
    won = {"value": line.deals.won, "url": f"{deals}&stage={PARTNER_DEAL}:{WON}"}
    return {
        "partner": line.partner,
        "cells": cells,
        "won": won,
        "sees_as": line.partner.active_users,  # type: ignore[attr-defined]
        "waits": line.late or line.leads.fresh + line.deals.fresh,
    }


@login_required
@require_POST
@controllers_only
def partners_remind(request: HttpRequest) -> HttpResponse:
    """Remind all partners, or with `partner` one, of what nobody has touched for a day or stands over the norm."""
    user: Any = request.user
    given = request.POST.get("partner", "")
    partner = find_partner(user, key_in(given) or 0) if given else None
    count = partner_remind(by=user, partner=partner)
    text = ngettext("Partners are reminded of %(count)s record.", "Partners are reminded of %(count)s records.", count)
    text %= {"count": count}
    if not count:
        text = _("Nobody is to be reminded: nothing waits, or they were reminded within the last four hours.")
    return dialogs.done(request, text, to=reverse("partner-control"))


@login_required
@require_POST
def record_remind(request: HttpRequest, record_type: str, pk: int) -> HttpResponse:
    """Remind the partner of this one record, whether it is late or not."""
    user: Any = request.user
    record = visible_record(record_type, pk, user)
    if record is None or record.partner_id is None or user.is_partner:
        raise Http404
    if not may_control(user):
        raise PermissionDenied
    text = _("«%(record)s» is finished: there is nothing to remind of.") % {"record": record}
    if record.is_open:
        text = _("«%(partner)s» was reminded of it within the last four hours.") % {"partner": record.partner}
        if partner_remind(by=user, records=[record]):
            text = _("«%(partner)s» is reminded of «%(record)s».") % {"partner": record.partner, "record": record}
    return dialogs.done(request, text, record, to=reverse("partner-control"))


@login_required
@require_safe
@controllers_only
def partner_feedback(request: HttpRequest) -> HttpResponse:
    """Whom the manufacturer calls after the sale (PART-5): who has waited longest stands on top."""
    user: Any = request.user
    page = paginate(request, feedback_queue(user), ROWS)
    return render(request, "partners/feedback.html", {"page": page, "rows": [_row(deal) for deal in page]})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def feedback_enter(request: HttpRequest, pk: int) -> HttpResponse:
    """The dialog of the call after the sale: two scores and what the client said."""
    user: Any = request.user
    deal = visible_record(RecordType.DEAL, pk, user)
    if deal is None or deal.partner_id is None or user.is_partner:
        raise Http404
    if not may_control(user):
        raise PermissionDenied
    first = {"product": deal.feedback_product, "partner": deal.feedback_partner, "text": deal.feedback_text}
    form = FeedbackForm(request.POST or None, initial=first)
    if form.is_bound and form.is_valid():
        try:
            feedback_set(deal, by=user, **form.cleaned_data)
        except DomainError as error:
            add_errors(form, error)
        else:
            return dialogs.done(request, _("The client's opinion is kept."), deal, to=reverse("partner-feedback"))
    context = {
        "dialog_title": _("Call after the sale: %(deal)s") % {"deal": deal},
        "form": form,
        "dialog_action": request.path,
        "dialog_back": reverse("partner-feedback"),
    }
    return dialogs.dialog(request, "components/dialog.html", context, status=422 if form.errors else 200)


@login_required
@require_safe
@controllers_only
def partner_waiting(request: HttpRequest) -> HttpResponse:
    """What came back from a partner and waits to be handed to another one (PART-4), who waits longest first."""
    user: Any = request.user
    page = paginate(request, handoffs_waiting(user), ROWS)
    handoffs = list(page)
    records = origins_in_bulk(user, handoffs)
    found = [(handoff, records.get((handoff.record_type, handoff.record_id))) for handoff in handoffs]
    rows = [
        {
            "handoff": handoff,
            "record": record,
            "hand_over_url": reverse(f"{handoff.record_type}-hand-over", args=[record.pk]),
        }
        for handoff, record in found
        if record is not None
    ]
    return render(request, "partners/waiting.html", {"page": page, "rows": rows})
