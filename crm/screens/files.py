"""What leaves the product as a file: attachments of records, and lists as spreadsheets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from crm import clock, exporting
from crm.models import Attachment
from crm.screens import listing, registry
from crm.screens.light import light
from crm.visibility import readable_by, visible_record

BLOCK = 1000


@login_required
@require_GET
def attachment_download(request: HttpRequest, pk: int) -> HttpResponseBase:
    """A file, for whoever may see the record it hangs on; always saved, never shown by the browser."""
    user: Any = request.user
    attachment = readable_by(Attachment.objects.filter(pk=pk), user).first()
    if attachment is None or visible_record(attachment.record_type, attachment.record_id, user) is None:
        raise Http404
    try:
        opened = attachment.file.open("rb")
    except FileNotFoundError as error:
        raise Http404 from error
    response = FileResponse(opened, as_attachment=True, filename=attachment.name, content_type=attachment.content_type)
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cache-Control"] = "private, no-store"
    return response


@login_required
@require_GET
def export_list(request: HttpRequest, record_type: str) -> HttpResponseBase:
    """The list as filtered and ordered, all its pages; `?as=csv` for CSV, else XLSX."""
    screen = registry.of(record_type)
    found = listing.filtered(request, screen)
    columns = listing.columns_of(request, screen)
    rows = light(screen, listing.ordered(request, screen, found.qs), columns)
    name = f"{record_type}s-{clock.today():%Y-%m-%d}"
    if request.GET.get("as") == "csv":
        return exporting.csv_stream(name, columns, _blocks(rows))
    told = "; ".join(f"{chip['label']}: {chip['value']}" for chip in listing.chips(request, found))
    about = _("Filter: %(filter)s") % {"filter": told or _("none")}
    return exporting.xlsx(name, columns, _blocks(rows), about=about)


def _blocks(rows: Any) -> Iterator[Any]:
    """Row after row without holding the whole list."""
    yield from rows.iterator(chunk_size=BLOCK)
