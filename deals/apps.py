"""Registration of the app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DealsConfig(AppConfig):
    """Deals, quotes and delayed demand."""

    name = "deals"
    verbose_name = _("Deals")
