"""Robots in the browser: what happens next to a record, and the list of rules with their switches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Max, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from automation import schedule, services, standing
from automation.forecast import what_will_happen
from automation.models import Rule, RuleRun, ScheduledRun
from automation.selectors import expected_for, failed_for, planned_for
from automation.timeline import outcome_sentence
from automation.wording import sentence
from crm import clock
from crm.errors import DomainError
from crm.formfields import MomentField
from crm.http import paginate
from crm.models import StagedRecord
from crm.screens import access, dialogs
from crm.screens.forms import add_errors
from crm.views.settings_nav import settings_context, settings_page
from crm.visibility import visible_record


class PostponeForm(forms.Form):
    """When it is done instead."""

    due_at = MomentField(label=gettext_lazy("When"))


@login_required
@require_safe
def record_planned(request: HttpRequest, record_type: str, pk: int) -> HttpResponse:
    """What the robots are going to do for a record, and what they could not; nothing for partners."""
    user: Any = request.user
    record = visible_record(record_type, pk, user)
    if record is None:
        raise Http404
    if user.is_partner:
        return HttpResponse("")
    planned, failed, expected = planned_for(record), failed_for(record), expected_for(record)
    if not planned and not failed and not expected:
        return HttpResponse("")
    may = access.may_change(record, user)
    context = {
        "record": record,
        "planned": [_line(run, record) for run in planned],
        "failed": [_line(run, record) for run in failed],
        "expected": expected,
        "may_change": may,
    }
    return render(request, "automation/planned.html", context)


def _line(run: ScheduledRun, record: StagedRecord) -> dict[str, Any]:
    return {
        "run": run,
        "rule": run.rule,
        "what": what_will_happen(run.rule, record),
        "late": run.due_at < clock.now(),
        "shifted": schedule.is_shifted(run),
    }


def _act(request: HttpRequest, pk: int, act: Callable[[], Any], text: str) -> HttpResponse:
    """Do something to a planned run; out of reach is 404, refused is said."""
    try:
        run = act()
    except ScheduledRun.DoesNotExist as error:
        raise Http404 from error
    except DomainError as error:
        return dialogs.message(request, error.message, status=error.status)
    record = visible_record(run.record_type, run.record_id, request.user)  # type: ignore[arg-type]
    if record is None:
        return dialogs.done(request, text, to=reverse("web:home"), go=True)
    if run.state == ScheduledRun.State.FAILED:
        return dialogs.message(request, run.note, title=_("The robot could not do it"))
    return dialogs.done(request, text, record, to=_whence(request, record))


def _whence(request: HttpRequest, record: StagedRecord) -> str:
    """Where the answer leads without scripts: back to the page of all plans, else to the record."""
    plans = reverse("robots-planned")
    before = dialogs.back_of(request)
    if urlsplit(before).path == plans:
        return before
    return plans if request.GET.get("from") == "plans" else record.get_absolute_url()


@login_required
@require_POST
def run_skip(request: HttpRequest, pk: int) -> HttpResponse:
    """Do not do it this time."""
    return _act(request, pk, lambda: services.skip(pk, request.user), _("Skipped: the robot will not do it."))


@login_required
@require_POST
def run_now(request: HttpRequest, pk: int) -> HttpResponse:
    """Do it at once."""
    return _act(request, pk, lambda: services.run_now(pk, request.user), _("Done now instead of on its day."))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def run_postpone(request: HttpRequest, pk: int) -> HttpResponse:
    """Do it on another day."""
    user: Any = request.user
    # A partner learns of no robot of the manufacturer's, on its own records either (see services).
    run = None if user.is_partner else ScheduledRun.objects.filter(pk=pk).select_related("rule").first()
    record = visible_record(run.record_type, run.record_id, user, "change") if run else None
    if run is None or record is None:
        raise Http404
    form = PostponeForm(request.POST or None, initial={"due_at": run.due_at})
    if form.is_bound and form.is_valid():
        try:
            services.postpone(pk, user, due_at=form.cleaned_data["due_at"])
        except DomainError as error:
            add_errors(form, error)
        else:
            return dialogs.done(request, _("Moved to another day."), record, to=_whence(request, record))
    context = {
        "dialog_title": _("When: «%(rule)s»") % {"rule": run.rule.name},
        "form": form,
        "dialog_action": request.get_full_path(),
        "dialog_back": _whence(request, record),
        "dialog_size": "dialog-small",
    }
    return dialogs.dialog(request, "components/dialog.html", context, status=422 if form.errors else 200)


# -- rules ------------------------------------------------------------------------------------------------------------


@settings_page
@require_safe
def settings_rules(request: HttpRequest) -> HttpResponse:
    """All rules by pipeline: when, what, how often it ran; each with its switch."""
    rules = (
        Rule.objects.select_related("pipeline", "stage")
        .annotate(
            done=Count("runs", filter=Q(runs__is_ok=True)),
            broken=Count("runs", filter=Q(runs__is_ok=False)),
            last=Max("runs__at"),
        )
        .order_by("pipeline__order", "pipeline", "order", "id")
    )
    waiting = dict(
        ScheduledRun.objects.filter(state=ScheduledRun.State.SCHEDULED)
        .order_by()
        .values_list("rule")
        .annotate(Count("pk"))
    )
    groups: dict[str, dict[str, Any]] = {}
    for rule in rules:
        group = groups.setdefault(
            rule.pipeline_id,
            {
                "pipeline": rule.pipeline,
                "rules": [],
                "order_url": reverse("settings-rule-order", args=[rule.pipeline_id]),
            },
        )
        group["rules"].append({**_described(rule), "waiting": waiting.get(rule.pk, 0)})
    context = {**settings_context(request, "settings-rules"), "groups": list(groups.values())}
    return render(request, "automation/rules.html", context)


def _described(rule: Rule) -> dict[str, Any]:
    """A rule in words."""
    return {
        "rule": rule,
        "sentence": sentence(rule),
        "stops": rule.stops_on_contact,
    }


@settings_page
@require_POST
def settings_rule_switch(request: HttpRequest, pk: int) -> HttpResponse:
    """Switch a rule on or off."""
    rule = Rule.objects.filter(pk=pk).first()
    if rule is None:
        raise Http404
    on = request.POST.get("on") == "1"
    services.rule_switch(rule, is_active=on, by=request.user)
    text = _("The rule «%(rule)s» is on.") if on else _("The rule «%(rule)s» is off.")
    user: Any = request.user
    is_asked = on and standing.standing_count(rule, user)  # the page of the robot asks about what stands there
    to = reverse("settings-rule", args=[pk]) if is_asked else reverse("settings-rules")
    return dialogs.done(request, text % {"rule": rule.name}, to=to, go=True)


@settings_page
@require_safe
def settings_rule_runs(request: HttpRequest, pk: int) -> HttpResponse:
    """What a rule did, the latest first."""
    rule = Rule.objects.filter(pk=pk).select_related("pipeline", "stage").first()
    if rule is None:
        raise Http404
    page = paginate(request, RuleRun.objects.filter(rule=rule).order_by("-at", "-id"))
    context = {
        **settings_context(request, "settings-rules"),
        "described": _described(rule),
        "page": page,
        "runs": [_told(run, request.user) for run in page],
    }
    return render(request, "automation/runs.html", context)


def _told(run: RuleRun, user: Any) -> dict[str, Any]:
    record = visible_record(run.record_type, run.record_id, user)
    return {"run": run, "record": record, "text": run.error or outcome_sentence(run.outcome, run.data)}
