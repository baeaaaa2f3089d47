"""The routing table in the settings: rows, their order, trying a lead, and what the last days would have given."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm import clock, conditions
from crm.errors import DomainError
from crm.keys import keys_of_order
from crm.models import RecordType
from crm.screens import dialogs
from crm.screens.forms import add_errors
from crm.views.settings_nav import settings_context, settings_page
from leads import routing, routing_services
from leads.models import Lead, RoutingRule
from leads.routing_forms import RoutingRuleForm, TryForm

PAGE = "settings-routing"
DAYS = 90


class PeriodForm(forms.Form):
    """How far back."""

    days = forms.IntegerField(label=gettext_lazy("Days"), min_value=1, max_value=3650)


@settings_page
@require_safe
def routing_table(request: HttpRequest) -> HttpResponse:
    """The rows; below them a lead to try, and what the table would have done."""
    rules = list(RoutingRule.objects.select_related("person", "team", "partner"))
    asked = bool(request.GET.keys() & (TryForm.base_fields.keys() | {"try"}))
    period = PeriodForm({"days": request.GET.get("days", DAYS)})
    days = period.cleaned_data["days"] if period.is_valid() else DAYS
    context = {
        **settings_context(request, PAGE),
        "rules": [line(rule) for rule in rules],
        "try_form": TryForm(request.GET if asked else None),
        "period": period,
        "days": days,
        "table": replay(request.user, days),
        "order_url": reverse("settings-routing-order"),
    }
    if asked:
        context |= _tried(request, context["try_form"])
    return render(request, "leads/routing.html", context)


def line(rule: RoutingRule) -> dict[str, Any]:
    """A row in words."""
    share = rule.get_share_display() if rule.target == RoutingRule.Target.TEAM else ""
    return {
        "rule": rule,
        "conditions": conditions.describe(rule.conditions, RecordType.LEAD) if rule.conditions else "",
        "kind": rule.get_target_display(),
        "to": rule.receiver,
        "share": share,
    }


def replay(user: Any, days: int) -> dict[str, Any]:
    """What the rows in force would have taken of the leads of the last days, each number with its list."""
    rules = routing.active_rules()
    since = clock.today() - timedelta(days=days)
    counts = routing.count_by_row(routing.leads_since(since, user), rules)
    lines: list[dict[str, Any]] = [
        {"rule": rule, "to": rule.receiver, "count": counts.get(rule.pk, 0), "key": rule.pk} for rule in rules
    ]
    lines.append({"rule": None, "to": None, "count": counts.get(routing.NO_ROW, 0), "key": routing.NO_ROW})
    for row in lines:
        query = {"pipeline": "lead", "route": row["key"], "created_from": since.isoformat(), "copies": "false"}
        row["url"] = f"{reverse('lead-list')}?{urlencode(query)}"
    return {"lines": lines, "total": sum(counts.values()), "since": since}


def _tried(request: HttpRequest, form: TryForm) -> dict[str, Any]:
    if not form.is_valid():
        return {"tried": False}
    number = form.cleaned_data["lead"]
    lead = form.sample()
    if number:
        found = Lead.objects.visible_to(request.user).alive().filter(pk=number, pipeline="lead")
        lead = found.select_related("responsible").first()
        if lead is None:
            form.add_error("lead", _("There is no such lead."))
            return {"tried": False}
    return {"tried": True, "decision": routing.evaluate(lead), "lead": lead if number else None}


# -- rows -------------------------------------------------------------------------------------------------------------


def find_rule(pk: int) -> RoutingRule:
    """A row of the table, or 404."""
    rule = RoutingRule.objects.filter(pk=pk).select_related("person", "team", "partner").first()
    if rule is None:
        raise Http404
    return rule


@settings_page
@require_http_methods(["GET", "HEAD", "POST"])
def routing_add(request: HttpRequest) -> HttpResponse:
    """A new row, the last of the table."""
    return _edit(request, RoutingRule(), _("New row of the routing table"))


@settings_page
@require_http_methods(["GET", "HEAD", "POST"])
def routing_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a row, or delete it."""
    rule = find_rule(pk)
    if "delete" in request.POST:
        routing_services.routing_rule_delete(rule, by=request.user)
        return dialogs.done(request, _("The row «%(name)s» is deleted.") % {"name": rule}, to=reverse(PAGE), go=True)
    return _edit(request, rule, rule.name)


def _edit(request: HttpRequest, rule: RoutingRule, title: str) -> HttpResponse:
    form = RoutingRuleForm(request.POST or None, rule=rule)
    if form.is_bound and form.is_valid():
        try:
            routing_services.routing_rule_save(rule, by=request.user, data=form.values())
        except DomainError as error:
            add_errors(form, error)
        else:
            return dialogs.done(request, _("Saved."), to=reverse(PAGE), go=True)
    context = {
        "dialog_title": title,
        "form": form,
        "dialog_action": request.path,
        "dialog_back": reverse(PAGE),
        "dialog_size": "dialog-wide",
        "may_delete": not rule._state.adding,
    }
    return dialogs.dialog(request, "leads/routing_row.html", context, status=422 if form.errors else 200)


@settings_page
@require_POST
def routing_switch(request: HttpRequest, pk: int) -> HttpResponse:
    """Switch a row on or off."""
    on = request.POST.get("on") == "1"
    rule = routing_services.routing_rule_switch(find_rule(pk), is_active=on, by=request.user)
    text = _("The row «%(name)s» is on.") if on else _("The row «%(name)s» is off.")
    return dialogs.done(request, text % {"name": rule}, to=reverse(PAGE), go=True)


@settings_page
@require_POST
def routing_shift(request: HttpRequest, pk: int) -> HttpResponse:
    """One place up or down."""
    step = -1 if request.POST.get("to") == "up" else 1
    routing_services.routing_rule_shift(find_rule(pk), step=step, by=request.user)
    return HttpResponseRedirect(f"{reverse(PAGE)}#row-{pk}")


@settings_page
@require_POST
def routing_order(request: HttpRequest) -> HttpResponse:
    """The rows in the order in which they were put: {ids: "3,1,2"}."""
    try:
        routing_services.routing_order_set(keys_of_order(request.POST.get("ids", "")), by=request.user)
    except DomainError as error:
        return dialogs.message(request, error.message)
    return dialogs.done(request, _("The order of the rows is saved."), to=reverse(PAGE))


@settings_page
@require_POST
def routing_apply(request: HttpRequest, pk: int) -> HttpResponse:
    """Share one lead out now."""
    lead = Lead.objects.visible_to(request.user, "change").alive().filter(pk=pk).first()  # type: ignore[arg-type]
    if lead is None:
        raise Http404
    try:
        decision = routing.lead_route(lead, by=request.user)
    except DomainError as error:
        return dialogs.message(request, error.message)
    if decision is None or decision.rule is None:
        return dialogs.message(request, _("No row of the routing table takes the lead: it stays where it is."))
    text = _("The lead goes to %(to)s.") % {"to": decision.choice.to}
    return dialogs.done(request, text, to=lead.get_absolute_url(), go=True)
