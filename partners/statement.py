"""The statement of a partner's commission for a period (PART-6): what was due, what came to it, what was paid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet, Sum
from django.http import Http404
from django.utils.translation import gettext as _

from accounts.models import Partner, User
from crm import clock
from crm.errors import InvalidInput
from crm.formfields import read_full_day
from partners.models import CommissionEntry
from partners.rights import may_control
from partners.selectors import partners_for

Kind = CommissionEntry.Kind
NOUGHT = Decimal(0)


@dataclass(frozen=True)
class Statement:
    """A partner's ledger between two days of the company's calendar, both included; sums in roubles.

    `closing` is `opening` and the four sums together: payments and reversals carry a minus.
    """

    partner: Partner
    start: date
    end: date
    opening: Decimal
    accrued: Decimal
    reversed: Decimal
    corrected: Decimal
    paid: Decimal
    won: Decimal
    entries: QuerySet[Any]

    @property
    def closing(self) -> Decimal:
        return self.opening + self.accrued + self.reversed + self.corrected + self.paid


def commission_partner(user: User, pk: int | None = None) -> Partner:
    """The partner whose commission a person may read: any for those who control partners, their own for a partner's.

    Raises Http404 for everybody else, and for another partner's number.
    """
    if not (may_control(user) or user.is_partner):
        raise Http404
    wanted = user.partner_id if pk is None else pk
    found = partners_for(user).filter(pk=wanted or 0).first()
    if found is None:
        raise Http404
    return found


def statement(user: User, partner: Partner, start: date, end: date) -> Statement:
    """What the ledger says of a partner, as far as the user may read it; two queries, the lines are read by whoever
    shows them, the oldest first.
    """
    rows = CommissionEntry.objects.visible_to(user).filter(partner=partner)
    within = Q(day__range=(start, end))
    kinds = {kind: Sum("amount", filter=within & Q(kind=kind)) for kind in Kind.values}
    sums = rows.order_by().aggregate(
        opening=Sum("amount", filter=Q(day__lt=start)), won=Sum("base", filter=within), **kinds
    )
    return Statement(
        partner=partner,
        start=start,
        end=end,
        opening=sums["opening"] or NOUGHT,
        accrued=sums[Kind.ACCRUAL] or NOUGHT,
        reversed=sums[Kind.REVERSAL] or NOUGHT,
        corrected=sums[Kind.CORRECTION] or NOUGHT,
        paid=sums[Kind.PAYMENT] or NOUGHT,
        won=sums["won"] or NOUGHT,
        entries=rows.filter(within).select_related("deal", "actor_user").order_by("day", "pk"),
    )


def balances(user: User, partner_ids: Iterable[int]) -> dict[int, Decimal]:
    """What each of some partners is due now, in roubles; one query."""
    rows = CommissionEntry.objects.visible_to(user).filter(partner__in=list(partner_ids)).order_by()
    return {row["partner"]: row["due"] for row in rows.values("partner").annotate(due=Sum("amount"))}


def period_asked(data: Mapping[str, Any]) -> tuple[date, date]:
    """The days of `from` and `to`; this quarter so far where nothing is asked. InvalidInput for a day that is none."""
    today = clock.today()
    start = today.replace(month=(today.month - 1) // 3 * 3 + 1, day=1)
    days = []
    for name, usual in (("from", start), ("to", today)):
        given = str(data.get(name, "") or "")
        found = read_full_day(given) if given else usual
        if found is None or not 1900 <= found.year <= 2200:
            raise InvalidInput.at(name, _("Write a date like 31.12.2026."))
        days.append(found)
    return min(days), max(days)


def basis_text(entry: CommissionEntry) -> str:
    """Why a line is what it is, in words: percent and amount of an accrual, else the reason."""
    from crm.templatetags.ui import money, number

    if entry.kind != Kind.ACCRUAL or entry.percent is None:
        return entry.reason
    text = _("%(percent)s %% of %(base)s") % {"percent": number(entry.percent), "base": money(entry.base)}
    before = Decimal(str(entry.basis.get("won_before") or 0))
    if before:
        text += "; " + _("won before in the period: %(amount)s") % {"amount": money(before)}
    return text
