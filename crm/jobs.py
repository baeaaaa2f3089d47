"""Jobs over lists: started by a person, done at once when they are small, else by a worker, in chunks, with progress.

A chunk and the note of it are one transaction: a worker that dies loses the chunk it was at, nothing is done twice, and
the next one goes on from there once the lease has run out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from time import monotonic
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Q
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.models import User
from crm import bulk, clock, scope
from crm.actors import Actor
from crm.claims import claim_one, let_others_write
from crm.errors import DomainError
from crm.models import ActorKind, ListJob, Notification, record_model
from crm.querysets import Action

log = structlog.get_logger(__name__)

# Up to so many rows the person waits for the answer; more are a worker's.
AT_ONCE = 500
MOST = 20_000
CHUNK = 50
# Seconds after which a chunk ends: on SQLite everybody else waits for it.
LONGEST = 1.0
LEASE = timedelta(minutes=2)
# However few the rows: a file takes its time, and behind one partner there may be hundreds of records.
WORKERS = frozenset({ListJob.Kind.EXPORT, ListJob.Kind.CLOSE})
MAX_ATTEMPTS = 5
# How many refusals are kept with their reasons.
REASONS = 500
UNDO_FOR = timedelta(hours=24)
OPEN = (ListJob.State.PENDING, ListJob.State.RUNNING)
Row = tuple[str, int]


class TooMany(DomainError):
    """More rows than one job takes."""

    code = "too_many"


def job_start(
    *,
    by: User,
    kind: str,
    rows: Sequence[Row],
    params: dict[str, Any] | None = None,
    record_type: str = "",
    back: Sequence[Any] = (),
    token_name: str = "",
) -> ListJob:
    """Note a job; small ones are done when this returns, of large ones a worker takes care. TooMany over the limit.

    `back`: what the caller has done already and an undo of the job must take back too; `token_name`: with which token
    of theirs the person started it. Called outside a transaction
    each chunk is one of its own: hundreds of records in a single one would keep all other writers of SQLite waiting.
    """
    if len(rows) > MOST:
        raise TooMany(_("At most %(limit)s records at once: narrow the filter.") % {"limit": MOST})
    job = ListJob.objects.create(
        user=by,
        kind=kind,
        record_type=record_type,
        params=params or {},
        rows=[list(row) for row in rows],
        back=list(back),
        total=len(rows),
        created_at=clock.now(),
        token_name=token_name,
    )
    start(job)
    return job


@transaction.atomic
def job_keep(
    *,
    by: User,
    kind: str,
    record_type: str,
    params: dict[str, Any],
    done: int,
    back: Sequence[Any],
    failed: Sequence[Any],
    token_name: str = "",
) -> ListJob:
    """Note what has been done to many records in one go as a finished job: it is listed and can be taken back.

    `back` and `failed` are what a worker would have noted: [kind, key, what undoes it] and [kind, key, reason].
    """
    now = clock.now()
    total = done + len(failed)
    return ListJob.objects.create(
        user=by,
        kind=kind,
        record_type=record_type,
        params=params,
        back=list(back),
        failed=list(failed)[:REASONS],
        total=total,
        position=total,
        done=done,
        state=ListJob.State.DONE,
        created_at=now,
        finished_at=now,
        token_name=token_name,
    )


def token_name(by: User | Actor | None) -> str:
    """The name of the token that acts for a person; an empty text where they act themselves."""
    return by.name if isinstance(by, Actor) and by.kind == ActorKind.TOKEN else ""


def actor_of(job: ListJob) -> Actor:
    """Who does what a job does: the person, or their token."""
    return Actor(ActorKind.TOKEN, job.user, job.token_name) if job.token_name else Actor.of(job.user)


def start(job: ListJob) -> None:
    """Do it now or hand it to a worker, once the job itself is written."""
    if job.kind not in WORKERS and job.total <= AT_ONCE:
        # Taken, so that no worker takes it up too; should this process die, one does when the lease is over.
        ListJob.objects.filter(pk=job.pk).update(state=ListJob.State.RUNNING, claimed_at=clock.now())
        run(job.pk)
        job.refresh_from_db()
        return
    transaction.on_commit(lambda: _enqueue(job.pk))


def _enqueue(pk: int) -> None:
    from crm.tasks import run_list_jobs

    try:
        run_list_jobs.delay()
    except Exception:
        # Beat asks for what is due every few seconds anyway.
        log.exception("list_job_not_enqueued", job=pk)


def run_due() -> int:
    """A worker's turn: claim job after job until none is free; answers how many were taken up."""
    taken = 0
    while True:
        late = Q(state=ListJob.State.RUNNING, claimed_at__lt=clock.now() - LEASE)
        free = ListJob.objects.filter(Q(state=ListJob.State.PENDING) | late).order_by("id")
        pk = claim_one(free, state=ListJob.State.RUNNING, claimed_at=clock.now())
        if pk is None:
            return taken
        taken += 1
        try:
            run(pk)
        except Exception:
            log.exception("list_job_failed", job=pk)
            _note_failure(pk)


