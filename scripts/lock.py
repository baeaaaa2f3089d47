"""Pins requirements*.in with hashes, for every platform and Python that we support."""

import subprocess
import sys

from setup import ROOT, find_uv


def main() -> int:
    """Write the pinned files."""
    uv = find_uv()
    if uv is None:
        raise SystemExit("uv is needed to pin the requirements; `make setup` could not get it.")
    for name in ("requirements", "requirements-dev"):
        subprocess.run(
            [
                *(uv, "pip", "compile", "--quiet", "--upgrade", "--universal", "--python-version", "3.11"),
                *("--generate-hashes", "--no-header", f"{name}.in", "-o", f"{name}.txt"),
            ],
            cwd=ROOT,
            check=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
