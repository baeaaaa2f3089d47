"""Why records are lost: by reason, by amount, over time, by the stage they were lost from (ANA-2)."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Count, Sum
from django.db.models.functions import TruncMonth
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics import sql
from analytics.funnel import AMOUNT, BREAKDOWNS, Figure, share
from analytics.query import Period, ReportQuery, keys_of, stage_keys
from crm import clock, pipelines, preferences
from crm.models import RefusalReason, Stage

SMALL_SAMPLE = 10
# The refusals that a price was the reason of, whatever it was the price of.
PRICE = ("price_of_structures", "price_of_delivery")

# What to think of when one reason outgrows the others; bound to the codes of stages.
ADVICE: dict[str, Any] = {
    "price_of_structures": gettext_lazy(
        "Offer a cheaper line, show what the price is made of, train answers to “too expensive”."
    ),
    "price_of_delivery": gettext_lazy("Compare carriers, split oversize loads, offer collection by the client."),
    "delivery_time": gettext_lazy("Look at the production queue: keep common sections in stock, promise real dates."),
    "scope_of_services": gettext_lazy("Find partners for foundations and installation in the regions asked for."),
    "type_of_structure": gettext_lazy("Prepare a comparison with concrete, tent and light steel buildings."),
    "construction_cancelled": gettext_lazy("Qualify earlier: land, permit and financing are first-call questions."),
    "no_contact": gettext_lazy("Call back sooner and by other channels; check how fast new leads are called."),
    "not_our_product": gettext_lazy("Look at the advertising that brings them: keywords, regions, texts."),
    "erroneous": gettext_lazy("Check the forms for spam and the advertising for empty clicks."),
    "stalled": gettext_lazy("Plan the next step at each contact; look at the load per person."),
    "declined_by_us": gettext_lazy("See which of these requests partners could take."),
}


@dataclass
class ReasonRow:
    """One reason: a failure stage, or a detail under it. Shares 0..1, amount in roubles."""

    label: str
    stage: Stage
    count: Figure
    amount: Decimal
    share: float | None
    amount_share: float | None
    is_flagged: bool = False
    advice: str = ""


@dataclass
class CutRow:
    """Refusals of one manager or source, by failure stage."""

    label: str
    total: Figure
    by_stage: dict[str, Figure]


@dataclass
class MonthRow:
    """Refusals of one month of the company's calendar, by failure stage."""

    month: date
    by_stage: dict[str, Figure]


@dataclass
class Refusals:
    """The refusals of a period. Denominator: records closed by a refusal in it and still closed so."""

    query: ReportQuery
    total: Figure
    amount: Decimal
    stages: list[ReasonRow]
    reasons: list[ReasonRow]
    lost_from: list[tuple[Stage, Figure, float | None]]
    months: list[MonthRow]
    by: str
    cuts: list[CutRow]
    threshold: float
    is_small: bool
    price: Figure | None = None  # refusals for a price; none in pipelines without such stages

    @property
    def price_share(self) -> float | None:
        """Refusals for a price ÷ all refusals."""
        return share(self.price.value, self.total.value) if self.price else None


def refusals(query: ReportQuery, by: str = "responsible") -> Refusals:
    """Refusals of the period by stage, reason, stage lost from, month and manager (or source, region ...)."""
    span = {**query.closed(), "kind": "failure"}
    rows = query.rows(**span)
    failures = stage_keys(query.pipeline.code, "failure")
    threshold = int(preferences.get("refusal_threshold_percent")) / 100
    groups = list(
        rows.values("stage", "refusal_reason")
        .annotate(count=Count("pk"), money=Sum(AMOUNT))
        .order_by("-count", "stage")
    )
    total = sum(group["count"] for group in groups)
    money = sum((group["money"] or Decimal(0) for group in groups), Decimal(0))
    return Refusals(
        query=query,
        total=Figure(total, query.link(**span)),
        amount=money,
        stages=_stage_rows(query, groups, total, money, span, threshold),
        reasons=reason_rows(query, groups, total, money, span),
        lost_from=_lost_from(query, rows, failures, total, span),
        months=_months(query, rows),
        by=by,
        cuts=_cuts(query, rows, by, span) if by in BREAKDOWNS else [],
        threshold=threshold,
        is_small=total < SMALL_SAMPLE,
        price=for_price(query, groups, span),
    )


def for_price(query: ReportQuery, groups: list[dict[str, Any]], span: dict[str, str]) -> Figure | None:
    """Refusals for a price: `groups` has stage and count, `span` opens their list."""
    keys = [key for key in keys_of(query, "failure") if pipelines.stage(key).code in PRICE]
    count = sum(group["count"] for group in groups if group["stage"] in keys)
    return Figure(count, query.link(**span, stage=keys)) if keys else None


