"""Registration of the app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LeadsConfig(AppConfig):
    """Leads from intake to conversion."""

    name = "leads"
    verbose_name = _("Leads")
