"""Registration of the app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AutomationConfig(AppConfig):
    """Rules that react to events and to time."""

    name = "automation"
    verbose_name = _("Automation")

    def ready(self) -> None:
        from automation import acting, occasions, rule_services, services, standing, timeline
        from automation.wording import users_of_templates as rulebook_users
        from communications.views import used_by
        from crm import bulk, events, nightly, settings_services, settings_transfer

        del timeline  # imported for its sentences
        if acting.note_cut not in events.CUTS:
            events.CUTS.append(acting.note_cut)
        bulk.register("rule", standing.apply_one, standing.never_back)
        events.on("record_created", occasions.on_created, wants=occasions.wants_created)
        events.on("stage_changed", occasions.on_stage_changed, wants=occasions.wants_stage)
        events.on("fields_changed", occasions.on_fields_changed, wants=occasions.wants_fields)
        events.on("letter_opened", occasions.on_letter_opened, wants=occasions.wants_opened)
        events.on("client_contact", occasions.on_client_contact, wants=occasions.wants_contact)
        settings_transfer.section(
            "rule", "code", skipped=("is_shipped", "switched_on_at"), save=rule_services.rule_take
        )
        used_by(rulebook_users)
        nightly.every_night("plans follow the settings", services.replan)
        settings_services.follow_settings(services.follow_settings)
