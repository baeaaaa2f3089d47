"""Measures the intake of requests on a running server: eight clients, real workers, 100,000 contacts known already.

    .venv/bin/python scripts/postgres.py .venv/bin/python -m bench.intake --write

Three figures: how fast posts are taken beside a bare create of one row by the REST framework, in turns on the same
server; how fast workers make leads of what waits; how long after its answer the lead of a single post is there.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from bench.__main__ import ROOT, start_django
from bench.duplicates import fill
from bench.report import write
from scripts import processes
from scripts.child import die_with_parent

CLIENTS, TURNS, WORKERS = 8, 6, 2
TICK = os.sysconf("SC_CLK_TCK")
FORM, BARE = "/api/v1/forms/bench-site/submissions/", "/bare/create/"
_numbers = count(1)


@dataclass
class Rate:
    """What was seen of one kind of request: per turn requests per second and CPU ms of one; ms of each request."""

    per_second: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def text(self) -> str:
        """In words."""
        p95 = statistics.quantiles(self.took, n=20)[-1]
        return (
            f"{statistics.median(self.per_second):.0f} per second (median {statistics.median(self.took):.1f} ms, "
            f"p95 {p95:.1f} ms, CPU of the server {statistics.median(self.cpu):.1f} ms)"
        )


def main() -> int:
    """Fill, start the processes, measure, tell; the exit code says whether the aim is met."""
    parser = argparse.ArgumentParser(prog="python -m bench.intake", description=__doc__)
    parser.add_argument("--contacts", type=int, default=100_000)
    parser.add_argument("--posts", type=int, default=400, help="posts of a turn")
    parser.add_argument("--write", action="store_true", help="write the figures into docs/performance.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TRUSTED_PROXY_COUNT"] = "1"  # Each post from an address of its own: one alone is held back.
        start_django(folder, keeps_cache=True)
        return measure(options, Path(folder))


def measure(options: argparse.Namespace, folder: Path) -> int:
    """The figures."""
    from communications.models import Submission

    prepare(options.contacts)
    with ExitStack() as running:
        running.enter_context(valkey(folder))
        port = free_port()
        web = running.enter_context(program(web_command(port), folder))
        until(lambda: answers(port), "the web server")
        taken, bare = in_turns(port, options.posts, web.pid)
        waiting = Submission.objects.filter(state="received").count()
        worker = running.enter_context(program(processes.worker(), folder))
        made = drained(worker.pid)
        busy = Rate()
        began, before = time.monotonic(), leads_made()
        post_all(port, FORM, options.posts * 2, web.pid, busy)
        until(lambda: not waits(), "the end of the burst", 300)
        both = (leads_made() - before) / (time.monotonic() - began)
        after = sorted(seconds_until_made(port) for _ in range(40))
    share = statistics.median(taken.per_second) / statistics.median(bare.per_second)
    text = " ".join(
        [
            f"{options.contacts:,} contacts with {points():,} phones and e-mails on PostgreSQL, {CLIENTS} clients:",
            f"posts of a form are taken at {taken.text()}; a bare create of one row is answered at {bare.text()}",
            f"in turns with them on the same two web processes: {share:.2f} of its rate.",
            f"{WORKERS} worker processes make {made[0]:.0f} leads per second of {waiting:,} posts that wait",
            f"(CPU {made[1]:.1f} ms each). Posts and leads at once: {busy.text()}, and {both:.0f} leads per second",
            f"until the last is made. The lead of one post is there {1000 * statistics.median(after):.0f} ms after its",
            f"answer (p95 {1000 * after[-2]:.0f} ms). Load of the machine while measuring: {os.getloadavg()[0]:.1f}.",
        ]
    )
    print(text)
    if options.write:
        write("intake", text)
    return 0 if share >= 0.5 else 1


def prepare(contacts: int) -> None:
    """A company that knows its clients, and the form of its site."""
    from django.core.management import call_command
    from django.db import connection

    from accounts.models import Role, User
    from communications.models import WebForm

    call_command("migrate", verbosity=0, interactive=False)
    call_command("collectstatic", verbosity=0, interactive=False)
    head = User.objects.create_user("head@example.com", "demo", role=Role.SALES_HEAD, last_name="Орлова")
    fill(contacts, head)
    WebForm.objects.create(name="Сайт", key="bench-site")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


# -- the processes -----------------------------------------------------------------------------------------------------


@contextmanager
def program(command: list[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the product, until the block ends; its words go into a file."""
    own = Path(sys.executable).parent / command[0]
    with (folder / f"{Path(command[0]).name}.log").open("wb") as log:
        process = subprocess.Popen(
            [str(own) if own.exists() else command[0], *command[1:]],
            cwd=ROOT,
            stdout=log,
            stderr=log,
            preexec_fn=die_with_parent,  # noqa: PLW1509
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)


