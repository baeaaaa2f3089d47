"""Construction objects as the shared screens see them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.utils.translation import gettext_lazy as _

from crm.models import RecordType
from crm.screens.columns import CREATED, RESPONSIBLE, TIME_COLUMNS, stage_name
from crm.screens.facts import created_text
from crm.screens.registry import Column, Fact, FactGroup, Screen, register
from crm.templatetags.ui import number
from objects_registry.filters import ObjectFilter
from objects_registry.services import object_update
from objects_registry.showing import BUILDING, BUILDING_COLUMNS, short_size


def board_card(row: Any) -> dict[str, Any]:
    """What an object's card shows beyond every record's."""
    size = short_size(row)
    return {"client": row.city or row.region or row.address, "size": "" if size and size in row.name else size}


def row_notes(row: Any) -> list[str]:
    """What stands under an object's name in the list."""
    return [row.address] if row.address and row.address != row.city else []


def sides_text(row: Any) -> str:
    """Length, width and height, where the first two are known."""
    if not row.width or not row.length:
        return ""
    return " × ".join(number(side) for side in (row.length, row.width, row.height) if side)


SCREEN = register(
    Screen(
        record_type=RecordType.OBJECT,
        filter_class=ObjectFilter,
        drawer=(
            "purpose", "stage", "kind", "length_from", "length_to", "width_from", "width_to", "height_from",
            "height_to", "area_from", "area_to", "tonnage_from", "tonnage_to", "start_from", "start_to", "region",
            "city", "responsible", "mine", "created_from", "created_to",
        ),
        columns=(
            Column("name", _("Object"), ("name",), shown=True),
            Column("purpose", _("Purpose"), ("purpose__order",), related=("purpose",), shown=True, fact="purpose"),
            Column(
                "size", _("Length × width, m"), ("long_side", "short_side"), "sides", sides_text, shown=True,
                fact="size", only_list=True,
            ),
            Column("area", _("Area, m²"), ("area",), "number", shown=True, fact="area"),
            Column(
                "place", _("Place"), ("region", "city"), value=lambda row: row.city or row.region, shown=True,
                fact="place", only_list=True,
            ),
            Column("stage", _("Stage"), ("stage__order",), "stage", stage_name, shown=True),
            RESPONSIBLE,
            *(column for column in BUILDING_COLUMNS if column.key not in {"purpose", "area"}),
            replace(CREATED, shown=True),
            *(column for column in TIME_COLUMNS if column.key != "created"),
        ),
        row_notes=row_notes,
        facts=(
            BUILDING,
            FactGroup(
                _("Work"),
                (
                    Fact("name", _("Name"), ("name",), wide=True),
                    Fact("responsible", _("Responsible"), ("responsible",)),
                    Fact("notes", _("Notes"), ("notes",), wide=True, internal=True),
                    Fact("created", _("Created"), show=created_text, internal=True),
                ),
            ),
        ),
        related=("responsible",),
        reads=("name", "address", "region", "city", "length", "width", "height", "area"),
        board_card=board_card,
        update=object_update,
        folder="objects_registry",
    )
)  # fmt: skip
