"""Addresses of the registry's catalogues, below /settings/."""

from crm.views.catalogue import urls_of
from objects_registry.catalogues import PURPOSES, STEEL

urlpatterns = [*urls_of(PURPOSES), *urls_of(STEEL)]
