"""make bench: fill a database, measure, print the table, write it into docs/performance.md."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def start_django(folder: str, *, keeps_cache: bool = False) -> None:
    """The product's own settings on the database of DATABASE_URL, with the bare pages beside its own.

    Without `keeps_cache` there is neither a Valkey nor a worker: the cache is the process's own, nobody is called.
    """
    if not os.environ.get("DATABASE_URL", "").startswith("postgres"):
        sys.exit("DATABASE_URL must name an empty PostgreSQL database; make bench starts one.")
    os.environ |= {"DJANGO_SETTINGS_MODULE": "crm.settings", "DEMO": "true", "VAR_DIR": folder}
    import django
    from django.conf import settings

    django.setup()
    settings.ROOT_URLCONF = "bench.urls"
    if not keeps_cache:
        from communications import calling

        settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
        calling.call_worker = lambda: None


def arguments() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full number of rows")
    parser.add_argument("--times", type=int, default=60, help="how often each page is asked for")
    parser.add_argument("--only", default="", help="measure only what has this in its name")
    parser.add_argument("--write", action="store_true", help="write the table into docs/performance.md")
    parser.add_argument("--keep", action="store_true", help="the databases of an earlier run are there")
    parser.add_argument("--no-tenth", action="store_true", help="do not measure a tenth of the rows first")
    parser.add_argument("--least", default="", help="write the fastest ms of each work into this file, as JSON")
    return parser.parse_args()


def main() -> int:
    """Measure; the exit code tells whether the aims are met."""
    options = arguments()
    tenth = {} if options.no_tenth else measure_tenth(options)
    with tempfile.TemporaryDirectory() as folder:
        start_django(folder)
        return run(options, tenth)


def measure_tenth(options: argparse.Namespace) -> dict[str, float]:
    """The fastest ms of each work at a tenth of the rows: in a database beside the other, by a process of its own."""
    import psycopg

    url = os.environ.get("DATABASE_URL", "")
    if not options.keep:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE crm_tenth")
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [sys.executable, "-m", "bench", "--no-tenth", "--least", file.name]
        command += ["--scale", str(options.scale / 10), "--times", str(options.times), "--only", options.only]
        command += ["--keep"] if options.keep else []
        beside = os.environ | {"DATABASE_URL": url.replace("/crm?", "/crm_tenth?")}
        subprocess.run(command, cwd=ROOT, env=beside, check=False, stdout=subprocess.DEVNULL)
        found: dict[str, float] = json.loads(Path(file.name).read_text(encoding="utf-8") or "{}")
    return found


def run(options: argparse.Namespace, tenth: dict[str, float]) -> int:
    """Fill, measure, tell."""
    from django.core.management import call_command

    from accounts.models import User
    from bench import report
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
    table, closing = report.table(results, tenth), report.closing(sizes)
    print(f"\n{table}\n\n{closing}")
    if options.least:
        Path(options.least).write_text(json.dumps({item.name: item.least for item in results}), encoding="utf-8")
    if options.write:
        report.write("figures", f"{table}\n\n{closing}")
    missed = report.failures(results, tenth)
    for text in missed:
        print(f"MISSED  {text}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
