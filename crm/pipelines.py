"""The catalogue of pipelines and stages: read by one query per request, and how shipped ones are declared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet

from crm import scope
from crm.models import Pipeline, RecordType, Stage
from crm.prepared import Kept

CATALOGUE = "pipelines.catalogue"


@dataclass(frozen=True)
class StageSpec:
    """A shipped stage: code, names and what the machine may do with it. Norm in hours."""

    code: str
    ru: str
    en: str
    kind: str = "open"
    colour: str = "blue"
    is_start: bool = False
    can_win: bool = False
    returns_anywhere: bool = False
    is_detour: bool = False
    norm_hours: int | None = None
    probability: int = 0
    required: tuple[str, ...] = ()
    reasons: tuple[tuple[str, str], ...] = ()
    asks_competitor: bool = False


@dataclass(frozen=True)
class PipelineSpec:
    """A shipped pipeline with its stages in order."""

    code: str
    record_type: str
    ru: str
    en: str
    stages: tuple[StageSpec, ...]
    is_partner: bool = False
    order: int = 0


@dataclass
class Catalogue:
    """All pipelines and stages, by key."""

    pipelines: dict[str, Pipeline] = field(default_factory=dict)
    stages: dict[str, Stage] = field(default_factory=dict)


def _stage_rows() -> QuerySet[Stage]:
    return Stage.objects.select_related("pipeline").order_by("pipeline__order", "pipeline_id", "order")


def _make(rows: list[Stage]) -> Catalogue:
    found = Catalogue()
    for stage in rows:
        found.pipelines.setdefault(stage.pipeline_id, stage.pipeline)
        stage.pipeline = found.pipelines[stage.pipeline_id]
        found.stages[stage.key] = stage
    return found


_kept = Kept(_stage_rows, _make)


def catalogue() -> Catalogue:
    """All pipelines and stages; one query per request. Its rows are shared: who changes one reads it for themselves."""
    return scope.remember(CATALOGUE, _kept.get)


def changed() -> None:
    """Read the catalogue anew after stages were edited."""
    scope.forget(CATALOGUE)


def stage(key: str) -> Stage:
    """The stage with that key; KeyError when there is none."""
    return catalogue().stages[key]


def all_stages() -> list[Stage]:
    """Every stage of every pipeline, in order."""
    return list(catalogue().stages.values())


def open_keys() -> tuple[str, ...]:
    """The keys of all open stages."""
    return tuple(stage.key for stage in all_stages() if stage.is_open)


def stages_of(pipeline: str, *, hidden: bool = False) -> list[Stage]:
    """The stages of a pipeline in order; hidden ones only when asked for."""
    return [s for s in all_stages() if s.pipeline_id == pipeline and (hidden or not s.is_hidden)]


def pipelines_of(record_type: str, *, partner: bool | None = None) -> list[Pipeline]:
    """The pipelines in use for a kind of record; partner ones alone, company ones alone, or both (None)."""
    return [
        p
        for p in catalogue().pipelines.values()
        if p.record_type == record_type and p.is_active and (partner is None or p.is_partner == partner)
    ]


def main_path(pipeline: str) -> list[Stage]:
    """The stages a record passes on its way to success: open ones but for detours, then the success."""
    rows = [s for s in all_stages() if s.pipeline_id == pipeline]
    opened = [s for s in rows if s.is_open and not s.is_detour]
    return opened + [s for s in rows if s.kind == Stage.Kind.SUCCESS]


def path_from(key: str) -> list[Stage]:
    """The stage itself and everything behind it: what proves that a record got at least there.

    A detour (delayed demand) proves that what lies before it in the pipeline's order was passed.
    """
    first = stage(key)
    rows = [s for s in all_stages() if s.pipeline_id == first.pipeline_id and s.kind in {"open", "success"}]
    return [s for s in rows if s.order >= first.order or s.kind == Stage.Kind.SUCCESS]


def start_stage(pipeline: str) -> Stage:
    """Where a new record of the pipeline begins."""
    return next(s for s in all_stages() if s.pipeline_id == pipeline and s.is_start)


def find_stage(pipeline: str, code: str) -> Stage:
    """A stage by its code or its key within the pipeline; KeyError when the pipeline has none such."""
    return catalogue().stages[code if ":" in code else Stage.make_key(pipeline, code)]


def as_rows(specs: Sequence[PipelineSpec]) -> list[dict[str, Any]]:
    """Declarations as plain rows, the form that migrations keep."""
    return [
        {
            "code": spec.code,
            "record_type": str(spec.record_type),
            "name_ru": spec.ru,
            "name_en": spec.en,
            "is_partner": spec.is_partner,
            "order": spec.order,
            "stages": [_stage_row(number, item, spec.record_type) for number, item in enumerate(spec.stages)],
        }
        for spec in specs
    ]


# Offered last wherever a lead or a deal is lost for a reason: the comment says which, and nobody picks a false one.
OTHER_REASON = ("Другое", "Other")


def _stage_row(number: int, item: StageSpec, record_type: str) -> dict[str, Any]:
    is_asked = item.kind == "failure" and item.reasons and record_type in {RecordType.LEAD, RecordType.DEAL}
    reasons = (*item.reasons, OTHER_REASON) if is_asked else item.reasons
    return {
        "code": item.code,
        "name_ru": item.ru,
        "name_en": item.en,
        "kind": item.kind,
        "colour": item.colour,
        "is_start": item.is_start,
        "order": number * 10,
        "can_win": item.can_win,
        "returns_anywhere": item.returns_anywhere,
        "is_detour": item.is_detour,
        "norm_hours": item.norm_hours,
        "probability": item.probability,
        "required": list(item.required),
        "is_shipped": True,
        "reasons": [[ru, en, item.asks_competitor and number == 0] for number, (ru, en) in enumerate(reasons)],
    }
