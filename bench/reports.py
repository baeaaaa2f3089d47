"""Measures every report at scale: a million leads, a million deals and their stage moves, beside the bare SQL.

    .venv/bin/python scripts/postgres.py .venv/bin/python -m bench.reports --write

Each report is asked for as a sales head opens it, with the period it shows when none is said, through the whole stack;
the same statements are then sent alone by the same connection.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from dataclasses import replace
from typing import Any

from bench.__main__ import start_django
from bench.report import write

AIM = 1000.0  # ms at p95
OTHERS = {"funnel": "/reports/funnel/", "funnel, what stands where": "/reports/funnel/?mode=snapshot",
          "refusals": "/reports/refusals/"}  # fmt: skip


def main() -> int:
    """Fill, measure, tell; the exit code says whether the aim is met."""
    parser = argparse.ArgumentParser(prog="python -m bench.reports", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="share of a million leads and a million deals")
    parser.add_argument("--times", type=int, default=12, help="how often each report is asked for")
    parser.add_argument("--only", default="", help="measure only what has this in its name")
    parser.add_argument("--keep", action="store_true", help="the database of an earlier run is there")
    parser.add_argument("--write", action="store_true", help="write the figures into docs/performance.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        start_django(folder)
        return run(options)


def run(options: argparse.Namespace) -> int:
    """The whole measurement."""
    from django.core.management import call_command

    from accounts.models import User
    from bench.measure import measure

    call_command("collectstatic", verbosity=0, interactive=False)
    if not options.keep:
        call_command("migrate", verbosity=0, interactive=False)
        fill(options.scale)
    head = User.objects.get(email="head@example.com")
    results = measure([item for item in works(head) if options.only in item.name], options.times)
    text = f"{table(results)}\n\n{closing()}"
    print(text)
    if options.write:
        write("reports", text)
    missed = [item for item in results if item.p95 > AIM]
    for item in missed:
        print(f"MISSED  {item.name}: p95 {item.p95:.0f} ms, {AIM:.0f} are meant")
    return 1 if missed else 0


def fill(scale: float) -> None:
    """The company of `bench.data`, ten times as many leads and deals."""
    from bench.bulk import indexes_last
    from bench.data import Sizes
    from bench.data import fill as fill_company

    count = int(1_000_000 * scale)
    with indexes_last():
        fill_company(replace(Sizes().scaled(min(1.0, 2 * scale)), leads=count, deals=count, timeline=100_000))


def works(user: Any) -> list[Any]:
    """The pages of all reports."""
    from django.test import Client
    from django.urls import reverse

    from analytics.reports.registry import REPORTS
    from bench.measure import Work

    client = Client(HTTP_HOST="localhost")
    client.force_login(user)
    pages = OTHERS | {report.code: reverse(f"analytics:{report.code}") for report in REPORTS}
    return [Work(name, lambda address=address: client.get(address)) for name, address in pages.items()]  # type: ignore[misc]


def table(results: list[Any]) -> str:
    """Markdown: how much the page takes beside its bare SQL, then milliseconds."""
    rows = [
        "| report | p95 beside its bare SQL | median, ms | p95, ms | SQL alone, ms | CPU of the web, ms | statements |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    rows += [
        f"| {item.name} | {item.p95 / item.sql if item.sql else 0:.2f} × | {item.median:.0f} | {item.p95:.0f} "
        f"| {item.sql:.0f} | {item.cpu:.0f} | {item.queries} |"
        for item in results
    ]
    return "\n".join(rows)


def closing() -> str:
    """What was measured."""
    from crm.models import StageHistory
    from deals.models import Deal
    from leads.models import Lead

    return (
        f"{Lead.objects.count():,} leads, {Deal.objects.count():,} deals, {StageHistory.objects.count():,} stage moves "
        f"on PostgreSQL. Load of the machine while measuring: {os.getloadavg()[0]:.1f}."
    )


if __name__ == "__main__":
    sys.exit(main())
