"""What can be done with many records at once, one record at a time by the service that the card uses; and its way back.

An action gets a record, the person and JSON parameters, and answers what it takes to undo it (None: nothing changed).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.utils.translation import gettext as _
from django_fsm import ConcurrentTransition

from accounts.models import User
from crm import directions, pipelines, scope, stages, tags, trash
from crm.actors import Actor
from crm.errors import DomainError, InvalidInput
from crm.models import Activity, Stage, StagedRecord, record_model
from crm.normalize import looks_like_placeholder
from crm.services import record_assign, record_restore
from crm.undo import give_back

Action = Callable[[Any, Any, Mapping[str, Any]], Any]


def assign(record: StagedRecord, by: Any, params: Mapping[str, Any]) -> Any:
    """Hand a record to `responsible` (a key) with an optional `reason`."""
    former = record.responsible_id  # type: ignore[attr-defined]
    heir = scope.remember(
        f"bulk:user:{params['responsible']}", lambda: User.objects.filter(pk=params["responsible"]).first()
    )
    if heir is None:
        raise InvalidInput(_("There is no such person."))
    record_assign(record, responsible=heir, by=by, reason=params.get("reason", ""))
    return [former, heir.pk] if former != heir.pk else None


def move(record: StagedRecord, by: Any, params: Mapping[str, Any]) -> Any:
    """Move a record to `to`; `data` fills what it lacks of the stage's fields, `refusal` says why it is lost."""
    before, former = record.stage, record.responsible_id  # type: ignore[attr-defined]
    target = pipelines.find_stage(record.pipeline_id, params["to"])  # type: ignore[attr-defined]
    data = _data_for(record, target, by, params)
    refusal = stages.Refusal(**params["refusal"]) if params.get("refusal") else None
    reason = params.get("reason", "")
    stages.move(
        record, target.key, by=by, data=data, expected=before, refusal=refusal,
        reason="" if looks_like_placeholder(reason) else reason,
    )  # fmt: skip
    return way_back(record, before, former)


def way_back(record: Any, before: str, former: int | None) -> list[Any] | None:
    """What takes a move back: where the record stood and whose it was; None where it did not move or was closed."""
    if before == record.stage or not pipelines.stage(before).is_open:
        return None
    return [before, record.stage, former, record.responsible_id]


def direction(record: StagedRecord, by: Any, params: Mapping[str, Any]) -> Any:
    """Take a record over to the pipeline `to`: to what `map` says of its stage (codes), else to what is proposed."""
    before, former = record.stage, record.responsible_id  # type: ignore[attr-defined]
    target = direction_target(record, params)
    data = _data_for(record, target, by, params)
    reason = params.get("reason", "")
    stages.move(
        record, target.key, by=by, data=data, expected=before, may_switch=True,
        reason="" if looks_like_placeholder(reason) else reason,
    )  # fmt: skip
    return way_back(record, before, former)


def direction_target(record: Any, params: Mapping[str, Any]) -> Stage:
    """The stage of the pipeline `to` where a record goes on; InvalidInput where there is none."""
    if record.pipeline_id == params["to"]:
        raise InvalidInput(_("It is in this pipeline already."))
    try:
        return directions.aim(record.stage_row, params["to"], params.get("map"))
    except KeyError as error:
        raise InvalidInput(_("Its pipeline has no such stage.")) from error


def _data_for(record: StagedRecord, target: Stage, by: Any, params: Mapping[str, Any]) -> dict[str, Any]:
    """Of the fields given for all records those that this one lacks."""
    given = params.get("data") or {}
    lacking = {name for item in stages.missing_fields(record, target, by) for name in item.fields} if given else set()
    return {name: _typed(record, name, value) for name, value in given.items() if name in lacking}


def _typed(record: StagedRecord, name: str, value: Any) -> Any:
    """A value as the field holds it; parameters are JSON."""
    if "__" in name:
        return value
    column: Any = record._meta.get_field(name)
    return value if column.is_relation else column.to_python(value)


