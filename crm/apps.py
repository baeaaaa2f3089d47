"""Registration of the app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CrmConfig(AppConfig):
    """The kernel: pipelines, contacts, companies, timeline and events."""

    name = "crm"
    verbose_name = _("CRM")
