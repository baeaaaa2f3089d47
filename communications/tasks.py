"""What beat asks of communications: send what waits (letters, webhooks), take up requests that were left."""

from __future__ import annotations

from celery import shared_task

from communications import account_letters, calling, notice_letters, openings, outbox, processing
from communications.webhooks import sending
from crm import scope


@shared_task(name="communications.tasks.send_outbox")
def send_outbox() -> int:
    """Send the letters that are due, those about accounts first: somebody waits for them. Tell of opened ones."""
    with scope.opened():
        openings.openings_tell()
        return account_letters.send_due() + outbox.send_due()


@shared_task(name="communications.tasks.send_webhooks")
def send_webhooks() -> int:
    """Send the messages of webhooks that are due."""
    with scope.opened():
        return sending.send_due()


@shared_task(name="communications.tasks.mail_notices")
def mail_notices() -> int:
    """Put the letters about what people are told of into the outbox."""
    with scope.opened():
        return notice_letters.queue_due()


@shared_task(name="communications.tasks.process_submissions")
def process_submissions() -> int:
    """Beat's look for posts that wait: what was put off, and what nobody was called for."""
    return _process_waiting()


@shared_task(name="communications.tasks.process_received")
def process_received() -> int:
    """The same, called for as soon as a post is stored."""
    return _process_waiting()


def _process_waiting() -> int:
    calling.answer_call()
    taken, done = processing.process_due()
    if taken >= processing.MOST:
        calling.call_worker()
    return done
