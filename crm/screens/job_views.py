"""What came of a job over a list: progress while a worker is at it, then the report, and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from crm import jobs, undo
from crm.actors import Actor
from crm.errors import DomainError
from crm.http import triggers
from crm.models import RECORD_MODELS, ListJob, record_model
from crm.screens import dialogs

SHOWN = 30


def told(request: HttpRequest, job: ListJob, *, to: str = "") -> HttpResponse:
    """The answer to a job just started: a toast, a report when something stays, or its progress.

    `to`: the page that shows it and is loaded anew; without one the list follows by itself.
    """
    if not job.is_over:
        return progress(request, job)
    home = reverse(f"{job.record_type}-list") if job.record_type else reverse("job-list")
    user: Any = request.user
    undo_url = undo.offer(user, "job", id=job.pk) if job.back else ""
    if not job.failed:
        return dialogs.done(request, sentence(job), to=to or home, undo_url=undo_url, go=bool(to))
    return report(request, job, undo_url=undo_url, home=home)


def sentence(job: ListJob) -> str:
    """What was done, in a few words."""
    if job.kind == ListJob.Kind.DELETE:
        text = ngettext("%(count)d record is in the trash.", "%(count)d records are in the trash.", job.done)
    elif job.kind == ListJob.Kind.SPAM:
        text = ngettext("%(count)d lead closed as spam.", "%(count)d leads closed as spam.", job.done)
    elif job.kind == ListJob.Kind.CLOSE:
        text = ngettext("%(count)d partner closed.", "%(count)d partners closed.", job.done)
    else:
        text = ngettext("%(count)d record changed.", "%(count)d records changed.", job.done)
    return text % {"count": job.done}


def report(request: HttpRequest, job: ListJob, *, undo_url: str, home: str) -> HttpResponse:
    """What stays as it was, with the reason of each."""
    context = {
        "dialog_title": sentence(job),
        "job": job,
        "failed": failed_rows(job, request.user),  # type: ignore[arg-type]
        "failed_total": job.total - job.done,
        "undo_url": undo_url,
        "dialog_back": home,
    }
    response = dialogs.dialog(request, "crm/dialogs/bulk_report.html", context)
    return triggers(response, recordChanged={}) if dialogs.is_partial(request) else response


def failed_rows(job: ListJob, user: User) -> list[dict[str, Any]]:
    """The records that stay, as far as the person still sees them."""
    wanted: dict[str, list[int]] = {}
    for record_type, pk, _reason in job.failed:
        if record_type not in RECORD_MODELS:
            continue
        wanted.setdefault(record_type, []).append(pk)
    found: dict[tuple[str, int], Any] = {}
    for record_type, keys in wanted.items():
        rows: Any = record_model(record_type)._default_manager
        for row in rows.visible_to(user).filter(pk__in=keys).defer("search_text"):
            found[record_type, row.pk] = row
    return [
        {"record": found.get((record_type, pk)), "pk": pk, "reason": reason} for record_type, pk, reason in job.failed
    ]


def progress(request: HttpRequest, job: ListJob) -> HttpResponse:
    """How far a worker is; the window asks again every second and may be closed."""
    context = {
        "dialog_title": _("Working…"),
        "job": job,
        "job_url": reverse("job", args=[job.pk]),
        "stop_url": reverse("job-stop", args=[job.pk]),
        "dialog_back": reverse("job-list"),
    }
    return dialogs.dialog(request, "crm/dialogs/job.html", context)


def _find(request: HttpRequest, pk: int) -> ListJob:
    job = ListJob.objects.filter(pk=pk, user=request.user).first()  # type: ignore[misc]
    if job is None:
        raise Http404
    return job


@login_required
@require_safe
def job_page(request: HttpRequest, pk: int) -> HttpResponse:
    """One of the person's own jobs: its progress, or what came of it."""
    job = _find(request, pk)
    if not job.is_over:
        return progress(request, job)
    home = reverse(f"{job.record_type}-list") if job.record_type else reverse("job-list")
    undo_url = reverse("job-undo", args=[pk]) if jobs.may_undo(job) else ""
    return report(request, job, undo_url=undo_url, home=home)


@login_required
@require_safe
def job_list(request: HttpRequest) -> HttpResponse:
    """The person's latest jobs."""
    found = list(ListJob.objects.filter(user=request.user).defer("rows", "back", "failed")[:SHOWN])  # type: ignore[misc]
    rows = [
        {
            "job": job,
            "url": reverse("job-file", args=[job.pk]) if job.file else reverse("job", args=[job.pk]),
            "is_file": bool(job.file),
        }
        for job in found
    ]
    return render(request, "crm/jobs.html", {"jobs": rows})


@login_required
@require_POST
def job_stop(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop a job; what was done stays and can be undone."""
    job = jobs.job_stop(_find(request, pk))
    return dialogs.done(request, _("Stopped. %(done)s") % {"done": sentence(job)}, to=reverse("job-list"))


@login_required
@require_POST
def job_undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Take back what a job did."""
    try:
        text = _undo(_find(request, pk))
    except DomainError as error:
        return dialogs.message(request, error.message)
    return dialogs.done(request, text, to=reverse("job-list"))


@undo.undoer("job")
def _undo_by_ticket(by: Actor, payload: Mapping[str, Any]) -> str:
    return _undo(ListJob.objects.get(pk=payload["id"], user=by.user), by)


def _undo(job: ListJob, by: Actor | None = None) -> str:
    undoing = jobs.job_undo(job, by=by)
    if not undoing.is_over:
        return _("It is being taken back: you will be told when it is done.")
    if not undoing.done:
        raise DomainError(_("Another person or a robot has changed all of it on meanwhile: nothing was undone."))
    if undoing.failed:
        return _("Undone, but %(count)s stay: they were changed meanwhile.") % {"count": len(undoing.failed)}
    return _("Undone: all is as it was before.")
