"""Dialogs of hand-over and recall, and the partner panel on the cards of leads and deals."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import Role, User
from communications.contact_proof import unrecorded
from crm import clock, norms
from crm.actors import Actor
from crm.errors import DomainError
from crm.models import RecordType
from crm.screens import dialogs
from crm.screens.forms import add_errors
from crm.visibility import visible_record
from partners.forms import HandOnForm, HandOverForm, RecallForm
from partners.handoff import hand_on, hand_over, recall
from partners.models import Handoff
from partners.rights import may_control, may_hand_over, may_recall, require_hander
from partners.selectors import comment_for, handoffs_for, handoffs_of, twin_of

KINDS = (RecordType.LEAD, RecordType.DEAL)


def _dialog(request: HttpRequest, form: forms.Form, title: str, submit: str, back: str) -> HttpResponse:
    context = {
        "dialog_title": title, "form": form, "dialog_action": request.path, "dialog_submit": submit,
        "dialog_back": back,
    }  # fmt: skip
    return dialogs.dialog(request, "components/dialog.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def record_hand_over(request: HttpRequest, record_type: str, pk: int) -> HttpResponse:
    """Give a lead or a deal to a partner."""
    user: Any = request.user
    record = visible_record(record_type, pk, user)
    if record is None:
        raise Http404
    require_hander(Actor.of(user), record)
    form = HandOverForm(request.POST or None, user=user)
    if form.is_bound and form.is_valid():
        try:
            done = hand_over(record=record, by=user, **form.cleaned_data)
        except DomainError as error:
            add_errors(form, error)
        else:
            text = _("«%(record)s» is with the partner «%(partner)s».") % {"record": record, "partner": done.partner}
            if visible_record(record_type, pk, user) is None:
                # Control saw the record only while it waited: it goes on with the next one.
                return dialogs.done(request, text, to=reverse("partner-waiting"), go=True)
            return dialogs.done(request, text, record)
    return _dialog(request, form, _("Hand over to a partner"), _("Hand over"), record.get_absolute_url())


def _find_handoff(user: User, pk: int) -> Handoff:
    handoff = handoffs_for(user).filter(pk=pk).first()
    if handoff is None:
        raise Http404
    if not may_recall(user, handoff):
        raise PermissionDenied
    return handoff


def _back(user: User, handoff: Handoff) -> Any:
    """The manufacturer's record where the person sees it, else the partner's."""
    return visible_record(handoff.record_type, handoff.record_id, user) or twin_of(user, handoff)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def handoff_recall(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a record back from a partner, with a reason."""
    user: Any = request.user
    handoff = _find_handoff(user, pk)
    record = _back(user, handoff)
    form = RecallForm(request.POST or None)
    if form.is_bound and form.is_valid():
        try:
            recall(handoff_id=handoff.pk, by=user, reason=form.cleaned_data["reason"])
        except DomainError as error:
            add_errors(form, error)
        else:
            text = _("The record is taken back from the partner.")
            if user.role == Role.PARTNER_CONTROL:
                text = _("The record is taken back. It waits under “To hand over” until somebody goes on with it.")
            return dialogs.done(request, text, record)
    title = _("Take back from «%(partner)s»") % {"partner": handoff.partner}
    return _dialog(request, form, title, _("Take back"), record.get_absolute_url())


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def handoff_hand_on(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a record back and give it to another partner in one step."""
    user: Any = request.user
    handoff = _find_handoff(user, pk)
    record = _back(user, handoff)
    form = HandOnForm(request.POST or None, user=user, without=handoff.partner)
    if form.is_bound and form.is_valid():
        try:
            fresh = hand_on(handoff_id=handoff.pk, by=user, **form.cleaned_data)
        except DomainError as error:
            add_errors(form, error)
        else:
            text = _("The record is with the partner «%(partner)s» now.") % {"partner": fresh.partner}
            return dialogs.done(request, text, record)
    title = _("From «%(partner)s» to another partner") % {"partner": handoff.partner}
    return _dialog(request, form, title, _("Hand on"), record.get_absolute_url())


@login_required
@require_safe
def partner_panel(request: HttpRequest, record_type: str, pk: int) -> HttpResponse:
    """What a card shows of the partner's work: where it stands, for how long, and how to take it back."""
    user: Any = request.user
    record = visible_record(record_type, pk, user) if record_type in KINDS else None
    if record is None:
        raise Http404
    handoffs = handoffs_of(user, record)
    if not handoffs:
        return HttpResponse("")
    context = {
        "record": record,
        "lines": [_line(user, handoff) for handoff in handoffs],
        "is_partner": user.is_partner,
        "hand_over_url": _hand_over_url(user, record, handoffs),
    }
    return render(request, "partners/panel.html", context)


def _hand_over_url(user: User, record: Any, handoffs: list[Handoff]) -> str:
    """For control, which has no buttons of its own on the manufacturer's card; the others find it in the heading."""
    if user.role != Role.PARTNER_CONTROL or any(row.state == Handoff.State.ACTIVE for row in handoffs):
        return ""
    may = record.is_open and may_hand_over(user, record)
    return reverse(f"{record.RECORD_TYPE}-hand-over", args=[record.pk]) if may else ""


def _line(user: User, handoff: Handoff) -> dict[str, Any]:
    twin = twin_of(user, handoff)
    active = handoff.state == Handoff.State.ACTIVE
    may = active and may_recall(user, handoff)
    origin = None if user.is_partner else visible_record(handoff.record_type, handoff.record_id, user)
    stage = twin.stage_row if twin is not None else _stage_of(handoff)
    entered = twin.stage_entered_at if twin is not None else None
    due = norms.due(stage, entered) if stage is not None and entered is not None else None
    return {
        "handoff": handoff,
        "comment": comment_for(user, handoff),
        "active": active,
        "twin": twin,
        "origin": origin,
        "stage": stage,
        "entered": entered,
        "late": bool(active and due and clock.now() > due),
        "due": due,
        "unrecorded": _is_unrecorded(user, twin),
        "remind_url": _remind_url(user, twin) if active else "",
        "recall_url": reverse("handoff-recall", args=[handoff.pk]) if may else "",
        "hand_on_url": reverse("handoff-hand-on", args=[handoff.pk]) if may else "",
    }


def _is_unrecorded(user: User, twin: Any) -> bool:
    """Is the partner's record said to be contacted, and nothing says so? For the manufacturer to ask."""
    if twin is None or user.is_partner:
        return False
    rows = type(twin)._default_manager.filter(unrecorded(twin.RECORD_TYPE), pk=twin.pk)
    return bool(rows.exists())


def _remind_url(user: User, twin: Any) -> str:
    if twin is None or not twin.is_open or not may_control(user):
        return ""
    return reverse("record-remind", args=[twin.RECORD_TYPE, twin.pk])


def _stage_of(handoff: Handoff) -> Any:
    """The stage of a twin that the person may not open: a manager sees how far the partner is, no more."""
    from crm import pipelines
    from crm.models import record_model

    rows: Any = record_model(handoff.record_type)._default_manager
    key = rows.filter(pk=handoff.twin_id).values_list("stage", flat=True).first()
    return pipelines.stage(key) if key else None
