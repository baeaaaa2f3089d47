"""The only mover of stages: `move()` locks, checks, changes, writes history and timeline and publishes the event."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from django.db import models
from django.utils.translation import gettext as _

from accounts.models import User
from crm import clock, directions, events, notify, pipelines, stages_seen, timeline
from crm.actors import Actor
from crm.errors import MissingField, MissingFields, RefusalNeeded, StageConflict, StageError, pointing
from crm.models import RecordType, RefusalReason, Stage, StagedRecord, StageHistory
from crm.normalize import looks_like_placeholder
from crm.prepared import TEXT, Prepared
from crm.requirements import requirements_of
from crm.rows import locked_for
from crm.together import together

R = TypeVar("R", bound=StagedRecord)


@dataclass(frozen=True)
class Refusal:
    """Why a record is lost: a reason from the stage's list and a comment in the person's own words (PIPE-4)."""

    reason_id: int | None = None
    comment: str = ""
    competitor: str = ""
    competitor_price: Any = None


Guard = Callable[[StagedRecord, Stage, Actor], str]
GUARDS: dict[str, list[Guard]] = {}


def guard(record_type: str, function: Guard) -> None:
    """Register a refusal of its own of an app: answers why a record may not go to a stage, or an empty text."""
    if function not in GUARDS.setdefault(record_type, []):
        GUARDS[record_type].append(function)


Consequence = Callable[[Any, Stage, Stage, Actor], None]
AFTER: dict[str, list[Consequence]] = {}


def after_move(record_type: str, function: Consequence) -> None:
    """Register what an app writes in the transaction of the move itself: it is there with the move, or neither is.

    Called with the moved record, the stage before, the stage now and who moved it. What may come later, or may fail
    without harm to the move, listens to the event instead.
    """
    if function not in AFTER.setdefault(record_type, []):
        AFTER[record_type].append(function)


Preparation = Callable[[Any, Stage, Actor], None]
Question = Callable[[Any, Stage], list[MissingField]]
BEFORE: dict[str, tuple[Preparation, Question]] = {}


def before_people_move(record_type: str, prepare: Preparation, ask: Question) -> None:
    """Register what an app does before people (not robots) move a record, and what it asks them beyond fields."""
    BEFORE[record_type] = (prepare, ask)


def missing_fields(record: StagedRecord, stage: Stage, by: Any = None) -> list[MissingField]:
    """What the stage requires and the record lacks; feeds the guard, the dialog, the API error and the bulk report.

    With `by`, who is about to move it: what only people are asked too.
    """
    found = lacking(record, stage.required)
    if by is not None and record.RECORD_TYPE in BEFORE and Actor.of(by).is_person:
        known = {item.code for item in found}
        found += [item for item in BEFORE[record.RECORD_TYPE][1](record, stage) if item.code not in known]
    return found


def lacking(record: StagedRecord, codes: Iterable[str]) -> list[MissingField]:
    """Which of the requirements a record does not meet, by emptiness or by a value that is no answer."""
    known, found = requirements_of(record.RECORD_TYPE), []
    for code in codes:
        if code not in known:
            continue
        requirement = known[code]
        is_lacking, objection = requirement.lacks(record)
        if is_lacking:
            why = (objection.message, objection.code) if objection else ()
            found.append(MissingField(code, str(requirement.label), requirement.asked(record), *why))
    return found


def allowed_targets(record: StagedRecord, user: Any) -> list[Stage]:
    """The stages a person may be offered from where the record stands, in the pipeline's order."""
    actor = Actor.of(user)
    possible = allowed_by_machine(record.stage_row, pipelines.stages_of(record.pipeline_id), user)
    return [stage for stage in possible if not _guarded(record, stage, actor)]


def allowed_by_machine(current: Stage, stages: Iterable[Stage], user: Any) -> list[Stage]:
    """The stages that the machine lets this person move any record of a stage to; the record's own guards come after.

    For a board, which offers the same for all cards of a column: no query, no record.
    """
    actor = Actor.of(user)
    return [
        stage for stage in stages if stage.key != current.key and not _objection(current, stage, actor, reason="given")
    ]


def why_not(record: StagedRecord, target: Stage, by: Any, reason: str = "") -> str:
    """Why the pipeline refuses a move whatever is filled in; an empty text when only fields or a reason may lack."""
    actor, current = Actor.of(by), record.stage_row
    if current.key == target.key:
        return _("It stands there already.")
    if current.pipeline_id != target.pipeline_id:
        return directions.objection(current, target, actor, reason) or _guarded(record, target, actor)
    return _objection(current, target, actor, reason) or _guarded(record, target, actor)


