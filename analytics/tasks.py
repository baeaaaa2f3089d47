"""What beat asks of analytics: are there weekly letters to write?"""

from __future__ import annotations

from celery import shared_task

from analytics.dashboard import digest


@shared_task(name="analytics.tasks.queue_digests")
def queue_digests() -> int:
    """Put the weekly letters that are due into the outbox."""
    return digest.queue_due()
