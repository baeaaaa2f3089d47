"""Changing pipelines as a sales head does: stages of one's own, their order, what they require, refusal reasons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from crm import pipelines, preferences, scope, working_time
from crm.actors import Actor
from crm.errors import InvalidInput
from crm.models import BITS, Pipeline, RecordType, RefusalReason, Stage, StageHistory, record_model
from crm.requirements import requirements_of
from crm.settings_audit import audit, require_head, save_audited
from crm.stages import Refusal, move

STAGE_FIELDS = frozenset(
    {"name_ru", "name_en", "colour", "norm_hours", "probability", "can_win", "is_detour", "is_hidden", "advice"}
)
OWN_KINDS = (Stage.Kind.OPEN, Stage.Kind.FAILURE, Stage.Kind.NEUTRAL)
STEP = 10


# -- stages -----------------------------------------------------------------------------------------------------------


@transaction.atomic
def stage_change(stage: Stage, *, by: Any, data: Mapping[str, Any]) -> Stage:
    """Rename, recolour, hide, or give a norm; code and kind stay, for rules are bound to them."""
    require_head(by)
    locked = Stage.objects.select_for_update(of=("self",)).select_related("pipeline").get(pk=stage.pk)
    if unknown := sorted(data.keys() - STAGE_FIELDS):
        raise InvalidInput.at(unknown[0], _("This cannot be set directly."))
    if data.get("is_hidden"):
        _check_hiding(locked)
    save_audited("stage", locked, data, by=by)
    pipelines.changed()
    return locked


def _check_hiding(stage: Stage) -> None:
    if stage.is_start:
        raise InvalidInput.at("is_hidden", _("New records begin here: the start stage cannot be hidden."))
    kinds = [s.kind for s in pipelines.stages_of(stage.pipeline_id) if s.key != stage.key]
    if stage.kind in {Stage.Kind.SUCCESS, Stage.Kind.FAILURE} and stage.kind not in kinds:
        raise InvalidInput.at(
            "is_hidden", _("This is the last stage of its kind: a pipeline needs a success and a refusal.")
        )
    if (count := cards_at(stage)) and stage.is_open:
        raise InvalidInput.at("is_hidden", _("%(count)s cards stand here; move them first.") % {"count": count})


def cards_at(stage: Stage) -> int:
    """How many living records stand at a stage."""
    rows: Any = record_model(stage.pipeline.record_type)._default_manager
    return int(rows.alive().filter(stage=stage.key).count())


@transaction.atomic
def stage_add(
    pipeline: Pipeline, *, by: Any, name_ru: str, name_en: str = "", kind: str, colour: str, after: Stage | None = None
) -> Stage:
    """Add a stage of one's own, after another of the same kind (at the end of its kind without one)."""
    require_head(by)
    if kind not in OWN_KINDS:
        raise InvalidInput.at("kind", _("A stage of one's own is open, a refusal, or neutral."))
    taken = set(Stage.objects.filter(pipeline=pipeline).values_list("code", flat=True))
    code = next(name for number in range(1, 1000) if (name := f"own_{number}") not in taken)
    row = list(Stage.objects.filter(pipeline=pipeline).order_by("order", "key"))
    if after is not None and (after.pipeline_id != pipeline.pk or after.kind not in {kind, Stage.Kind.OPEN}):
        after = None
    place = _place(row, kind, after)
    stage = Stage(
        pipeline=pipeline, code=code, kind=kind, colour=colour, order=0, key=Stage.make_key(pipeline.pk, code)
    )
    # A card may be won from where the stage before it could be won.
    if (stage_bit := stage.free_bit()) is None:
        raise InvalidInput.at("name_ru", _("A pipeline has room for %(most)s stages.") % {"most": BITS})
    stage.bit = stage_bit
    stage.can_win = kind == Stage.Kind.OPEN and place > 0 and row[place - 1].can_win
    save_audited("stage", stage, {"name_ru": name_ru.strip(), "name_en": name_en.strip() or name_ru.strip()}, by=by)
    row.insert(place, stage)
    _renumber(row)
    pipelines.changed()
    return stage