@together
def move(
    record: R,
    to: str,
    *,
    by: Any,
    data: Mapping[str, Any] | None = None,
    reason: str = "",
    refusal: Refusal | None = None,
    expected: str | None = None,
    override: bool = False,
    may_switch: bool = False,
    is_held: bool = False,
) -> R:
    """Move a record to a stage (code or key) of its pipeline; answers the record as it is after the move.

    With `may_switch` the key of an open stage of another direction takes the record over there (crm.directions).

    `data` fills fields in the same transaction (the dialog's missing ones); `expected` is the stage the person saw.
    `override` lets a service of the product make a move that the machine refuses to people (a client follows its
    deals, a recall takes a deal back); required fields and refusal reasons are then the caller's business. `is_held`:
    the caller has read the record under its lock in this very transaction (see crm.rows.locked_for).

    Raises StageConflict when the record no longer stands at `expected`, StageError when the machine has no such
    move, RefusalNeeded and MissingFields where something must be given first. A record out of reach: DoesNotExist.
    """
    actor = Actor.of(by)
    locked = locked_for(type(record), record.pk, actor, action="move", held=record if is_held else None)
    current, target = locked.stage_row, _target(locked, to, may_switch=may_switch or override)
    if expected and expected not in {current.key, current.code}:
        raise StageConflict(
            _("«%(record)s» already stands at «%(stage)s»: another person moved it meanwhile.")
            % {"record": locked, "stage": current.name}
        )
    if current.key == target.key:
        return copy_state(record, locked)
    if not override and (objection := why_not(locked, target, actor, reason)):
        raise StageError(objection)
    if data:
        _fill(locked, target, data, actor)
    if not override and actor.is_person and locked.RECORD_TYPE in BEFORE:
        BEFORE[locked.RECORD_TYPE][0](locked, target, actor)
    refusal_columns = {} if override and refusal is None else _refusal_columns(locked, target, refusal)
    if not override and (missing := missing_fields(locked, target, actor)):
        raise MissingFields(missing, target.name)
    _apply(locked, current, target, actor, reason, refusal_columns)
    return copy_state(record, locked)


def _target(record: StagedRecord, to: str, *, may_switch: bool = False) -> Stage:
    try:
        target = pipelines.find_stage(record.pipeline_id, to)
    except KeyError:
        target = None
    if target is None or (
        target.pipeline_id != record.pipeline_id
        and not (may_switch and target.pipeline.record_type == record.RECORD_TYPE)
    ):
        raise StageError(_("This pipeline has no stage «%(code)s».") % {"code": to})
    return target


def _objection(current: Stage, target: Stage, actor: Actor, reason: str = "") -> str:
    """Why the machine refuses the move, in the person's words; empty when it is allowed (PIPE-2)."""
    is_head = actor.user is not None and actor.user.is_head
    trusted = is_head or not actor.is_person
    if not current.is_open:
        if not trusted:
            return _("«%(stage)s» is a finished stage; only the sales head can reopen it.") % {"stage": current.name}
        if target.is_open and not reason.strip():
            return _("Write why the record is reopened.")
        if not target.is_open:
            return _("Reopen the record first: «%(stage)s» is a finished stage.") % {"stage": current.name}
        return ""
    if target.kind == Stage.Kind.SUCCESS and not current.can_win:
        return _("«%(to)s» cannot follow «%(from)s» directly.") % {"to": target.name, "from": current.name}
    if target.is_open and target.order < current.order and not current.returns_anywhere:
        if not trusted:
            return _("Back from «%(from)s» to «%(to)s»: only the sales head can do that.") % {
                "from": current.name,
                "to": target.name,
            }
        if not reason.strip():
            return _("Write why the record goes back.")
    return ""


def _guarded(record: StagedRecord, target: Stage, actor: Actor) -> str:
    """The first objection of the apps' own guards."""
    return next((text for check in GUARDS.get(record.RECORD_TYPE, []) if (text := check(record, target, actor))), "")


def _fill(record: StagedRecord, target: Stage, data: Mapping[str, Any], actor: Actor) -> None:
    """Write the fields given with a move; "company__inn" goes to the deal's company."""
    asked = {name for field in missing_fields(record, target, actor) for name in field.fields}
    needed = {name: value for name, value in data.items() if name in asked}
    _write_given(record, needed, replace(actor, is_filling=True))
    _write_given(record, {name: value for name, value in data.items() if name not in asked}, actor)


