"""Commission of partners (PART-6): terms kept as history, computed on winning and frozen, a ledger nobody rewrites.

The percent of the step that an amount reaches holds for the whole won amount. The amount is that of the deal, or of
all that the partner has won in the calendar month, quarter or year with this deal; earlier deals of the period stay as
they were computed.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from django.db.models import Count, Q, Sum
from django.utils.translation import gettext as _

from accounts.models import Partner
from crm import clock, timeline
from crm.actors import Actor
from crm.errors import InvalidInput
from crm.models import Stage
from crm.normalize import looks_like_placeholder
from crm.settings_audit import audit
from crm.templatetags.ui import number
from crm.together import apart
from deals.models import Deal
from partners.models import CommissionEntry, CommissionRule
from partners.rights import require_manager

KOPECK = Decimal("0.01")
MOST_STEPS = 20
BIGGEST = Decimal("9999999999999.99")
ROUBLES = "RUB"
Kind = CommissionEntry.Kind
Span = CommissionRule.Span


# -- reckoning --------------------------------------------------------------------------------------------------------


def percent_of(ladder: Sequence[tuple[Decimal, Decimal]], reached: Decimal) -> Decimal:
    """The percent of the highest step that an amount reaches; 0 where it reaches none."""
    return next((percent for start, percent in reversed(ladder) if reached >= start), Decimal(0))


def commission_of(amount: Decimal, percent: Decimal) -> Decimal:
    """So many percent of an amount, to the kopeck; half a kopeck goes up."""
    return (amount * percent / 100).quantize(KOPECK, rounding=ROUND_HALF_UP)


def span_of(span: str, day: date) -> tuple[date, date] | None:
    """The first and the last day that count together with `day`; None where a deal counts alone."""
    match span:
        case Span.MONTH:
            first, months = day.replace(day=1), 1
        case Span.QUARTER:
            first, months = day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1), 3
        case Span.YEAR:
            first, months = day.replace(month=1, day=1), 12
        case _:
            return None
    over = first.month - 1 + months
    return first, date.fromordinal(date(first.year + over // 12, over % 12 + 1, 1).toordinal() - 1)


def read_steps(given: Iterable[Sequence[Any]]) -> list[list[str]]:
    """Steps as they are kept: ascending amounts from 0, percents from 0 to 100; InvalidInput says what is wrong."""
    found: list[tuple[Decimal, Decimal]] = []
    for place, pair in enumerate(given):
        try:
            start, percent = (Decimal(str(value)) for value in pair)
        except (InvalidOperation, ValueError, TypeError) as error:
            raise InvalidInput.at(f"steps/{place}", _("A step is an amount and a percent.")) from error
        if not (start.is_finite() and percent.is_finite() and 0 <= start <= BIGGEST and 0 <= percent <= 100):
            raise InvalidInput.at(f"steps/{place}", _("A percent is from 0 to 100, an amount is not negative."))
        found.append((start.quantize(KOPECK), percent.quantize(KOPECK)))
    if not found or len(found) > MOST_STEPS:
        raise InvalidInput.at("steps", _("Give from 1 to %(most)s steps.") % {"most": MOST_STEPS})
    found.sort()
    if found[0][0] != 0:
        raise InvalidInput.at("steps/0", _("The first step begins at 0."))
    if len({start for start, _percent in found}) < len(found):
        raise InvalidInput.at("steps", _("Two steps begin at the same amount."))
    return [[str(start), str(percent)] for start, percent in found]


def terms_text(rule: CommissionRule | None) -> str:
    """Terms in a few words: "4 %", "3–5 % by steps"; "none" where there are none."""
    if rule is None:
        return _("none")
    percents = [percent for _start, percent in rule.ladder]
    if len(percents) == 1:
        return f"{number(percents[0])} %"
    return _("%(least)s–%(most)s %% by steps") % {"least": number(min(percents)), "most": number(max(percents))}


# -- terms ------------------------------------------------------------------------------------------------------------


def rules_in_force(partner_ids: Iterable[int], day: date | None = None) -> dict[int, CommissionRule]:
    """The terms of each partner that hold on a day (today); one query."""
    rows = CommissionRule.objects.filter(partner__in=list(partner_ids), valid_from__lte=day or clock.today())
    found: dict[int, CommissionRule] = {}
    for row in rows.order_by("valid_from", "pk"):
        found[row.partner_id] = row
    return found


def rule_in_force(partner_id: int, day: date | None = None) -> CommissionRule | None:
    """The terms of one partner that hold on a day (today)."""
    return rules_in_force([partner_id], day).get(partner_id)


@apart
def commission_rule_set(
    partner: Partner,
    *,
    by: Any,
    steps: Iterable[Sequence[Any]],
    span: str = Span.DEAL,
    valid_from: date | None = None,
    comment: str = "",
) -> CommissionRule:
    """Agree on terms from a day on; a flat percent is one step from 0. What is won already stays as it was computed.

    InvalidInput names wrong values; terms that say what those in force say already make no new row.
    """
    actor = Actor.of(by)
    require_manager(actor)
    if span not in Span.values:
        raise InvalidInput.at("span", _("There is no such way to choose the step."))
    made = CommissionRule(
        partner=partner,
        valid_from=valid_from or clock.today(),
        steps=read_steps(steps),
        span=span,
        comment=comment.replace("\x00", "").strip()[:300],
        set_at=clock.now(),
        set_by=actor.user,
    )
    before = rule_in_force(partner.pk, made.valid_from)
    if before is not None and (before.steps, before.span) == (made.steps, made.span):
        return before
    made.save()
    told = {"steps": made.steps, "span": made.span, "valid_from": made.valid_from.isoformat()}
    old = {"steps": before.steps, "span": before.span} if before is not None else None
    audit("partner", partner, "commission", old, told, actor)
    return made


# -- the ledger -------------------------------------------------------------------------------------------------------


def follow_the_deal(deal: Deal, current: Stage, target: Stage, actor: Actor) -> None:
    """In the transaction of a move of a deal: a partner's win is accrued, a win that is taken back is reversed."""
    if deal.partner_id is None or current.kind == target.kind:
        return
    if target.kind == Stage.Kind.SUCCESS and target.pipeline.is_partner:
        commission_accrue(deal, by=actor)
    elif current.kind == Stage.Kind.SUCCESS and current.pipeline.is_partner:
        commission_reverse(deal, by=actor, reason=target.name)


