"""Addresses of the reports."""

from django.urls import path

from analytics import views
from analytics.dashboard import digest_views
from analytics.dashboard import views as dashboard
from analytics.managers import plans
from analytics.reports.registry import REPORTS
from analytics.reports.views import view_of
from analytics.sources import spend_views

app_name = "analytics"
urlpatterns = [
    path("", views.home, name="home"),
    path("dashboard/", dashboard.dashboard_page, name="dashboard"),
    path("dashboard/tiles/", dashboard.tiles_page, name="dashboard-tiles"),
    path("digest/", digest_views.digest_page, name="digest"),
    path("digest/letter/", digest_views.letter_page, name="digest-letter"),
    path("funnel/", views.funnel_page, name="funnel"),
    path("refusals/", views.refusals_page, name="refusals"),
    path("sources/spend/", spend_views.spend_page, name="spend"),
    path("sources/conversions/", spend_views.conversions_page, name="conversions"),
    path("managers/plans/", plans.plans_page, name="plans"),
    *(path(f"{report.code}/", view_of(report), name=report.code) for report in REPORTS),
]
