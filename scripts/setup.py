"""Makes the project's environment: .venv with the pinned packages. Standard library only.

python3 scripts/setup.py            what the product needs to run
python3 scripts/setup.py --dev      and what the suite and the checks need
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
OLDEST_PYTHON = (3, 11)
RUNTIME = ["requirements.txt"]
DEVELOPMENT = ["requirements.txt", "requirements-dev.txt"]


def run(*command: str | Path, quiet: bool = False) -> bool:
    """Run a command and tell whether it went well."""
    output = subprocess.DEVNULL if quiet else None
    return (
        subprocess.run([str(part) for part in command], cwd=ROOT, stdout=output, stderr=output, check=False).returncode
        == 0
    )


def stop(sentence: str) -> None:
    """End with one sentence."""
    raise SystemExit(sentence)


def find_uv() -> str | None:
    """Find the fast installer: on PATH, or in the environment from an earlier time."""
    own = VENV / "bin" / "uv"
    return str(own) if own.exists() else shutil.which("uv")


def install_debian(*packages: str) -> bool:
    """Install packages of the system where that is ours to do: Debian's kin, as root or through sudo."""
    if not shutil.which("apt-get"):
        return False
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if prefix and not shutil.which("sudo"):
        return False
    install = [
        *prefix,
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "install",
        "-y",
        "-q",
        "--no-install-recommends",
    ]
    # Most images come without package lists; one look at them is enough.
    return run(*install, *packages, quiet=True) or (
        run(*prefix, "apt-get", "update", "-q") and run(*install, *packages)
    )


def make_venv() -> None:
    """Make an empty environment, whichever way this machine can."""
    if VENV_PYTHON.exists() and run(VENV_PYTHON, "-c", "import sys; sys.exit(sys.version_info < (3, 11))", quiet=True):
        return
    print(f"Making the environment in {VENV} ...", flush=True)
    if run(sys.executable, "-m", "venv", "--clear", VENV, quiet=True):
        return
    uv = shutil.which("uv")
    if uv and run(uv, "venv", "-q", "--clear", "--seed", "--python", sys.executable, VENV):
        return
    # Debian ships Python without the part that puts pip into an environment.
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if install_debian(f"python{version}-venv") and run(sys.executable, "-m", "venv", "--clear", VENV):
        return
    stop(f"Python cannot make an environment here: install its venv module (Debian: python{version}-venv).")


def install(files: list[str]) -> None:
    """Install the pinned files, each package checked against its hash: by uv if there is one, else by pip."""
    # Machines behind a company's proxy know its certificate in the system's list only.
    os.environ.setdefault("UV_SYSTEM_CERTS", "true")
    os.environ.setdefault("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    if find_uv() is None:
        run(VENV_PYTHON, "-m", "pip", "install", "-q", "--require-hashes", "-r", "scripts/uv.txt", quiet=True)
    wanted = [part for name in files for part in ("-r", name)]
    uv = find_uv()
    if uv and run(uv, "pip", "install", "-q", "--python", VENV_PYTHON, "--require-hashes", *wanted, quiet=True):
        return
    print("Installing with pip, which takes about half a minute ...", flush=True)
    if not run(VENV_PYTHON, "-m", "pip", "install", "-q", "--require-hashes", *wanted):
        stop("The packages could not be installed; the lines above say why.")


def fingerprint(files: list[str]) -> str:
    """Name the exact set of packages, so that an unchanged one is not installed again."""
    content = b"".join((ROOT / name).read_bytes() for name in files)
    return hashlib.sha256(content + sys.version.encode()).hexdigest()


def main() -> None:
    """Bring the environment up to date."""
    if sys.version_info < OLDEST_PYTHON:
        stop(f"Python 3.11 or newer is needed, not {sys.version.split()[0]}; name one with PYTHON=python3.12.")
    development = "--dev" in sys.argv[1:]
    files = DEVELOPMENT if development else RUNTIME
    stamp = VENV / ("installed-dev" if development else "installed")
    make_venv()
    wanted = fingerprint(files)
    if stamp.exists() and stamp.read_text(encoding="ascii") == wanted:
        return
    print("Installing the packages ...", flush=True)
    install(files)
    stamp.write_text(wanted, encoding="ascii")
    if development:
        (VENV / "installed").write_text(fingerprint(RUNTIME), encoding="ascii")


if __name__ == "__main__":
    main()
