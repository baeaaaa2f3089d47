"""Registration of the app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AutomationConfig(AppConfig):
    """Rules that react to events and to time."""

    name = "automation"
    verbose_name = _("Automation")
