"""Tasks where they stand: done, moved to another day, and the next step planned in the same row."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import User
from crm import services, undo
from crm.activities import activity_postpone, later
from crm.errors import DomainError
from crm.formfields import MomentField
from crm.http import triggers
from crm.models import Activity
from crm.screens import dialogs
from crm.screens.dialogs import back_of, is_partial
from crm.screens.forms import add_errors
from crm.screens.happening import next_morning, task_row
from crm.task_calendar import moved_to
from crm.templatetags.ui import moment
from crm.visibility import visible_record


class NextStepForm(forms.Form):
    """What is to be done next, in the row of what is done."""

    # The focus goes there with the old words chosen, so that typing replaces them: two presses of Enter are enough.
    title = forms.CharField(
        label=gettext_lazy("Next step"),
        max_length=255,
        widget=forms.TextInput(attrs={"autofocus": True, "data-select": ""}),
    )
    due_at = MomentField(label=gettext_lazy("When"))

    def __init__(self, data: Any = None, *, task: Activity) -> None:
        initial = {"title": task.title, "due_at": next_morning()}
        super().__init__(data, initial=initial, auto_id=f"id_next{task.pk}_%s")


def find_task(pk: int, user: User) -> Activity:
    """The task, if the person may change it and sees the record it is about."""
    task = Activity.objects.visible_to(user, "change").filter(pk=pk).select_related("responsible").first()
    if task is None:
        raise Http404
    return task


@login_required
@require_POST
def task_done(request: HttpRequest, pk: int) -> HttpResponse:
    """Done; the row stays and asks for the next step."""
    user: Any = request.user
    task = find_task(pk, user)
    services.activity_complete(task, by=user, result=request.POST.get("result", "")[:2000])
    undo_url = undo.offer(user, "task", id=task.pk)
    text = _("Done: %(title)s") % {"title": task.title}
    if not is_partial(request):
        return _home(request, text, undo_url)
    context = {"task": task_row(task, may_change=True), **_next_context(task, user)}
    response = render(request, "crm/task_done.html", context)
    return triggers(response, toast={"level": "success", "text": text, "undo_url": undo_url}, taskChanged=_of(task))


@login_required
@require_POST
def task_next(request: HttpRequest, pk: int) -> HttpResponse:
    """Plan what follows a finished task, for the same person on the same record."""
    user: Any = request.user
    task = find_task(pk, user)
    record = visible_record(task.record_type, task.record_id, user)
    if record is None:
        raise Http404
    form = NextStepForm(request.POST, task=task)
    if form.is_valid():
        kind = request.POST.get("kind", "")
        try:
            fresh = services.activity_create(
                record,
                by=user,
                responsible=task.responsible,
                kind=kind if kind in Activity.Kind.values else task.kind,
                **form.cleaned_data,
            )
        except DomainError as error:
            add_errors(form, error)
        else:
            return _row(request, fresh, _("Planned."))
    if not is_partial(request):
        context = {"title": _("Next step"), "form": form, "back_url": back_of(request), "submit": _("Plan")}
        return render(request, "components/form_page.html", context, status=422)
    context = {"task": task_row(task, may_change=True), **_next_context(task, user), "form": form}
    return render(request, "crm/task_done.html", context, status=422)


@login_required
@require_POST
def task_postpone(request: HttpRequest, pk: int) -> HttpResponse:
    """Move to tomorrow, to Monday, or a week on; the time of day stays."""
    user: Any = request.user
    task = find_task(pk, user)
    if task.done_at is not None:
        raise Http404
    activity_postpone(task, due_at=later(task.due_at, request.POST.get("to", "tomorrow")), by=user)
    return _row(request, task, _("Moved to another day."))


class MoveForm(forms.Form):
    """Where a task was put in the calendar: a day, and an hour where the view has hours."""

    day = forms.DateField(input_formats=["%Y-%m-%d"])
    hour = forms.IntegerField(min_value=0, max_value=23, required=False)


@login_required
@require_POST
def task_move(request: HttpRequest, pk: int) -> HttpResponse:
    """Put a task on another day or hour of the calendar; 422 for a day that is none."""
    user: Any = request.user
    task = find_task(pk, user)
    form = MoveForm(request.POST)
    if task.done_at is not None:
        raise Http404
    if not form.is_valid() or not 2000 <= form.cleaned_data["day"].year <= 2100:
        return HttpResponse(status=422)
    zone: Any = timezone.get_current_timezone()
    was, to = task.due_at, moved_to(task.due_at, form.cleaned_data["day"], form.cleaned_data["hour"], zone)
    if to == was:
        return HttpResponse(status=204)
    activity_postpone(task, due_at=to, by=user)
    back = {"from": was.isoformat(), "to": task.due_at.astimezone(UTC).isoformat()}
    undo_url = undo.offer(user, "task_moved", id=task.pk, **back)
    text = _("Moved to %(when)s.") % {"when": moment(to)}
    return dialogs.done(request, text, task.record, undo_url=undo_url, to=reverse("task-calendar"))


class FinishForm(forms.Form):
    """How it went, and what is to be done next; without a next step only the first."""

    result = forms.CharField(
        label=gettext_lazy("Result"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2})
    )
    title = forms.CharField(
        label=gettext_lazy("Next step"), max_length=255, required=False,
        help_text=gettext_lazy("Empty: nothing more is planned."),
    )  # fmt: skip
    due_at = MomentField(label=gettext_lazy("When"), required=False)

    def clean(self) -> dict[str, Any]:
        """A step has its moment."""
        given = super().clean() or {}
        if given.get("title") and not given.get("due_at") and "due_at" not in self.errors:
            self.add_error("due_at", _("Say when."))
        return given


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def task_finish(request: HttpRequest, pk: int) -> HttpResponse:
    """Done, and the next step planned with it, in one dialog."""
    user: Any = request.user
    task = find_task(pk, user)
    if task.done_at is not None:
        raise Http404
    record = visible_record(task.record_type, task.record_id, user)
    may_plan = record is not None and record.is_open
    # What is done is not proposed once more; without words there is no next step.
    form = FinishForm(request.POST or None, initial={"due_at": next_morning()})
    if not may_plan:
        del form.fields["title"], form.fields["due_at"]
    if request.method == "POST" and form.is_valid():
        try:
            text = _finish(task, record, form.cleaned_data, user)
        except DomainError as error:
            add_errors(form, error)
        else:
            undo_url = undo.offer(user, "task", id=task.pk)
            return dialogs.done(request, text, task.record, undo_url=undo_url, to=reverse("task-calendar"))
    context = {
        "dialog_title": task.title,
        "form": form,
        "dialog_action": request.path,
        "dialog_submit": _("Done"),
        "dialog_back": back_of(request),
    }
    return dialogs.dialog(request, "components/dialog.html", context, status=422 if form.errors else 200)


@transaction.atomic
def _finish(task: Activity, record: Any, given: dict[str, Any], user: User) -> str:
    services.activity_complete(task, by=user, result=given["result"])
    if not given.get("title"):
        return _("Done: %(title)s") % {"title": task.title}
    fresh = services.activity_create(
        record, by=user, responsible=task.responsible, kind=task.kind, title=given["title"], due_at=given["due_at"]
    )
    told = {"title": task.title, "next": fresh.title, "when": moment(fresh.due_at)}
    return _("Done: %(title)s. Next: %(next)s, %(when)s") % told


def _next_context(task: Activity, user: User) -> dict[str, Any]:
    """The form of the next step; nothing where the record is finished or another step is already planned."""
    record = visible_record(task.record_type, task.record_id, user)
    wanted = record is not None and record.is_open and record.next_activity_at is None
    return {
        "form": NextStepForm(task=task) if wanted else None,
        "next_url": reverse("task-next", args=[task.pk]),
        "next_kind": task.kind,
    }


def _row(request: HttpRequest, task: Activity, text: str) -> HttpResponse:
    if not is_partial(request):
        return _home(request, text, "")
    response = render(request, "components/task_row.html", {"task": task_row(task, may_change=True)})
    return triggers(response, toast={"level": "success", "text": text}, taskChanged=_of(task))


def _of(task: Activity) -> dict[str, Any]:
    return {"id": task.record_id, "type": task.record_type}


def _home(request: HttpRequest, text: str, undo_url: str) -> HttpResponse:
    from django.contrib import messages

    messages.success(request, text, extra_tags=f"undo:{undo_url}" if undo_url else "")
    return HttpResponseRedirect(back_of(request))
