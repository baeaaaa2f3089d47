"""Runs the whole product in the foreground: web, worker, beat and, without a REDIS_URL, a Valkey of its own.

    make run            or, once the environment is there: .venv/bin/python scripts/run.py

Supervisor restarts each process that dies; Ctrl-C, SIGTERM or a closed terminal stops them all.
"""

import argparse
import configparser
import fcntl
import io
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

import processes  # noqa: E402
from child import die_with_parent  # noqa: E402
from healthcheck import allowed_name, healthy  # noqa: E402

if TYPE_CHECKING:
    from types import FrameType

START_LIMIT = 120.0  # seconds until the first page must be there


class Plan(NamedTuple):
    """What the settings say about this start."""

    var_dir: Path
    host: str
    port: int
    workers: str
    name: str
    embedded: bool


def read_settings() -> Plan:
    """Load the settings, which ends with a sentence when one of them is bad."""
    # This command is the demo, also on somebody's own PostgreSQL; DEMO=false makes it a real installation.
    os.environ.setdefault("DEMO", "true")
    os.environ["DJANGO_SETTINGS_MODULE"] = "crm.settings"
    from crm import settings

    return Plan(
        var_dir=settings.VAR_DIR,
        host=settings.HOST,
        port=settings.PORT,
        workers=str(settings.WEB_WORKERS),
        name=allowed_name(settings.ALLOWED_HOSTS),
        # A URL given means a server given.
        embedded=f"unix://{settings.EMBEDDED_SOCKET}" == settings.REDIS_URL and not settings.env.given("REDIS_URL"),
    )


def program(name: str, command: list[str], *, priority: int, stop_seconds: int) -> dict[str, str]:
    """Describe one process to supervisor."""
    # Supervisor expands %(...)s and its shell rules in commands.
    line = shlex.join([sys.executable, str(ROOT / "scripts" / "child.py"), *command]).replace("%", "%%")
    return {
        "command": line,
        "directory": str(ROOT).replace("%", "%%"),
        "priority": str(priority),
        "autorestart": "true",
        "startsecs": "2",
        "startretries": "30",
        "stopwaitsecs": str(stop_seconds),
        "stopasgroup": "false",
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": f"%(here)s/log/{name}.log",
        "stdout_logfile_maxbytes": "5MB",
        "stdout_logfile_backups": "2",
    }


def supervisor_config(plan: Plan, valkey: list[str] | None) -> str:
    """Render supervisor's configuration; `valkey` is the command of the embedded server, if any."""
    config = configparser.RawConfigParser()
    config["supervisord"] = {
        "nodaemon": "true",
        "pidfile": "%(here)s/supervisord.pid",
        "logfile": "%(here)s/log/supervisord.log",
        "logfile_maxbytes": "5MB",
        "logfile_backups": "2",
        "childlogdir": "%(here)s/log",
    }
    if os.geteuid() == 0:
        config["supervisord"]["user"] = "root"  # said openly, it is no warning
    own = Path(sys.executable).parent
    commands = {
        "web": processes.web(host=plan.host, port=str(plan.port), workers=plan.workers),
        "worker": processes.worker(),
        "beat": processes.beat(),
    }
    if valkey:
        config["program:valkey"] = program("valkey", valkey, priority=1, stop_seconds=10)
    for name, command in commands.items():
        absolute = [str(own / command[0]), *command[1:]]
        config[f"program:{name}"] = program(name, absolute, priority=10, stop_seconds=15)
    text = io.StringIO()
    config.write(text)
    return text.getvalue()