def commission_accrue(deal: Deal, *, by: Actor) -> CommissionEntry | None:
    """Write down what the partner is due of a deal it has won; None without terms, an amount, or in another currency.

    Called under the lock of the deal; a deal whose accrual stands already is not accrued again.
    """
    day = clock.today()
    rule = rule_in_force(deal.partner_id, day) if deal.partner_id else None
    if rule is None or not deal.amount:
        return None
    if deal.currency != ROUBLES:
        timeline.record(deal, "commission_not_in_roubles", by, {"currency": deal.currency})
        return None
    number, stands = _accruals(deal)
    if stands:
        return None
    before = _won_before(rule, day)
    reached = before + deal.amount
    percent = percent_of(rule.ladder, reached)
    made = _write(
        by,
        key=f"won:{deal.pk}:{number + 1}",
        partner_id=deal.partner_id,
        deal=deal,
        kind=Kind.ACCRUAL,
        day=day,
        amount=commission_of(deal.amount, percent),
        base=deal.amount,
        percent=percent,
        rule=rule,
        basis={
            "amount": str(deal.amount), "steps": rule.steps, "span": rule.span, "won_before": str(before),
            "percent": str(percent), "valid_from": rule.valid_from.isoformat(), "contract": deal.contract_number,
        },
    )  # fmt: skip
    told = {"amount": str(made.amount), "percent": str(percent), "base": str(deal.amount)}
    timeline.record(deal, "commission_accrued", by, told)
    return made


def _accruals(deal: Deal) -> tuple[int, bool]:
    """How often the deal was accrued, and whether the last of these accruals still stands."""
    rows = CommissionEntry.objects.filter(deal=deal).aggregate(
        accrued=Count("pk", filter=Q(kind=Kind.ACCRUAL)), reversed=Count("pk", filter=Q(kind=Kind.REVERSAL))
    )
    return rows["accrued"], rows["accrued"] > rows["reversed"]


