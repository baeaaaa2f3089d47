"""What follows from a building's sizes, on every record that has them: leads, deals, objects."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError

from objects_registry.models import BuildingParameters
from objects_registry.tonnage import area, recalculated

TOO_LARGE = Decimal(10) ** 12  # no column holds it: validation is going to refuse it


def derive_area(record: BuildingParameters, changed: set[str]) -> set[str]:
    """Area from length × width (LEAD-4); a hand-entered area that disagrees is kept and flagged.

    Given to crm.services.derive: gets the changed names, answers the names it changed.
    """
    if not changed & {"length", "width", "area"}:
        return set()
    computed = area(number(record, "length"), number(record, "width"))
    given = number(record, "area")
    by_hand = given is not None and (record.area_is_manual or "area" in changed)
    result = recalculated(given, computed, by_hand)
    before = (given, record.area_is_manual)
    if result.value != given:
        record.area = result.value
    # An area that the sides confirm is nobody's own: it follows them again.
    record.area_is_manual = result.is_manual and (result.differs or computed is None)
    return {"area", "area_is_manual"} if before != (result.value, record.area_is_manual) else set()


def number(record: BuildingParameters, name: str) -> Decimal | None:
    """The number a field holds, also while it is still text; None for what validation is going to refuse."""
    field: Any = record._meta.get_field(name)
    try:
        value: Decimal | None = field.to_python(getattr(record, name))
    except ValidationError:
        return None
    return value if value is not None and value.is_finite() and abs(value) < TOO_LARGE else None
