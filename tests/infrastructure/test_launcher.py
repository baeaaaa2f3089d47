"""`make run` without its demo data: it starts all processes, mends them, and leaves none behind."""

import configparser
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ROOT / "scripts"))

import run  # noqa: E402

from tests.conftest import free_port  # noqa: E402


def processes_of(var_dir: Path) -> dict[int, str]:
    """The command lines of all processes that were started with this var folder, by id."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            mine = f"VAR_DIR={var_dir}\0".encode() in (entry / "environ").read_bytes()
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        if mine and line:  # A zombie has no command line.
            found[int(entry.name)] = line
    return found


def pid_of(var_dir: Path, part: str) -> int:
    """The oldest process whose command line has this part; 0 when there is none."""
    return min((pid for pid, line in processes_of(var_dir).items() if part in line), default=0)


class Launched:
    """A running product."""

    def __init__(self, var_dir: Path, **changes: str) -> None:
        self.var_dir, self.port = var_dir, free_port()
        environment = {
            "PATH": os.environ["PATH"],
            "VAR_DIR": str(var_dir),
            "PORT": str(self.port),
            "WEB_WORKERS": "1",
            "WORKER_CONCURRENCY": "1",
            **changes,
        }
        command = [sys.executable, str(ROOT / "scripts" / "run.py"), "--no-demo-data"]
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def health(self) -> dict[str, Any]:
        """What the health page says; empty while there is none."""
        try:
            return dict(httpx.get(f"http://127.0.0.1:{self.port}/healthz", timeout=5).json())
        except (httpx.HTTPError, ValueError):
            return {}

    def ticking(self) -> bool:
        """Tell whether beat, broker and worker have done a tick together."""
        return self.health().get("last_tick_seconds") is not None


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., Launched]]:
    """Start the product in a folder of its own; whatever is left of it is ended after the test."""
    started: list[Launched] = []

    def start(**changes: str) -> Launched:
        started.append(Launched(tmp_path / "var", **changes))
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.process.communicate()
        for pid in processes_of(each.var_dir):
            os.kill(pid, signal.SIGKILL)
        for log in sorted((each.var_dir / "log").glob("*.log")):
            text = log.read_text(encoding="utf-8", errors="replace")[-3000:]
            print(f"--- {log.name}\n{text}")  # noqa: T201 (pytest shows it when the test failed)


def test_it_serves_ticks_mends_itself_and_leaves_nothing_behind(
    launch: Callable[..., Launched], wait_until: Callable[..., None]
) -> None:
    product = launch()
    var_dir = product.var_dir
    wait_until(product.ticking, what="the first tick", seconds=180)

    page = httpx.get(f"http://127.0.0.1:{product.port}/accounts/login/")
    assert page.status_code == 200, page.text
    files = re.findall(r'(?:src|href)="(/static/[^"#]+)', page.text)
    assert files
    assert [name for name in files if httpx.get(f"http://127.0.0.1:{product.port}{name}").status_code != 200] == []
    # Hashed names may be kept by the browser for ever.
    assert all(re.search(r"\.[0-9a-f]{12}\.", name) for name in files), files

    killed = {part: pid_of(var_dir, part) for part in ("celery -A crm worker", "celery -A crm beat")}
    assert all(killed.values()), processes_of(var_dir)
    for pid in killed.values():
        os.kill(pid, signal.SIGKILL)
    for part, pid in killed.items():
        wait_until(lambda part=part, pid=pid: pid_of(var_dir, part) not in (0, pid), what=part, seconds=60)

    product.process.send_signal(signal.SIGTERM)
    output, _ = product.process.communicate(timeout=60)

    assert product.process.returncode == 0
    assert f"http://localhost:{product.port}/" in output
    assert processes_of(var_dir) == {}


def test_killing_the_launcher_leaves_no_orphans(
    launch: Callable[..., Launched], wait_until: Callable[..., None]
) -> None:
    product = launch()
    wait_until(product.health, what="the first page", seconds=180)

    product.process.kill()
    product.process.wait()

    wait_until(lambda: processes_of(product.var_dir) == {}, what="the end of all processes", seconds=60)


@pytest.fixture
def own_database() -> Iterator[str]:
    """The URL of an empty database on the server of this run."""
    url = os.environ["TEST_DATABASE_URL"]
    name = f"launcher_{os.getpid()}"
    server = urlsplit(url)
    own = urlunsplit(server._replace(path=f"/{name}"))
    with psycopg.connect(url, dbname="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield own
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.postgres
def test_the_same_processes_run_on_postgresql_and_a_redis_that_is_there(
    launch: Callable[..., Launched], wait_until: Callable[..., None], own_database: str, valkey: str
) -> None:
    product = launch(DATABASE_URL=own_database, REDIS_URL=valkey)
    wait_until(product.ticking, what="the first tick", seconds=180)

    assert product.health()["status"] == "ok"
    assert pid_of(product.var_dir, "valkey-server") == 0
    assert not (product.var_dir / "db.sqlite3").exists()


def test_ctrl_c_while_it_prepares_is_no_drama(launch: Callable[..., Launched], wait_until: Callable[..., None]) -> None:
    product = launch()
    wait_until(lambda: pid_of(product.var_dir, "manage.py prepare"), what="the preparation", seconds=60)

    product.process.send_signal(signal.SIGINT)
    output, _ = product.process.communicate(timeout=60)

    assert product.process.returncode == 130
    assert output.strip().splitlines()[-1] == "Stopped."
    assert "Traceback" not in output
    assert processes_of(product.var_dir) == {}


def test_a_taken_port_is_told_in_a_sentence(launch: Callable[..., Launched]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        product = launch(PORT=str(port))
        output, _ = product.process.communicate(timeout=60)

    assert product.process.returncode == 1
    assert output.strip().splitlines()[-1].startswith(f"PORT: {port} on 127.0.0.1 cannot be had")


def test_a_bad_value_stops_it_before_anything_is_made(launch: Callable[..., Launched]) -> None:
    product = launch(WEB_WORKERS="many")
    output, _ = product.process.communicate(timeout=60)

    assert product.process.returncode == 1
    assert output.strip() == "WEB_WORKERS: expected a whole number, got 'many'."
    assert not product.var_dir.exists()


def test_a_second_launcher_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    with run.lock(tmp_path), pytest.raises(SystemExit, match="already running"):
        run.lock(tmp_path)


def plan(tmp_path: Path) -> run.Plan:
    """A start as the settings might ask for it."""
    return run.Plan(tmp_path, host="127.0.0.1", port=free_port(), workers="2", name="localhost", embedded=True)


def parsed(tmp_path: Path, valkey: list[str] | None) -> configparser.RawConfigParser:
    """Supervisor's configuration as it would read it."""
    config = configparser.RawConfigParser()
    config.read_string(run.supervisor_config(plan(tmp_path), valkey))
    return config


