"""Lists as files: small ones are streamed, large ones are written by a worker and told of in the bell."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from django.conf import settings
from django.core.files import File
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _

from accounts.models import User
from crm import clock, exporting, jobs
from crm.actors import Actor
from crm.exports import export_noted
from crm.models import ListJob
from crm.screens import listing, registry
from crm.screens.light import light

BLOCK = 1000
# More rows than this are not waited for.
AT_ONCE = 5000
BEAT = 2000


class Sheet:
    """The columns and rows of a list as its query says, and the sentence that says so."""

    def __init__(self, request: HttpRequest, screen: registry.Screen) -> None:
        found = listing.filtered(request, screen)
        self.columns = listing.columns_of(request, screen)
        self.rows = light(screen, listing.ordered(request, screen, found.qs), self.columns)
        told = "; ".join(f"{chip['label']}: {chip['value']}" for chip in listing.chips(request, found))
        self.about = _("Filter: %(filter)s") % {"filter": told or _("none")}
        self.name = f"{screen.record_type}s-{clock.today():%Y-%m-%d}"
        self.is_csv = request.GET.get("as") == "csv"
        self.label = str(screen.model._meta.verbose_name_plural)

    def count(self, most: int) -> int:
        """How many rows, up to one more than `most`."""
        return int(self.rows.order_by().values("pk")[: most + 1].count())

    def noted(self, rows: int, *, by: User | Actor) -> None:
        """Write into the audit trail who takes these rows away; ExportRefusedError where a partner may not."""
        form = "csv" if self.is_csv else "xlsx"
        export_noted(by, name=self.label[:1].upper() + self.label[1:], rows=rows, form=form, about=self.about)

    def blocks(self) -> Iterator[Any]:
        """Row after row without holding the whole list."""
        yield from self.rows.iterator(chunk_size=BLOCK)


def request_of(user: User, query: QueryDict) -> HttpRequest:
    """A request for a list as that person, where nobody sits at a browser: a worker's, the API's."""
    request = HttpRequest()
    request.method, request.user = "GET", user  # type: ignore[assignment]
    request.GET = query  # type: ignore[assignment]
    return request


def export_start(request: HttpRequest, screen: registry.Screen, *, by: User | Actor) -> ListJob:
    """Have a worker write the file of the list that the request asks for, for its user; answers the job."""
    user: Any = request.user
    sheet = Sheet(request, screen)
    total = sheet.count(10**6)
    sheet.noted(total, by=by)
    job = ListJob.objects.create(
        user=user,
        kind=ListJob.Kind.EXPORT,
        record_type=screen.record_type,
        params={"query": request.GET.urlencode()},
        total=total,
        token_name=jobs.token_name(by),
    )
    jobs.start(job)
    return job


def write(job: ListJob) -> None:
    """Write the file of a job; done again from the beginning when a worker died over it."""
    # The kinds of record make themselves known when the addresses are read, which a worker has no other need of.
    import_module(settings.ROOT_URLCONF)
    sheet = Sheet(request_of(job.user, QueryDict(job.params["query"])), registry.of(job.record_type))
    name = f"{sheet.name}.{'csv' if sheet.is_csv else 'xlsx'}"
    with tempfile.TemporaryFile() as target:
        if sheet.is_csv:
            _write_csv(target, sheet, job)
        else:
            exporting.write_xlsx(target, sheet.columns, _noted(job, sheet.blocks()), about=sheet.about)
        target.seek(0)
        job.file.save(name, File(target), save=False)
    job.params = {**job.params, "name": name}
    job.save(update_fields=["file", "params"])


def _write_csv(target: Any, sheet: Sheet, job: ListJob) -> None:
    for text in exporting.csv_lines(sheet.columns, _noted(job, sheet.blocks())):
        target.write(text.encode("utf-8"))


def _noted(job: ListJob, rows: Iterator[Any]) -> Iterator[Any]:
    """Note now and then how far it is, which also keeps the lease."""
    for number, row in enumerate(rows, start=1):
        if number % BEAT == 0:
            ListJob.objects.filter(pk=job.pk).update(position=min(number, job.total), claimed_at=clock.now())
        yield row
