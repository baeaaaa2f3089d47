"""The forecast once more, slowly: plain Python over every row of the history and the audit trail."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from crm import clock, pipelines
from crm.models import Change, StageHistory
from deals.models import Deal


@dataclass
class Life:
    """One deal with its moves in their order, and what it was worth and expected on any day."""

    deal: Deal
    moves: list[StageHistory] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    def stage_at(self, moment: datetime) -> str:
        """Where it stood, or an empty text."""
        found = ""
        for move in self.moves:
            if move.at < moment:
                found = move.to_stage_id
        return found

    def value_at(self, name: str, moment: datetime) -> Any:
        """What a field held."""
        for change in self.changes:
            if change.field == name and change.at >= moment:
                return change.old
        value = getattr(self.deal, name)
        return None if value is None else str(value)

    def entered(self, stage: str) -> list[datetime]:
        """When it first came to a stage: one moment or none."""
        return [move.at for move in self.moves if move.to_stage_id == stage][:1]

    def stood(self, before: datetime | None = None) -> set[str]:
        """Every stage that it ever stood in."""
        return {move.to_stage_id for move in self.moves if before is None or move.at < before}


def lives(user: Any) -> list[Life]:
    """The living deals that a person sees, of the manufacturer's own pipelines."""
    own = {code for code, item in pipelines.catalogue().pipelines.items() if not item.is_partner}
    found = {
        deal.pk: Life(deal)
        for deal in Deal.objects.visible_to(user)
        if deal.deleted_at is None and deal.merged_into_id is None and deal.pipeline_id in own
    }
    for move in StageHistory.objects.filter(record_type="deal").order_by("at", "id"):
        if move.record_id in found:
            found[move.record_id].moves.append(move)
    for change in Change.objects.filter(record_type="deal").order_by("at", "id"):
        if change.record_id in found:
            found[change.record_id].changes.append(change)
    return list(found.values())


def kind_of(key: str) -> str:
    return str(pipelines.stage(key).kind) if key else ""


def day_of(moment: datetime) -> date:
    return moment.astimezone(clock.company_zone()).date()


def start_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=clock.company_zone())


def chance(won: int, closed: int, stage: str, counts: dict[str, list[int]]) -> Decimal:
    """(won + 10·prior) ÷ (closed + 10) by hand."""
    row = pipelines.stage(stage)
    if row.probability:
        prior = Decimal(row.probability) / 100
    else:
        mates = [
            pair for key, pair in counts.items() if key.startswith(f"{row.pipeline_id}:") and kind_of(key) == "open"
        ]
        prior = Decimal(sum(pair[1] for pair in mates)) / (sum(pair[0] for pair in mates) or 1)
    return ((won + 10 * prior) / (closed + 10)).quantize(Decimal("0.0001"), ROUND_HALF_UP)


def counts_now(known: list[Life], first: date, last: date) -> dict[str, list[int]]:
    """{stage: [closed, won]} of deals that are closed, and were closed within these days."""
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for life in known:
        kind = kind_of(life.deal.stage)
        if kind in {"success", "failure"} and first <= day_of(life.moves[-1].at) <= last:
            for stage in life.stood():
                found[stage][0] += 1
                found[stage][1] += kind == "success"
    return found


def counts_then(known: list[Life], first: date, until: date) -> dict[str, list[int]]:
    """The same at the beginning of a day."""
    end = start_of(until)
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for life in known:
        before = [move for move in life.moves if move.at < end]
        if not before or day_of(before[-1].at) < first:
            continue
        kind = kind_of(before[-1].to_stage_id)
        if kind in {"success", "failure"}:
            for stage in life.stood(end):
                found[stage][0] += 1
                found[stage][1] += kind == "success"
    return found


def weighted(groups: list[tuple[str, Decimal]], counts: dict[str, list[int]]) -> Decimal:
    """Σ amount × chance, rounded once."""
    total = sum((amount * chance(counts[key][1], counts[key][0], key, counts) for key, amount in groups), Decimal(0))
    return total.quantize(Decimal("0.01"), ROUND_HALF_UP)


def open_now(known: list[Life], today: date) -> dict[str, list[tuple[str, Decimal]]]:
    """{row of the forecast: [(stage, amount)]} of open deals."""
    found: dict[str, list[tuple[str, Decimal]]] = defaultdict(list)
    for life in known:
        deal = life.deal
        if kind_of(deal.stage) != "open":
            continue
        expected = deal.expected_close_date
        if expected is None:
            row = "undated"
        elif expected < today:
            row = "overdue"
        else:
            row = f"{expected:%Y-%m}"
        found[row].append((deal.stage, deal.amount or Decimal(0)))
    return found


def open_then(known: list[Life], at: date, last: date) -> dict[str, list[tuple[str, Decimal]]]:
    """{month, or "" for none: [(stage, amount)]} of deals open at the beginning of a day."""
    moment = start_of(at)
    found: dict[str, list[tuple[str, Decimal]]] = defaultdict(list)
    for life in known:
        stage = life.stage_at(moment)
        if kind_of(stage) != "open":
            continue
        expected = life.value_at("expected_close_date", moment)
        amount = Decimal(life.value_at("amount", moment) or 0)
        if expected is None or expected < at.isoformat():
            found[""].append((stage, amount))
        elif expected <= last.isoformat():
            found[expected[:7]].append((stage, amount))
    return found


def median_seconds(waits: list[timedelta]) -> float | None:
    """The shortest that is not shorter than half of all, in seconds."""
    ordered = sorted(waits)
    return round(ordered[(len(ordered) + 1) // 2 - 1].total_seconds()) if ordered else None
