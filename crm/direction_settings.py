"""Which stages of two directions answer to each other, as the sales head keeps it (DEAL-10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from crm import scope
from crm.directions import KEPT, kept, landing_stages, others
from crm.errors import InvalidInput
from crm.models import Pipeline, Stage, StageMapping
from crm.settings_audit import audit, require_head


def settled(stage: Stage, pipeline: Pipeline) -> str:
    """The code of the stage that was settled, an empty text where the proposal stands."""
    key = kept().get((stage.key, pipeline.pk), "")
    return key.rsplit(":", 1)[-1]


@transaction.atomic
def mapping_set(source: Pipeline, target: Pipeline, wanted: Mapping[str, str], *, by: Any) -> list[str]:
    """Keep which stages answer to which (codes); an empty code forgets it. Answers the codes that changed.

    InvalidInput names a stage that is none or not open; PermissionDenied for others than the sales head.
    """
    require_head(by)
    if target.pk not in {row.pk for row in others(source)}:
        raise InvalidInput.at("pipeline", _("There is no such other pipeline."))
    sides = {side.pk: {stage.code: stage for stage in landing_stages(side.pk)} for side in (source, target)}
    known = {row.from_stage_id: row for row in StageMapping.objects.filter(to_pipeline=target).select_for_update()}
    changed = []
    for code, to_code in wanted.items():
        if code not in sides[source.pk] or (to_code and to_code not in sides[target.pk]):
            raise InvalidInput.at(code, _("This pipeline has no stage «%(code)s».") % {"code": to_code or code})
        stage, answer = sides[source.pk][code], sides[target.pk].get(to_code)
        row = known.get(stage.key)
        old = row.to_stage_id if row else None
        if old == (answer.key if answer else None):
            continue
        _keep(row, stage, target, answer)
        audit("mapping", f"{stage.key} → {target.pk}", "to_stage", old, answer.key if answer else None, by)
        changed.append(code)
    scope.forget(KEPT)
    return changed


def _keep(row: StageMapping | None, stage: Stage, target: Pipeline, answer: Stage | None) -> None:
    if answer is None:
        if row is not None:
            row.delete()
    elif row is None:
        StageMapping.objects.create(from_stage=stage, to_pipeline=target, to_stage=answer)
    else:
        row.to_stage = answer
        row.save(update_fields=["to_stage"])


def mapping_take(row: StageMapping, data: Mapping[str, Any], by: Any) -> None:
    """Take one line of a file of settings in."""
    stage = data.get("from_stage") or row.from_stage
    target = data.get("to_pipeline") or row.to_pipeline
    mapping_set(stage.pipeline, target, {stage.code: data["to_stage"].code}, by=by)
