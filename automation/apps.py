"""Registration of the app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AutomationConfig(AppConfig):
    """Rules that react to events and to time."""

    name = "automation"
    verbose_name = _("Automation")

    def ready(self) -> None:
        from automation import engine, services, timeline
        from crm import events, nightly, settings_services, settings_transfer

        del timeline  # imported for its sentences
        events.on("record_created", engine.on_created, wants=engine.wants_created)
        events.on("stage_changed", engine.on_stage_changed, wants=engine.wants_stage)
        events.on("fields_changed", engine.on_fields_changed, wants=engine.wants_fields)
        events.on("client_contact", engine.on_client_contact, wants=engine.wants_contact)
        settings_transfer.section("rule", "code", skipped=("is_shipped", "switched_on_at"), save=services.rule_take)
        nightly.every_night("plans follow the settings", services.replan)
        settings_services.follow_preferences(services.follow_settings)