def test_four_processes_are_restarted_when_they_end(tmp_path: Path) -> None:
    config = parsed(tmp_path, valkey=["valkey-server", "--port", "0"])
    programs = {name for name in config.sections() if name.startswith("program:")}

    assert programs == {"program:valkey", "program:web", "program:worker", "program:beat"}
    assert {config[name]["autorestart"] for name in programs} == {"true"}


def test_a_named_redis_means_no_server_of_our_own(tmp_path: Path) -> None:
    assert "program:valkey" not in parsed(tmp_path, valkey=None)


def test_percent_signs_survive_supervisors_own_expansion() -> None:
    described = run.program("x", ["echo", "100%"], priority=1, stop_seconds=1)

    assert described["command"].endswith("echo 100%%")


def test_waiting_for_the_page_ends_with_the_supervisor(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    began = time.monotonic()

    assert run.wait_for_web(ended, plan(tmp_path)) is False
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("allowed", "name"),
    [
        ([], "localhost"),
        (["*"], "localhost"),
        ([".example.com"], "example.com"),
        (["crm.example.com", "x"], "crm.example.com"),
    ],
)
def test_the_health_page_is_asked_under_a_name_that_is_allowed(allowed: list[str], name: str) -> None:
    assert run.allowed_name(allowed) == name
