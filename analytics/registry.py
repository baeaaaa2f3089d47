"""The reports there are, in the order of the menu; funnel and refusals have pages of their own beside them."""

from __future__ import annotations

from analytics.manager_look import MANAGERS
from analytics.reports import Report
from analytics.source_look import SOURCES

REPORTS: tuple[Report, ...] = (SOURCES, MANAGERS)