def _place(row: list[Stage], kind: str, after: Stage | None) -> int:
    if after is not None:
        return next((number + 1 for number, stage in enumerate(row) if stage.key == after.key), len(row))
    same = [number + 1 for number, stage in enumerate(row) if stage.kind == kind]
    return same[-1] if same else len(row)


def _renumber(row: list[Stage]) -> None:
    for number, stage in enumerate(row):
        if stage.order != number * STEP:
            Stage.objects.filter(pk=stage.pk).update(order=number * STEP)
            stage.order = number * STEP


@transaction.atomic
def stage_shift(stage: Stage, *, by: Any, step: int) -> None:
    """Move a stage one place up (-1) or down (+1) among those of its kind; the start stage stays the first."""
    require_head(by)
    row = list(Stage.objects.filter(pipeline=stage.pipeline_id).order_by("order", "key"))
    _renumber(row)
    same = [item for item in row if (item.kind == stage.kind) and not item.is_hidden]
    at = next((number for number, item in enumerate(same) if item.key == stage.key), None)
    other = at + (1 if step > 0 else -1) if at is not None else None
    if at is None or other is None or not 0 <= other < len(same):
        return
    mine, theirs = same[at], same[other]
    if mine.is_start or theirs.is_start:
        raise InvalidInput.at("order", _("New records begin at the start stage: it stays the first."))
    mine.order, theirs.order = theirs.order, mine.order
    for item in (mine, theirs):
        Stage.objects.filter(pk=item.pk).update(order=item.order)
    audit("stage", mine, "order", theirs.order, mine.order, by)
    pipelines.changed()


@transaction.atomic
def stage_delete(stage: Stage, *, by: Any, move_to: Stage | None = None) -> int:
    """Delete a stage of one's own; its cards go to `move_to`. Answers how many were moved.

    A stage that has a past is only hidden for good: the history and the reports still name it.
    """
    require_head(by)
    locked = Stage.objects.select_for_update(of=("self",)).select_related("pipeline").get(pk=stage.pk)
    if locked.is_shipped or locked.is_start:
        raise InvalidInput.at("stage", _("Rules are bound to this stage: it can be hidden, not deleted."))
    rows: Any = record_model(locked.pipeline.record_type)._default_manager
    cards = list(rows.filter(stage=locked.key, deleted_at__isnull=True, merged_into__isnull=True))
    if cards and (move_to is None or move_to.pipeline_id != locked.pipeline_id or move_to.key == locked.key):
        raise InvalidInput.at("move_to", _("Say where its %(count)s cards go.") % {"count": len(cards)})
    actor = Actor.of(by)
    reason = _("The stage «%(stage)s» was deleted.") % {"stage": locked.name}
    for card in cards:
        assert move_to is not None  # noqa: S101 - checked above, said for the type checker
        move(card, move_to.key, by=actor, reason=reason, refusal=Refusal(comment=reason), override=True)
    used = StageHistory.objects.filter(to_stage=locked).exists() or rows.filter(stage=locked.key).exists()
    audit("stage", locked, "deleted", str(locked), None, by)
    if used:
        Stage.objects.filter(pk=locked.pk).update(is_hidden=True)
    else:
        locked.delete()
    pipelines.changed()
    return len(cards)


@transaction.atomic
def required_set(pipeline: Pipeline, *, by: Any, wanted: Mapping[str, list[str]]) -> list[str]:
    """The matrix of required fields: codes by stage key; answers the keys of the stages that changed."""
    require_head(by)
    known = requirements_of(pipeline.record_type)
    changed = []
    for stage in Stage.objects.select_for_update().filter(pipeline=pipeline, key__in=wanted):
        codes = list(dict.fromkeys(wanted[stage.key]))
        if unknown := [code for code in wanted[stage.key] if code not in known]:
            raise InvalidInput.at("required", _("There is no field «%(field)s».") % {"field": unknown[0]})
        if set(codes) != set(stage.required):
            audit("stage", stage, "required", stage.required, codes, by)
            changed.append(stage.key)
        # The order is that in which they are asked for, no change of its own.
        Stage.objects.filter(pk=stage.pk).exclude(required=codes).update(required=codes)
    pipelines.changed()
    if changed:
        _follow({REQUIRED: (None, changed)}, by)
    return changed


