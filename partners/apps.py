"""Registration of the app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PartnersConfig(AppConfig):
    """Partner profiles and hand-over of deals."""

    name = "partners"
    verbose_name = _("Partners")
