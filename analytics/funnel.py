"""The funnel: what became of the records that came in (cohort), and what stands where now (snapshot) (ANA-1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import BooleanField, Count, ExpressionWrapper, Q, QuerySet, Sum
from django.utils.translation import gettext as _

from accounts.models import Team, User
from analytics import sql
from analytics.query import ReportQuery, keys_of, stage_keys
from crm import norms, pipelines
from crm.models import Source, Stage
from objects_registry.models import Purpose

AMOUNT = "amount"
BREAKDOWNS: dict[str, tuple[str, Any]] = {
    "responsible": ("responsible", User),
    "team": ("responsible__team", Team),
    "source": ("source", Source),
    "region": ("region", None),
    "purpose": ("purpose", Purpose),
}


@dataclass(frozen=True)
class Figure:
    """A number and the list of exactly the records behind it."""

    value: int
    url: str


@dataclass
class Step:
    """One stage of the cohort's way. Shares are 0..1; times are seconds; amount in roubles."""

    stage: Stage
    got_to: Figure
    stood_in: Figure
    now: Figure
    amount: Decimal | None
    from_previous: float | None
    from_start: float | None
    previous_period: Figure
    median_seconds: float | None = None
    p90_seconds: float | None = None


@dataclass
class Outcome:
    """How many of the records are won, lost, set aside, still open."""

    created: Figure
    won: Figure
    lost: Figure
    neutral: Figure
    open: Figure
    conversion: float | None
    won_amount: Decimal
    previous_created: Figure
    previous_conversion: float | None


@dataclass
class BreakdownRow:
    """The outcome for one manager, source, region ..."""

    label: str
    key: str
    created: Figure
    won: Figure
    lost: Figure
    open: Figure
    conversion: float | None
    won_amount: Decimal


@dataclass
class CohortFunnel:
    """What became of the records created in the period."""

    query: ReportQuery
    outcome: Outcome
    steps: list[Step]
    detours: list[Step]
    copies: Figure
    breakdown_by: str = ""
    breakdown: list[BreakdownRow] = field(default_factory=list)


@dataclass
class SnapshotRow:
    """One stage as it stands now. Amount in roubles."""

    stage: Stage
    count: Figure
    overdue: Figure
    amount: Decimal


@dataclass
class SnapshotFunnel:
    """What stands where at this moment."""

    query: ReportQuery
    rows: list[SnapshotRow]
    total: Figure
    overdue: Figure
    amount: Decimal


def share(part: int, whole: int) -> float | None:
    """A share, or None where there is nothing to take it of."""
    return part / whole if whole else None


def cohort(query: ReportQuery, breakdown_by: str = "") -> CohortFunnel:
    """The funnel of records created in the period; repeat copies are counted apart, never as new.

    "Got to" a stage: stood at some time in it or in one behind it on the main path. A skipped stage therefore counts
    as passed, and a move back takes nothing away.
    """
    span = {**query.created(), "copies": "false"}
    rows = query.rows(**span)
    path = pipelines.main_path(query.pipeline.code)
    counted = pipelines.path_from(path[0].key)
    reach = sql.furthest_steps(rows, query.record_type, _ranks(counted), AMOUNT)
    before = sql.furthest_steps(query.rows(**_previous(query)), query.record_type, _ranks(counted))
    stood = sql.stood_in(rows, query.record_type)
    counts, counts_before = _counted(query, query.created()), _counted(query, query.created(query.period.previous))
    times = sql.time_in_stages(rows, query.record_type)
    made = _Maker(query, span, reach, before, stood, counts.stages, times, _ranks(counted))
    steps = [made.step(stage, path[index - 1] if index else None, path[0]) for index, stage in enumerate(path)]
    detours = [made.step(stage, None, path[0]) for stage in counted if stage not in path]
    return CohortFunnel(
        query=query,
        outcome=_outcome(query, counts, counts_before, span),
        steps=steps,
        detours=detours,
        copies=_figure(query, counts.copies, **query.created(), copies="true"),
        breakdown_by=breakdown_by,
        breakdown=breakdown(query, rows, breakdown_by, span) if breakdown_by in BREAKDOWNS else [],
    )


