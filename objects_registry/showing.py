"""How sizes and places of buildings are shown: on cards of leads, deals and objects, on boards and in exports."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from crm.screens.facts import computed_or_own
from crm.screens.registry import Column, Fact, FactGroup
from crm.templatetags.ui import number, unit, unit_name
from objects_registry.steel import computed_tonnage
from objects_registry.tonnage import area


def size_text(record: Any) -> str:
    """«60 × 24 × 8 м»: length, width, height, what is known of them; titles keep the same order."""
    sides = [number(side) for side in (record.length, record.width, record.height)]
    known = [side for side in sides if side]
    return f"{' × '.join(known)} {unit_name('м')}".replace(" ", "\u00a0") if known else ""


def short_size(record: Any) -> str:
    """For a board: the sides, else the area."""
    if record.width and record.length:
        return f"{number(record.length)}×{number(record.width)}"
    return unit(record.area, "м²")


def area_fact(record: Any) -> dict[str, Any]:
    """The area; one that disagrees with the sides is flagged."""
    computed = area(record.length, record.width)
    sides = f"{number(record.length)} × {number(record.width)} = {unit(computed, 'м²')}"
    return computed_or_own(unit(record.area, "м²"), record.area, computed, sides)


def tonnage_fact(record: Any) -> dict[str, Any]:
    """The tonnage; one that disagrees with the table of steel consumption is flagged."""
    computed = computed_tonnage(record) if record.tonnage_is_manual else None
    by_table = gettext("by the table of steel %(tonnage)s") % {"tonnage": unit(computed, "т")}
    return computed_or_own(unit(record.tonnage, "т"), record.tonnage, computed, by_table)


def place_fact(record: Any) -> dict[str, Any]:
    """The address with region and city read out of it."""
    read = ", ".join(part for part in (record.city, record.region) if part and part not in record.address)
    return {"value": record.address or read, "note": read if record.address else ""}


BUILDING = FactGroup(
    _("Building"),
    (
        Fact("purpose", _("Purpose"), ("purpose",)),
        Fact("size", _("Length × width × height"), ("length", "width", "height"), show=size_text),
        Fact("area", _("Area"), ("area",), show=area_fact),
        Fact("tonnage", _("Tonnage"), ("tonnage",), show=tonnage_fact),
        Fact("place", _("Place"), ("address",), show=place_fact),
        Fact("construction_start", _("Planned construction start"), ("construction_start",)),
    ),
)

BUILDING_COLUMNS = (
    Column("purpose", _("Purpose"), ("purpose__order",), related=("purpose",), fact="purpose"),
    Column("length", _("Length, m"), ("length",), "number", fact="size"),
    Column("width", _("Width, m"), ("width",), "number", fact="size"),
    Column("height", _("Height, m"), ("height",), "number", fact="size"),
    Column("area", _("Area, m²"), ("area",), "number", fact="area"),
    Column("tonnage", _("Tonnage, t"), ("tonnage",), "number", fact="tonnage"),
    Column("address", _("Address"), fact="place"),
    Column("region", _("Region"), ("region",)),
    Column("city", _("City"), ("city",)),
    Column(
        "construction_start", _("Planned construction start"), ("construction_start",), "day",
        fact="construction_start",
    ),
)  # fmt: skip
