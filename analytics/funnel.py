"""The funnel: what became of the records that came in (cohort), and what stands where now (snapshot) (ANA-1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import BooleanField, Count, ExpressionWrapper, Q, Sum

from analytics import sql
from analytics.breakdowns import BREAKDOWNS, Breakdown
from analytics.query import Period, ReportQuery, keys_of, stage_keys
from crm import norms, pipelines, stages_seen
from crm.models import Stage

AMOUNT = "amount"


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
    amount: Decimal
    from_previous: float | None
    from_start: float | None
    previous_period: Figure
    previous_from_start: float | None
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
    """What became of the records created in the period. `timed` of them told the times in stage: all, or each n-th."""

    query: ReportQuery
    compared_with: Period
    outcome: Outcome
    steps: list[Step]
    detours: list[Step]
    copies: Figure
    timed_each: int = 1
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


@dataclass(frozen=True)
class Group:
    """Records that stand in the same stage and have stood in the same ones; money in roubles."""

    stage: str
    seen: int
    is_copy: bool
    count: int
    money: Decimal


class Cohort:
    """The records of a period, counted in one pass: where they stand and where they have ever stood.

    "Got to" a stage: stood at some time in it or in one behind it on the main path. A skipped stage therefore counts
    as passed, and a move back takes nothing away.
    """

    def __init__(self, query: ReportQuery, span: dict[str, str]) -> None:
        self.query, self.span = query, {**span, "copies": "false"}
        is_copy = ExpressionWrapper(Q(copy_set__isnull=False), BooleanField())
        found = query.rows(**span).annotate(is_copy=is_copy).values_list("stage", "stages_seen", "is_copy")
        self.all = [
            Group(stage, seen, bool(copied), count, money or Decimal(0))
            for stage, seen, copied, count, money in found.annotate(count=Count("pk"), money=Sum(AMOUNT))
        ]
        self.groups = [group for group in self.all if not group.is_copy]

    @property
    def copies(self) -> int:
        return sum(group.count for group in self.all if group.is_copy)

    def standing(self, *kinds: str) -> int:
        """How many stand in stages of these kinds; of none named, in any."""
        keys = keys_of(self.query, *kinds)
        return sum(group.count for group in self.groups if not kinds or group.stage in keys)

    def at(self, stage: Stage) -> int:
        """How many stand in the stage now."""
        return sum(group.count for group in self.groups if group.stage == stage.key)

    def stood_in(self, *stages: Stage) -> int:
        """How many ever stood in one of the stages."""
        return sum(group.count for group in self._seen(*stages))

    def got_to(self, stage: Stage) -> int:
        """How many got to the stage or further."""
        return self.stood_in(*pipelines.path_from(stage.key))

    def amount_of(self, stage: Stage) -> Decimal:
        """What those that got to the stage are worth."""
        return sum((group.money for group in self._seen(*pipelines.path_from(stage.key))), Decimal(0))

    def worth(self, *kinds: str) -> Decimal:
        """What those that stand in stages of these kinds are worth."""
        keys = keys_of(self.query, *kinds)
        return sum((group.money for group in self.groups if group.stage in keys), Decimal(0))

    @property
    def conversion(self) -> float | None:
        """Won ÷ (came in − set aside)."""
        return share(self.standing("success"), self.standing() - self.standing("neutral"))

    def figure(self, value: int, **extra: Any) -> Figure:
        """A count of these records with its list."""
        return Figure(value, self.query.link(**self.span, **extra))

    def _seen(self, *stages: Stage) -> list[Group]:
        wanted = stages_seen.marks(stages)
        return [group for group in self.groups if group.seen & wanted]


def cohort(query: ReportQuery, breakdown_by: str = "") -> CohortFunnel:
    """The funnel of records created in the period; repeat copies are counted apart, never as new."""
    now, before = Cohort(query, query.created()), Cohort(query, query.created(query.compared))
    path = pipelines.main_path(query.pipeline.code)
    times, each = sql.time_in_stages(query.rows(**now.span), query.record_type, now.standing())
    counted = pipelines.path_from(path[0].key)
    steps = [
        step(now, before, stage, path[index - 1] if index else None, path[0], times) for index, stage in enumerate(path)
    ]
    return CohortFunnel(
        query=query,
        compared_with=query.compared,
        outcome=_outcome(now, before),
        steps=steps,
        detours=[step(now, before, stage, None, path[0], times) for stage in counted if stage not in path],
        copies=Figure(now.copies, query.link(**query.created(), copies="true")),
        timed_each=each,
        breakdown_by=breakdown_by,
        breakdown=breakdown(query, now.span, BREAKDOWNS[breakdown_by]) if breakdown_by in BREAKDOWNS else [],
    )


def step(
    now: Cohort, before: Cohort, stage: Stage, previous: Stage | None, first: Stage,
    times: dict[str, tuple[float, float]],
) -> Step:  # fmt: skip
    """One row of the funnel."""
    got, earlier = now.got_to(stage), before.got_to(stage)
    median, p90 = times.get(stage.key, (None, None))
    return Step(
        stage=stage,
        got_to=now.figure(got, got_to=stage.key),
        stood_in=now.figure(now.stood_in(stage), reached=stage.key),
        now=now.figure(now.at(stage), stage=stage.key),
        amount=now.amount_of(stage),
        from_previous=share(got, now.got_to(previous)) if previous else None,
        from_start=share(got, now.got_to(first)),
        previous_period=before.figure(earlier, got_to=stage.key),
        previous_from_start=share(earlier, before.got_to(first)),
        median_seconds=median,
        p90_seconds=p90,
    )


def outcome(query: ReportQuery) -> Outcome:
    """The outcome alone, of one pipeline or of several: two passes over the records, none over their history."""
    return _outcome(Cohort(query, query.created()), Cohort(query, query.created(query.compared)))


def _outcome(now: Cohort, before: Cohort) -> Outcome:
    return Outcome(
        created=now.figure(now.standing()),
        won=now.figure(now.standing("success"), kind="success"),
        lost=now.figure(now.standing("failure"), kind="failure"),
        neutral=now.figure(now.standing("neutral"), kind="neutral"),
        open=now.figure(now.standing("open"), kind="open"),
        conversion=now.conversion,
        won_amount=now.worth("success"),
        previous_created=before.figure(before.standing()),
        previous_conversion=before.conversion,
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


def breakdown(query: ReportQuery, span: dict[str, str], by: Breakdown) -> list[BreakdownRow]:
    """The outcome by manager, team, source, region ..., largest first: one GROUP BY and one look-up of names."""
    groups = list(by.groups(query.rows(**span)).annotate(**_outcome_columns(query)).order_by("-created", "key"))
    names = by.names({group["key"] for group in groups})
    return [_breakdown_row(query, by, group, names, span) for group in groups]


def _breakdown_row(
    query: ReportQuery, by: Breakdown, group: dict[str, Any], names: dict[Any, str], span: dict[str, str]
) -> BreakdownRow:
    key = group["key"]

    def figure(name: str, **extra: Any) -> Figure:
        return Figure(group[name], query.link(**span, **by.cut(key), **extra))

    return BreakdownRow(
        label=names[key],
        key=str(key or ""),
        created=figure("created"),
        won=figure("won", kind="success"),
        lost=figure("lost", kind="failure"),
        open=figure("open", kind="open"),
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


def _figure(query: ReportQuery, value: int, **extra: Any) -> Figure:
    return Figure(value, query.link(**extra))


def _snapshot_row(query: ReportQuery, stage: Stage, group: dict[str, Any]) -> SnapshotRow:
    return SnapshotRow(
        stage=stage,
        count=_figure(query, group.get("count", 0), stage=stage.key),
        overdue=_figure(query, group.get("overdue", 0), stage=stage.key, norm_exceeded="true"),
        amount=group.get("money") or Decimal(0),
    )
