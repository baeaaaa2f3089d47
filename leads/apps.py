"""Registration of the leads app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class LeadsConfig(AppConfig):
    """Leads."""

    name = "leads"
    verbose_name = _("Leads")

    def ready(self) -> None:
        from communications import learning, processing
        from crm import (
            bulk,
            clients,
            conditions,
            contact_points,
            merging,
            nightly,
            settings_services,
            settings_transfer,
            stages,
        )
        from crm import requirements as needed
        from crm.services import derive
        from leads import handing, intake, minimum, qualification, rights, routing_services, services, spam, timeline
        from objects_registry import building, steel

        del timeline  # imported for its sentences
        settings_transfer.section("routing", "name", save=routing_services.routing_rule_take)
        for function in (
            services.keep_originals,
            contact_points.derive_points,
            clients.derive_inn,
            building.derive_area,
            steel.derive_tonnage,
            services.derive_source,
            services.derive_title,
            qualification.derive_missing,
        ):
            derive("lead", function)
        settings_services.follow_settings(minimum.follow_settings)
        nightly.every_night("what leads lack", minimum.recheck)
        bulk.register("spam", spam.spam_many, spam.take_back)
        merging.guard("lead", services.why_not_merged)
        processing.made_by(intake.intake)
        stages.guard("lead", rights.refuse_conversion)
        stages.before_people_move("lead", handing.find_manager, handing.ask_manager)
        conditions.path("lead", "responsible__position", _("position of the responsible"))
        conditions.predicate(
            "lead", "with_head", _("it is with the sales head or with nobody"), qualification.is_with_head
        )
        learning.filled_by(intake.lead_fill)
        needed.declare(
            "lead",
            needed.CONTACT_POINT,
            needed.SIZE,
            needed.PLACE,
            *(
                needed.plain(name, label)
                for name, label in (
                    ("responsible", _("Responsible")),
                    ("name", pgettext_lazy("person", "Name")),
                    ("purpose", _("Purpose")),
                    ("height", _("Height, m")),
                    ("construction_start", _("Planned construction start")),
                    ("company_name", _("Company name")),
                    ("inn", _("INN")),
                    ("source", _("Source")),
                    ("deal", _("Deal (made by conversion)")),
                    ("contact", _("Contact")),
                )
            ),
        )
