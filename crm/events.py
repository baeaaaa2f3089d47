"""Upward talk: a service publishes an event into the outbox in its own transaction; handlers hear of it after commit.

The fast path runs handlers in the same process right after commit, so that what a rule does is there when the page
comes back. A row that was not finished (a handler failed, the process died) is taken up again by the beat's tick.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Q

from accounts import identity
from crm import clock, scope
from crm.actors import Actor
from crm.models import Event, StagedRecord
from crm.together import on_its_own

log = structlog.get_logger(__name__)

Handler = Callable[[Event], None]
Wants = Callable[[str, Mapping[str, Any]], bool]
HANDLERS: dict[str, list[tuple[str, Handler]]] = {}
WANTS: dict[str, Wants] = {}
# Who notes what happens in the very transaction, whoever listens besides: gets the event's name, the record, who did
# it, the event's data, and the changed fields as rows of field, old, new.
Witness = Callable[[str, StagedRecord, Any, Mapping[str, Any], Sequence[Mapping[str, Any]]], Any]
WITNESSES: list[Witness] = []
# Who hears of a chain that was cut: gets the event's name and the record, in the transaction of the cut.
CUTS: list[Callable[[str, StagedRecord], None]] = []
MAX_DEPTH = 10
MAX_ATTEMPTS = 8
LEASE = timedelta(minutes=2)
_handling: ContextVar[int] = ContextVar("crm_event_depth", default=0)
_silent: ContextVar[bool] = ContextVar("crm_events_silent", default=False)


def on(name: str, handler: Handler, *, wants: Wants | None = None) -> None:
    """Register a handler of an event; called from AppConfig.ready of the app that wants to hear.

    `wants` tells by the kind of record and the event's data alone, without a query, that the handler has nothing to
    do: most events are of interest to nobody, and then no row is written for them.
    """
    label = f"{handler.__module__}.{handler.__qualname__}"
    if wants is not None:
        WANTS[f"{name}:{label}"] = wants
    rows = HANDLERS.setdefault(name, [])
    if label not in {known for known, _handler in rows}:
        rows.append((label, handler))


class silence:  # noqa: N801 - reads as a statement: `with events.silence():`
    """Within the block nothing is published: merges and undo start no robots and send no letters (OBJ-4)."""

    def __enter__(self) -> None:
        self._token = _silent.set(True)

    def __exit__(self, *exc_info: object) -> None:
        _silent.reset(self._token)


class chained:  # noqa: N801 - reads as a statement: `with events.chained(depth):`
    """Within the block what is published is so many steps down a chain: a step that waited for days is still one."""

    def __init__(self, depth: int) -> None:
        self._depth = depth

    def __enter__(self) -> None:
        self._token = _handling.set(self._depth)

    def __exit__(self, *exc_info: object) -> None:
        _handling.reset(self._token)


def depth() -> int:
    """How many steps down a chain of rules what is done now stands; 0 for what a person does."""
    return _handling.get()


def is_silent() -> bool:
    """Whether nothing is to be told of now: a merge or an undo is under way."""
    return _silent.get()


def publish(
    name: str,
    obj: StagedRecord,
    by: Any,
    data: Mapping[str, Any] | None = None,
    *,
    changes: Sequence[Mapping[str, Any]] = (),
) -> Event | None:
    """Write an event into the outbox in the caller's transaction and run its handlers after commit.

    `changes` are rows of field, old and new for those who note what happens (webhooks); handlers do not get them.

    Answers None where nobody listens, where events are silenced, or where a chain of rules is longer than ten
    steps: then the chain is cut and the record's timeline says so (AUTO-4).
    """
    if _silent.get():
        return None
    for witness in WITNESSES:
        witness(name, obj, by, data or {}, changes)
    if not _interested(name, obj.RECORD_TYPE, data or {}):
        return None
    depth = _handling.get()
    if depth >= MAX_DEPTH:
        _report_loop(name, obj)
        return None
    # The outbox is the product's own: who makes an event may not read what others made.
    with identity.as_system():
        event = _written(name, obj, by, data, depth)
    transaction.on_commit(lambda: dispatch(event.pk, event), robust=True)
    return event


def _written(name: str, obj: StagedRecord, by: Any, data: Mapping[str, Any] | None, depth: int) -> Event:
    return Event.objects.create(
        record_type=obj.RECORD_TYPE,
        record_id=obj.pk,
        at=clock.now(),
        not_before=clock.now(),
        # Taken by this process, which carries it out right after commit; should it die first, the lease runs out.
        state=Event.State.RUNNING,
        claimed_at=clock.now(),
        name=name,
        data=dict(data or {}),
        depth=depth,
        **Actor.of(by).as_columns(),
    )


def _interested(name: str, record_type: str, data: Mapping[str, Any]) -> list[tuple[str, Handler]]:
    """The handlers of an event but for those that say it is none of theirs."""
    return [
        (label, handler)
        for label, handler in HANDLERS.get(name, [])
        if (wants := WANTS.get(f"{name}:{label}")) is None or wants(record_type, data)
    ]


# Handlers act for the product, whoever's deed they follow: robots, the other side of a hand-over, counters.
@identity.as_system()
def dispatch(event_id: int, event: Event | None = None) -> bool:
    """Claim one event and run the handlers that have not run yet; True when all are done.

    Each handler runs in a transaction of its own and is remembered as done in it, so that a retry after a failure
    or a killed process does not run it twice.
    """
    if not _take(event_id, event):
        return False
    event = event or Event.objects.select_related("actor_user").get(pk=event_id)
    wanted = _interested(event.name, event.record_type, event.data)
    left = [(label, handler) for label, handler in wanted if label not in event.done_handlers]
    errors: list[str] = []
    token = _handling.set(event.depth + 1)
    try:
        # Outside a request (a worker, a command) the handlers of one event share what they read of the catalogue.
        with scope.opened():
            for number, (label, handler) in enumerate(left, 1):
                if text := _run(event, label, handler, finishes=number == len(left) and not errors):
                    errors.append(text)
    finally:
        _handling.reset(token)
    return event.state == Event.State.DONE or _finish(event, errors)


def _take(event_id: int, written: Event | None) -> bool:
    """Claim an event; one that this process has just written it holds already, after a long transaction it asks."""
    now, held_since = clock.now(), written.claimed_at if written is not None else None
    if held_since is not None and now - held_since < LEASE / 4:
        return True
    free = Q(state=Event.State.PENDING) | Q(state=Event.State.RUNNING, claimed_at__lt=now - LEASE)
    if held_since is not None:
        free |= Q(state=Event.State.RUNNING, claimed_at=held_since)
    rows = Event.objects.filter(free, pk=event_id, not_before__lte=now)
    return bool(rows.update(state=Event.State.RUNNING, claimed_at=now))


def _run(event: Event, label: str, handler: Handler, *, finishes: bool) -> str:
    """Run one handler; the last one also closes the event, in the same transaction. Answers the error, if any."""
    try:
        with on_its_own():
            handler(event)
            event.done_handlers = [*event.done_handlers, label]
            event.state = Event.State.DONE if finishes else Event.State.RUNNING
            event.save(update_fields=["done_handlers", "state"])
    except Exception:
        event.state = Event.State.RUNNING
        event.done_handlers = [done for done in event.done_handlers if done != label]
        log.exception("event_handler_failed", event_name=event.name, event_id=event.pk, handler=label)
        return traceback.format_exc(limit=5)
    return ""


def _finish(event: Event, errors: list[str]) -> bool:
    if not errors:
        event.state, event.error = Event.State.DONE, ""
    else:
        event.attempts += 1
        event.error = "\n".join(errors)[-4000:]
        event.state = Event.State.FAILED if event.attempts >= MAX_ATTEMPTS else Event.State.PENDING
        event.not_before = clock.now() + timedelta(seconds=15 * 2**event.attempts)
    event.save(update_fields=["state", "error", "attempts", "not_before"])
    return not errors


def dispatch_due(limit: int = 200) -> int:
    """Take up events that were left: pending ones that are due, and those whose process died; answers how many."""
    now = clock.now()
    left = Event.objects.filter(
        Q(state=Event.State.PENDING) | Q(state=Event.State.RUNNING, claimed_at__lt=now - LEASE),
        not_before__lte=now,
    ).order_by("id")[:limit]
    return sum(dispatch(pk) for pk in list(left.values_list("pk", flat=True)))


def _report_loop(name: str, obj: StagedRecord) -> None:
    from django.utils.translation import gettext as _

    from crm import timeline

    log.warning("event_chain_cut", event_name=name, record_type=obj.RECORD_TYPE, record_id=obj.pk)
    text = _("A chain of rules longer than %(limit)s steps was cut.") % {"limit": MAX_DEPTH}
    timeline.record(obj, "robot_note", Actor.system(), {"text": text}, internal=True)
    for tell in CUTS:
        tell(name, obj)