def _stage_rows(
    query: ReportQuery,
    groups: list[dict[str, Any]],
    total: int,
    money: Decimal,
    span: dict[str, str],
    threshold: float,
) -> list[ReasonRow]:
    counts: dict[str, int] = {}
    sums: dict[str, Decimal] = {}
    for group in groups:
        counts[group["stage"]] = counts.get(group["stage"], 0) + group["count"]
        sums[group["stage"]] = sums.get(group["stage"], Decimal(0)) + (group["money"] or Decimal(0))
    made = []
    for key, count in sorted(counts.items(), key=lambda item: -item[1]):
        stage, part = pipelines.stage(key), share(count, total)
        flagged = part is not None and part > threshold and total >= SMALL_SAMPLE
        made.append(
            ReasonRow(
                label=stage.name,
                stage=stage,
                count=Figure(count, query.link(**span, stage=key)),
                amount=sums[key],
                share=part,
                amount_share=float(sums[key] / money) if money else None,
                is_flagged=flagged,
                advice=str(ADVICE.get(stage.code, "")) if flagged else "",
            )
        )
    return made


def reason_rows(
    query: ReportQuery, groups: list[dict[str, Any]], total: int, money: Decimal, span: dict[str, str]
) -> list[ReasonRow]:
    """Refusals by stage and detail: `groups` has stage, refusal_reason, count, money; `span` opens their list."""
    names = RefusalReason.objects.in_bulk({group["refusal_reason"] for group in groups if group["refusal_reason"]})
    made = []
    for group in groups:
        stage, reason = pipelines.stage(group["stage"]), names.get(group["refusal_reason"])
        cut = {"refusal_reason": reason.pk} if reason else {"no_refusal_reason": "true"}
        amount = group["money"] or Decimal(0)
        made.append(
            ReasonRow(
                label=reason.name if reason else _("no detail"),
                stage=stage,
                count=Figure(group["count"], query.link(**span, stage=stage.key, **cut)),
                amount=amount,
                share=share(group["count"], total),
                amount_share=float(amount / money) if money else None,
            )
        )
    return made


def _lost_from(
    query: ReportQuery, rows: Any, failures: list[str], total: int, span: dict[str, str]
) -> list[tuple[Stage, Figure, float | None]]:
    found = sql.lost_from(rows, query.record_type, failures)
    known = [(pipelines.stage(key), count) for key, count in found]
    return [
        (stage, Figure(count, query.link(**span, lost_from=stage.key)), share(count, total))
        for stage, count in sorted(known, key=lambda item: item[0].order)
    ]


def _months(query: ReportQuery, rows: Any) -> list[MonthRow]:
    """Counts by failure stage for each month of the company's calendar, cut to the days asked for."""
    month = TruncMonth("closed_at", tzinfo=clock.company_zone())
    found: dict[date, dict[str, int]] = {}
    for group in rows.annotate(month=month).values("month", "stage").annotate(count=Count("pk")).order_by("month"):
        found.setdefault(group["month"].date(), {})[group["stage"]] = group["count"]
    made = []
    for first, counts in found.items():
        last = first.replace(day=monthrange(first.year, first.month)[1])
        days = Period(max(first, query.period.start), min(last, query.period.end))
        span = {**query.closed(days), "kind": "failure"}
        figures = {stage: Figure(count, query.link(**span, stage=stage)) for stage, count in counts.items()}
        made.append(MonthRow(first, figures))
    return made


def _cuts(query: ReportQuery, rows: Any, by: str, span: dict[str, str]) -> list[CutRow]:
    """Refusals by manager, source ... and failure stage: one GROUP BY, one look-up of names."""
    column, model = BREAKDOWNS[by]
    groups = list(rows.values(column, "stage").annotate(count=Count("pk")))
    keys = {group[column] for group in groups if group[column]}
    names = {row.pk: str(row) for row in model.objects.filter(pk__in=keys)} if model else {key: key for key in keys}
    by_key: dict[Any, dict[str, int]] = {}
    for group in groups:
        by_key.setdefault(group[column], {})[group["stage"]] = group["count"]
    made = []
    for key, stages in by_key.items():
        cut = {by: key} if key else {f"no_{by}": "true"}
        made.append(
            CutRow(
                label=names.get(key, str(key)) if key else _("not given"),
                total=Figure(sum(stages.values()), query.link(**span, **cut)),
                by_stage={
                    stage: Figure(count, query.link(**span, **cut, stage=stage)) for stage, count in stages.items()
                },
            )
        )
    return sorted(made, key=lambda row: -row.total.value)
