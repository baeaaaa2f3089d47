"""Registration of the app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AnalyticsConfig(AppConfig):
    """Reports over the other apps."""

    name = "analytics"
    verbose_name = _("Analytics")
