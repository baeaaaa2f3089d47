"""What is derived from an object's place and sizes, so that duplicates are found through indexes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from crm.places import city_of, normalize_place, region_of
from objects_registry.building import number
from objects_registry.models import BuildingParameters, ConstructionObject

MAX_KEY = 500
_READERS = {"region": region_of, "city": city_of}


def place_key(record: BuildingParameters) -> str:
    """The telling words of address, town and region together, each once: "Тверь" typed anywhere is the same town."""
    words = normalize_place(record.address).split()
    words += normalize_place(record.city).split() + normalize_place(record.region).split()
    return " ".join(sorted(set(words)))[:MAX_KEY]


def sides(record: BuildingParameters) -> tuple[Decimal | None, Decimal | None]:
    """The shorter and the longer side; which of them was called width does not matter (OBJ-2)."""
    given = sorted(side for side in (number(record, "width"), number(record, "length")) if side is not None)
    return (given[0], given[1]) if len(given) == 2 else (None, None)


def derive_place(record: Any, changed: set[str]) -> set[str]:
    """Region and town read out of a changed address, unless somebody named them in the same change or before."""
    if "address" not in changed or not record.address:
        return set()
    before = _before(record)
    found = set()
    for name, read in _READERS.items():
        current = getattr(record, name)
        is_free = not current or (before is not None and current == (read(before["address"]) or ""))
        value = (read(record.address) or "")[:100]
        if name not in changed - {"__new__"} and is_free and value and value != current:
            setattr(record, name, value)
            found.add(name)
    return found


def derive_region(record: Any, changed: set[str]) -> set[str]:
    """A region in its full name, "Татарстан" too; of a town that is known the region it lies in (LEAD-8)."""
    if "region" in changed and record.region:
        value = region_of(record.region)
    elif "city" in changed and record.city and not record.region:
        value = region_of(record.city)
    else:
        return set()
    if not value or value == record.region:
        return set()
    record.region = value[:100]
    return {"region"}


def _before(record: Any) -> dict[str, Any] | None:
    """The stored address: what was read out of it may be replaced, what a person wrote may not."""
    if record.pk is None:
        return None
    rows: Any = type(record)._default_manager.filter(pk=record.pk).values("address")
    return rows.first()  # type: ignore[no-any-return]


def derive_keys(record: ConstructionObject, changed: set[str]) -> set[str]:
    """The columns that duplicates are sought by."""
    if not changed & {"__new__", "address", "city", "region", "width", "length"}:
        return set()
    record.place_key = place_key(record)
    record.short_side, record.long_side = sides(record)
    return {"place_key", "short_side", "long_side"}
