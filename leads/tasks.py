"""What is asked of leads outside a request."""

from __future__ import annotations

from celery import shared_task

from leads import minimum


@shared_task(name="leads.tasks.recheck_minimum")
def recheck_minimum() -> int:
    """Look at the open leads anew after the minimum data for qualifying were changed."""
    return minimum.recheck()
