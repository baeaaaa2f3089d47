"""Registration of the app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WebConfig(AppConfig):
    """Home, search, menu and notifications."""

    name = "web"
    verbose_name = _("Web")
