"""Registration of the app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CommunicationsConfig(AppConfig):
    """Messages, calls, intake channels and the outbox."""

    name = "communications"
    verbose_name = _("Communications")

    def ready(self) -> None:
        from communications import processing, services, timeline
        from crm import health, settings_transfer

        del timeline  # imported for its sentences
        settings_transfer.section("template", "code", save=services.template_take)
        settings_transfer.section("webform", "key")
        health.backlog("requests", processing.waiting_age)
