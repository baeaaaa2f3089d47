"""make bench: fill a database, measure, print the table, write it into docs/performance.md."""

from __future__ import annotations

import argparse
import os
import platform
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.measure import Result

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
LIMIT_QUERIES, LIMIT_RATIO = 15, 3.0
# What changes records or is no page of rows is not held to the number of statements of a page.
WRITES = frozenset({"move of a deal", "form intake"})


def start_django(folder: str) -> None:
    """The product's own settings on the database of DATABASE_URL, with the bare pages beside its own."""
    if not os.environ.get("DATABASE_URL", "").startswith("postgres"):
        sys.exit("DATABASE_URL must name an empty PostgreSQL database; make bench starts one.")
    os.environ |= {"DJANGO_SETTINGS_MODULE": "crm.settings", "DEMO": "true", "VAR_DIR": folder}
    import django
    from django.conf import settings

    django.setup()
    settings.ROOT_URLCONF = "bench.urls"
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}


def arguments() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full number of rows")
    parser.add_argument("--times", type=int, default=60, help="how often each page is asked for")
    parser.add_argument("--only", default="", help="measure only what has this in its name")
    parser.add_argument("--write", action="store_true", help="write the table into docs/performance.md")
    parser.add_argument("--keep", action="store_true", help="the database is filled already")
    return parser.parse_args()


def main() -> int:
    """Measure; the exit code tells whether the aims are met."""
    options = arguments()
    with tempfile.TemporaryDirectory() as folder:
        start_django(folder)
        return run(options)


def run(options: argparse.Namespace) -> int:
    """Fill, measure, tell."""
    from django.core.management import call_command

    from accounts.models import User
    from bench.data import Sizes, fill
    from bench.measure import measure, works

    sizes = Sizes().scaled(options.scale)
    call_command("collectstatic", verbosity=0, interactive=False)
    if not options.keep:
        began = time.monotonic()
        call_command("migrate", verbosity=0, interactive=False)
        fill(sizes)
        print(f"Filled in {time.monotonic() - began:.0f} s: {vars(sizes)}", flush=True)
    head = User.objects.get(email="head@example.com")
    asked = [work for work in works(head) if options.only in work.name or work.name.startswith("bare")]
    results = measure(asked, options.times)
    table = "\n".join(lines(results))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    closing = (
        f"{sizes.leads:,} leads, {sizes.deals:,} deals, {sizes.contacts:,} contacts, {sizes.companies:,} companies, "
        f"{sizes.objects:,} objects, {sizes.timeline:,} lines of the timeline. Peak memory of the process: "
        f"{memory:.0f} MB. Python {platform.python_version()}, {os.cpu_count()} cores; load of the machine while "
        f"measuring: {os.getloadavg()[0]:.1f}."
    )
    print(f"\n{table}\n\n{closing}")
    if options.write:
        text = PAGE.read_text(encoding="utf-8")
        head_part, _old, rest = text.partition(BEGIN)[0], "", text.partition(END)[2]
        PAGE.write_text(f"{head_part}{BEGIN}\n{table}\n\n{closing}\n{END}{rest}", encoding="utf-8")
    return 1 if failures(results) else 0


def lines(results: list[Result]) -> list[str]:
    """The table, in Markdown."""
    known = {result.name: result for result in results}
    rows = [
        "| work | median, ms | p95, ms | CPU, ms | statements | SQL alone, ms | p95 beside bare | CPU beside bare |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for result in results:
        bare = known.get(result.beside)
        ratio = f"{result.p95 / bare.p95:.1f} × | {result.cpu / bare.cpu:.1f} ×" if bare else "– | –"
        sql = f"{result.sql:.1f}" if result.sql else "–"
        rows.append(
            f"| {result.name} | {result.median:.1f} | {result.p95:.1f} | {result.cpu:.1f} "
            f"| {result.queries} | {sql} | {ratio} |"
        )
    return rows


def failures(results: list[Result]) -> list[str]:
    """Which aims are missed."""
    known = {result.name: result for result in results}
    missed = []
    for result in results:
        if result.queries > LIMIT_QUERIES and result.name not in WRITES:
            missed.append(f"{result.name}: {result.queries} statements, not more than {LIMIT_QUERIES} are meant")
        if (bare := known.get(result.beside)) is not None and result.p95 > LIMIT_RATIO * bare.p95:
            missed.append(f"{result.name}: {result.p95 / bare.p95:.1f} times the bare page, {LIMIT_RATIO:g} are meant")
    for text in missed:
        print(f"MISSED  {text}")
    return missed


if __name__ == "__main__":
    sys.exit(main())