def _won_before(rule: CommissionRule, day: date) -> Decimal:
    """What the partner has won in the period of the terms so far, less what was reopened; 0 where deals count alone."""
    days = span_of(rule.span, day)
    if days is None:
        return Decimal(0)
    # Two deals won at once by one partner count one after the other.
    CommissionRule.objects.select_for_update().get(pk=rule.pk)
    rows = CommissionEntry.objects.filter(partner=rule.partner_id, day__range=days)
    return (rows.aggregate(total=Sum("base"))["total"] or Decimal(0)).quantize(KOPECK)


def commission_reverse(deal: Deal, *, by: Actor, reason: str = "") -> CommissionEntry | None:
    """Take back all that stands of a deal, corrections too: its lines come to nought; None where nothing stands."""
    number, stands = _accruals(deal)
    if not stands:
        return None
    sums = (
        CommissionEntry.objects.filter(deal=deal)
        .exclude(kind=Kind.PAYMENT)
        .aggregate(amount=Sum("amount"), base=Sum("base"))
    )
    made = _write(
        by,
        key=f"reopened:{deal.pk}:{number}",
        partner_id=deal.partner_id,
        deal=deal,
        kind=Kind.REVERSAL,
        day=clock.today(),
        amount=-sums["amount"],
        base=-sums["base"],
        reason=(_("The deal is no longer won: «%(stage)s».") % {"stage": reason} if reason else "")[:300],
    )
    timeline.record(deal, "commission_reversed", by, {"amount": str(made.amount)})
    return made


@apart
def commission_correct(
    partner: Partner, *, by: Any, amount: Decimal, reason: str, deal: Deal | None = None, key: str = ""
) -> CommissionEntry:
    """Add to what a partner is due, or take from it, with a reason; of one of its deals where one is named.

    InvalidInput for an amount of nought, a reason that says nothing, and a deal of somebody else.
    """
    actor = Actor.of(by)
    require_manager(actor)
    if deal is not None and deal.partner_id != partner.pk:
        raise InvalidInput.at("deal", _("This is no deal of the partner."))
    told = _reason(reason)
    data = {"deal": deal, "kind": Kind.CORRECTION, "amount": _amount(amount), "reason": told}
    return _once(partner, actor, key, {"day": clock.today(), **data})


@apart
def commission_pay(
    partner: Partner, *, by: Any, amount: Decimal, day: date | None = None, reason: str = "", key: str = ""
) -> CommissionEntry:
    """Note a payment to a partner, roubles above nought, perhaps more than is due; InvalidInput names wrong values."""
    actor = Actor.of(by)
    require_manager(actor)
    paid, on = _amount(amount), day or clock.today()
    if paid < 0:
        raise InvalidInput.at("amount", _("A payment is more than nought."))
    if on > clock.today():
        raise InvalidInput.at("day", _("A payment is noted when it is made, not beforehand."))
    told = reason.replace("\x00", "").strip()[:300]
    return _once(partner, actor, key, {"day": on, "kind": Kind.PAYMENT, "amount": -paid, "reason": told})


def _amount(value: Decimal) -> Decimal:
    if not value.is_finite() or abs(value) > BIGGEST or value != value.quantize(KOPECK) or not value:
        raise InvalidInput.at("amount", _("Give an amount in roubles and kopecks, other than nought."))
    return value.quantize(KOPECK)


def _reason(text: str) -> str:
    clean = text.replace("\x00", "").strip()
    if not clean or looks_like_placeholder(clean):
        raise InvalidInput.at("reason", _("Write what the correction is for."))
    return clean[:300]


def _once(partner: Partner, actor: Actor, key: str, data: Mapping[str, Any]) -> CommissionEntry:
    """A line entered by hand; the same form sent twice (`key`) is one line."""
    whole = f"hand:{partner.pk}:{key or uuid.uuid4().hex}"[:100]
    # The second of two presses waits here, and then finds the line of the first.
    Partner.objects.select_for_update().get(pk=partner.pk)
    known = CommissionEntry.objects.filter(key=whole).first()
    if known is not None:
        return known
    made = _write(actor, key=whole, partner_id=partner.pk, **data)
    audit("partner", partner, made.kind, None, str(made.amount), actor)
    return made


def _write(actor: Actor, **columns: Any) -> CommissionEntry:
    return CommissionEntry.objects.create(at=clock.now(), **actor.as_columns(), **columns)
