"""What beat asks of communications: send what waits, take up requests that were left."""

from __future__ import annotations

from celery import shared_task

from communications import notice_letters, outbox, submissions
from crm import scope


@shared_task(name="communications.tasks.send_outbox")
def send_outbox() -> int:
    """Send the letters that are due."""
    with scope.opened():
        return outbox.send_due()


@shared_task(name="communications.tasks.mail_notices")
def mail_notices() -> int:
    """Put the letters about what people are told of into the outbox."""
    with scope.opened():
        return notice_letters.queue_due()


@shared_task(name="communications.tasks.process_submissions")
def process_submissions() -> int:
    """Process the posts of forms whose processing did not come to an end."""
    with scope.opened():
        return submissions.process_due()
