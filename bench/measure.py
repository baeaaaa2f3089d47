"""Times pages through the whole stack of middleware, and the same SQL without Django around it."""

from __future__ import annotations

import json
import re
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from bench.data import FIRST
from crm import scope
from crm.contact_points import Point
from crm.recognition import recognise
from deals.models import Deal
from leads.models import Lead

# What a cursor of the server stands before, for rows that are read piece by piece.
CURSOR = re.compile(r'^DECLARE "\w+" .*? FOR (?=SELECT)')
# So many ms of bare SQL tell enough.
ENOUGH = 3000


@dataclass(frozen=True)
class Work:
    """One thing to measure: how it is asked for, the bare page beside it, and what is aimed at.

    `limit`: at most so many times the bare page's p95; `most`: at most so many ms at p95.
    """

    name: str
    call: Callable[[], Any]
    beside: str = ""
    limit: float = 3.0
    most: float = 0.0
    # Asked for in every so many rounds: what takes a second need not be asked sixty times.
    every: int = 1


@dataclass(frozen=True)
class Result:
    """Milliseconds of one work."""

    work: Work
    least: float
    median: float
    p95: float
    cpu: float
    queries: int
    sql: float

    @property
    def name(self) -> str:
        return self.work.name


def works(user: User) -> list[Work]:
    """Everything that is measured, as a sales head sees it, for whom nothing is left out."""
    client = Client(HTTP_HOST="localhost")
    client.force_login(user)

    def page(address: str) -> Callable[[], Any]:
        return lambda: client.get(address)

    manager = User.objects.filter(role="sales_manager").order_by("pk")[0]
    deals, leads = _some(Deal), _some(Lead)
    return [
        Work("bare list", page("/bare/leads/")),
        Work("bare board", page("/bare/board/")),
        Work("list, first page", page("/leads/"), "bare list"),
        Work("list, filtered", page(f"/leads/?responsible={manager.pk}&source=direct"), "bare list"),
        Work("list, part of a name", page("/leads/?q=герасим"), "bare list"),
        Work("list, tail of a phone", page("/leads/?q=4571"), "bare list"),
        Work("deals, first page", page("/deals/"), "bare list"),
        Work("board of leads", page("/leads/board/"), "bare board"),
        Work("board of deals", page("/deals/board/"), "bare board"),
        Work("card of a deal", lambda: client.get(f"/deals/{next(deals)}/")),
        Work("card of a lead", lambda: client.get(f"/leads/{next(leads)}/")),
        Work("move of a deal", _mover(client)),
        Work("bare create", _bare_poster()),
        # At least half the rate of a bare create of one row.
        Work("form intake", _poster(), "bare create", limit=2.0),
        Work("form intake to the lead", _poster(waits=True)),
        Work("recognition by phone", _recogniser(), most=5.0),
        Work("API, list of leads", page("/api/v1/leads/?limit=50"), "bare list"),
        Work("funnel", page("/reports/funnel/"), every=6),
    ]


def _some(model: Any) -> Iterator[int]:
    return cycle(model.objects.alive().order_by("-pk").values_list("pk", flat=True)[:200:7])


def _mover(client: Client) -> Callable[[], Any]:
    rows = Deal.objects.alive().filter(stage="deal:request_received", pk__gt=FIRST).order_by("pk")
    waiting = iter(list(rows.values_list("pk", flat=True)[:500]))

    def move() -> Any:
        pk = next(waiting)
        data = {"to": "costing", "expected_stage": "deal:request_received"}
        return client.post(f"/deals/{pk}/move/", data, headers={"HX-Request": "true"})

    return move


def _poster(*, waits: bool = False) -> Callable[[], Any]:
    client = Client(HTTP_HOST="localhost")
    numbers = iter(range(5_000 if waits else 1, 10_000))

    def post() -> Any:
        number = next(numbers)
        body = {
            "name": "Ирина Рогова",
            "phone": f"+7 900 777-{number // 100:02d}-{number % 100:02d}",
            "comment": f"Склад 24×60, Казань, {number}",
        }
        address = "/api/v1/forms/bench-site/submissions/"
        # Each from an address of its own: one alone may not post so often.
        return client.post(
            address,
            json.dumps(body),
            content_type="application/json",
            headers={"Prefer": "wait"} if waits else {},
            REMOTE_ADDR=f"10.0.{number // 250}.{number % 250}",
        )

    return post


def _bare_poster() -> Callable[[], Any]:
    client = Client(HTTP_HOST="localhost")
    body = json.dumps({"title": "Склад", "name": "Ирина", "phone": "+79007770000", "email": "irina@example.org"})
    return lambda: client.post("/bare/create/", body, content_type="application/json")


class _Known:
    """Looks like an answer, for what is no page."""

    status_code = 200
    content = b""


def _recogniser() -> Callable[[], Any]:
    numbers = iter(range(1, 1_000_000))

    def recognise_next() -> _Known:
        number = 37 * (7 * next(numbers) % 100_000) % 10_000_000
        with scope.opened():
            recognise([Point("phone", f"+7900{number:07d}")])
        return _Known()

    return recognise_next


def measure(asked: list[Work], times: int) -> list[Result]:
    """Warm up, then ask for every page in turn, so that whatever else the machine does burdens all of them alike."""
    seen = {work.name: _statements(work) for work in asked}
    walls: dict[str, list[float]] = {work.name: [] for work in asked}
    cpus: dict[str, list[float]] = {work.name: [] for work in asked}
    for number in range(times):
        for work in asked:
            if number % work.every:
                continue
            began, cpu = time.perf_counter(), time.process_time()
            _checked(work)
            walls[work.name].append(1000 * (time.perf_counter() - began))
            cpus[work.name].append(1000 * (time.process_time() - cpu))
    return [
        Result(
            work,
            min(walls[work.name]),
            statistics.median(walls[work.name]),
            statistics.quantiles(walls[work.name], n=20)[-1],
            statistics.median(cpus[work.name]),
            len(seen[work.name]),
            _bare_sql(seen[work.name], times),
        )
        for work in asked
    ]


def _statements(work: Work) -> list[str]:
    """What the page asks the database when it is warm; transactions themselves are not counted."""
    for _warm in range(3):
        _checked(work)
    with CaptureQueriesContext(connection) as seen:
        _checked(work)
    found = [row["sql"] for row in seen.captured_queries]
    found = [CURSOR.sub("", text) for text in found]
    return [text for text in found if not text.startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE"))]


def _checked(work: Work) -> None:
    answer = work.call()
    if answer.status_code >= 300:
        raise RuntimeError(f"{work.name}: {answer.status_code} {answer.content[:300]!r}")


def _bare_sql(statements: list[str], times: int) -> float:
    """The median of the page's own statements, one after another, rows fetched and thrown away; 0 where it writes."""
    if not all(text.lstrip("( \n").startswith(("SELECT", "WITH")) for text in statements):
        return 0.0
    walls: list[float] = []
    with transaction.atomic(), connection.cursor() as cursor:
        raw = cursor.cursor
        while len(walls) < times and sum(walls) < ENOUGH:
            began = time.perf_counter()
            for text in statements:
                raw.execute(text.encode())
                raw.fetchall()
            walls.append(1000 * (time.perf_counter() - began))
    return statistics.median(walls)
