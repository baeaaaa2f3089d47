"""How sizes and places of buildings are shown: on cards of leads, deals and objects, on boards and in exports."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from crm.screens.facts import manual_flag
from crm.screens.registry import ExportColumn, Fact, FactGroup
from crm.templatetags.ui import number, unit, unit_name


def size_text(record: Any) -> str:
    """«24 × 60 × 8 м», what is known of it."""
    sides = [number(side) for side in (record.width, record.length, record.height)]
    known = [side for side in sides if side]
    return f"{' × '.join(known)} {unit_name('м')}".replace(" ", "\u00a0") if known else ""


def short_size(record: Any) -> str:
    """For a board: the sides, else the area."""
    if record.width and record.length:
        return f"{number(record.width)}×{number(record.length)}"
    return unit(record.area, "м²")


def area_fact(record: Any) -> dict[str, Any]:
    """The area and whether somebody entered it."""
    return {"value": unit(record.area, "м²"), "flag": manual_flag(record, "area")}


def tonnage_fact(record: Any) -> dict[str, Any]:
    """The tonnage and whether somebody entered it."""
    return {"value": unit(record.tonnage, "т"), "flag": manual_flag(record, "tonnage")}


def place_fact(record: Any) -> dict[str, Any]:
    """The address with region and city read out of it."""
    read = ", ".join(part for part in (record.city, record.region) if part and part not in record.address)
    return {"value": record.address or read, "note": read if record.address else ""}


BUILDING = FactGroup(
    _("Building"),
    (
        Fact("purpose", _("Purpose"), ("purpose",)),
        Fact("size", _("Width × length × height"), ("width", "length", "height"), show=size_text),
        Fact("area", _("Area"), ("area",), show=area_fact),
        Fact("tonnage", _("Tonnage"), ("tonnage",), show=tonnage_fact),
        Fact("place", _("Place"), ("address",), show=place_fact),
        Fact("construction_start", _("Planned construction start"), ("construction_start",)),
    ),
)

EXPORTED = (
    ExportColumn(_("Purpose"), lambda row: row.purpose),
    ExportColumn(_("Width, m"), lambda row: row.width, "number"),
    ExportColumn(_("Length, m"), lambda row: row.length, "number"),
    ExportColumn(_("Height, m"), lambda row: row.height, "number"),
    ExportColumn(_("Area, m²"), lambda row: row.area, "number"),
    ExportColumn(_("Tonnage, t"), lambda row: row.tonnage, "number"),
    ExportColumn(_("Address"), lambda row: row.address),
    ExportColumn(_("Region"), lambda row: row.region),
    ExportColumn(_("City"), lambda row: row.city),
    ExportColumn(_("Planned construction start"), lambda row: row.construction_start, "day"),
)
