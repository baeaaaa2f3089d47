"""Runs all checks of the code that are not tests, and says which of them failed."""

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


def templates() -> list[str]:
    """List our own templates."""
    return sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("templates/**/*.html"))


def checks() -> dict[str, list[str]]:
    """List the checks by name."""
    manage = [sys.executable, "manage.py"]
    return {
        "format": [str(BIN / "ruff"), "format", "--check", "--quiet", "."],
        "lint": [str(BIN / "ruff"), "check", "--quiet", "."],
        "layers": [str(BIN / "lint-imports"), "--no-cache"],
        "system": [*manage, "check", "--fail-level", "WARNING"],
        "migrations": [*manage, "makemigrations", "--check", "--dry-run"],
        "templates": [str(BIN / "djade"), "--check", "--target-version", "5.2", *templates()],
        "texts": [sys.executable, "scripts/messages.py", "--check"],
        "types": [str(BIN / "mypy")],
    }


def main() -> int:
    """Run them all: whoever mends one finding wants to see the others too."""
    failed = []
    environment = os.environ | {"DEMO": os.environ.get("DEMO", "true")}
    for name, command in checks().items():
        began = time.monotonic()
        result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        verdict = "ok" if result.returncode == 0 else "FAILED"
        print(f"{name:<11} {verdict:<7} {time.monotonic() - began:5.1f} s", flush=True)
        if result.returncode:
            failed.append(name)
            print(result.stdout + result.stderr, flush=True)
    if failed:
        print(f"Failed: {', '.join(failed)}.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