def _note_failure(pk: int) -> None:
    """Let another attempt be made after the lease; after some of them the job is given up."""
    job = ListJob.objects.get(pk=pk)
    job.attempts += 1
    if job.attempts >= MAX_ATTEMPTS:
        job.state, job.finished_at = ListJob.State.FAILED, clock.now()
        _tell(job)
    job.save(update_fields=["attempts", "state", "finished_at"])


def run(pk: int) -> None:
    """Do all chunks of a job, in the language of the person who started it."""
    job = ListJob.objects.select_related("user").get(pk=pk)
    with translation.override(job.user.language):
        if job.kind == ListJob.Kind.EXPORT:
            from crm.screens import export_jobs

            export_jobs.write(job)
            finish(job.pk)
            return
        while _chunk(pk):
            let_others_write()


@transaction.atomic
def _chunk(pk: int) -> bool:
    """The next rows, as many as fit into CHUNK and about a second; False when none are left or the job was stopped."""
    job = ListJob.objects.select_for_update(of=("self",)).select_related("user").get(pk=pk)
    if job.is_over:
        return False
    rows = job.rows[job.position : job.position + CHUNK]
    with scope.opened():
        job.position += _undo_rows(job, rows) if job.kind == ListJob.Kind.UNDO else _do_rows(job, rows)
    job.claimed_at, job.state = clock.now(), ListJob.State.RUNNING
    if job.position >= job.total:
        job.state, job.finished_at = ListJob.State.DONE, clock.now()
        if job.total > AT_ONCE:
            _tell(job)
    job.save(update_fields=["position", "done", "failed", "back", "claimed_at", "state", "finished_at"])
    return not job.is_over


def _in_time(rows: Sequence[list[Any]]) -> Iterator[list[Any]]:
    """The rows one after another, at least one, until the transaction has lasted long enough."""
    until = monotonic() + LONGEST
    for number, row in enumerate(rows):
        if number and monotonic() > until:
            return
        yield row


def _do_rows(job: ListJob, rows: list[list[Any]]) -> int:
    """Act on the rows, as far as the time goes; answers how many were taken."""
    taken = 0
    records = _records(rows, job.user, job.kind)
    act, actor = bulk.ACTIONS[job.kind], actor_of(job)
    for record_type, pk in _in_time(rows):
        taken += 1
        record = records.get((record_type, pk))
        if record is None:
            _refuse(job, record_type, pk, _("It is not yours to change any more."))
            continue
        try:
            with transaction.atomic():
                back = act(record, actor, job.params)
        except Exception as error:
            _refuse(job, record_type, pk, bulk.refusal_of(error))
            continue
        job.done += 1
        if back is not None:
            job.back.append([record_type, pk, back])
    return taken


