"""Why records are lost: by reason, by amount, over time, by the stage they were lost from (ANA-2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Case, Count, IntegerField, Sum, Value, When
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.breakdowns import BREAKDOWNS, Breakdown
from analytics.funnel import AMOUNT, Figure, share
from analytics.interval import wilson
from analytics.query import Period, ReportQuery, keys_of, months_of
from crm import pipelines, preferences
from crm.filters import day_start
from crm.models import RefusalReason, Stage

SMALL_SAMPLE = 10
# The refusals that a price was the reason of, whatever it was the price of.
PRICE = ("price_of_structures", "price_of_delivery")

# What to think of when one reason outgrows the others, until somebody writes their own; bound to the codes of stages.
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
    """One reason: a failure stage, or a detail under it. Shares 0..1, amount in roubles.

    `low` and `high` are the ends of the share's 95 % interval (Wilson); `of` is how many it was taken of.
    """

    label: str
    stage: Stage
    count: Figure
    amount: Decimal
    share: float | None
    amount_share: float | None
    low: float | None = None
    high: float | None = None
    of: int = 0
    is_flagged: bool = False
    advice: str = ""


@dataclass
class CutRow:
    """Refusals of one manager or source, or of one month, by failure stage; with the reason that stands out."""

    label: str
    total: Figure
    amount: Decimal
    by_stage: dict[str, Figure]
    main: Stage | None = None
    main_share: float | None = None


@dataclass
class MonthRow(CutRow):
    """Refusals of one month of the company's calendar, by failure stage."""

    month: date | None = None


@dataclass
class Refusals:
    """The refusals of a period. Denominator: records closed by a refusal in it and still closed so."""

    query: ReportQuery
    total: Figure
    amount: Decimal
    previous_total: Figure
    stages: list[ReasonRow]
    reasons: list[ReasonRow]
    other: ReasonRow | None
    lost_from: list[tuple[Stage, Figure, float | None]]
    months: list[MonthRow]
    by: str
    cuts: list[CutRow]
    threshold: float
    other_threshold: float
    is_small: bool
    price: Figure | None = None  # refusals for a price; none in pipelines without such stages

    @property
    def price_share(self) -> float | None:
        """Refusals for a price ÷ all refusals."""
        return share(self.price.value, self.total.value) if self.price else None


def interval_of(part: int, whole: int) -> tuple[float, float] | tuple[None, None]:
    """Between what the true share lies with 95 % certainty; nothing is known of a share of nothing."""
    return wilson(part, whole) if whole else (None, None)


@dataclass(frozen=True)
class Group:
    """Refusals alike in all that is told of them."""

    stage: str
    reason: int | None
    lost_from: str
    month: int
    count: int
    money: Decimal


def refusals(query: ReportQuery, by: str = "responsible") -> Refusals:
    """Refusals of the period by stage, reason, stage lost from, month and manager (or source, region ...)."""
    span = {**query.closed(), "kind": "failure"}
    rows, spans = query.rows(**span), months_of(query.period)
    groups = _groups(rows, spans)
    threshold = int(preferences.get("refusal_threshold_percent")) / 100
    other_threshold = int(preferences.get("refusal_other_percent")) / 100
    total, money = sum(group.count for group in groups), sum((group.money for group in groups), Decimal(0))
    before = {**query.closed(query.compared), "kind": "failure"}
    return Refusals(
        query=query,
        total=Figure(total, query.link(**span)),
        amount=money,
        previous_total=Figure(query.rows(**before).count(), query.link(**before)),
        stages=_stage_rows(query, groups, total, money, span, threshold),
        reasons=reason_rows(query, _by_reason(groups), total, money, span),
        other=_other(query, groups, total, money, span, other_threshold),
        lost_from=_lost_from(query, groups, total, span),
        months=_months(query, groups, spans),
        by=by,
        cuts=_cuts(query, rows, BREAKDOWNS[by], span) if by in BREAKDOWNS else [],
        threshold=threshold,
        other_threshold=other_threshold,
        is_small=total < SMALL_SAMPLE,
        price=for_price(query, _by_reason(groups), span),
    )