def tag(record: Any, by: Any, params: Mapping[str, Any]) -> Any:
    """Put the tags `add` on a record and take `remove` off."""
    if not hasattr(record, "tags"):
        raise InvalidInput(_("Records of this kind have no tags."))
    before = [row.name for row in record.tags.all()]
    return (
        before if tags.tags_change(record, add=params.get("add", ()), remove=params.get("remove", ()), by=by) else None
    )


def delete(record: StagedRecord, by: Any, params: Mapping[str, Any]) -> Any:
    """Put a record into the trash."""
    trash.record_trash(record, by=by)
    return []


# Those that take the right to move a record, not to change it.
MOVES = frozenset({"move", "direction"})
# Apps above add theirs by `register`.
ACTIONS: dict[str, Action] = {
    "assign": assign, "move": move, "direction": direction, "tag": tag, "delete": delete,
}  # fmt: skip


def refusal_of(error: Exception) -> str:
    """Why one record of many stays as it was, in the person's words; an error that is no refusal goes on."""
    if isinstance(error, DomainError):
        return error.message
    if isinstance(error, ConcurrentTransition):
        return _("Another person changed it meanwhile.")
    if isinstance(error, KeyError):
        return _("Its pipeline has no such stage.")
    if isinstance(error, ObjectDoesNotExist):
        return _("It is not yours to change any more.")
    raise error


# -- the way back -----------------------------------------------------------------------------------------------------


def take_back(kind: str, record_type: str, pk: int, entry: Any, by: Actor) -> bool:
    """Undo what an action did to one record; False when it was changed on meanwhile, and so stays."""
    if record_type == "task":
        former, given = entry
        tasks = Activity.objects.filter(pk=pk, responsible=given, done_at__isnull=True)
        return bool(tasks.update(responsible=former))
    model = record_model(record_type)
    record: Any = model._default_manager.filter(pk=pk).first()
    if record is None:
        return False
    return UNDO[kind](record, entry, by)


def _unassign(record: Any, entry: Any, by: Actor) -> bool:
    former, given = entry
    if record.responsible_id != given or record.deleted_at is not None:
        return False
    give_back(record, former, given, by)
    return True


def _unmove(record: Any, entry: Any, by: Actor) -> bool:
    """Needs no rights of a head: the person takes back what they have done themselves."""
    before, after, former, given = entry if len(entry) == 4 else (*entry, None, None)
    if record.stage != after or record.deleted_at is not None:
        return False
    actor = replace(by, is_taking_back=True)
    stages.move(record, before, by=actor, reason=_("Undone"), refusal=stages.Refusal(), expected=after, override=True)
    give_back(record, former, given, by)
    return True


def _untag(record: Any, entry: Any, by: Actor) -> bool:
    return tags.tags_set(record, tags=entry, by=by)


def _undelete(record: Any, entry: Any, by: Actor) -> bool:
    if record.deleted_at is None or record.merged_into_id is not None:
        return False
    record_restore(record, by=by)
    return True


UNDO: dict[str, Callable[[Any, Any, Actor], bool]] = {
    "assign": _unassign, "move": _unmove, "direction": _unmove, "tag": _untag, "delete": _undelete,
}  # fmt: skip


# Rows that are no records, by the kind of action: keys and the person in, those the person may still act on out.
FINDERS: dict[str, Callable[[list[int], User], dict[int, Any]]] = {}


def register(
    kind: str,
    act: Action,
    take_back: Callable[[Any, Any, Actor], bool] | None = None,
    *,
    find: Callable[[list[int], User], dict[int, Any]] | None = None,
) -> None:
    """Add an action of an app above, with its way back if it has one; in AppConfig.ready: workers load no addresses.

    `find` is for rows that are no records.
    """
    ACTIONS[kind] = act
    if take_back is not None:
        UNDO[kind] = take_back
    if find is not None:
        FINDERS[kind] = find