@transaction.atomic
def stage_take(stage: Stage, data: Mapping[str, Any], by: Any) -> None:
    """Bring a stage to what a file of settings says of it, by the rules that hold for people; or make a new one."""
    require_head(by)
    values = dict(data)
    wanted = values.pop("required", None)
    if wanted is not None and (unknown := [c for c in wanted if c not in _known_fields(stage, values)]):
        raise InvalidInput.at("required", _("There is no field «%(field)s».") % {"field": str(unknown[0])[:60]})
    if stage._state.adding:
        stage.key = Stage.make_key(values["pipeline"].pk, values["code"])
        values |= {"required": wanted or []}
        save_audited("stage", stage, {name: value for name, value in values.items() if name != "key"}, by=by)
        return
    if wanted is not None:
        required_set(stage.pipeline, by=by, wanted={stage.key: wanted})
    if "order" in values:
        _take_place(stage, int(values.pop("order")), by)
    if "returns_anywhere" in values:
        save_audited("stage", stage, {"returns_anywhere": values.pop("returns_anywhere")}, by=by)
    if values:
        stage_change(stage, by=by, data=values)


def _known_fields(stage: Stage, values: Mapping[str, Any]) -> Mapping[str, Any]:
    pipeline = values["pipeline"] if stage._state.adding else stage.pipeline
    return requirements_of(pipeline.record_type)


def _take_place(stage: Stage, order: int, by: Any) -> None:
    """Put a stage at a place; whichever stood there takes its own."""
    old = Stage.objects.values_list("order", flat=True).get(pk=stage.pk)
    Stage.objects.filter(pipeline=stage.pipeline_id, order=order).exclude(pk=stage.pk).update(order=old)
    Stage.objects.filter(pk=stage.pk).update(order=order)
    audit("stage", stage, "order", old, order, by)


# -- refusal reasons --------------------------------------------------------------------------------------------------


@transaction.atomic
def reason_save(reason: RefusalReason, *, by: Any, data: Mapping[str, Any]) -> RefusalReason:
    """Add or change a refusal reason; one that is switched off stays on the records that have it (PIPE-4)."""
    require_head(by)
    values = dict(data)
    values["name_en"] = values.get("name_en") or values.get("name_ru") or reason.name_en
    if reason._state.adding:
        last = RefusalReason.objects.filter(stage=reason.stage).order_by("-order").values_list("order", flat=True)
        values.setdefault("order", (last.first() or 0) + STEP)
    if values.get("is_active") is False:
        _check_last_reason(reason)
    save_audited("reason", reason, values, by=by)
    return reason


def _check_last_reason(reason: RefusalReason) -> None:
    others = RefusalReason.objects.filter(stage=reason.stage, is_active=True).exclude(pk=reason.pk)
    if reason.stage.pipeline.record_type in {RecordType.LEAD, RecordType.DEAL} and not others.exists():
        raise InvalidInput.at("is_active", _("A refusal stage needs at least one reason."))


def reason_take(reason: RefusalReason, data: Mapping[str, Any], by: Any) -> None:
    """Bring a reason to what a file of settings says of it, or make a new one."""
    if reason._state.adding:
        reason = RefusalReason(stage=data["stage"])
    reason_save(reason, by=by, data=data)


# -- pipelines --------------------------------------------------------------------------------------------------------

PIPELINE_FIELDS = frozenset({"name_ru", "name_en", "is_active"})
COPIED = (
    "code", "name_ru", "name_en", "kind", "is_start", "order", "colour", "norm_hours", "probability", "required",
    "can_win", "returns_anywhere", "is_detour", "advice",
)  # fmt: skip


