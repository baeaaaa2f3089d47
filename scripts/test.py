"""Runs the suite with all it needs, on SQLite, then on PostgreSQL; pytest's closing line comes last.

python scripts/test.py [sqlite|postgres|all] [arguments for pytest ...]
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from postgres import postgres
from setup import ROOT, install_debian

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def require_browser() -> None:
    """Find Chromium, or install the system's; without one the browser tests could only lie."""
    if any(shutil.which(name) for name in (os.environ.get("CHROMIUM", ""), *BROWSERS) if name):
        return
    print("Installing Chromium for the browser tests ...", flush=True)
    if not (install_debian("chromium", "fonts-liberation") and shutil.which("chromium")):
        raise SystemExit(
            "CHROMIUM: no Chromium is installed here and it could not be; install one or name it in CHROMIUM."
        )


def run_pytest(arguments: list[str], database_url: str | None) -> int:
    """Run the suite once on one database."""
    name = "PostgreSQL" if database_url else "SQLite"
    print(f"\n=== The suite on {name}", flush=True)
    environment = {key: value for key, value in os.environ.items() if key != "TEST_DATABASE_URL"}
    if database_url:
        environment["TEST_DATABASE_URL"] = database_url
    with tempfile.TemporaryDirectory(prefix="crm-t-") as folder:
        environment["TEST_TMPDIR"] = folder
        command = [sys.executable, "-m", "pytest", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


@contextmanager
def postgres_url() -> Iterator[str]:
    """Use the server named in TEST_DATABASE_URL, else start one."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    with postgres() as url:
        yield url


def main() -> int:
    """Run what was asked for; fail when any run fails."""
    where = sys.argv[1] if len(sys.argv) > 1 else "all"
    if where not in ("sqlite", "postgres", "all"):
        raise SystemExit(__doc__)
    arguments = sys.argv[2:] or ["-n", "auto"]
    require_browser()
    status = 0
    if where in ("sqlite", "all"):
        status = run_pytest(arguments, None)
    if where in ("postgres", "all"):
        with postgres_url() as url:
            # The first failure decides the status, but both runs are made: they fail for different reasons.
            status = run_pytest(arguments, url) or status
    return status


if __name__ == "__main__":
    sys.exit(main())
