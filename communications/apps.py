"""Registration of the app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CommunicationsConfig(AppConfig):
    """Messages, calls, intake channels and the outbox."""

    name = "communications"
    verbose_name = _("Communications")

    def ready(self) -> None:
        from communications import timeline  # noqa: F401 - registers the sentences
