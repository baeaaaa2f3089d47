"""The editor of rules in the settings: make, change, copy, set back, delete, and the order they stand in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import User
from automation import rule_services, schedule, standing
from automation.models import Rule
from automation.rule_forms import ASKS_ANEW, RuleEditor, blank_rule
from automation.trial import LONGEST, Trial, rule_try
from automation.wording import sentence
from crm.errors import DomainError
from crm.keys import keys_of_order
from crm.screens import dialogs
from crm.views.settings_nav import settings_context, settings_page

PAGE = "settings-rules"


def find_rule(pk: int) -> Rule:
    """A rule with its pipeline and stage, or 404."""
    rule = Rule.objects.filter(pk=pk).select_related("pipeline", "stage").first()
    if rule is None:
        raise Http404
    return rule


@settings_page
@require_http_methods(["GET", "HEAD", "POST"])
def rule_add(request: HttpRequest) -> HttpResponse:
    """A new rule, the last of its pipeline."""
    return _edit(request, blank_rule(request.GET))


@settings_page
@require_http_methods(["GET", "HEAD", "POST"])
def rule_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a rule; the buttons of the page copy it and set it back."""
    rule = find_rule(pk)
    for name, act in DEEDS.items():
        if name in request.POST:
            try:
                return act(request, rule)
            except DomainError as error:
                return dialogs.message(request, error.message)
    return _edit(request, rule)


def _copy(request: HttpRequest, rule: Rule) -> HttpResponse:
    made = rule_services.rule_copy(rule, by=request.user)
    text = _("This is the copy. It is off: change it and switch it on.")
    return dialogs.done(request, text, to=reverse("settings-rule", args=[made.pk]), go=True)


def _reset(request: HttpRequest, rule: Rule) -> HttpResponse:
    rule_services.rule_reset(rule, by=request.user)
    return _done(request, _("The robot «%(name)s» is as it was delivered.") % {"name": rule})


DEEDS = {"copy": _copy, "reset": _reset}


@settings_page
@require_http_methods(["GET", "HEAD", "POST"])
def rule_delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, then delete a rule of one's own."""
    rule = find_rule(pk)
    if request.method == "POST":
        try:
            rule_services.rule_delete(rule, by=request.user)
        except DomainError as error:
            return dialogs.message(request, error.message)
        return _done(request, _("The robot «%(name)s» is deleted.") % {"name": rule})
    context = {
        "dialog_title": _("Delete the robot «%(name)s»?") % {"name": rule},
        "rule": rule,
        "waiting": rule_services.waiting_of(rule),
        "dialog_action": request.path,
        "dialog_back": reverse("settings-rule", args=[pk]),
        "dialog_size": "dialog-small",
        "dialog_submit": _("Delete"),
        "dialog_danger": True,
    }
    return dialogs.dialog(request, "automation/rule_delete.html", context)


def _done(request: HttpRequest, text: str) -> HttpResponse:
    return dialogs.done(request, text, to=reverse(PAGE), go=True)


def _edit(request: HttpRequest, rule: Rule) -> HttpResponse:
    editor = RuleEditor(request.POST or None, rule=rule)
    status, trial = 200, None
    if any(name in request.POST for name in ASKS_ANEW):
        editor.forgive()
    elif "try" in request.POST:
        trial = _tried(request, editor, rule)
        status = 200 if trial else 422
    elif request.method == "POST":
        if editor.is_valid() and (saved := _saved(request, editor, rule)):
            return saved
        status = 422
    is_new = rule._state.adding
    context: dict[str, Any] = {
        **settings_context(request, PAGE),
        "rule": rule,
        "is_new": is_new,
        "editor": editor,
        "sentence": "" if is_new else sentence(rule),
        "trial": trial,
        "period": PeriodForm(request.POST if "try" in request.POST else None, initial={"days": 30}),
        "standing": 0 if is_new else standing.standing_count(rule, person(request)),
        "may_reset": not is_new and not rule_services.is_as_shipped(rule),
    }
    return render(request, "automation/rule.html", context, status=status)


