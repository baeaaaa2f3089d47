"""Area and tonnage of a building from its sizes, and when a computed value may replace what stands in the field."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Protocol, TypeVar

KG_PER_TONNE = Decimal(1000)
AREA_STEP = Decimal("0.01")
TONNAGE_STEP = Decimal("0.001")  # to the kilogram: finer than any price list, coarse enough to compare
_NO_BOUND = Decimal("Infinity")


class ConsumptionRow(Protocol):
    """A row of the table of steel consumption; an empty bound is "any", an empty purpose is "any other"."""

    @property
    def purpose_id(self) -> int | str | None:
        """The building purpose the row is for."""

    @property
    def span_to(self) -> Decimal | None:
        """The widest span the row holds for, in metres, inclusive."""

    @property
    def height_to(self) -> Decimal | None:
        """The greatest height the row holds for, in metres, inclusive."""

    @property
    def kg_per_m2(self) -> Decimal:
        """The steel per square metre of area."""


Row = TypeVar("Row", bound=ConsumptionRow)


@dataclass(frozen=True, slots=True)
class Recalculated:
    """What a computed field holds after its inputs changed; `differs` is the flag on a hand-entered value."""

    value: Decimal | None
    is_manual: bool
    differs: bool


def area(length: Decimal | None, width: Decimal | None) -> Decimal | None:
    """Return length × width in m², to the hundredth; None while a side is missing or not positive."""
    sides = (_positive(length), _positive(width))
    if sides[0] is None or sides[1] is None:
        return None
    return (sides[0] * sides[1]).quantize(AREA_STEP, ROUND_HALF_UP)


def span(length: Decimal | None, width: Decimal | None) -> Decimal | None:
    """Return the span a frame has to bridge: the shorter side, whichever field it was entered in."""
    sides = [side for side in (_positive(length), _positive(width)) if side is not None]
    return min(sides) if len(sides) == 2 else _positive(width)


def tonnage(area_m2: Decimal | None, kg_per_m2: Decimal | None) -> Decimal | None:
    """Return tonnes of steel, m² × kg/m² / 1000, to the kilogram (half a kilogram rounds up)."""
    square, consumption = _positive(area_m2), _positive(kg_per_m2)
    if square is None or consumption is None:
        return None
    return (square * consumption / KG_PER_TONNE).quantize(TONNAGE_STEP, ROUND_HALF_UP)


def pick_consumption(
    rows: Iterable[Row], purpose_id: int | str | None, span_m: Decimal | None, height_m: Decimal | None
) -> Row | None:
    """Return the row that fits closest: the building's own purpose first, then the tightest span, then height.

    A size that is not known fits only a row without that bound: no row is better than a guessed tonnage.
    """
    fitting = [row for row in rows if _fits(row, purpose_id, _positive(span_m), _positive(height_m))]
    return min(fitting, key=_looseness, default=None)


def recalculated(value: Decimal | None, computed: Decimal | None, is_manual: bool) -> Recalculated:
    """Return what the field holds now: a hand-entered value stays and is flagged where it disagrees.

    A hand-entered value that was emptied is nobody's any more, and the field follows its inputs again.
    """
    if is_manual and value is not None:
        return Recalculated(value, is_manual=True, differs=computed is not None and computed != value)
    return Recalculated(computed, is_manual=False, differs=False)


def _positive(value: Decimal | None) -> Decimal | None:
    return value if value is not None and value.is_finite() and value > 0 else None


def _fits(row: ConsumptionRow, purpose_id: int | str | None, span_m: Decimal | None, height_m: Decimal | None) -> bool:
    if row.purpose_id is not None and row.purpose_id != purpose_id:
        return False
    return _under(span_m, row.span_to) and _under(height_m, row.height_to)


def _under(value: Decimal | None, bound: Decimal | None) -> bool:
    return bound is None or (value is not None and value <= bound)


def _looseness(row: ConsumptionRow) -> tuple[bool, Decimal, Decimal]:
    """Return the sort key by which the closest row is the least."""
    bounds = (_NO_BOUND if bound is None else bound for bound in (row.span_to, row.height_to))
    return (row.purpose_id is None, *bounds)  # type: ignore[return-value]
