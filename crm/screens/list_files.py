"""Lists that are no list of records - tasks, partners, the audit trail - as files: the same filter, all its pages.

A page asks `file_asked(request)` and answers `list_file(...)`; its template has components/file_links.html (DATA-2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from accounts.models import ApiToken, User
from crm import clock, exporting
from crm.actors import Actor
from crm.exports import ExportRefusedError, export_noted
from crm.models import ActorKind
from crm.screens import dialogs, listing

# More rows than this are not waited for: the filter is to be narrowed.
MOST = 20_000
BLOCK = 500


@dataclass(frozen=True)
class FileColumn:
    """A column of a file: its head, its value of a row, and its kind (text, number, money, day, moment)."""

    label: Any
    value: Callable[[Any], Any]
    kind: str = "text"


def file_asked(request: HttpRequest) -> bool:
    """Does the address ask for the list as a file? `?as=xlsx` or `?as=csv`."""
    return request.GET.get("as") in {"xlsx", "csv"}


def filter_told(request: HttpRequest, found: Any) -> str:
    """The sentence above the table: which filter made it."""
    told = "; ".join(f"{chip['label']}: {chip['value']}" for chip in listing.chips(request, found))
    return _("Filter: %(filter)s") % {"filter": told or _("none")}


def in_blocks(rows: QuerySet[Any], shown: Callable[[list[Any]], Iterable[Any]]) -> Iterator[Any]:
    """All rows as `shown` makes them of a block: what hangs on them is read once per block, memory stays small."""
    block: list[Any] = []
    for row in rows.iterator(chunk_size=BLOCK):
        block.append(row)
        if len(block) == BLOCK:
            yield from shown(block)
            block = []
    if block:
        yield from shown(block)


def _by(request: HttpRequest) -> User | Actor:
    """The person of a page, or the token of a call."""
    user: Any = request.user
    token = getattr(request, "auth", None)
    return (
        Actor(ActorKind.TOKEN, user, f"{user.short_name} · {token.name}"[:150]) if isinstance(token, ApiToken) else user
    )  # type: ignore[no-any-return]


def list_file(
    request: HttpRequest,
    name: str,
    columns: Sequence[FileColumn],
    rows: QuerySet[Any] | Sequence[Any],
    *,
    about: str,
    shown: Callable[[list[Any]], Iterable[Any]] = iter,
    is_measured: bool = True,
) -> HttpResponseBase:
    """The rows as XLSX with `about` above them, or as CSV; over MOST rows the answer asks to narrow the filter."""
    if isinstance(rows, QuerySet):
        count = rows.order_by().values("pk")[: MOST + 1].count()
        if count > MOST:
            text = _("At most %(limit)s rows in a file: narrow the filter.") % {"limit": MOST}
            return dialogs.message(request, text)
        made: Iterable[Any] = in_blocks(rows, shown)
    else:
        count, made = len(rows), shown(list(rows))
    try:
        export_noted(_by(request), name=name, rows=count, form=request.GET["as"], about=about, is_measured=is_measured)
    except ExportRefusedError as error:
        return dialogs.message(request, error.message, title=str(error.title))
    title = f"{name}-{clock.today():%Y-%m-%d}"
    if request.GET["as"] == "csv":
        return exporting.csv_stream(title, columns, made)
    return exporting.xlsx(title, columns, made, about=about)
