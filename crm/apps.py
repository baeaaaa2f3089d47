"""Registration of the kernel: what stages can require of contacts and companies."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CrmConfig(AppConfig):
    """The kernel."""

    name = "crm"
    verbose_name = _("CRM")

    def ready(self) -> None:
        from crm import clients, contact_points, events, nightly, notify, rows, services
        from crm import requirements as needed
        from crm.api.idempotency import forget_old_keys

        rows.prepare_relations()
        nightly.every_night("answers kept for repeated calls", forget_old_keys)
        events.on("responsible_changed", notify.tell_new_responsible, wants=notify.is_worth_telling)
        services.derive("contact", clients.require_person_name)
        services.derive("contact", contact_points.derive_points)
        services.derive("company", contact_points.derive_points)
        services.derive("company", clients.derive_inn)
        responsible = needed.plain("responsible", _("Responsible"))
        needed.declare("contact", responsible, needed.CONTACT_POINT, needed.plain("company", _("Company")))
        needed.declare("company", responsible, needed.CONTACT_POINT, needed.plain("inn", _("INN")))
