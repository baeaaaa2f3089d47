"""Registration of the kernel: what stages can require of contacts and companies."""

from __future__ import annotations

from django.apps import AppConfig
from django.core import checks
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _

# By which columns duplicates are sought beside phones and e-mails: column, reason, is it sure.
DUPLICATE_COLUMNS: dict[str, tuple[tuple[str, str, bool], ...]] = {
    "contact": (("name_key", "name", False),),
    "company": (("inn", "inn", True), ("name_key", "name", False)),
    "lead": (("inn", "inn", True), ("name_key", "name", False), ("company_key", "company", False)),
}


class CrmConfig(AppConfig):
    """The kernel."""

    name = "crm"
    verbose_name = _("CRM")

    def ready(self) -> None:
        from accounts import happenings
        from crm import (
            client_owners,
            clients,
            contact_points,
            direction_settings,
            duplicates,
            events,
            exclusions,
            first_touch,
            nightly,
            notify,
            row_security,
            rows,
            security_log,
            services,
            settings_services,
            settings_transfer,
        )
        from crm import duplicate_scan as scan
        from crm import requirements as needed
        from crm.api.idempotency import forget_old_keys
        from crm.field_guards import guard_fields

        happenings.listen(security_log.written)
        checks.register(row_security.check_web_login, checks.Tags.security)
        post_migrate.connect(row_security.after_migrations, sender=self, dispatch_uid="row_security")
        for client in ("contact", "company"):
            guard_fields(client, first_touch.keep_first_touch)

        for kind, columns in DUPLICATE_COLUMNS.items():
            steps = [scan.by_column(kind, name, reason, is_sure=sure) for name, reason, sure in columns]
            scan.steps_of(kind, scan.by_points(kind), *steps)
        nightly.every_night("duplicates", scan.scan_all)
        rows.prepare_relations()
        settings_transfer.section(
            "pipeline", "code", fixed=("record_type", "is_partner"), save=settings_services.pipeline_take
        )
        settings_transfer.section(
            "stage",
            "key",
            fixed=("pipeline", "code", "kind", "is_start"),
            skipped=("is_shipped",),
            save=settings_services.stage_take,
        )
        settings_transfer.section("reason", "stage", "name_ru", save=settings_services.reason_take)
        settings_transfer.section(
            "mapping",
            "from_stage",
            "to_pipeline",
            fixed=("from_stage", "to_pipeline"),
            save=direction_settings.mapping_take,
        )
        settings_transfer.section("source", "code")
        settings_transfer.section("calendar", "day")
        settings_transfer.section(
            "exclusion", "kind", "value", skipped=("added_by", "removed_by"), save=exclusions.exclusion_take
        )
        nightly.every_night("answers kept for repeated calls", forget_old_keys)
        events.on("responsible_changed", notify.tell_new_responsible, wants=notify.is_worth_telling)
        services.derive("contact", clients.require_person_name)
        services.derive("contact", contact_points.derive_points)
        services.derive("company", clients.require_company_name)
        services.derive("company", contact_points.derive_points)
        services.derive("company", clients.derive_inn)
        services.derive("company", clients.derive_requisites)
        services.derive("contact", client_owners.derive_owner)
        services.follow("contact", client_owners.contact_follow)
        services.follow("company", client_owners.company_follow)
        nightly.every_night("people of clients", client_owners.mend)
        for record_type in duplicates.MATCHED_TYPES:
            services.derive(record_type, duplicates.derive_keys)
        responsible = needed.plain("responsible", _("Responsible"))
        needed.declare("contact", responsible, needed.CONTACT_POINT, needed.plain("company", _("Company")))
        needed.declare("company", responsible, needed.CONTACT_POINT, needed.plain("inn", _("INN")))
