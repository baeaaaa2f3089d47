"""What happens on a record: its timeline with a composer, its tasks, its files; shown on cards and served alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from accounts.selectors import RESPONSIBLE_ROLES
from crm import clock, services, timeline
from crm.activities import open_tasks
from crm.attachments import files_of
from crm.errors import DomainError
from crm.formfields import MomentField
from crm.http import triggers
from crm.keys import key_in
from crm.models import Activity, StagedRecord, TimelineEntry
from crm.people import assignable
from crm.screens import access
from crm.screens.dialogs import is_partial
from crm.screens.forms import add_errors
from crm.visibility import may_see_partner_internals
from crm.working_time import of_company

ENTRIES = 30
SIGNS = {
    "note": ("note", "yellow"), "stage": ("arrow-right", "blue"), "field": ("edit", "gray"),
    "task": ("clipboard-check", "indigo"), "message": ("mail", "teal"), "file": ("paperclip", "cyan"),
    "robot": ("robot", "purple"), "call": ("phone", "green"),
}  # fmt: skip
FILTERS = (
    ("", gettext_lazy("Everything")),
    ("note", gettext_lazy("Notes")),
    ("stage", gettext_lazy("Stages")),
    ("task", gettext_lazy("Tasks")),
    ("message", gettext_lazy("Messages")),
    ("field", gettext_lazy("Fields")),
    ("file", gettext_lazy("Files")),
    ("robot", gettext_lazy("Robots")),
)


class NoteForm(forms.Form):
    """A note; our own people may hide it from the partner."""

    text = forms.CharField(
        label=gettext_lazy("Note"), widget=forms.Textarea(attrs={"rows": 2}), max_length=20_000, strip=True
    )
    internal = forms.BooleanField(label=gettext_lazy("Hide from the partner"), required=False)

    def __init__(self, data: Any = None, *, user: User, record: StagedRecord) -> None:
        super().__init__(data, auto_id="id_note_%s")
        if not may_see_partner_internals(user) or getattr(record, "partner_id", None) is None:
            del self.fields["internal"]


class PlanForm(forms.Form):
    """A task, a call or a meeting to come."""

    title = forms.CharField(label=gettext_lazy("What to do"), max_length=255, required=False)
    kind = forms.ChoiceField(label=gettext_lazy("Kind of task"), required=False, choices=Activity.Kind.choices)
    due_at = MomentField(label=gettext_lazy("When"))
    responsible = forms.ModelChoiceField(User.objects.none(), label=gettext_lazy("Responsible"))

    def __init__(self, data: Any = None, *, user: User, record: StagedRecord, kind: str = Activity.Kind.TASK) -> None:
        self.usual_kind = kind
        own_side = getattr(record, "partner_id", user.partner_id) == user.partner_id
        works = own_side and (user.is_partner or user.role in RESPONSIBLE_ROLES)
        person = user.pk if works else getattr(record, "responsible_id", None)
        initial = {"kind": kind, "due_at": next_morning(), "responsible": person}
        super().__init__(data, initial=initial, auto_id="id_task_%s")
        field: Any = self.fields["responsible"]
        field.queryset = assignable(user, record)

    def clean_kind(self) -> str:
        """The kind of the address where none is chosen."""
        return self.cleaned_data["kind"] or self.usual_kind

    def clean(self) -> dict[str, Any]:
        """A call and a meeting say by themselves what is to be done."""
        given = super().clean() or {}
        usual: dict[str, str] = {Activity.Kind.CALL: _("Call the client"), Activity.Kind.MEETING: _("Meet the client")}
        if not given.get("title") and "title" not in self.errors:
            given["title"] = usual.get(given.get("kind", ""), "")
            if not given["title"]:
                self.add_error("title", self.fields["title"].error_messages["required"])
        return given

    def offer(self, people: Iterable[User]) -> None:
        """Show these people in the list."""
        self.fields["responsible"].widget.choices = [(person.pk, str(person)) for person in people]  # type: ignore[attr-defined]


def next_morning() -> Any:
    """Ten o'clock of the reader's next working day."""
    zone = timezone.get_current_timezone()
    day = of_company().working_day(clock.today(zone) + timedelta(days=1))  # type: ignore[arg-type]
    return datetime.combine(day, time(10), zone)


# -- context ----------------------------------------------------------------------------------------------------------


def happening_context(request: HttpRequest, record: StagedRecord) -> dict[str, Any]:
    """Composer, timeline, tasks and files of a card."""
    user: Any = request.user
    return {
        "composer": composer(user, record) if access.may("comment", record, user) else [],
        **timeline_context(request, record),
        **tasks_context(record, user),
        **files_context(record, user),
    }


# What apps above add to the composer of a record: a part as `composer` makes it, or None where it has none.
Part = Callable[[User, StagedRecord], dict[str, Any] | None]
PARTS: list[Part] = []


def composer_part(make: Part) -> None:
    """Register a part of the composer; called from AppConfig.ready."""
    if make not in PARTS:
        PARTS.append(make)


def composer(user: User, record: StagedRecord) -> list[dict[str, Any]]:
    """What one can write into the timeline: a note, what apps above add, and a task, call or meeting to come."""
    name, args = record.RECORD_TYPE, [record.pk]
    plan = PlanForm(user=user, record=record)
    plan.offer(assignable(user, record))
    added = [part for make in PARTS if (part := make(user, record)) is not None]
    return [
        {
            "code": "note",
            "label": _("Note"),
            "icon": "note",
            "form": NoteForm(user=user, record=record),
            "url": reverse(f"{name}-note", args=args),
            "submit": _("Write down"),
        },
        *added,
        {
            "code": "task",
            "label": _("Task"),
            "icon": "clipboard-check",
            "form": plan,
            "url": reverse(f"{name}-plan", args=[record.pk, "task"]),
            "submit": _("Plan"),
        },
    ]


def timeline_context(request: HttpRequest, record: StagedRecord) -> dict[str, Any]:
    """One page of the timeline, newest first, and the chips of its kinds."""
    kind = request.GET.get("kind", "")
    kind = kind if kind in dict(FILTERS) else ""
    rows = timeline.entries_for(record, request.user, kind=kind)
    before = key_in(request.GET.get("before", ""))
    if before is not None:
        last = TimelineEntry.objects.filter(pk=before).first()
        rows = rows.exclude(at__gt=last.at).filter(pk__lt=last.pk) if last else rows
    found = list(rows[: ENTRIES + 1])
    url = reverse(f"{record.RECORD_TYPE}-timeline", args=[record.pk])
    more = f"{url}?kind={kind}&before={found[ENTRIES - 1].pk}" if len(found) > ENTRIES else ""
    return {
        "entries": entry_rows(found[:ENTRIES], record),
        "entries_more_url": more,
        "timeline_filters": [
            {"label": label, "url": f"{url}?kind={code}" if code else url, "active": code == kind}
            for code, label in FILTERS
        ],
    }


def entry_rows(entries: Iterable[TimelineEntry], record: StagedRecord) -> list[dict[str, Any]]:
    """Entries as components/timeline.html reads them, with a heading where a day begins.

    Lines of another kind of record, as of the lead from which a deal came, say so.
    """
    made: list[dict[str, Any]] = []
    day, entries = "", list(entries)
    added = timeline.added(entries)
    for entry in entries:
        kind = timeline.KINDS.get(entry.action, "field")
        sign, colour = SIGNS.get(kind, ("point", "gray"))
        this_day = date_format(timezone.localtime(entry.at), "d.m.Y")
        text, body = timeline.sentence(entry), ""
        if entry.action == "note":
            text, body = _("Note"), text
        changes = timeline.changed_fields(entry)
        robot = entry.actor_name if entry.actor_kind == "robot" else ""
        made.append(
            {
                "id": entry.pk,
                "icon": sign,
                "colour": colour,
                "who": str(entry.actor_user) if entry.actor_user else entry.actor_name or _("System"),
                "when": entry.at,
                "text": _("Changed") if changes else text,
                "body": body,
                "added": added.get(entry.pk, ""),
                "changes": changes,
                "robot": robot,
                "of": entry.get_record_type_display() if timeline.is_of_another(entry, record) else "",
                "pinned": entry.is_pinned,
                "internal": entry.is_internal,
                "day_break": this_day if this_day != day else "",
            }
        )
        day = this_day
    return made


def tasks_context(record: StagedRecord, user: User) -> dict[str, Any]:
    """What is still to be done on the record, the nearest first."""
    found = list(open_tasks(record, user)[:20])
    own = changeable_tasks(found, user)
    return {"tasks": [task_row(task, may_change=task.pk in own) for task in found]}


def changeable_tasks(tasks: Iterable[Activity], user: User) -> set[int]:
    """Those of the tasks that the person may finish or move."""
    ids = [task.pk for task in tasks]
    if not ids or user.is_head:
        return set(ids)
    return set(Activity.objects.visible_to(user, "change").filter(pk__in=ids).values_list("pk", flat=True))


def task_row(task: Activity, *, may_change: bool) -> dict[str, Any]:
    """A task as components/task_row.html reads it."""
    signs = {Activity.Kind.CALL: "phone", Activity.Kind.MEETING: "users"}
    return {
        "id": task.pk,
        "title": task.title,
        "due": task.due_at,
        "overdue": task.done_at is None and task.due_at < clock.now(),
        "done": task.done_at is not None,
        "responsible": task.responsible,
        "kind": task.get_kind_display(),
        "icon": signs.get(task.kind, "clipboard-check"),  # type: ignore[call-overload]
        "result": task.result,
        "done_url": reverse("task-done", args=[task.pk]) if may_change else "",
        "postpone_url": reverse("task-postpone", args=[task.pk]) if may_change else "",
        "finish_url": reverse("task-finish", args=[task.pk]) if may_change and task.done_at is None else "",
        "move_url": reverse("task-move", args=[task.pk]) if may_change and task.done_at is None else "",
    }


def files_context(record: StagedRecord, user: User) -> dict[str, Any]:
    """The files of the record, those hidden from partners only for our own people."""
    rows = files_of(record, user)
    files = [
        {
            "name": row.name,
            "url": reverse("attachment-download", args=[row.pk]),
            "size": row.size,
            "who": row.uploaded_by or "",
            "when": row.created_at,
        }
        for row in rows.select_related("uploaded_by")[:100]
    ]
    upload = reverse(f"{record.RECORD_TYPE}-upload", args=[record.pk])
    writes = access.may("comment", record, user)
    return {"files": files, "upload_url": upload if writes else "", "upload_limit": settings.MAX_UPLOAD_MB}


# -- views ------------------------------------------------------------------------------------------------------------


@login_required
@require_safe
def record_timeline(request: HttpRequest, record_type: str, pk: int) -> HttpResponse:
    """The timeline alone: another kind, or earlier entries."""
    record = access.find(record_type, pk, request.user)  # type: ignore[arg-type]
    if not is_partial(request):
        query = request.GET.urlencode()
        return HttpResponseRedirect(f"{record.get_absolute_url()}?{query}#timeline")
    part = "components/timeline.html#entries" if "before" in request.GET else "components/timeline.html"
    return render(request, part, timeline_context(request, record))


@login_required
@require_POST
def write_note(request: HttpRequest, record_type: str, pk: int) -> HttpResponse:
    """A note from the composer."""
    user: Any = request.user
    record = _find_to_write(record_type, pk, user)
    form = NoteForm(request.POST, user=user, record=record)
    if form.is_valid():
        try:
            internal = form.cleaned_data.get("internal", False)
            services.note_add(record, text=form.cleaned_data["text"], by=user, internal=internal)
        except DomainError as error:
            add_errors(form, error)
        else:
            return written(request, record, _("The note is on the timeline."))
    return again(request, record, "note", form)


@login_required
@require_POST
def plan_activity(request: HttpRequest, record_type: str, pk: int, kind: str) -> HttpResponse:
    """A task or a call from the composer."""
    user: Any = request.user
    record = _find_to_write(record_type, pk, user)
    form = PlanForm(request.POST, user=user, record=record, kind=kind)
    if form.is_valid():
        try:
            services.activity_create(record, by=user, **form.cleaned_data)
        except DomainError as error:
            add_errors(form, error)
        else:
            return written(request, record, _("Planned."))
    return again(request, record, "task", form)


@login_required
@require_POST
def upload_files(request: HttpRequest, record_type: str, pk: int) -> HttpResponse:
    """One or several files; each that is refused is named, the others are kept."""
    user: Any = request.user
    record = _find_to_write(record_type, pk, user)
    refused, kept = [], 0
    for upload in request.FILES.getlist("file"):
        try:
            services.attachment_add(record, upload=upload, by=user)
            kept += 1
        except DomainError as error:
            refused.append(error.message)
    if not kept and not refused:
        refused.append(_("Choose a file first."))
    if not is_partial(request):
        from django.contrib import messages

        for text in refused:
            messages.error(request, text)
        return HttpResponseRedirect(f"{record.get_absolute_url()}#files")
    response = render(request, "components/files.html", files_context(record, user))
    toasts: list[dict[str, str]] = [{"level": "error", "text": text} for text in refused]
    if kept:
        toasts.append({"level": "success", "text": _("Files attached: %(count)s.") % {"count": kept}})
    return triggers(response, toast=toasts, recordChanged={"id": record.pk, "type": record.RECORD_TYPE})


def _find_to_write(record_type: str, pk: int, user: User) -> Any:
    return access.find_to_change(record_type, pk, user, "comment")


def written(request: HttpRequest, record: StagedRecord, text: str) -> HttpResponse:
    """The timeline with what was written; the rest of the card follows by `recordChanged`."""
    if not is_partial(request):
        return HttpResponseRedirect(f"{record.get_absolute_url()}#timeline")
    response = render(request, "components/timeline.html", timeline_context(request, record))
    changed = {"id": record.pk, "type": record.RECORD_TYPE}
    return triggers(response, toast={"level": "success", "text": text}, recordChanged=changed)


def again(request: HttpRequest, record: StagedRecord, code: str, form: forms.Form) -> HttpResponse:
    """The composer's part again, with what is wrong and with what was typed."""
    parts = composer(request.user, record)  # type: ignore[arg-type]
    part = next(part for part in parts if part["code"] == code)
    part["form"] = form
    if is_partial(request):
        response = render(request, "crm/composer_part.html", {"part": part}, status=422)
        response["HX-Retarget"], response["HX-Reswap"] = f"#composer-{code}", "outerHTML"
        return response
    context = {"title": part["label"], "form": form, "back_url": record.get_absolute_url(), "submit": part["submit"]}
    return render(request, "components/form_page.html", context, status=422)
