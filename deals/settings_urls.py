"""Addresses of the catalogue of products, below /settings/."""

from crm.views.catalogue import urls_of
from deals.catalogues import PRODUCTS

urlpatterns = urls_of(PRODUCTS)
