"""Runs the whole product in the foreground: web, worker, beat and, without a REDIS_URL, a Valkey of its own.

    make run            or, once the environment is there: .venv/bin/python scripts/run.py

Supervisor restarts each process that dies; Ctrl-C, SIGTERM or a closed terminal stops them all.
"""

import argparse
import configparser
import fcntl
import http.client
import io
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

import processes  # noqa: E402
from child import die_with_parent  # noqa: E402

if TYPE_CHECKING:
    from types import FrameType

START_LIMIT = 60.0  # seconds until the first page must be there


def read_settings() -> tuple[Path, str, int, str, str]:
    """Load the settings, which ends with a sentence when one of them is bad."""
    # This command is the demo, also on somebody's own PostgreSQL; DEMO=false makes it a real installation.
    os.environ.setdefault("DEMO", "true")
    os.environ["DJANGO_SETTINGS_MODULE"] = "crm.settings"
    from crm import settings

    return settings.VAR_DIR, settings.HOST, settings.PORT, str(settings.WEB_WORKERS), settings.REDIS_URL


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


def supervisor_config(var_dir: Path, *, host: str, port: int, workers: str, valkey: list[str] | None) -> str:
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
        "web": processes.web(host=host, port=str(port), workers=workers),
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


def answers(host: str, port: int) -> bool:
    """Ask the health page once."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    connection = http.client.HTTPConnection(reachable, port, timeout=5)
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def wait_for_web(supervisor: subprocess.Popen[bytes], host: str, port: int) -> bool:
    """Wait until the first page is served."""
    deadline = time.monotonic() + START_LIMIT
    while supervisor.poll() is None and time.monotonic() < deadline:
        if answers(host, port):
            return True
        time.sleep(0.2)
    return False


def complain(var_dir: Path) -> None:
    """Show the end of the logs of a start that failed."""
    print("The product did not start; the last lines of its logs:", file=sys.stderr)
    for log in sorted((var_dir / "log").glob("*.log")):
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-8:]
        print(f"--- {log}", *lines, sep="\n", file=sys.stderr)


def supervise(var_dir: Path, config: Path, host: str, port: int) -> int:
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
    started = wait_for_web(supervisor, host, port)
    if started:
        shown = "localhost" if host in ("127.0.0.1", "0.0.0.0", "::", "::1") else host  # noqa: S104
        print(
            f"\nThe CRM is at http://{shown}:{port}/  (logs in {var_dir / 'log'}; Ctrl-C stops it)",
            flush=True,
        )
    elif not wanted:
        supervisor.terminate()
    supervisor.wait()
    if wanted:
        print("Stopped.", flush=True)
        return 0
    complain(var_dir)
    return 1


def main() -> int:
    """Prepare, then run until stopped."""
    parser = argparse.ArgumentParser(description="Run web, worker and beat in the foreground.")
    parser.add_argument("--no-demo-data", action="store_true", help="start with an empty database")
    options = parser.parse_args()
    var_dir, host, port, workers, redis_url = read_settings()
    (var_dir / "log").mkdir(parents=True, exist_ok=True)
    lock_file = lock(var_dir)
    require_free_port(host, port)

    from crm.embedded import prepare_private_dir, valkey_command, valkey_socket

    valkey = None
    if redis_url == f"unix://{valkey_socket(var_dir)}" and not os.environ.get("REDIS_URL"):
        data = var_dir / "valkey"
        prepare_private_dir(data)
        if valkey_socket(var_dir).parent != var_dir:
            prepare_private_dir(valkey_socket(var_dir).parent)
        valkey = valkey_command(valkey_socket(var_dir), data)
    prepare = [sys.executable, str(ROOT / "manage.py"), "prepare"]
    if options.no_demo_data:
        prepare.append("--no-demo-data")
    if status := subprocess.run(prepare, cwd=ROOT, check=False).returncode:
        return status
    config = var_dir / "supervisord.conf"
    config.write_text(
        supervisor_config(var_dir, host=host, port=port, workers=workers, valkey=valkey), encoding="utf-8"
    )
    with lock_file:
        return supervise(var_dir, config, host, port)


if __name__ == "__main__":
    sys.exit(main())
