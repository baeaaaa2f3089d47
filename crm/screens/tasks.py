"""Tasks where they stand: done, moved to another day, and the next step planned in the same row."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from accounts.models import User
from crm import services, undo
from crm.activities import activity_postpone, later
from crm.errors import DomainError
from crm.formfields import MomentField
from crm.http import triggers
from crm.models import Activity
from crm.screens.dialogs import back_of, is_partial
from crm.screens.forms import add_errors
from crm.screens.happening import next_morning, task_row
from crm.visibility import visible_record


class NextStepForm(forms.Form):
    """What is to be done next, in the row of what is done."""

    title = forms.CharField(label=gettext_lazy("Next step"), max_length=255)
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
