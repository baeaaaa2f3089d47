"""Stored posts made into leads, each once: by a worker that is called at once, or in the request that asks for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Min, Q, QuerySet
from django.utils import translation
from django.utils.translation import gettext as _

from communications.channels.webform.transport import Parsed, parse
from communications.models import Submission
from communications.reading import check_request, request_of
from communications.submissions import absorb_earlier, having_earlier
from crm import clock, scope
from crm.actors import Actor
from crm.claims import let_others_write
from crm.errors import DomainError
from crm.exclusions import HeldBack
from crm.models import StagedRecord

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=2)
RETRY_AFTER = timedelta(seconds=30)
MAX_ATTEMPTS = 5
# So many posts are claimed together: what they have in common (stages, settings, rules, people) is read once for them.
BATCH = 20
# After so many a worker lets other work come in between.
MOST = 100

Maker = Callable[..., StagedRecord]
_maker: list[Maker] = []


def made_by(maker: Maker) -> None:
    """Register who makes a record of a request: maker(request, *, by); called from AppConfig.ready of the app above."""
    _maker[:] = [maker]


def maker() -> Maker:
    """Who makes a record of a request."""
    return _maker[0]


def submission_process(submission_id: int) -> Submission:
    """Make the record of a stored post, once: whoever claims the row does it; answers the row as it is after that.

    What the rules refuse is left with its sentence as needing attention. What broke is tried again by the tick.
    """
    claimed_at = clock.now()
    if not _claim(_free(), submission_id, claimed_at):
        return Submission.objects.get(pk=submission_id)
    return _process(_read(submission_id), claimed_at, None)


def submission_continue(submission: Submission, *, parsed: Parsed) -> Submission:
    """The same for a post that the caller has just stored as taken."""
    return _process(submission, submission.claimed_at, parsed)


def submission_reprocess(submission: Submission, *, by: Any) -> Submission:
    """ "Process again": once more for a post that needed attention; whoever asks is kept with it."""
    claimed_at = clock.now()
    failed = Q(state__in=[Submission.State.FAILED, Submission.State.HELD])
    if not _claim(failed, submission.pk, claimed_at):
        return Submission.objects.get(pk=submission.pk)
    actor = Actor.of(by)
    meta = {**submission.meta, "reprocessed_by": str(actor.user or actor.name), "reprocessed_at": str(claimed_at)}
    Submission.objects.filter(pk=submission.pk).update(meta=meta, attempts=0)
    return _process(_read(submission.pk), claimed_at, None)


def process_due(limit: int = MOST) -> tuple[int, int]:
    """Process the posts that wait, batch after batch; answers how many were taken up and how many became records.

    Besides new posts these are the ones whose process died or broke off. Any number of workers share them.
    """
    taken = done = 0
    while taken < limit and (posts := _claim_batch(min(BATCH, limit - taken))):
        with scope.opened():
            absorbing = having_earlier(posts)
            for number, post in enumerate(posts):
                if taken + number:
                    let_others_write()
                made = _process(post, post.claimed_at, None, absorbs=post.pk in absorbing)
                done += made.state == Submission.State.DONE
        taken += len(posts)
    return taken, done


def waiting_age() -> float:
    """How many seconds the oldest post that waits for its lead has been waiting; 0 when none does."""
    waiting = Submission.objects.filter(state__in=[Submission.State.RECEIVED, Submission.State.RUNNING])
    oldest = waiting.aggregate(oldest=Min("received_at"))["oldest"]
    return (clock.now() - oldest).total_seconds() if oldest else 0.0


def _read(pk: int) -> Submission:
    return _readable().get(pk=pk)


def _readable() -> QuerySet[Submission]:
    return Submission.objects.select_related("form", "form__source", "form__responsible")


def _free() -> Q:
    now = clock.now()
    fresh = Q(state=Submission.State.RECEIVED) & (Q(claimed_at=None) | Q(claimed_at__lt=now - RETRY_AFTER))
    return fresh | Q(state=Submission.State.RUNNING, claimed_at__lt=now - LEASE)


def _claim(which: Q, pk: int, at: Any) -> bool:
    return bool(Submission.objects.filter(which, pk=pk).update(state=Submission.State.RUNNING, claimed_at=at))


def _claim_batch(size: int) -> list[Submission]:
    """The oldest posts that wait, taken by this process; those that another is just taking are passed over."""
    has_locks = connection.features.has_select_for_update_skip_locked
    if not has_locks and not Submission.objects.filter(_free()).exists():
        return []  # SQLite has one lock for all writers: nobody waits for it to find nothing to do.
    at = clock.now()
    with transaction.atomic():
        rows = _readable().filter(_free()).order_by("received_at", "id")
        if has_locks:
            # A repeat that is just being written holds a key lock on its first post, which must not be passed over.
            rows = rows.select_for_update(skip_locked=True, of=("self",), no_key=True)
        posts = list(rows[:size])
        keys = [post.pk for post in posts]
        if keys:
            Submission.objects.filter(pk__in=keys).update(state=Submission.State.RUNNING, claimed_at=at)
    for post in posts:
        post.state, post.claimed_at = Submission.State.RUNNING, at
    return posts


def _process(submission: Submission, claimed_at: Any, parsed: Parsed | None, *, absorbs: bool = True) -> Submission:
    try:
        with transaction.atomic(), translation.override(settings.LANGUAGE_CODE):
            if absorbs and "reprocessed_by" not in submission.meta:
                absorb_earlier(submission)
            record, problems = _make(submission, parsed or parse(bytes(submission.body), submission.content_type))
            done = {"state": Submission.State.DONE, f"{record.RECORD_TYPE}_id": record.pk, "error": ""}
            done["problems"] = problems
            if not _finish(submission, claimed_at, **done):
                raise _LostClaim
    except _LostClaim:
        log.warning("submission_claim_lost", submission_id=submission.pk)
    except HeldBack as error:
        held = {"state": Submission.State.HELD, "exclusion": error.exclusion}
        _finish(submission, claimed_at, **held, error=error.message, problems=[])
    except DomainError as error:
        _finish(submission, claimed_at, state=Submission.State.FAILED, error=error.message, problems=error.errors)
    except Exception as error:
        log.exception("submission_failed", submission_id=submission.pk)
        _put_back(submission, claimed_at, error)
    else:
        for name, value in {**done, "attempts": submission.attempts + 1}.items():
            setattr(submission, name, value)
        return submission
    submission.refresh_from_db(fields=["state", "lead_id", "deal_id", "error", "problems", "attempts", "claimed_at"])
    return submission


class _LostClaim(Exception):
    """The lease ran out meanwhile and another process has the row."""


def _make(submission: Submission, parsed: Parsed) -> tuple[StagedRecord, list[dict[str, str]]]:
    """The record, and what was not understood or not kept of the request."""
    form = submission.form
    request = request_of(form, parsed, page=str(submission.meta.get("referer", "")))
    check_request(request, parsed)
    if submission.exclusion_id is not None and "reprocessed_by" in submission.meta:
        # A person has looked at what the exclusion list held back, and wants a lead after all.
        request = replace(request, despite_exclusion=True)
    made = maker()(request, by=Actor.form(form.name if form is not None else ""))
    return made, list(request.problems)


def _finish(submission: Submission, claimed_at: Any, **columns: Any) -> bool:
    mine = Submission.objects.filter(pk=submission.pk, state=Submission.State.RUNNING, claimed_at=claimed_at)
    return bool(mine.update(attempts=submission.attempts + 1, **columns))


def _put_back(submission: Submission, claimed_at: Any, error: Exception) -> None:
    """Leave it for the tick; after some attempts somebody has to look."""
    is_last = submission.attempts + 1 >= MAX_ATTEMPTS
    with translation.override(settings.LANGUAGE_CODE):
        text = _("Processing broke off: %(error)s.") % {"error": f"{type(error).__name__}: {error}"[:500]}
    state = Submission.State.FAILED if is_last else Submission.State.RECEIVED
    _finish(submission, claimed_at, state=state, error=text)