@transaction.atomic
def pipeline_add(*, by: Any, name_ru: str, name_en: str = "", like: Pipeline) -> Pipeline:
    """A new direction with the stages and reasons of another; its robots are made for it in the rules."""
    require_head(by)
    if like.is_partner:
        raise InvalidInput.at("like", _("Partners have one pair of pipelines: it is not copied."))
    taken = set(Pipeline.objects.values_list("code", flat=True))
    code = next(name for number in range(2, 1000) if (name := f"{like.record_type}_{number}") not in taken)
    last = Pipeline.objects.filter(record_type=like.record_type, is_partner=False).order_by("-order").first()
    pipeline = Pipeline(code=code, record_type=like.record_type, order=(last.order if last else 0) + 1)
    save_audited(
        "pipeline", pipeline, {"name_ru": name_ru.strip(), "name_en": name_en.strip() or name_ru.strip()}, by=by
    )
    for stage in Stage.objects.filter(pipeline=like, is_hidden=False).order_by("order"):
        values = {name: getattr(stage, name) for name in COPIED}
        copy = Stage(pipeline=pipeline, key=Stage.make_key(code, stage.code), **values)
        copy.save()
        reasons = stage.reasons.filter(is_active=True)  # type: ignore[attr-defined]
        for reason in reasons:
            RefusalReason.objects.create(
                stage=copy,
                name_ru=reason.name_ru,
                name_en=reason.name_en,
                asks_competitor=reason.asks_competitor,
                is_other=reason.is_other,
                order=reason.order,
            )
    pipelines.changed()
    return pipeline


@transaction.atomic
def pipeline_change(pipeline: Pipeline, *, by: Any, data: Mapping[str, Any]) -> Pipeline:
    """Rename a pipeline, or put it out of use once nothing open stands in it."""
    require_head(by)
    if unknown := sorted(data.keys() - PIPELINE_FIELDS):
        raise InvalidInput.at(unknown[0], _("This cannot be set directly."))
    if data.get("is_active") is False:
        _check_retiring(pipeline)
    save_audited("pipeline", pipeline, data, by=by)
    pipelines.changed()
    return pipeline


@transaction.atomic
def pipeline_take(pipeline: Pipeline, data: Mapping[str, Any], by: Any) -> None:
    """Bring a pipeline to what a file of settings says of it, or make a new one; its stages come with the file."""
    require_head(by)
    if data.get("is_active") is False and not pipeline._state.adding:
        _check_retiring(pipeline)
    save_audited("pipeline", pipeline, data, by=by)
    pipelines.changed()


def _check_retiring(pipeline: Pipeline) -> None:
    others = pipelines.pipelines_of(pipeline.record_type, partner=pipeline.is_partner)
    if not [other for other in others if other.pk != pipeline.pk]:
        raise InvalidInput.at("is_active", _("This is the only pipeline of its kind."))
    rows: Any = record_model(pipeline.record_type)._default_manager
    if count := rows.alive().open().filter(pipeline=pipeline.pk).count():
        raise InvalidInput.at(
            "is_active", _("%(count)s open cards stand here; close or move them first.") % {"count": count}
        )


# -- company settings -------------------------------------------------------------------------------------------------


# What changed by its name, old and new, and who did it. Required fields and the calendar have names of their own.
Follower = Callable[[Mapping[str, tuple[Any, Any]], Any], Any]
REQUIRED, CALENDAR = "required", "calendar"
FOLLOWERS: list[Follower] = []


def follow_settings(function: Follower) -> None:
    """Register what must follow when settings of the company, or the fields that stages require, change."""
    if function not in FOLLOWERS:
        FOLLOWERS.append(function)


def _follow(changed: Mapping[str, tuple[Any, Any]], by: Any) -> None:
    for follow in FOLLOWERS:
        follow(changed, by)


@transaction.atomic
def preferences_set(values: Mapping[str, Any], *, by: Any) -> list[str]:
    """Keep settings of the company; answers the names that changed. ValidationError from a wrong value.

    Those that guard access are the administrator's alone: PermissionDenied for the sales head.
    """
    require_head(by)
    person = Actor.of(by).user
    if any(preferences.SETTINGS[key].is_guarded for key in values) and not (person and person.is_administrator):
        raise PermissionDenied(_("Only an administrator settles who must sign in how."))
    changed = {}
    for key, value in values.items():
        old = preferences.get(key)
        preferences.set_value(key, value, by=Actor.of(by).user)
        new = preferences.get(key)
        if old != new:
            audit("preference", key, key, old, new, by)
            changed[key] = (old, new)
    if changed:
        _follow(changed, by)
    return list(changed)


def calendar_changed(by: Any) -> None:
    """Let what was planned follow the days of the working calendar."""
    scope.forget(working_time.MEMO)
    _follow({CALENDAR: (None, None)}, by)
