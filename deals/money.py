"""Money of products and services: exact decimals, rounded half up to the kopeck, once per line (DEAL-11).

Prices include VAT. A line's total is quantity × price less its discount, rounded; the VAT within it is reckoned from
that rounded total and rounded too; what stands below a table is the sum of what stands in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

KOPECK = Decimal("0.01")
HUNDRED = Decimal(100)
# Enough for the longest quantity times the longest price without losing a digit before rounding.
DIGITS = 60


def kopecks(value: Decimal) -> Decimal:
    """Rounded to the kopeck, half a kopeck up."""
    with localcontext() as context:
        context.prec = DIGITS
        return value.quantize(KOPECK, rounding=ROUND_HALF_UP)


def line_total(quantity: Decimal, price: Decimal, discount: Decimal = Decimal(0)) -> Decimal:
    """What a line costs: quantity × price less `discount` percent, to the kopeck."""
    with localcontext() as context:
        context.prec = DIGITS
        return kopecks(quantity * price * (HUNDRED - discount) / HUNDRED)


def vat_within(total: Decimal, rate: Decimal | None) -> Decimal:
    """The VAT that a total holds, to the kopeck; none where there is no rate."""
    if not rate:
        return Decimal("0.00")
    with localcontext() as context:
        context.prec = DIGITS
        return kopecks(total * rate / (HUNDRED + rate))


@dataclass(frozen=True)
class Totals:
    """What stands below the lines. `vat` by rate, percent; without any rate it is empty."""

    full: Decimal = Decimal("0.00")
    total: Decimal = Decimal("0.00")
    vat: dict[Decimal, Decimal] = field(default_factory=dict)

    @property
    def discount(self) -> Decimal:
        """By how much the discounts lower the sum."""
        return self.full - self.total

    @property
    def vat_sum(self) -> Decimal:
        """All VAT within the total."""
        return sum(self.vat.values(), Decimal("0.00"))


def totals_of(lines: Iterable[Any]) -> Totals:
    """The sums of lines of a deal or of a document: each has `full`, `total`, `vat_rate` and `vat_amount`."""
    full = total = Decimal("0.00")
    vat: dict[Decimal, Decimal] = {}
    for line in lines:
        full, total = full + line.full, total + line.total
        if line.vat_rate:
            vat[line.vat_rate] = vat.get(line.vat_rate, Decimal("0.00")) + line.vat_amount
    return Totals(full, total, dict(sorted(vat.items())))
