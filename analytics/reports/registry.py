"""The reports there are, in the order of the menu; funnel and refusals have pages of their own beside them."""

from __future__ import annotations

from analytics.delayed.look import DELAYED
from analytics.forecast.look import FORECAST
from analytics.lifetime.look import LIFETIME
from analytics.managers.look import MANAGERS
from analytics.partners.look import PARTNERS
from analytics.reports.report import Report
from analytics.sources.look import SOURCES

REPORTS: tuple[Report, ...] = (SOURCES, LIFETIME, DELAYED, MANAGERS, FORECAST, PARTNERS)