@dataclass
class _Counts:
    """Records created in a period by the stage where they stand now, with what won ones are worth, and the copies."""

    stages: dict[str, int]
    amounts: dict[str, Decimal]
    copies: int

    def of(self, query: ReportQuery, *kinds: str) -> int:
        """How many stand in stages of these kinds; of none named, in any."""
        keys = keys_of(query, *kinds) if kinds else self.stages
        return sum(self.stages.get(key, 0) for key in keys)


def _counted(query: ReportQuery, span: dict[str, str]) -> _Counts:
    """One pass over the records of a period answers where they stand, and which of them are copies."""
    is_copy = ExpressionWrapper(Q(copy_set__isnull=False), BooleanField())
    groups = query.rows(**span).annotate(is_copy=is_copy).values("stage", "is_copy")
    found = list(groups.annotate(count=Count("pk"), money=Sum(AMOUNT)))
    own = [group for group in found if not group["is_copy"]]
    return _Counts(
        stages={group["stage"]: group["count"] for group in own},
        amounts={group["stage"]: group["money"] or Decimal(0) for group in own},
        copies=sum(group["count"] for group in found if group["is_copy"]),
    )


def _previous(query: ReportQuery) -> dict[str, str]:
    return {**query.created(query.period.previous), "copies": "false"}


def _ranks(stages: list[Stage]) -> dict[str, int]:
    """The place of each stage on the way: by order, success behind everything open."""
    ordered = sorted(stages, key=lambda stage: (stage.kind == Stage.Kind.SUCCESS, stage.order))
    return {stage.key: place for place, stage in enumerate(ordered)}


def _figure(query: ReportQuery, value: int, **extra: Any) -> Figure:
    return Figure(value, query.link(**extra))


@dataclass
class _Maker:
    """Makes the steps of a cohort out of its aggregates."""

    query: ReportQuery
    span: dict[str, str]
    reach: dict[int, tuple[int, Decimal]]
    before: dict[int, tuple[int, Decimal]]
    stood: dict[str, int]
    now: dict[str, int]
    times: dict[str, tuple[float, float]]
    ranks: dict[str, int]

    def got_to(self, stage: Stage, reach: dict[int, tuple[int, Decimal]] | None = None) -> int:
        """Records that got to the stage or further."""
        return sum(
            count
            for rank, (count, _sum) in (self.reach if reach is None else reach).items()
            if rank >= self.floor(stage)
        )

    def floor(self, stage: Stage) -> int:
        """The lowest rank that proves the stage was reached; any success proves each success stage's path."""
        proofs = pipelines.path_from(stage.key)
        return min(self.ranks[proof.key] for proof in proofs)

    def step(self, stage: Stage, previous: Stage | None, first: Stage) -> Step:
        """One row of the funnel."""
        got, floor = self.got_to(stage), self.floor(stage)
        amount = sum((value for rank, (_n, value) in self.reach.items() if rank >= floor), Decimal(0))
        median, p90 = self.times.get(stage.key, (None, None))
        return Step(
            stage=stage,
            got_to=_figure(self.query, got, **self.span, got_to=stage.key),
            stood_in=_figure(self.query, self.stood.get(stage.key, 0), **self.span, reached=stage.key),
            now=_figure(self.query, self.now.get(stage.key, 0), **self.span, stage=stage.key),
            amount=amount,
            from_previous=share(got, self.got_to(previous)) if previous else None,
            from_start=share(got, self.got_to(first)),
            previous_period=_figure(
                self.query, self.got_to(stage, self.before), **_previous(self.query), got_to=stage.key
            ),
            median_seconds=median,
            p90_seconds=p90,
        )


def _outcome_columns(query: ReportQuery) -> dict[str, Any]:
    """Aggregates of one GROUP BY: everything, won, lost, set aside, open, and the money won."""
    # An empty IN makes Django take the whole aggregate for empty, hence the key that no stage has.
    keys = {kind: stage_keys(query.pipeline.code, kind) or [""] for kind in ("success", "failure", "neutral", "open")}
    return {
        "created": Count("pk"),
        "won": Count("pk", filter=Q(stage__in=keys["success"])),
        "lost": Count("pk", filter=Q(stage__in=keys["failure"])),
        "neutral": Count("pk", filter=Q(stage__in=keys["neutral"])),
        "open": Count("pk", filter=Q(stage__in=keys["open"])),
        "won_amount": Sum(AMOUNT, filter=Q(stage__in=keys["success"])),
    }