def price_stages(query: ReportQuery) -> list[str]:
    """The stages of refusals for a price; none in pipelines without such."""
    return [key for key in keys_of(query, "failure") if pipelines.stage(key).code in PRICE]


def for_price(query: ReportQuery, groups: list[dict[str, Any]], span: dict[str, str]) -> Figure | None:
    """Refusals for a price: `groups` has stage and count, `span` opens their list."""
    keys = price_stages(query)
    count = sum(group["count"] for group in groups if group["stage"] in keys)
    return Figure(count, query.link(**span, stage=keys)) if keys else None


def _groups(rows: Any, spans: list[Period]) -> list[Group]:
    """One pass over the refusals; the month is told by comparing, which costs less than cutting moments to months."""
    later = [When(closed_at__gte=day_start(span.start), then=Value(place)) for place, span in enumerate(spans)]
    month = Case(*reversed(later), default=Value(0), output_field=IntegerField())
    columns = ("stage", "refusal_reason", "lost_from", "in_month")
    found = rows.annotate(in_month=month).values_list(*columns).annotate(count=Count("pk"), money=Sum(AMOUNT))
    return [
        Group(stage, reason, lost_from, place, count, money or Decimal(0))
        for stage, reason, lost_from, place, count, money in found
    ]


def _by_reason(groups: list[Group]) -> list[dict[str, Any]]:
    """By stage and detail, the most frequent first."""
    found: dict[tuple[str, int | None], dict[str, Any]] = {}
    for group in groups:
        row = found.setdefault(
            (group.stage, group.reason),
            {"stage": group.stage, "refusal_reason": group.reason, "count": 0, "money": Decimal(0)},
        )
        row["count"] += group.count
        row["money"] += group.money
    return sorted(found.values(), key=lambda row: (-row["count"], row["stage"]))


def _summed(groups: Iterable[Group], key: Callable[[Group], Any]) -> dict[Any, tuple[int, Decimal]]:
    """Counts and amounts by whatever `key` tells."""
    found: dict[Any, tuple[int, Decimal]] = {}
    for group in groups:
        count, money = found.get(key(group), (0, Decimal(0)))
        found[key(group)] = (count + group.count, money + group.money)
    return found


def _row(label: str, stage: Stage, count: int, amount: Decimal, total: int, money: Decimal, url: str) -> ReasonRow:
    low, high = interval_of(count, total)
    return ReasonRow(
        label=label,
        stage=stage,
        count=Figure(count, url),
        amount=amount,
        share=share(count, total),
        amount_share=float(amount / money) if money else None,
        low=low,
        high=high,
        of=total,
    )


def _stage_rows(
    query: ReportQuery, groups: list[Group], total: int, money: Decimal, span: dict[str, str], threshold: float
) -> list[ReasonRow]:
    made = []
    by_stage = _summed(groups, lambda group: group.stage)
    for key, (count, amount) in sorted(by_stage.items(), key=lambda item: (-item[1][0], item[0])):
        stage = pipelines.stage(key)
        row = _row(stage.name, stage, count, amount, total, money, query.link(**span, stage=key))
        row.is_flagged = (row.share or 0) > threshold and total >= SMALL_SAMPLE
        row.advice = advice_of(stage) if row.is_flagged else ""
        made.append(row)
    return made


def advice_of(stage: Stage) -> str:
    """What the company has written for a stage whose share is too large, or what the product says."""
    return stage.advice or str(ADVICE.get(stage.code, ""))