def lock(var_dir: Path) -> TextIO:
    """Make sure that only one launcher works in this folder; the lock ends with the process."""
    file = (var_dir / "run.lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit(f"The product is already running from {ROOT}; stop that one first.") from None
    return file


def require_free_port(host: str, port: int) -> None:
    """Stop with a sentence when the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            raise SystemExit(
                f"PORT: {port} needs more rights; choose one above 1023, as in `PORT=8080 make run`."
            ) from None
        except socket.gaierror:
            raise SystemExit(f"HOST: {host!r} is no address of this machine.") from None
        except OSError as error:
            raise SystemExit(
                f"PORT: {port} on {host} cannot be had ({(error.strerror or 'refused').lower()}); "
                f"choose another, as in `PORT={port + 1} make run`."
            ) from None


def wait_for_web(supervisor: subprocess.Popen[bytes], plan: Plan) -> bool:
    """Wait until the first page is served."""
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(plan.host, plan.host)  # noqa: S104
    deadline = time.monotonic() + START_LIMIT
    while supervisor.poll() is None and time.monotonic() < deadline:
        if healthy(address, plan.port, plan.name):
            return True
        time.sleep(0.2)
    return False


def greet(plan: Plan) -> None:
    """Say where the product is."""
    local = plan.host in ("127.0.0.1", "::1")
    shown = "localhost" if local or plan.host in ("0.0.0.0", "::") else plan.host  # noqa: S104
    logs = plan.var_dir / "log"
    print(f"\nThe CRM is at http://{shown}:{plan.port}/  (logs in {logs}; Ctrl-C stops it)", flush=True)
    if not local:
        print("HOST lets other machines in: the demo's passwords are known to everybody.", flush=True)


def complain(var_dir: Path) -> None:
    """Show the end of the logs of a start that failed."""
    print("The product did not start; the last lines of its logs:", file=sys.stderr)
    for log in sorted((var_dir / "log").glob("*.log")):
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-8:]
        print(f"--- {log}", *lines, sep="\n", file=sys.stderr)


def supervise(plan: Plan, config: Path) -> int:
    """Run supervisor until somebody wants it to stop; answer the exit status."""
    wanted = False

    def stop(number: int, frame: "FrameType | None") -> None:
        nonlocal wanted
        wanted = True
        if supervisor.poll() is None:
            supervisor.terminate()

    command = [str(Path(sys.executable).parent / "supervisord"), "-c", str(config)]
    # A session of its own: Ctrl-C reaches only this process, which then stops everything in order. It also
    # keeps the signal of a closed terminal from supervisor, which would take it for "restart everything".
    supervisor = subprocess.Popen(
        command,
        cwd=ROOT,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        preexec_fn=die_with_parent,  # noqa: PLW1509
    )
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    if wait_for_web(supervisor, plan):
        greet(plan)
    elif not wanted:
        supervisor.terminate()
    supervisor.wait()
    if wanted:
        print("Stopped.", flush=True)
        return 0
    complain(plan.var_dir)
    return 1


def embedded_valkey(var_dir: Path) -> list[str]:
    """Make room for the embedded server and return its command."""
    from crm.embedded import prepare_private_dir, valkey_command, valkey_socket

    socket_path, data = valkey_socket(var_dir), var_dir / "valkey"
    prepare_private_dir(data)
    if socket_path.parent != var_dir:
        prepare_private_dir(socket_path.parent)
    return valkey_command(socket_path, data)


def prepare(*, no_demo_data: bool) -> int:
    """Run `manage.py prepare`; Ctrl-C in the middle of it ends it without a traceback."""
    command = [sys.executable, str(ROOT / "manage.py"), "prepare", *(["--no-demo-data"] if no_demo_data else [])]
    child = None
    try:
        child = subprocess.Popen(command, cwd=ROOT, start_new_session=True, preexec_fn=die_with_parent)  # noqa: PLW1509
        return child.wait()
    except KeyboardInterrupt:
        # Pressed while it was just being started, there is none to end by name: it dies with this process.
        if child is not None:
            child.terminate()
            child.wait()
        print("Stopped.", flush=True)
        return 128 + signal.SIGINT


def main() -> int:
    """Prepare, then run until stopped."""
    parser = argparse.ArgumentParser(description="Run web, worker and beat in the foreground.")
    parser.add_argument("--no-demo-data", action="store_true", help="start with an empty database")
    options = parser.parse_args()
    # A shell that starts it in the background lets it inherit that Ctrl-C is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.umask(0o077)  # The database and the letters are nobody else's.
    plan = read_settings()
    (plan.var_dir / "log").mkdir(parents=True, exist_ok=True)
    with lock(plan.var_dir):
        require_free_port(plan.host, plan.port)
        config = plan.var_dir / "supervisord.conf"
        valkey = embedded_valkey(plan.var_dir) if plan.embedded else None
        if status := prepare(no_demo_data=options.no_demo_data):
            return status
        config.write_text(supervisor_config(plan, valkey), encoding="utf-8")
        return supervise(plan, config)


if __name__ == "__main__":
    sys.exit(main())
