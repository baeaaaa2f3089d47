"""Registration of the app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ObjectsRegistryConfig(AppConfig):
    """The registry of construction objects and their duplicates."""

    name = "objects_registry"
    verbose_name = _("Construction objects")

    def ready(self) -> None:
        from crm import duplicate_scan, events, settings_transfer, stages
        from crm import requirements as needed
        from crm.services import derive
        from objects_registry import building, duplicate_steps, guards, keys, services, timeline

        settings_transfer.section("purpose", "code")
        settings_transfer.section("steel", "purpose", "span_to", "height_to")
        del timeline  # imported for its sentences
        for record_type in ("lead", "deal", "object"):
            derive(record_type, keys.derive_place)
            derive(record_type, keys.derive_region)
        derive("object", building.derive_area)
        derive("object", keys.derive_keys)
        duplicate_scan.steps_of("object", duplicate_steps.by_place, duplicate_steps.by_sides)
        stages.guard("object", guards.refuse_merged)
        events.on("record_created", services.clients_follow, wants=services.may_tie_clients)
        events.on("fields_changed", services.clients_follow, wants=services.may_tie_clients)
        needed.declare(
            "object",
            needed.SIZE,
            needed.PLACE,
            needed.plain("responsible", _("Responsible")),
            needed.plain("purpose", _("Purpose")),
            needed.plain("height", _("Height, m")),
            needed.plain("construction_start", _("Planned construction start")),
        )
