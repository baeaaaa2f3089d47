"""Construction objects as the shared screens see them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from crm.models import RecordType
from crm.screens.facts import created_text
from crm.screens.registry import Column, ExportColumn, Fact, FactGroup, Screen, register
from objects_registry.filters import ObjectFilter
from objects_registry.services import object_update
from objects_registry.showing import BUILDING, EXPORTED, short_size


def board_card(row: Any) -> dict[str, Any]:
    """What an object's card shows beyond every record's."""
    size = short_size(row)
    return {"client": row.city or row.region or row.address, "size": "" if size and size in row.name else size}


SCREEN = register(
    Screen(
        record_type=RecordType.OBJECT,
        filter_class=ObjectFilter,
        drawer=(
            "purpose", "stage", "kind", "length_from", "length_to", "width_from", "width_to", "height_from",
            "height_to", "area_from", "area_to", "region", "city", "responsible", "mine", "created_from", "created_to",
        ),
        columns=(
            Column("name", _("Object"), ("name",)),
            Column("purpose", _("Purpose"), ("purpose__order",)),
            Column("size", _("Length × width, m"), ("long_side", "short_side"), numeric=True),
            Column("area", _("Area, m²"), ("area",), numeric=True),
            Column("city", _("Place"), ("region", "city")),
            Column("stage", _("Stage"), ("stage__order",)),
            Column("responsible", _("Responsible"), ("responsible__last_name",)),
            Column("created", _("Created"), ("created_at",), numeric=True),
        ),
        export=(
            ExportColumn(_("Number"), lambda row: row.pk, "number"),
            ExportColumn(_("Name"), lambda row: row.name),
            *EXPORTED,
            ExportColumn(_("Stage"), lambda row: row.stage_row.name),
            ExportColumn(_("Responsible"), lambda row: str(row.responsible or "")),
            ExportColumn(_("Created"), lambda row: row.created_at, "moment"),
        ),
        facts=(
            BUILDING,
            FactGroup(
                _("Work"),
                (
                    Fact("name", _("Name"), ("name",), wide=True),
                    Fact("responsible", _("Responsible"), ("responsible",)),
                    Fact("notes", _("Notes"), ("notes",), wide=True),
                    Fact("created", _("Created"), show=created_text),
                ),
            ),
        ),
        related=("responsible", "purpose"),
        board_card=board_card,
        update=object_update,
        folder="objects_registry",
    )
)  # fmt: skip
