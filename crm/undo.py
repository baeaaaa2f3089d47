"""Undo for a minute: an action leaves a ticket, its author may hand it back and what was done is taken back."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.core.cache import cache
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import User
from crm import clock, stages
from crm.actors import Actor
from crm.errors import StageConflict, StageError
from crm.models import Activity, StagedRecord, StageHistory, record_model
from crm.together import apart

log = structlog.get_logger(__name__)

# The toast shows its button for ten seconds; the ticket lives a little longer than a slow network needs.
TICKET_SECONDS = 60
Undoer = Callable[[Actor, Mapping[str, Any]], str]
UNDOERS: dict[str, Undoer] = {}


def undoer(kind: str) -> Callable[[Undoer], Undoer]:
    """Register what takes back an action of that kind; it answers the sentence for the toast."""

    def register(function: Undoer) -> Undoer:
        UNDOERS[kind] = function
        return function

    return register


def offer(user: User, kind: str, **payload: Any) -> str:
    """The address that takes an action back when its author posts there within a minute.

    An empty text when the cache is away: the action itself was done, only the way back is missing.
    """
    key = secrets.token_urlsafe(16)
    try:
        cache.set(f"undo:{user.pk}:{key}", {"kind": kind, "payload": payload}, TICKET_SECONDS)
    except Exception:
        log.exception("undo_not_offered", kind=kind)
        return ""
    return reverse("undo", args=[key])


def key_of(address: str) -> str:
    """The ticket that an address made by `offer` holds; an empty text for an empty one."""
    return address.rstrip("/").rsplit("/", 1)[-1]


@apart
def undo(by: User | Actor, key: str) -> str:
    """Take an action back; StageError when the ticket is used up, too old or another person's.

    `by` is the person whose ticket it is, or their token: the audit trail keeps which of the two took it back.
    """
    actor = Actor.of(by)
    name = f"undo:{owner(actor).pk}:{key}"
    ticket = cache.get(name)
    if ticket is None or not cache.delete(name):
        raise StageError(_("It is too late to undo this: change it by hand."))
    return UNDOERS[ticket["kind"]](actor, ticket["payload"])


def owner(actor: Actor) -> User:
    """The person who takes something back, by hand or with a token."""
    if actor.user is None:
        raise StageError(_("It is too late to undo this: change it by hand."))
    return actor.user


def offer_move(user: User, record: StagedRecord, from_stage: str, *, former: int | None) -> str:
    """An undo of the move just made; only for a record that stood in an open stage before.

    `former` is the key of whoever was responsible before: a move that hands a record over gives it to another person.
    """
    from crm import pipelines

    if not pipelines.stage(from_stage).is_open:
        return ""
    now: int | None = record.responsible_id  # type: ignore[attr-defined]
    moves = [[record.pk, from_stage, record.stage, former, now]]
    return offer(user, "move", record_type=record.RECORD_TYPE, moves=moves)


@undoer("move")
def _undo_moves(by: Actor, payload: Mapping[str, Any]) -> str:
    """Bring records back to where they stood, each only while nobody moved it on; written as a move with reason.

    The way back needs no rights of a head: the person takes back what they have just done, perhaps by mistake,
    and the record may already be out of their reach (handed over).
    """
    model = record_model(payload["record_type"])
    actor = replace(by, is_taking_back=True)
    back = 0
    for pk, from_stage, to_stage, *people in payload["moves"]:
        record = model._default_manager.filter(pk=pk, deleted_at__isnull=True).first()
        if record is None or record.stage != to_stage or not _moved_by(owner(by), record):
            continue
        stages.move(
            record,
            from_stage,
            by=actor,
            reason=_("Undone"),
            refusal=stages.Refusal(),
            expected=to_stage,
            override=True,
        )
        if people:
            give_back(record, people[0], people[1], by)
        back += 1
    if not back:
        raise StageConflict(_("Another person or a robot has moved it on meanwhile: it was not undone."))
    return _("Undone: the stage is as it was before.")


def give_back(record: Any, former: int | None, given: int | None, by: Actor) -> None:
    """Who had a record before its move has it again, unless somebody else got it since."""
    from crm.services import record_assign

    if former != given and record.responsible_id == given:
        heir = User.objects.filter(pk=former).first() if former else None
        record_assign(record, responsible=heir, by=by, reason=_("Undone"))


def _moved_by(user: User, record: StagedRecord) -> bool:
    last = StageHistory.objects.filter(record_type=record.RECORD_TYPE, record_id=record.pk).order_by("-id").first()
    recent = clock.now() - timedelta(seconds=2 * TICKET_SECONDS)
    return last is not None and last.actor_user_id == user.pk and last.at >= recent


@undoer("assign")
def _undo_assign(by: Actor, payload: Mapping[str, Any]) -> str:
    """Give records back to those who had them."""
    from crm.services import record_assign

    model = record_model(payload["record_type"])
    people = User.objects.in_bulk([former for _pk, former, _now in payload["rows"] if former])
    for pk, former, now in payload["rows"]:
        record = model._default_manager.filter(pk=pk, responsible_id=now).first()
        if record is not None:
            record_assign(record, responsible=people.get(former), by=by, reason=_("Undone"))
    return _("Undone: the responsible is as before.")


@undoer("task")
def _undo_task(by: Actor, payload: Mapping[str, Any]) -> str:
    """Open a task again that was marked as done."""
    from crm.services import activity_reopen

    task = Activity.objects.visible_to(owner(by), "change").filter(pk=payload["id"]).first()
    if task is None:
        raise StageError(_("This task is not yours any more."))
    activity_reopen(task, by=by)
    return _("The task is open again.")


@undoer("task_moved")
def _undo_task_moved(by: Actor, payload: Mapping[str, Any]) -> str:
    """Bring a task back to the moment it had, while nobody moved it on."""
    from crm.activities import activity_postpone

    task = Activity.objects.visible_to(owner(by), "change").filter(pk=payload["id"], done_at__isnull=True).first()
    if task is None or task.due_at.isoformat() != payload["to"]:
        raise StageError(_("This task was changed meanwhile: move it by hand."))
    activity_postpone(task, due_at=datetime.fromisoformat(payload["from"]), by=by)
    return _("The task is back where it was.")


@undoer("delete")
def _undo_delete(by: Actor, payload: Mapping[str, Any]) -> str:
    """Take a record out of the trash."""
    from crm.services import record_restore

    rows: Any = record_model(payload["record_type"])._default_manager
    record = rows.visible_to(owner(by), "change").get(pk=payload["id"])
    record_restore(record, by=by)
    return _("«%(record)s» is back.") % {"record": record}