@contextmanager
def valkey(folder: Path) -> Iterator[None]:
    """Cache and broker."""
    from crm.embedded import prepare_private_dir, valkey_command, valkey_socket

    door = valkey_socket(folder)
    prepare_private_dir(folder / "valkey")
    with program(valkey_command(door, folder / "valkey", durable=False), folder):
        until(door.exists, "Valkey")
        yield


def web_command(port: int) -> list[str]:
    """The web server as it is run, with the bare pages."""
    command = processes.web(host="127.0.0.1", port=str(port), workers="2")
    return [*command[:-1], "bench.server:application"]


def free_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition: Callable[[], object], what: str, seconds: float = 120) -> None:
    """Wait for what another process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"Waited in vain for {what}.")
        time.sleep(0.01)


def answers(port: int) -> bool:
    """Is the web server there?"""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            post(http.client.HTTPConnection("127.0.0.1", port), BARE)
            return True
    except OSError:
        return False


def cpu_of(pid: int) -> float:
    """Seconds of CPU that a process and all its children have used."""
    parents, used = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            values = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(path.parent.name)] = int(values[1])
        used[int(path.parent.name)] = (int(values[11]) + int(values[12])) / TICK
    mine = {pid}
    while more := {child for child, parent in parents.items() if parent in mine} - mine:
        mine |= more
    return sum(used.get(one, 0.0) for one in mine)


# -- posting -----------------------------------------------------------------------------------------------------------


def post(client: http.client.HTTPConnection, address: str) -> dict[str, Any]:
    """One request from an address of its own; answers what was told."""
    number = next(_numbers)
    body = {
        "title": "Склад",
        "name": "Ирина Рогова",
        "phone": f"+7 900 {number // 10_000 % 1000:03d}-{number // 100 % 100:02d}-{number % 100:02d}",
        "email": f"irina{number}@example.org",
        "comment": f"Склад 24×60, Казань, {number}",
    }
    headers = {
        "Content-Type": "application/json",
        "X-Forwarded-For": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
    }
    client.request("POST", address, json.dumps(body), headers)
    answer = client.getresponse()
    told = answer.read()
    if answer.status >= 300:
        raise RuntimeError(f"{address}: {answer.status} {told[:300]!r}")
    return dict(json.loads(told))


def post_all(port: int, address: str, posts: int, server: int, rate: Rate) -> None:
    """So many posts by all clients at once; what was seen goes into `rate`."""
    left = iter(range(posts))
    lock = threading.Lock()

    def run() -> None:
        client = http.client.HTTPConnection("127.0.0.1", port)
        while True:
            with lock:
                if next(left, None) is None:
                    return
            began = time.perf_counter()
            post(client, address)
            rate.took.append(1000 * (time.perf_counter() - began))

    cpu, began = cpu_of(server), time.monotonic()
    threads = [threading.Thread(target=run) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rate.per_second.append(posts / (time.monotonic() - began))
    rate.cpu.append(1000 * (cpu_of(server) - cpu) / posts)


def in_turns(port: int, posts: int, server: int) -> tuple[Rate, Rate]:
    """Posts of the form and bare creates in turns, so that whatever else the machine does burdens both alike.

    There is no worker yet. The calls for one are answered in its place, or the web processes would help themselves.
    """
    from communications.calling import answer_call

    taken, bare = Rate(), Rate()
    for address in (FORM, BARE):
        post_all(port, address, posts // 4, server, Rate())
    for _turn in range(TURNS):
        answer_call()
        post_all(port, FORM, posts, server, taken)
        post_all(port, BARE, posts, server, bare)
    return taken, bare


# -- what became of it -------------------------------------------------------------------------------------------------


def waits() -> bool:
    """Is there a post whose lead is not made?"""
    from communications.models import Submission

    return Submission.objects.filter(state__in=["received", "running"]).exists()


def leads_made() -> int:
    """Posts that became leads."""
    from communications.models import Submission

    return Submission.objects.filter(state="done").count()


def points() -> int:
    """Phones and e-mails of the contacts."""
    from crm.models import ContactPoint

    return ContactPoint.objects.filter(record_type="contact").count()


def drained(worker: int) -> tuple[float, float]:
    """Leads per second that all workers make of what waits, and CPU ms of each."""
    from communications.tasks import process_received

    for _worker in range(WORKERS):
        process_received.delay()
    until(leads_made, "the first lead")
    first, cpu, began = leads_made(), cpu_of(worker), time.monotonic()
    until(lambda: not waits(), "the last lead", 600)
    made = leads_made() - first
    return made / (time.monotonic() - began), 1000 * (cpu_of(worker) - cpu) / made


def seconds_until_made(port: int) -> float:
    """From the answer of one post to its lead."""
    from communications.models import Submission

    pk = post(http.client.HTTPConnection("127.0.0.1", port), FORM)["id"]
    began = time.monotonic()
    until(lambda: Submission.objects.filter(pk=pk, state="done").exists(), "a lead")
    return time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main())
