"""Registration of the app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ObjectsRegistryConfig(AppConfig):
    """The registry of construction objects and their duplicates."""

    name = "objects_registry"
    verbose_name = _("Construction objects")
