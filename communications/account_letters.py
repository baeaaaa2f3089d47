"""Sends letters about accounts: the same post as the outbox, but each is written only as it leaves.

A worker that dies while sending leaves a row that nobody sends again by itself: a second link would end no first one,
but whoever waits can ask anew at any time.
"""

from __future__ import annotations

from datetime import timedelta
from email.utils import make_msgid

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import QuerySet
from django.utils import timezone

from accounts.letters import written
from accounts.models import Letter
from communications.outbox import FIRST_PAUSE, LEASE, LONGEST_PAUSE, Permanent, Post, Transient, Unsure
from crm.claims import back_off, claim_one

log = structlog.get_logger(__name__)

# Then the link it would carry is of no use to anybody any more.
MAX_ATTEMPTS = 10
KEPT = timedelta(days=90)


def send_due(limit: int = 100, *, backend: str | None = None) -> int:
    """Send what is due over one connection; answers how many left. Safe to run in many workers at once."""
    stuck = Letter.objects.filter(state=Letter.State.SENDING, claimed_at__lt=timezone.now() - LEASE)
    stuck.update(state=Letter.State.FAILED, error="The worker stopped.")
    post, sent = Post(backend), 0
    try:
        for _number in range(limit):
            now = timezone.now()
            free = Letter.objects.filter(state=Letter.State.QUEUED, not_before__lte=now).order_by("not_before", "id")
            pk = claim_one(free, state=Letter.State.SENDING, claimed_at=now)
            if pk is None:
                break
            sent += _send(Letter.objects.get(pk=pk), post)
            if post.is_down:
                break
    finally:
        post.close()
    return sent


def _send(letter: Letter, post: Post) -> int:
    made = written(letter)
    if made is None:
        return _finish(letter, Letter.State.DROPPED) and 0
    subject, text = made
    headers = {
        "Message-ID": make_msgid(domain=settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">")),
        "Auto-Submitted": "auto-generated",
    }
    try:
        post.send(EmailMessage(subject, text, settings.DEFAULT_FROM_EMAIL, [letter.email], headers=headers))
    except Transient as error:
        if letter.attempts + 1 < MAX_ATTEMPTS:
            return _put_off(letter, str(error))
        return _finish(letter, Letter.State.FAILED, str(error)) and 0
    except (Permanent, Unsure) as error:
        log.warning("account_letter_not_sent", letter_id=letter.pk, error=str(error))
        return _finish(letter, Letter.State.FAILED, str(error)) and 0
    return _finish(letter, Letter.State.SENT)


def _mine(letter: Letter) -> QuerySet[Letter]:
    """The row as long as it is this attempt's."""
    return Letter.objects.filter(pk=letter.pk, state=Letter.State.SENDING, claimed_at=letter.claimed_at)


def _finish(letter: Letter, state: str, error: str = "") -> int:
    sent_at = timezone.now() if state == Letter.State.SENT else None
    return _mine(letter).update(state=state, sent_at=sent_at, error=error[:4000], attempts=letter.attempts + 1)


def _put_off(letter: Letter, error: str) -> int:
    pause = back_off(letter.attempts, first=FIRST_PAUSE, longest=LONGEST_PAUSE)
    _mine(letter).update(
        state=Letter.State.QUEUED,
        not_before=timezone.now() + pause,
        error=error[:4000],
        attempts=letter.attempts + 1,
    )
    return 0


def forget_old() -> int:
    """Delete letters that left or were not needed long ago; answers how many."""
    old = Letter.objects.exclude(state__in=[Letter.State.QUEUED, Letter.State.SENDING])
    return old.filter(created_at__lt=timezone.now() - KEPT).delete()[0]
