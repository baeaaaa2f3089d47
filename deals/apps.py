"""Registration of the deals app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DealsConfig(AppConfig):
    """Deals."""

    name = "deals"
    verbose_name = _("Deals")

    def ready(self) -> None:
        from crm import requirements as needed

        needed.declare(
            "deal",
            needed.CLIENT,
            needed.CLIENT_DETAILS,
            needed.SIZE,
            needed.PLACE,
            *(
                needed.plain(name, label)
                for name, label in (
                    ("responsible", _("Responsible")),
                    ("amount", _("Amount")),
                    ("expected_close_date", _("Expected close")),
                    ("construction_start", _("Planned construction start")),
                    ("contract_number", _("Contract number")),
                    ("contract_date", _("Contract date")),
                    ("purpose", _("Purpose")),
                    ("height", _("Height, m")),
                    ("tonnage", _("Tonnage, t")),
                    ("object", _("Object")),
                    ("feedback_product", _("Score of the product")),
                    ("feedback_partner", _("Score of the partner")),
                )
            ),
        )
