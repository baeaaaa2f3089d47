"""The next and the previous record of the list or board from which a card was opened, for the keys J and K.

Nothing is kept on the server: a card learns from the Referer where its reader came from, and its links carry that on
in `?from=` (kind, query, and the position where known). So two windows with two filters do not disturb each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.text import capfirst
from django.views.decorators.http import require_safe

from crm.http import COUNT_CAP, PAGE_SIZE
from crm.screens import access, board, listing, registry
from crm.screens.registry import Screen

KINDS = ("list", "board")
# How far from where it stood a record is looked for: others may have come in above it meanwhile.
NEAR = 100
# How many cards of a column are looked through when it is not known where the card stands.
COLUMN = 1000
LONGEST = 2000


@dataclass(frozen=True)
class Origin:
    """The list or board one came from: its kind, its query, and where the record stands in it (0: not known yet)."""

    kind: str
    query: str
    at: int = 0

    def url(self, screen: Screen) -> str:
        """The list or board itself."""
        home = reverse(f"{screen.record_type}-{self.kind}")
        return f"{home}?{self.query}" if self.query else home

    def text(self, at: int | None = None) -> str:
        """As the address of a card carries it."""
        return f"{self.kind}:{self.at if at is None else at}:{self.query}"

    @classmethod
    def read(cls, text: str) -> Origin | None:
        """From such an address; None for anything else."""
        kind, _colon, rest = text[:LONGEST].partition(":")
        at, _colon, query = rest.partition(":")
        if kind not in KINDS or not (at.isascii() and at.isdigit() and len(at) < 8):
            return None
        return cls(kind, query, int(at))


def origin_of(request: HttpRequest, screen: Screen) -> Origin | None:
    """Where the reader of a card came from, when it was a list or board of this kind of record."""
    if asked := request.GET.get("from"):
        return Origin.read(asked)
    before = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(before, {request.get_host()}, require_https=request.is_secure()):
        return None
    parts = urlsplit(before)
    kind = next((kind for kind in KINDS if parts.path == reverse(f"{screen.record_type}-{kind}")), None)
    return Origin(kind, parts.query[:LONGEST]) if kind else None


def carried(request: HttpRequest, screen: Screen) -> str:
    """The query by which a page that leads back to the card, as the form of all fields, keeps its place in the list."""
    origin = origin_of(request, screen)
    if origin is None:
        return ""
    query = QueryDict(mutable=True)
    query["from"] = origin.text()
    return f"?{query.urlencode()}"


def around_context(request: HttpRequest, screen: Screen, record: Any) -> dict[str, Any]:
    """For a card: the way back to the list, and the address that answers who stands beside the record."""
    origin = origin_of(request, screen)
    if origin is None:
        return {}
    names = screen.model._meta.verbose_name_plural
    query = carried(request, screen)
    home = reverse(f"{screen.record_type}-around", args=[record.pk])
    return {
        "came_from": {"url": origin.url(screen), "label": capfirst(str(names))},
        "around_url": f"{home}{query}",
        "previous_url": f"{home}{query}&go=previous",
        "next_url": f"{home}{query}&go=next",
    }


@login_required
@require_safe
def record_around(request: HttpRequest, record_type: str, pk: int) -> HttpResponse:
    """Position and neighbours of a record in the list it was opened from; `?go=next|previous` leads there."""
    screen = registry.of(record_type)
    record = access.find(record_type, pk, request.user)  # type: ignore[arg-type]
    origin = Origin.read(request.GET.get("from", ""))
    if origin is None:
        raise Http404
    rows, query = rows_of(request, screen, origin, record)
    place = find_place(rows, origin, pk, query)
    urls = {
        name: _card_url(screen, origin, at, neighbour, query) if neighbour else ""
        for name, (at, neighbour) in {"previous": place.previous, "next": place.next}.items()
    }
    if (go := request.GET.get("go")) in urls:
        return HttpResponseRedirect(urls[go] or f"{record.get_absolute_url()}?{_from(origin.text(), query)}")
    total = rows.order_by().values("pk")[: COUNT_CAP + 1].count()
    context = {
        "position": place.position,
        "total": min(total, COUNT_CAP),
        "total_capped": total > COUNT_CAP,
        "previous_url": urls["previous"],
        "next_url": urls["next"],
    }
    return render(request, "crm/record_nav.html", context)


def rows_of(request: HttpRequest, screen: Screen, origin: Origin, record: Any) -> tuple[Any, QueryDict]:
    """The rows of the list in its order, only those in the reader's sight; of a board those of the card's column."""
    twin = listing.with_query(request, origin.query)
    query = twin.GET
    if origin.kind == "list":
        return listing.ordered(twin, screen, listing.filtered(twin, screen).qs), query
    # The column stays the one that the card was opened from, also when the card has been moved on meanwhile.
    query.setdefault("column", record.stage_row.code)
    pipeline = listing.pipeline_of(twin, screen)
    if pipeline is None:
        raise Http404
    rows = board.rows_of(twin, screen, pipeline)[1].filter(stage=f"{pipeline.code}:{query['column']}")
    return rows.order_by(*board.ORDER), query


@dataclass(frozen=True)
class Place:
    """Where a record stands (0: not in the list any more), and its neighbours as (position, key)."""

    position: int
    previous: tuple[int, int | None]
    next: tuple[int, int | None]


def find_place(rows: Any, origin: Origin, pk: int, query: QueryDict) -> Place:
    """Look for the record where it stood, or on the page of the list that was open; one query of a few keys.

    A record that has left the list (moved to another stage) has as neighbours those between which it stood.
    """
    if origin.at:
        start, size = max(0, origin.at - 1 - NEAR), 2 * NEAR
    elif origin.kind == "list":
        page = query.get("page", "1")
        number = int(page) if page.isascii() and page.isdigit() and len(page) < 7 else 1
        # One more on either side, for the first and the last row of a page have neighbours too.
        start, size = max(0, (number - 1) * PAGE_SIZE - 1), PAGE_SIZE + 2
    else:
        start, size = 0, COLUMN
    keys = list(rows.values_list("pk", flat=True)[start : start + size])
    if pk in keys:
        index = keys.index(pk)
        here, after = start + index + 1, index + 1
    elif origin.at:
        index = min(max(origin.at - 1 - start, 0), len(keys))
        here, after = 0, index
    else:
        return Place(0, (0, None), (0, None))
    before = keys[index - 1] if index > 0 else None
    following = keys[after] if after < len(keys) else None
    return Place(here, (start + index, before), (start + after + 1, following))


def _card_url(screen: Screen, origin: Origin, at: int, pk: int, query: QueryDict) -> str:
    home = reverse(f"{screen.record_type}-detail", args=[pk])
    return f"{home}?{_from(origin.text(at), query)}"


def _from(text: str, query: QueryDict) -> str:
    kind, at, _query = text.split(":", 2)
    made = QueryDict(mutable=True)
    made["from"] = f"{kind}:{at}:{query.urlencode()}"
    return made.urlencode()
