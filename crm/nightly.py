"""Work of the night: apps register functions, each may run twice and each fails alone."""

from __future__ import annotations

from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)

JOBS: dict[str, Callable[[], int]] = {}


def every_night(name: str, function: Callable[[], int]) -> None:
    """Register a job that answers how many rows it dealt with; called from AppConfig.ready."""
    JOBS[name] = function


def run_all() -> dict[str, int]:
    """Run every job; one that fails is logged and does not hold up the others."""
    done = {}
    for name, function in JOBS.items():
        try:
            done[name] = function()
        except Exception:
            log.exception("nightly_job_failed", job=name)
    return done
