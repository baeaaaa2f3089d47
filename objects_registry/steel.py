"""Tonnage of a building from its area and the table of steel consumption (DEAL-2), on every record with sizes."""

from __future__ import annotations

from decimal import Decimal

from crm import scope
from objects_registry.building import number
from objects_registry.models import BuildingParameters, SteelConsumption
from objects_registry.tonnage import pick_consumption, recalculated, span, tonnage

INPUTS = frozenset({"area", "length", "width", "height", "purpose"})
MEMO = "steel.consumption"


def table() -> list[SteelConsumption]:
    """The table of steel consumption, read once per request."""
    return scope.remember(MEMO, lambda: list(SteelConsumption.objects.all()))


def computed_tonnage(record: BuildingParameters) -> Decimal | None:
    """The tonnage that the table gives for the record's sizes; None where no row fits or the area is not known."""
    square = number(record, "area")
    if square is None:
        return None
    side = span(number(record, "length"), number(record, "width"))
    row = pick_consumption(table(), record.purpose_id, side, number(record, "height"))
    return tonnage(square, row.kg_per_m2) if row is not None else None


def derive_tonnage(record: BuildingParameters, changed: set[str]) -> set[str]:
    """Recalculate when a size or the purpose changed; a hand-entered tonnage that disagrees is kept and flagged.

    Given to crm.services.derive after derive_area: gets the changed names, answers the names it changed.
    """
    if not changed & (INPUTS | {"tonnage"}):
        return set()
    given, computed = number(record, "tonnage"), computed_tonnage(record)
    by_hand = given is not None and (record.tonnage_is_manual or "tonnage" in changed)
    result = recalculated(given, computed, by_hand)
    before = (given, record.tonnage_is_manual)
    if result.value != given:
        record.tonnage = result.value
    # A tonnage that the table confirms is nobody's own: it follows its inputs again.
    record.tonnage_is_manual = result.is_manual and (result.differs or computed is None)
    return {"tonnage", "tonnage_is_manual"} if before != (result.value, record.tonnage_is_manual) else set()