def _saved(request: HttpRequest, editor: RuleEditor, rule: Rule) -> HttpResponse | None:
    """Keep it; None where the service refuses, with its words at the fields."""
    planned = editor.form.cleaned_data.get("planned") or rule_services.FOLLOW
    try:
        made = rule_services.rule_save(rule, by=request.user, data=editor.values(), planned=planned)
    except DomainError as error:
        editor.take(error)
        return None
    made = find_rule(made.pk)
    text = _("Saved: %(sentence)s.") % {"sentence": sentence(made)}
    if standing.standing_count(made, person(request)):  # the page of the robot asks about them
        return dialogs.done(request, text, to=reverse("settings-rule", args=[made.pk]), go=True)
    return _done(request, text)


def person(request: HttpRequest) -> User:
    """Who asks; the pages let in nobody who is not signed in."""
    user: Any = request.user
    return user  # type: ignore[no-any-return]


def _tried(request: HttpRequest, editor: RuleEditor, rule: Rule) -> Trial | None:
    """What the rule would have done as it stands in the form; None where the form or the period is wrong."""
    period = PeriodForm(request.POST)
    editor.form.fields["name_ru"].required = False  # what is only tried needs no name yet
    if not all((editor.is_valid(), period.is_valid())):
        return None
    try:
        draft = rule_services.rule_draft(rule, editor.values())
    except DomainError as error:
        editor.take(error)
        return None
    return rule_try(draft, person(request), days=period.cleaned_data["days"])


class PeriodForm(forms.Form):
    """How far back."""

    days = forms.IntegerField(label=gettext_lazy("Days"), min_value=1, max_value=LONGEST)


class SinceForm(forms.Form):
    """From when the delay of records that stand there already is counted."""

    since = forms.ChoiceField(
        label=gettext_lazy("Count the delay"), widget=forms.RadioSelect, initial=standing.ENTRY,
        choices=[
            (standing.ENTRY, gettext_lazy("from the entry into the stage; what is overdue by it is done now")),
            (standing.NOW, gettext_lazy("from now")),
        ],
    )  # fmt: skip


@settings_page
@require_http_methods(["GET", "HEAD", "POST"])
def rule_standing(request: HttpRequest, pk: int) -> HttpResponse:
    """Which records stand there already and what would be done with them; then it is done, as a job."""
    rule = find_rule(pk)
    is_timed = rule.trigger == Rule.Trigger.STAGE_ENTERED and schedule.is_delayed(rule)
    form = SinceForm(request.POST or None)
    if request.method == "POST":
        since = form.cleaned_data["since"] if is_timed and form.is_valid() else standing.ENTRY
        try:
            job = standing.standing_apply(rule, by=person(request), since=since)
        except DomainError as error:
            return dialogs.message(request, error.message)
        text = _("The robot is applied to what stands there.")
        return dialogs.done(request, text, to=reverse("job", args=[job.pk]), go=True)
    context = {
        "dialog_title": _("Apply to what stands there already"),
        "form": form if is_timed else None,
        "standing": standing.standing_preview(rule, person(request)),
        "rule": rule,
        "dialog_action": request.path,
        "dialog_back": reverse("settings-rule", args=[pk]),
        "dialog_size": "dialog-wide",
        "dialog_submit": _("Apply"),
    }
    return dialogs.dialog(request, "automation/rule_standing.html", context)


@settings_page
@require_POST
def rule_shift(request: HttpRequest, pk: int) -> HttpResponse:
    """One place up or down."""
    step = -1 if request.POST.get("to") == "up" else 1
    rule_services.rule_shift(find_rule(pk), step=step, by=request.user)
    return HttpResponseRedirect(f"{reverse(PAGE)}#rule-{pk}")


@settings_page
@require_POST
def rule_order(request: HttpRequest, pipeline: str) -> HttpResponse:
    """The rules of a pipeline in the order in which they were put: {ids: "3,1,2"}."""
    try:
        rule_services.rule_order_set(pipeline, keys_of_order(request.POST.get("ids", "")), by=request.user)
    except DomainError as error:
        return dialogs.message(request, error.message)
    return dialogs.done(request, _("The order of the robots is saved."), to=reverse(PAGE))
