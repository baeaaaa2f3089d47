"""What became of deals that stood in a stage: the probabilities of the forecast, learned from closed deals (ANA-6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

from analytics.forecast import sql
from analytics.funnel import Figure, share
from analytics.interval import wilson
from analytics.query import ReportQuery, stage_keys
from analytics.sql import sample
from crm import pipelines
from crm.models import Stage

# As if so many more deals had stood in the stage and ended as the settings of the stage say.
PRIOR_DEALS = 10
PLACES = Decimal("0.0001")


@dataclass(frozen=True)
class Chance:
    """What is known of one open stage. Shares are 0..1; `probability` is what the forecast reckons with."""

    stage: Stage
    label: str
    closed: int
    won: int
    configured: float
    probability: float
    low: float
    high: float

    @property
    def raw(self) -> float | None:
        """Won ÷ closed of the deals that ever stood in the stage."""
        return share(self.won, self.closed)


@dataclass
class ChanceRow:
    """A stage with its probability, and what stands in it now. Money in roubles."""

    stage: Stage
    label: str
    closed: Figure
    won: Figure
    raw: float | None
    configured: float
    probability: float
    low: float
    high: float
    open: Figure
    amount: Decimal
    weighted: Decimal


def shrunk(won: int, closed: int, prior: Fraction) -> Decimal:
    """(won + 10·prior) ÷ (closed + 10), to four places, half up: the mean of a beta-binomial posterior."""
    exact = (won + PRIOR_DEALS * prior) / (closed + PRIOR_DEALS)
    return (Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(PLACES, ROUND_HALF_UP)


def ended(query: ReportQuery) -> dict[str, Any]:
    """The list's parameters for deals won or lost in the period; what was set aside is neither."""
    if not any(stage_keys(code, "neutral") for code in query.codes):
        return {**query.closed(), "kind": "closed"}
    return {**query.closed(), "stage": [key for code in query.codes for key in stage_keys(code, "success", "failure")]}


def seen_of(query: ReportQuery, span: dict[str, Any]) -> dict[str, list[sql.Seen]]:
    """{pipeline: which of its stages the records of the span ever stood in}: one statement for each pipeline."""
    wins = [key for code in query.codes for key in stage_keys(code, "success")]
    rows = query.rows(**span)
    return {code: sql.seen(rows, query.record_type, stage_keys(code, "open", "success"), wins) for code in query.codes}


def learned(query: ReportQuery, known: Mapping[str, list[sql.Seen]]) -> dict[str, Chance]:
    """{stage key: chance} of all open stages, from the deals that were closed in the period and still are (`known`)."""
    found: dict[str, tuple[int, int]] = {}
    for group in (item for groups in known.values() for item in groups):
        for key in group.stages:
            closed, won = found.get(key, (0, 0))
            found[key] = (closed + group.count, won + group.count * group.is_won)
    return _chances(query, found)


def learned_then(query: ReportQuery, first: date, until: date, count: int) -> dict[str, Chance]:
    """The same with only the knowledge of the beginning of the day `until`, from deals closed from `first` on.

    Of more than 20,000 deals each n-th is asked: `count` says about how many there are.
    """
    wins, losses = ([key for code in query.codes for key in stage_keys(code, kind)] for kind in ("success", "failure"))
    return _chances(query, sql.outcomes_then(sample(query.rows(), count), first, until, wins, losses))


def _chances(query: ReportQuery, found: Mapping[str, tuple[int, int]]) -> dict[str, Chance]:
    made: dict[str, Chance] = {}
    for code in query.codes:
        stages = [stage for stage in pipelines.stages_of(code, hidden=True) if stage.is_open]
        overall = _overall(found[stage.key] for stage in stages if stage.key in found)
        for stage in stages:
            prior = Fraction(stage.probability, 100) if stage.probability else overall
            name = f"{stage.name} · {stage.pipeline.name}" if len(query.codes) > 1 else stage.name
            made[stage.key] = _chance(stage, name, *found.get(stage.key, (0, 0)), prior)
    return made


def _overall(counts: Iterable[tuple[int, int]]) -> Fraction:
    """The share of wins over all stages together: what is assumed of a stage without a configured probability."""
    rows = list(counts)
    closed = sum(row[0] for row in rows)
    return Fraction(sum(row[1] for row in rows), closed) if closed else Fraction(0)


def _chance(stage: Stage, label: str, closed: int, won: int, prior: Fraction) -> Chance:
    low, high = wilson(float(won + PRIOR_DEALS * prior), closed + PRIOR_DEALS)
    return Chance(
        stage=stage,
        label=label,
        closed=closed,
        won=won,
        configured=float(prior),
        probability=float(shrunk(won, closed, prior)),
        low=round(low, 4),
        high=round(high, 4),
    )


def weigh(amount: Decimal, chance: Chance) -> Decimal:
    """Amount × probability, exactly."""
    return amount * Decimal(str(chance.probability))