def _write_given(record: StagedRecord, data: Mapping[str, Any], actor: Actor) -> None:
    from crm.services import record_assign, record_update

    own = {name: value for name, value in data.items() if "__" not in name}
    if own:
        with pointing("/data"):
            record_update(record, data={k: v for k, v in own.items() if k != "responsible"}, by=actor)
            if "responsible" in own:
                record_assign(record, responsible=_person(own["responsible"]), by=actor)
    for name in data.keys() - own.keys():
        relation, field = name.split("__", 1)
        related = getattr(record, relation, None)
        if not isinstance(related, StagedRecord):
            raise StageError(_("There is no field «%(field)s».") % {"field": name})
        with pointing(f"/data/{relation}__", joint=""):
            record_update(related, data={field: data[name]}, by=actor)


def _person(given: Any) -> Any:
    """A person given by key, as the parameters of a bulk action are."""
    return given if given is None or isinstance(given, User) else User.objects.filter(pk=given).first()


_OFFERED = Prepared(lambda stage: RefusalReason.objects.filter(stage=stage, is_active=True), TEXT)


def _refusal_columns(record: StagedRecord, target: Stage, refusal: Refusal | None) -> dict[str, Any]:
    """Checked reason and comment for a failure stage; clears them when the record is opened again (PIPE-4)."""
    if target.kind != Stage.Kind.FAILURE:
        return {"refusal_reason": None, "refusal_comment": ""} if target.is_open else {}
    given = refusal or Refusal()
    comment = given.comment.strip()
    offered = _OFFERED.all(target.key)
    reason = next((item for item in offered if item.pk == given.reason_id), None)
    texts, errors = [], []
    if not comment or looks_like_placeholder(comment):
        why = _("Write in your own words why «%(record)s» is closed as «%(stage)s».")
        texts.append(why % {"record": record, "stage": target.name})
        errors.append({"pointer": "/refusal/comment", "code": "required", "message": _("A comment is needed.")})
    if reason is None and offered:
        texts.append(_("Choose a reason for «%(stage)s».") % {"stage": target.name})
        errors.append({"pointer": "/refusal/reason", "code": "required", "message": _("Choose a reason.")})
    if errors:
        raise RefusalNeeded(" ".join(texts), errors=errors)
    columns: dict[str, Any] = {"refusal_reason": reason, "refusal_comment": comment}
    if reason is not None and reason.asks_competitor and hasattr(record, "competitor"):
        columns |= _competitor_columns(reason, given)
    return columns


def _competitor_columns(reason: RefusalReason, given: Refusal) -> dict[str, Any]:
    """Who was cheaper and for how much, roubles; the price is not always told, the name has to be (PIPE-4)."""
    name = given.competitor.strip()
    if not name or looks_like_placeholder(name):
        raise RefusalNeeded(
            _("“%(reason)s”: write who the competitor is, and the price if you know it.") % {"reason": reason},
            errors=[
                {"pointer": "/refusal/competitor", "code": "required", "message": _("Write who the competitor is.")}
            ],
        )
    return {"competitor": name[:200], "competitor_price": given.competitor_price or None}


def _apply(
    record: StagedRecord, current: Stage, target: Stage, actor: Actor, reason: str, columns: Mapping[str, Any]
) -> None:
    """Run the django-fsm transition and write everything that belongs to it."""
    now, closed_at = clock.now(), record.closed_at
    seconds = max(0, int((now - record.stage_entered_at).total_seconds()))
    is_switch = target.pipeline_id != current.pipeline_id
    is_back = target.is_open and (not current.is_open or (target.order < current.order and not is_switch))
    if is_switch:
        columns = {**columns, "pipeline": target.pipeline}
    columns = {**columns, **stages_seen.moved_columns(record, current, target)}
    getattr(record, _transition(current, target, is_back))(target.key)
    record.stage_entered_at = now
    record.closed_at = None if target.is_open else now
    record.updated_at = record.last_activity_at = now
    record.version += 1
    for name, value in columns.items():
        setattr(record, name, value)
    record.save(
        update_fields=[
            "stage",
            "stage_entered_at",
            "closed_at",
            "updated_at",
            "last_activity_at",
            "version",
            *columns,
        ]
    )
    _write_down(record, current, target, actor, reason, columns, seconds=seconds, is_back=is_back)
    if record.RECORD_TYPE in {RecordType.LEAD, RecordType.DEAL}:
        _follow_with_tasks(record, current, target, actor, closed_at)
    for follow in AFTER.get(record.RECORD_TYPE, ()):
        follow(record, current, target, actor)
    _publish(record, actor, current.key, target.key)
    if record.RECORD_TYPE in {RecordType.LEAD, RecordType.DEAL}:
        notify.tell(record.responsible_id, record, "stage", "stage", {"from": current.key, "to": target.key}, by=actor)