def reason_rows(
    query: ReportQuery, groups: list[dict[str, Any]], total: int, money: Decimal, span: dict[str, str]
) -> list[ReasonRow]:
    """Refusals by stage and detail: `groups` has stage, refusal_reason, count, money; `span` opens their list."""
    names = RefusalReason.objects.in_bulk({group["refusal_reason"] for group in groups if group["refusal_reason"]})
    made = []
    for group in groups:
        stage, reason = pipelines.stage(group["stage"]), names.get(group["refusal_reason"])
        cut = {"refusal_reason": reason.pk} if reason else {"no_refusal_reason": "true"}
        label = reason.name if reason else _("no detail")
        url = query.link(**span, stage=stage.key, **cut)
        made.append(_row(label, stage, group["count"], group["money"] or Decimal(0), total, money, url))
    return made


def _other(
    query: ReportQuery, groups: list[Group], total: int, money: Decimal, span: dict[str, str], threshold: float
) -> ReasonRow | None:
    """All refusals whose detail is “Other”: too many of them mean that the list of reasons lacks the true ones."""
    others = list(RefusalReason.objects.filter(is_other=True, stage__pipeline=query.pipeline.pk).order_by("pk"))
    keys = {reason.pk for reason in others}
    found = [group for group in groups if group.reason in keys]
    if not found:
        return None
    count, amount = sum(group.count for group in found), sum((group.money for group in found), Decimal(0))
    url = query.link(**span, refusal_reason=[reason.pk for reason in others])
    row = _row(others[0].name, pipelines.stage(found[0].stage), count, amount, total, money, url)
    row.is_flagged = (row.share or 0) > threshold and total >= SMALL_SAMPLE
    return row


def _lost_from(
    query: ReportQuery, groups: list[Group], total: int, span: dict[str, str]
) -> list[tuple[Stage, Figure, float | None]]:
    by_stage = {pipelines.stage(key): told for key, told in _summed(groups, lambda g: g.lost_from).items() if key}
    return [
        (stage, Figure(count, query.link(**span, lost_from=stage.key)), share(count, total))
        for stage, (count, _money) in sorted(by_stage.items(), key=lambda item: (item[0].pipeline_id, item[0].order))
    ]


def _cut_row(
    label: str, counted: dict[str, tuple[int, Decimal]], link: Callable[..., str], made: type[CutRow] = CutRow,
    **more: Any,
) -> CutRow:  # fmt: skip
    total = sum(count for count, _money in counted.values())
    main = max(counted, key=lambda key: (counted[key][0], key), default=None)
    return made(
        label=label,
        total=Figure(total, link()),
        amount=sum((money for _count, money in counted.values()), Decimal(0)),
        by_stage={key: Figure(count, link(stage=key)) for key, (count, _money) in counted.items()},
        main=pipelines.stage(main) if main else None,
        main_share=share(counted[main][0], total) if main else None,
        **more,
    )


def _months(query: ReportQuery, groups: list[Group], spans: list[Period]) -> list[MonthRow]:
    """By failure stage for each month in which there were refusals."""
    made: list[Any] = []
    for place, days in enumerate(spans):
        counted = _summed((group for group in groups if group.month == place), lambda group: group.stage)
        if counted:
            span = {**query.closed(days), "kind": "failure"}
            label, month = f"{days.start:%m.%Y}", days.start.replace(day=1)
            made.append(_cut_row(label, counted, _linked(query, span), MonthRow, month=month))
    return made


def _cuts(query: ReportQuery, rows: Any, by: Breakdown, span: dict[str, str]) -> list[CutRow]:
    """Refusals by manager, source ... and failure stage: one GROUP BY, one look-up of names."""
    by_key: dict[Any, dict[str, tuple[int, Decimal]]] = {}
    for group in by.groups(rows).values("key", "stage").annotate(count=Count("pk"), money=Sum(AMOUNT)):
        by_key.setdefault(group["key"], {})[group["stage"]] = (group["count"], group["money"] or Decimal(0))
    names = by.names(set(by_key))
    made = [_cut_row(names[key], counted, _linked(query, {**span, **by.cut(key)})) for key, counted in by_key.items()]
    return sorted(made, key=lambda row: (-row.total.value, row.label))


def _linked(query: ReportQuery, span: dict[str, str]) -> Callable[..., str]:
    return lambda **extra: query.link(**span, **extra)
