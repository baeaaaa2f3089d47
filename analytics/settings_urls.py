"""Addresses of the bonus rules, below /settings/."""

from analytics.managers.plans import BONUS_RULES
from crm.views.catalogue import urls_of

urlpatterns = urls_of(BONUS_RULES)
