"""The page of all that robots have planned, over every record in the person's sight."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import User
from automation import invoices
from automation.models import Rule
from automation.planned import HORIZON, STATES, PlannedFilter, by_day, lines_of, planned_in_sight
from automation.silence_ahead import silent_ahead
from crm import stages
from crm.http import paginate
from crm.models import RecordType
from crm.people import colleagues
from crm.screens import dialogs
from crm.views.settings_nav import settings_context

CUTS = ("pipeline", "rule", "responsible", "due_from", "due_to")


@login_required
@require_safe
def robots_planned(request: HttpRequest) -> HttpResponse:
    """What is planned for the next 30 days by day, what could not be done, and what silence is going to bring."""
    user: Any = request.user
    if user.is_partner:
        raise PermissionDenied
    rows = planned_in_sight(user, request.GET)
    found = PlannedFilter(request.GET, rows, request=request, every=True)
    _offer(found, user)
    shown = found.qs.select_related("rule", "rule__pipeline")
    state = "failed" if request.GET.get("state") == "failed" else "planned"
    page = paginate(request, shown.order_by("due_at", "id"))
    failed = planned_in_sight(user, {"state": "failed"})
    with_ahead = state == "planned" and page.number == 1
    context = {
        **(settings_context(request, "robots-planned") if user.is_head else {}),
        "filter": found,
        "drawer": [found.form[name] for name in CUTS],
        "state": state,
        "tabs": _tabs(state, failed.order_by().values("pk")[:1000].count()),
        "page": page,
        "days": by_day(lines_of(page, user), found.qs),
        "silent": silent_ahead(user, found.form.cleaned_data) if with_ahead else [],
        "unpaid": invoices.unpaid_ahead(user, found.form.cleaned_data, HORIZON) if with_ahead else [],
        "is_cut": any(request.GET.get(name) for name in CUTS),
        "horizon": HORIZON.days,
    }
    template = "automation/planned_rows.html" if dialogs.is_partial(request) else "automation/planned_all.html"
    return render(request, template, context)


def _offer(found: PlannedFilter, user: User) -> None:
    """Only such pipelines, rules and people as the reader works with; a rule's name tells nothing of its records."""
    codes = {pipeline.pk: pipeline for kind in RecordType.values for pipeline in stages.visible_pipelines(kind, user)}
    fields: Any = found.form.fields
    ruled = set(Rule.objects.order_by().values_list("pipeline", flat=True).distinct())
    fields["pipeline"].choices = [
        ("", "---------"),
        *((code, row.name) for code, row in codes.items() if code in ruled),
    ]
    fields["rule"].queryset = Rule.objects.filter(pipeline__in=codes)
    fields["responsible"].queryset = colleagues(user)


def _tabs(state: str, failed: int) -> list[dict[str, Any]]:
    counts = {"failed": failed}
    return [
        {"label": label, "url": f"?state={code}", "active": code == state, "count": counts.get(code)}
        for code, label in STATES
    ]
