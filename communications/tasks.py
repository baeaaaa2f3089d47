"""What beat asks of communications: send what waits."""

from __future__ import annotations

from celery import shared_task

from communications import outbox
from crm import scope


@shared_task(name="communications.tasks.send_outbox")
def send_outbox() -> int:
    """Send the letters that are due."""
    with scope.opened():
        return outbox.send_due()
