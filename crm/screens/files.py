"""What leaves the product as a file: attachments of records, and lists as spreadsheets."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from crm import exporting
from crm.attachments import file_for
from crm.exports import ExportRefusedError
from crm.models import ListJob
from crm.screens import dialogs, registry
from crm.screens.export_jobs import AT_ONCE, Sheet, export_start


@login_required
@require_safe
def attachment_download(request: HttpRequest, pk: int) -> HttpResponseBase:
    """A file, for whoever may see the record it hangs on; always saved, never shown by the browser."""
    user: Any = request.user
    attachment = file_for(pk, user)
    if attachment is None:
        raise Http404
    return saved(attachment)


def saved(stored: Any) -> FileResponse:
    """An uploaded file (a row with file, name, content_type) for whoever has been let in to it: saved, never shown.

    404 where it is gone from the disk.
    """
    try:
        opened = stored.file.open("rb")
    except FileNotFoundError as error:
        raise Http404 from error
    response = FileResponse(opened, as_attachment=True, filename=stored.name, content_type=stored.content_type)
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cache-Control"] = "private, no-store"
    return response


@login_required
@require_safe
def export_list(request: HttpRequest, record_type: str) -> HttpResponseBase:
    """The list as filtered and ordered, all its pages, with the columns it has; `?as=csv` for CSV, else XLSX.

    A large one is written by a worker; the answer then leads to where it will be found.
    """
    user: Any = request.user
    sheet = Sheet(request, registry.of(record_type))
    count = sheet.count(AT_ONCE)
    if count > AT_ONCE:
        try:
            export_start(request, registry.of(record_type), by=user)
        except ExportRefusedError as error:
            return dialogs.message(request, error.message, title=str(error.title))
        messages.success(request, _("The file is large: the bell tells when it is ready."))
        return HttpResponseRedirect(reverse("job-list"))
    try:
        sheet.noted(count, by=user)
    except ExportRefusedError as error:
        return dialogs.message(request, error.message, title=str(error.title))
    if sheet.is_csv:
        return exporting.csv_stream(sheet.name, sheet.columns, sheet.blocks())
    return exporting.xlsx(sheet.name, sheet.columns, sheet.blocks(), about=sheet.about)


@login_required
@require_safe
def job_file(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The file of one of the person's own exports."""
    job = ListJob.objects.filter(pk=pk, user=request.user).first()  # type: ignore[misc]
    if job is None:
        raise Http404
    return job_content(job)


def job_content(job: ListJob) -> FileResponse:
    """What an export has written; 404 for another job, or while there is no file."""
    if job.kind != ListJob.Kind.EXPORT or not job.file:
        raise Http404
    try:
        opened = job.file.open("rb")
    except FileNotFoundError as error:
        raise Http404 from error
    response = FileResponse(opened, as_attachment=True, filename=job.params.get("name", "list.xlsx"))
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response
