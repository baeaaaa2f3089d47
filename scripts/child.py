"""Runs a command that ends when its parent does, even when the parent is killed without warning.

    python scripts/child.py command argument ...

Otherwise a killed supervisor would leave servers behind that hold the port.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask the kernel for SIGTERM on the parent's death, which outlives exec; only Linux can do this."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


if __name__ == "__main__":
    die_with_parent()
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606