def _write_down(
    record: StagedRecord, current: Stage, target: Stage, actor: Actor, reason: str, columns: Mapping[str, Any],
    *, seconds: int, is_back: bool,
) -> None:  # fmt: skip
    """The move in the stage history and on the timeline; `seconds` is how long the stage that it left was stood in."""
    StageHistory.objects.create(
        record_type=record.RECORD_TYPE,
        record_id=record.pk,
        at=record.stage_entered_at,
        pipeline_id=record.pipeline_id,
        from_stage=current,
        to_stage=target,
        reason=reason or columns.get("refusal_comment", ""),
        seconds=seconds,
        is_back=is_back,
        **actor.as_columns(),
    )
    refusal_reason = columns.get("refusal_reason")
    told = [str(refusal_reason) if refusal_reason else "", columns.get("refusal_comment", "")]
    timeline.record(
        record,
        "stage",
        actor,
        {
            "from": current.key,
            "to": target.key,
            "reason": reason,
            "refusal": ". ".join(part for part in told if part),
        },
    )


def _follow_with_tasks(record: StagedRecord, current: Stage, target: Stage, by: Actor, closed_at: Any) -> None:
    """What robots planned ends with the record, and is to be done again when it is reopened (ACT-1)."""
    from crm.services import activities_bring_back, activities_close_automatic

    if current.is_open and not target.is_open and record.next_activity_at is not None:
        activities_close_automatic(record, by=by)
    elif target.is_open and not current.is_open and closed_at is not None:
        activities_bring_back(record, closed_at=closed_at, by=by)


def _publish(record: StagedRecord, by: Any, left: str | None, entered: str) -> None:
    events.publish("stage_changed", record, by, {"from": left, "to": entered, **told_of(record)})


def told_of(record: StagedRecord) -> dict[str, Any]:
    """What an event says of its record, so that most handlers need not read it to know that it is none of theirs."""
    return {"object": record.object_id} if hasattr(record, "object_id") else {}


def _transition(current: Stage, target: Stage, is_back: bool) -> str:
    match target.kind:
        case Stage.Kind.SUCCESS:
            return "succeed"
        case Stage.Kind.FAILURE:
            return "refuse"
        case Stage.Kind.NEUTRAL:
            return "set_aside"
    if not current.is_open:
        return "reopen"
    return "go_back" if is_back else "advance"


def copy_state(record: R, locked: R) -> R:
    """Bring the caller's instance up to the row just written, so that it can be saved again without a conflict."""
    for field in locked._meta.concrete_fields:
        record.__dict__[field.attname] = locked.__dict__[field.attname]
    # Rows of catalogues and people stay at hand; records may have been changed by the move, so they are read again.
    known = {**record._state.fields_cache, **locked._state.fields_cache}
    record._state.fields_cache = {
        name: other
        for name, other in known.items()
        if isinstance(other, models.Model)
        and not isinstance(other, StagedRecord)
        and other.pk == getattr(record, f"{name}_id", None)
    }
    record._update_initial_state()
    return record


def enter_first(record: StagedRecord, by: Any, *, stage: Stage | None = None) -> None:
    """Write the history's first row for a record just created, and publish that it entered its start stage."""
    first = stage or record.stage_row
    StageHistory.objects.create(
        record_type=record.RECORD_TYPE,
        record_id=record.pk,
        at=record.stage_entered_at,
        pipeline_id=record.pipeline_id,
        from_stage=None,
        to_stage=first,
        **Actor.of(by).as_columns(),
    )
    _publish(record, by, None, first.key)


def visible_pipelines(record_type: str, user: Any) -> list[Any]:
    """The pipelines a person works in: partners theirs, managers the company's, heads and control what they see."""
    if user.is_partner:
        return pipelines.pipelines_of(record_type, partner=True)
    if user.role == "partner_control" and record_type in {RecordType.LEAD, RecordType.DEAL}:
        return pipelines.pipelines_of(record_type, partner=True)
    return pipelines.pipelines_of(record_type, partner=None if user.is_head else False)


__all__ = [
    "Refusal",
    "after_move",
    "allowed_by_machine",
    "allowed_targets",
    "before_people_move",
    "copy_state",
    "enter_first",
    "guard",
    "lacking",
    "missing_fields",
    "move",
    "visible_pipelines",
    "why_not",
]
