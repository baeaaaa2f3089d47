"""Directions: several pipelines of one kind, and where in another one a record goes on (DEAL-10).

The move itself is made by crm.stages.move with `may_switch`; here is which stage of the other direction answers to
which (kept by the sales head per pair of pipelines, else proposed by code and place), and what is refused.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext as _

from crm import pipelines, scope
from crm.actors import Actor
from crm.models import Pipeline, Stage, StageMapping

KEPT = "directions.kept"


def others(pipeline: Pipeline) -> list[Pipeline]:
    """The manufacturer's other directions of the kind; partners have none."""
    if pipeline.is_partner:
        return []
    return [row for row in pipelines.pipelines_of(pipeline.record_type, partner=False) if row.pk != pipeline.pk]


def landing_stages(pipeline: str) -> list[Stage]:
    """Where a record that comes from another direction may go on: the open stages in use."""
    return [stage for stage in pipelines.stages_of(pipeline) if stage.is_open]


def proposal(current: Stage, pipeline: str) -> Stage:
    """The stage of another direction that answers to a stage: as it was settled, else as it matches."""
    settled = kept().get((current.key, pipeline), "")
    return next((row for row in landing_stages(pipeline) if row.key == settled), None) or matching(current, pipeline)


def matching(current: Stage, pipeline: str) -> Stage:
    """The stage of another direction with the same code, else the one at the same place of the way."""
    landing = landing_stages(pipeline)
    return next((stage for stage in landing if stage.code == current.code), None) or _by_place(current, landing)


def proposed_map(source: str, pipeline: str) -> list[tuple[Stage, Stage]]:
    """Each open stage of a direction with the one of another that answers to it."""
    return [(stage, proposal(stage, pipeline)) for stage in landing_stages(source)]


def aim(current: Stage, pipeline: str, chosen: Mapping[str, str] | None = None) -> Stage:
    """The target of one record among many: what was chosen for its stage (codes), else what is proposed.

    KeyError where the direction has no such stage.
    """
    if not landing_stages(pipeline):
        raise KeyError(pipeline)
    code = (chosen or {}).get(current.code)
    return pipelines.find_stage(pipeline, code) if code else proposal(current, pipeline)


def objection(current: Stage, target: Stage, actor: Actor, reason: str) -> str:
    """Why a record may not change over from a stage to one of another direction, in words; empty when it may."""
    is_head = actor.user is not None and actor.user.is_head
    if current.pipeline.is_partner or target.pipeline.is_partner:
        return _("Partners' records stay in their own pipeline; they are handed over and recalled instead.")
    if not target.pipeline.is_active or target.is_hidden:
        return _("«%(name)s» is not in use.") % {"name": target.name if target.is_hidden else target.pipeline.name}
    if not current.is_open:
        return _("«%(stage)s» is a finished stage: reopen the record first.") % {"stage": current.name}
    if not target.is_open:
        return _("In another pipeline a record goes on at an open stage; «%(stage)s» finishes it.") % {
            "stage": target.name
        }
    answer = proposal(current, target.pipeline_id)
    if actor.is_person and target.order < answer.order:
        names = {"to": target.name, "answer": answer.name}
        if not is_head:
            return _("«%(to)s» lies before «%(answer)s»: going back takes the sales head.") % names
        if not reason.strip():
            return _("Write why the record goes back.")
    return ""


def _by_place(current: Stage, landing: list[Stage]) -> Stage:
    """The same step of the main way; what stands aside answers to the step before it."""
    own = [stage for stage in pipelines.main_path(current.pipeline_id) if stage.is_open]
    way = [stage for stage in landing if not stage.is_detour] or landing
    step = sum(stage.order <= current.order for stage in own)
    return way[min(max(step, 1), len(way)) - 1]


def kept() -> dict[tuple[str, str], str]:
    """What the sales head has settled: keys of stages by (stage, other pipeline); one query per request."""
    rows = StageMapping.objects.values_list("from_stage", "to_pipeline", "to_stage")
    return scope.remember(KEPT, lambda: {(stage, target): answer for stage, target, answer in rows})