def outcome(query: ReportQuery) -> Outcome:
    """The outcome alone, of one pipeline or of several: two passes over the records, none over their history."""
    counts, counts_before = _counted(query, query.created()), _counted(query, query.created(query.period.previous))
    return _outcome(query, counts, counts_before, {**query.created(), "copies": "false"})


def _outcome(query: ReportQuery, counts: _Counts, before: _Counts, span: dict[str, str]) -> Outcome:
    created, won = counts.of(query), counts.of(query, "success")
    created_before = before.of(query)
    return Outcome(
        created=_figure(query, created, **span),
        won=_figure(query, won, **span, kind="success"),
        lost=_figure(query, counts.of(query, "failure"), **span, kind="failure"),
        neutral=_figure(query, counts.of(query, "neutral"), **span, kind="neutral"),
        open=_figure(query, counts.of(query, "open"), **span, kind="open"),
        conversion=share(won, created - counts.of(query, "neutral")),
        won_amount=sum((counts.amounts.get(key, Decimal(0)) for key in keys_of(query, "success")), Decimal(0)),
        previous_created=_figure(query, created_before, **_previous(query)),
        previous_conversion=share(before.of(query, "success"), created_before - before.of(query, "neutral")),
    )


def breakdown(query: ReportQuery, rows: QuerySet[Any], by: str, span: dict[str, str]) -> list[BreakdownRow]:
    """The outcome by manager, team, source, region or purpose, largest first: one GROUP BY and one look-up of names."""
    column, model = BREAKDOWNS[by]
    groups = list(rows.values(column).annotate(**_outcome_columns(query)).order_by("-created"))
    keys = [group[column] for group in groups if group[column]]
    names = {row.pk: str(row) for row in model.objects.filter(pk__in=keys)} if model else {key: key for key in keys}
    return [_breakdown_row(query, by, group, group[column], names, span) for group in groups]


def _breakdown_row(
    query: ReportQuery, by: str, group: dict[str, Any], key: Any, names: dict[Any, str], span: dict[str, str]
) -> BreakdownRow:
    nobody = {"responsible": "no_responsible", "source": "no_source", "region": "no_region", "purpose": "no_purpose"}
    cut = {by: key} if key else {nobody.get(by, "no_team"): "true"}
    return BreakdownRow(
        label=names.get(key, str(key)) if key else _("not given"),
        key=str(key or ""),
        created=_figure(query, group["created"], **span, **cut),
        won=_figure(query, group["won"], **span, **cut, kind="success"),
        lost=_figure(query, group["lost"], **span, **cut, kind="failure"),
        open=_figure(query, group["open"], **span, **cut, kind="open"),
        conversion=share(group["won"], group["created"] - group["neutral"]),
        won_amount=group["won_amount"] or Decimal(0),
    )


def snapshot(query: ReportQuery) -> SnapshotFunnel:
    """What stands where at this moment, whenever it came in: count, money and what exceeds its time norm."""
    rows = query.rows()
    late = norms.over_norm(pipelines.stages_of(query.pipeline.code, hidden=True))
    groups = {
        group["stage"]: group
        for group in rows.values("stage").annotate(
            count=Count("pk"), overdue=Count("pk", filter=late), money=Sum(AMOUNT)
        )
    }
    made = [
        _snapshot_row(query, stage, groups.get(stage.key, {})) for stage in pipelines.stages_of(query.pipeline.code)
    ]
    return SnapshotFunnel(
        query=query,
        rows=made,
        total=_figure(query, sum(row.count.value for row in made if row.stage.is_open), kind="open"),
        overdue=_figure(query, sum(row.overdue.value for row in made), norm_exceeded="true"),
        amount=sum((row.amount for row in made if row.stage.is_open), Decimal(0)),
    )


def _snapshot_row(query: ReportQuery, stage: Stage, group: dict[str, Any]) -> SnapshotRow:
    return SnapshotRow(
        stage=stage,
        count=_figure(query, group.get("count", 0), stage=stage.key),
        overdue=_figure(query, group.get("overdue", 0), stage=stage.key, norm_exceeded="true"),
        amount=group.get("money") or Decimal(0),
    )
