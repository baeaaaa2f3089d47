"""Registration of the app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CommunicationsConfig(AppConfig):
    """Messages, calls, intake channels and the outbox."""

    name = "communications"
    verbose_name = _("Communications")

    def ready(self) -> None:
        from communications import account_letters, contact_views, openings, processing, services, timeline
        from communications.webhooks import noting
        from communications.webhooks import services as webhooks
        from crm import events, health, nightly, settings_transfer
        from crm import timeline as lines
        from crm.screens import happening

        del timeline  # imported for its sentences
        happening.composer_part(contact_views.composer_part)
        happening.composer_part(contact_views.letter_link)
        lines.ADDED["message_sent"] = openings.opened_notes
        if noting.note not in events.WITNESSES:
            events.WITNESSES.append(noting.note)
        nightly.every_night("log of webhooks", webhooks.log_prune)
        health.backlog("webhooks", webhooks.waiting_age)
        settings_transfer.section("template", "code", save=services.template_take)
        settings_transfer.section("webform", "key")
        nightly.every_night("letters about accounts", account_letters.forget_old)
        health.backlog("requests", processing.waiting_age)
