"""The tiles of one figure: what came in, what was won, what stands, why it was lost, what partners did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _

from analytics.dashboard.tile import Board, Number, before
from analytics.funnel import Figure, share
from analytics.partners.look import PARTNERS
from analytics.partners.report import PartnerRow
from analytics.refusals import price_stages
from crm.templatetags import ui


def came(record_type: str) -> Callable[[Board], Number]:
    """Records made in the period, repeat copies apart."""

    def build(board: Board) -> Number:
        outcome = board.outcome(record_type)
        return Number(outcome.created, note=before(outcome.previous_created))

    return build


def conversion(record_type: str) -> Callable[[Board], Number]:
    """The share of what came in that is won by now."""

    def build(board: Board) -> Number:
        outcome = board.outcome(record_type)
        earlier = outcome.previous_conversion
        note = _("%(count)s won; previous period: %(share)s") % {
            "count": ui.number(outcome.won.value),
            "share": ui.percent(earlier) if earlier is not None else "—",
        }
        return Number(outcome.won, outcome.conversion, "share", note)

    return build


def contracts(board: Board) -> Number:
    """Deals closed by success in the period, whenever they came, and what they are worth."""
    query = board.of("deal")
    found, money = board.sum("deal", **query.closed(), kind="success")
    earlier, _money = board.sum("deal", **query.closed(board.period.previous), kind="success")
    return Number(found, note=f"{ui.money_short(money)}; {before(earlier)}", tone="good" if found.value else "")


def won_amount(board: Board) -> Number:
    """The roubles of the same deals."""
    query = board.of("deal")
    found, money = board.sum("deal", **query.closed(), kind="success")
    _earlier, before_money = board.sum("deal", **query.closed(board.period.previous), kind="success")
    note = _("previous period: %(count)s") % {"count": ui.money_short(before_money)}
    return Number(found, money, "money", note, "good" if money else "")


def standing(record_type: str) -> Callable[[Board], Number]:
    """What stands in open stages now."""

    def build(board: Board) -> Number:
        found, money = board.sum(record_type, kind="open")
        return Number(found, note=ui.money_short(money) if money else "")

    return build


def over_norm(record_type: str) -> Callable[[Board], Number]:
    """What stands longer than its stage allows now."""

    def build(board: Board) -> Number:
        found, _money = board.sum(record_type, norm_exceeded="true")
        return Number(found, tone="bad" if found.value else "")

    return build


def refused(record_type: str) -> Callable[[Board], Number]:
    """What was closed by a refusal in the period and stands so."""

    def build(board: Board) -> Number:
        found, money = board.sum(record_type, **board.of(record_type).closed(), kind="failure")
        return Number(found, note=_("for %(amount)s") % {"amount": ui.money_short(money)} if money else "")

    return build


def price_share(board: Board) -> Number:
    """Which share of the refusals a price was the reason of."""
    query = board.of("deal")
    span = {**query.closed(), "kind": "failure"}
    keys = price_stages(query)
    whole, _money = board.sum("deal", **span)
    # Where no pipeline has such a stage there is no such refusal, and no list may show all of them instead.
    found = board.sum("deal", **span, stage=keys)[0] if keys else Figure(0, "")
    note = _("%(count)s of %(total)s") % {"count": ui.number(found.value), "total": ui.number(whole.value)}
    return Number(found, share(found.value, whole.value), "share", note)


def of_partners(board: Board) -> Any:
    """The report about the partners, or about the one that asks."""
    return board.once("partners", lambda: PARTNERS.made(board.user, board.asked))


def partners_figure(read: Callable[[PartnerRow], Figure], tone: str = "") -> Callable[[Board], Number]:
    """A figure of all partners together, or of the one that asks."""

    def build(board: Board) -> Number:
        found = read(of_partners(board).total)
        return Number(found, tone=tone if found.value else "")

    return build


def partners_won(board: Board) -> Number:
    """Of what was received in the period: won by now, with its amount."""
    total = of_partners(board).total
    rate = ui.percent(total.conversion) if total.conversion is not None else "—"
    note = _("conversion %(share)s; for %(amount)s") % {"share": rate, "amount": ui.money_short(total.won_amount)}
    return Number(total.won, note=note, tone="good" if total.won.value else "")


def partners_commission(board: Board) -> Number:
    """What is due for the won ones."""
    total = of_partners(board).total
    note = _("of %(count)s won") % {"count": ui.number(total.won.value)}
    return Number(total.won, total.commission, "money", note)
