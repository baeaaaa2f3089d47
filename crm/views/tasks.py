"""The list of tasks: one's own by default, done and postponed in place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from crm.activities import activity_change
from crm.filters import ActivityFilter
from crm.formfields import MomentField
from crm.http import paginate
from crm.models import Activity
from crm.people import assignable, colleagues
from crm.screens import dialogs
from crm.screens.list_files import FileColumn, file_asked, filter_told, list_file
from crm.screens.listing import with_query
from crm.task_rows import rows_with_records


@login_required
@require_safe
def task_list(request: HttpRequest) -> HttpResponseBase:
    """Tasks as a list; without a question asked, what is still to be done by oneself."""
    user: Any = request.user
    query = request.GET.copy()
    if not set(query) - {"page", "as"}:
        query["state"], query["responsible"] = "open", str(user.pk)
    found = ActivityFilter(query, Activity.objects.all().visible_to(user), request=request, every=True)
    fields: Any = found.form.fields
    fields["responsible"].queryset = colleagues(user)
    state = query.get("state", "")
    order = ("-done_at", "-id") if state == "done" else ("due_at", "id")
    rows = found.qs.select_related("responsible").order_by(*order)
    if file_asked(request):
        return _task_file(with_query(request, query.urlencode()), found, rows)
    page = paginate(request, rows)
    mine = query.getlist("responsible") == [str(user.pk)]
    context = {
        "page": page,
        "tasks": rows_with_records(page, user),
        "tabs": _tabs(user, state, mine),
        "drawer": [found.form[name] for name in ("responsible", "kind", "due_from", "due_to")],
        "state": state,
        "mine": mine,
        "may_see_others": colleagues(user).exclude(pk=user.pk).exists(),
    }
    template = "crm/tasks.html#rows" if dialogs.is_partial(request) else "crm/tasks.html"
    return render(request, template, context)


TASK_FILE = (
    FileColumn(gettext_lazy("What to do"), lambda row: row["title"]),
    FileColumn(gettext_lazy("Kind"), lambda row: row["task"].get_kind_display()),
    FileColumn(gettext_lazy("Due"), lambda row: row["due"], "moment"),
    FileColumn(gettext_lazy("Responsible"), lambda row: str(row["responsible"])),
    FileColumn(gettext_lazy("Record"), lambda row: row.get("record", "")),
    FileColumn(gettext_lazy("Client"), lambda row: row.get("client", "")),
    FileColumn(gettext_lazy("Phone"), lambda row: row.get("phone", "")),
    FileColumn(gettext_lazy("Details"), lambda row: row["task"].text),
    FileColumn(gettext_lazy("Done"), lambda row: row["task"].done_at, "moment"),
    FileColumn(gettext_lazy("Result"), lambda row: row["result"]),
)


def _task_file(request: HttpRequest, found: Any, rows: Any) -> HttpResponseBase:
    """The tasks with what they are about, as a file."""
    user: Any = request.user

    def shown(block: list[Any]) -> Iterator[dict[str, Any]]:
        for task, row in zip(block, rows_with_records(block, user), strict=True):
            yield {**row, "task": task}

    return list_file(request, "tasks", TASK_FILE, rows, about=filter_told(request, found), shown=shown)


def _tabs(user: User, state: str, mine: bool) -> list[dict[str, Any]]:
    whose = f"&responsible={user.pk}" if mine else ""
    return [
        {"label": label, "url": f"?state={code}{whose}", "active": code == state}
        for code, label in ActivityFilter.STATE
        if code != "later_today" or state == "later_today"
    ]


class TaskForm(forms.Form):
    """What can be changed of a task."""

    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=Activity.Kind.choices)
    title = forms.CharField(label=gettext_lazy("What to do"), max_length=255)
    due_at = MomentField(label=gettext_lazy("When"))
    responsible = forms.ModelChoiceField(User.objects.none(), label=gettext_lazy("Responsible"))
    text = forms.CharField(
        label=gettext_lazy("Details"), required=False, max_length=20_000, widget=forms.Textarea(attrs={"rows": 3})
    )

    def __init__(self, data: Any = None, *, task: Activity, user: User, record: Any) -> None:
        super().__init__(data, initial={name: getattr(task, name) for name in ("kind", "title", "due_at", "text")})
        field: Any = self.fields["responsible"]
        field.queryset = assignable(user, record) | User.objects.filter(pk=task.responsible_id)
        field.initial = task.responsible_id


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def task_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a task that is still to be done."""
    user: Any = request.user
    task = Activity.objects.visible_to(user, "change").filter(pk=pk, done_at__isnull=True).first()
    if task is None:
        raise Http404
    form = TaskForm(request.POST or None, task=task, user=user, record=task.record)
    if form.is_bound and form.is_valid():
        activity_change(task, by=user, data=form.cleaned_data)
        return dialogs.done(request, _("Saved."), task.record, to=reverse("task-list"))
    context = {
        "dialog_title": _("Task"),
        "form": form,
        "dialog_action": request.path,
        "dialog_back": reverse("task-list"),
    }
    return dialogs.dialog(request, "components/dialog.html", context, status=422 if form.errors else 200)