def _records(rows: list[list[Any]], user: User, kind: str) -> dict[tuple[str, int], Any]:
    """The rows of a chunk that the person may change (or move), read at once per kind of record."""
    action: Action = "move" if kind in bulk.MOVES else "change"
    found: dict[tuple[str, int], Any] = {}
    for record_type in {row[0] for row in rows}:
        keys = [pk for name, pk in rows if name == record_type]
        if kind in bulk.FINDERS:
            found |= {(record_type, pk): row for pk, row in bulk.FINDERS[kind](keys, user).items()}
            continue
        manager: Any = record_model(record_type)._default_manager
        mine = manager.visible_to(user, action).alive().filter(pk__in=keys).select_related("responsible")
        found |= {(record_type, record.pk): record for record in mine}
    return found


def _refuse(job: ListJob, record_type: str, pk: int, reason: str) -> None:
    if len(job.failed) < REASONS:
        job.failed.append([record_type, pk, reason])


def _undo_rows(job: ListJob, rows: list[list[Any]]) -> int:
    """Take the rows back, likewise."""
    taken = 0
    for record_type, pk, entry in _in_time(rows):
        taken += 1
        try:
            with transaction.atomic():
                done = bulk.take_back(job.params["kind"], record_type, pk, entry, actor_of(job))
        except Exception as error:
            _refuse(job, record_type, pk, bulk.refusal_of(error))
            continue
        if done:
            job.done += 1
        else:
            _refuse(job, record_type, pk, _("Another person or a robot has changed it on meanwhile."))
    return taken


@transaction.atomic
def finish(pk: int) -> None:
    """Mark an export as written and tell the person who asked for it."""
    job = ListJob.objects.select_for_update().get(pk=pk)
    if job.is_over:
        return
    job.state, job.finished_at, job.position = ListJob.State.DONE, clock.now(), job.total
    job.save(update_fields=["state", "finished_at", "position"])
    _tell(job)


def _tell(job: ListJob) -> None:
    """A line in the bell: whoever started it may be elsewhere by now."""
    Notification.objects.create(
        user_id=job.user_id, record_type="", record_id=job.pk, kind="list_job", action="list_job",
        data={"kind": job.kind, "record_type": job.record_type}, created_at=clock.now(), last_at=clock.now(),
    )  # fmt: skip


@transaction.atomic
def job_stop(job: ListJob) -> ListJob:
    """Stop a job after the chunk at hand; what was done stays, and can be undone."""
    locked = ListJob.objects.select_for_update().get(pk=job.pk)
    if not locked.is_over:
        locked.state, locked.finished_at = ListJob.State.STOPPED, clock.now()
        locked.save(update_fields=["state", "finished_at"])
    return locked


def may_undo(job: ListJob) -> bool:
    """Is there something to take back, and is it still fresh?"""
    return bool(job.is_over and job.back and job.undone_at is None and job.created_at > clock.now() - UNDO_FOR)


def job_undo(job: ListJob, *, by: Actor | None = None) -> ListJob:
    """Take back what a job did, each record only while nobody has changed it on; DomainError when it is too late.

    `by` is the token that asks for it, where it is not the person themselves.
    """
    undoing = _undoing(job, token_name(by))
    start(undoing)
    return undoing


@transaction.atomic
def _undoing(job: ListJob, token: str) -> ListJob:
    """Mark a job as undone and note the one that does it."""
    locked = ListJob.objects.select_for_update(of=("self",)).select_related("user").get(pk=job.pk)
    if not may_undo(locked):
        raise DomainError(_("It is too late to undo this: change it by hand."))
    locked.undone_at = clock.now()
    locked.save(update_fields=["undone_at"])
    return ListJob.objects.create(
        user=locked.user, kind=ListJob.Kind.UNDO, record_type=locked.record_type, params={"kind": locked.kind},
        rows=locked.back[::-1], total=len(locked.back), created_at=clock.now(), token_name=token,
    )  # fmt: skip
