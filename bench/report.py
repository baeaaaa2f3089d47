"""The figures as a table, what of them misses its aim, and their place in docs/performance.md."""

from __future__ import annotations

import os
import platform
import re
import resource
from pathlib import Path
from typing import TYPE_CHECKING

from django.db import connection

if TYPE_CHECKING:
    from bench.data import Sizes
    from bench.measure import Result

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
LIMIT_QUERIES, LIMIT_GROWTH = 15, 1.5
# What changes records or is no page of rows is not held to the number of statements of a page.
WRITES = frozenset({"move of a deal", "form intake", "form intake to the lead", "bare create"})


def table(results: list[Result], tenth: dict[str, float]) -> str:
    """The table, in Markdown: ratios first, then what they are made of. `tenth`: fastest ms at a tenth of the rows."""
    known = {result.name: result for result in results}
    rows = [
        "| work | p95 beside bare | CPU beside bare | to a tenth | CPU, ms | median | p95 | SQL alone | statements |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for result in results:
        bare = known.get(result.work.beside)
        ratio = f"{result.p95 / bare.p95:.1f} × | {result.cpu / bare.cpu:.1f} ×" if bare else "– | –"
        growth = f"{result.least / tenth[result.name]:.1f} ×" if tenth.get(result.name) else "–"
        sql = f"{result.sql:.1f}" if result.sql else "–"
        rows.append(
            f"| {result.name} | {ratio} | {growth} | {result.cpu:.1f} | {result.median:.1f} | {result.p95:.1f} "
            f"| {sql} | {result.queries} |"
        )
    return "\n".join(rows)


def closing(sizes: Sizes) -> str:
    """What was measured, and on what."""
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        server = str(cursor.fetchone()[0]).split()[0]
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{sizes.leads:,} leads, {sizes.deals:,} deals, {sizes.contacts:,} contacts, {sizes.companies:,} companies, "
        f"{sizes.objects:,} objects, {2 * sizes.contacts + sizes.companies:,} phones and addresses, "
        f"{sizes.timeline:,} lines of the timeline. Peak memory of the process: {memory:.0f} MB. "
        f"{os.cpu_count()} cores, {total:.0f} GB, Python {platform.python_version()}, PostgreSQL {server}; load of the "
        f"machine while measuring: {os.getloadavg()[0]:.1f}."
    )


def failures(results: list[Result], tenth: dict[str, float]) -> list[str]:
    """Which aims are missed."""
    known = {result.name: result for result in results}
    missed = []
    for result in results:
        work = result.work
        if result.queries > LIMIT_QUERIES and result.name not in WRITES:
            missed.append(f"{result.name}: {result.queries} statements, not more than {LIMIT_QUERIES} are meant")
        if (bare := known.get(work.beside)) is not None and result.p95 > work.limit * bare.p95:
            missed.append(f"{result.name}: {result.p95 / bare.p95:.1f} times the bare page, {work.limit:g} are meant")
        if work.most and result.p95 > work.most:
            missed.append(f"{result.name}: p95 {result.p95:.1f} ms, {work.most:g} are meant")
        if (small := tenth.get(result.name)) and result.least > LIMIT_GROWTH * small:
            missed.append(f"{result.name}: {result.least / small:.1f} times as slow with ten times the rows")
    return missed


def write(name: str, text: str) -> None:
    """Put the text between the marks of that name in docs/performance.md."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    page = PAGE.read_text(encoding="utf-8")
    place = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    PAGE.write_text(place.sub(lambda _found: f"{begin}\n{text}\n{end}", page), encoding="utf-8")
