"""Registration of the deals app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DealsConfig(AppConfig):
    """Deals."""

    name = "deals"
    verbose_name = _("Deals")

    def ready(self) -> None:
        from communications.views import used_by
        from crm import conditions, events, nightly, settings_transfer
        from crm import requirements as needed
        from crm.services import derive, follow
        from deals import clients, derived, document_sending, document_texts, selectors, services, timeline
        from objects_registry import building, steel

        del timeline  # imported for its sentences
        # In this order: the tonnage needs the area, the title needs both.
        for function in (building.derive_area, steel.derive_tonnage, derived.derive_amount, derived.derive_title):
            derive("deal", function)
        derive("object", steel.derive_tonnage)
        follow("deal", services.lines_follow_tonnage)
        settings_transfer.section("product", "name_ru")
        document_texts.declare_settings()
        document_sending.declare_placeholders()
        used_by(document_sending.templates_used)
        events.on("stage_changed", clients.on_deal_moved, wants=clients.is_of_deal)
        events.on("fields_changed", clients.on_deal_changed, wants=clients.is_of_relations)
        events.on("client_contact", clients.on_client_contact, wants=clients.is_of_client)
        conditions.predicate("deal", "far_start", _("construction starts far in the future"), selectors.starts_far)
        nightly.every_night("dormant clients", clients.fall_asleep)
        needed.declare(
            "deal",
            needed.CLIENT,
            needed.CLIENT_DETAILS,
            needed.SIZE,
            needed.PLACE,
            needed.plain("expected_close_date", _("Expected close"), sane=needed.not_past),
            needed.plain("construction_start", _("Planned construction start"), sane=needed.not_past),
            needed.plain("contract_date", _("Contract date"), sane=needed.not_ahead),
            *(
                needed.plain(name, label)
                for name, label in (
                    ("responsible", _("Responsible")),
                    ("amount", _("Amount")),
                    ("contract_number", _("Contract number")),
                    ("purpose", _("Purpose")),
                    ("height", _("Height, m")),
                    ("tonnage", _("Tonnage, t")),
                    ("object", _("Object")),
                    ("feedback_product", _("Score of the product")),
                    ("feedback_partner", _("Score of the partner")),
                )
            ),
        )
