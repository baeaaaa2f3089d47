"""Addresses of the reports."""

from django.urls import path

from analytics import partner_pages, plans, spend_views, views
from analytics.registry import REPORTS
from analytics.report_views import view_of

app_name = "analytics"
urlpatterns = [
    path("", views.home, name="home"),
    path("funnel/", views.funnel_page, name="funnel"),
    path("refusals/", views.refusals_page, name="refusals"),
    path("sources/spend/", spend_views.spend_page, name="spend"),
    path("sources/conversions/", spend_views.conversions_page, name="conversions"),
    path("managers/plans/", plans.plans_page, name="plans"),
    *(path(f"{report.code}/", view_of(report), name=report.code) for report in REPORTS),
    path("partners/", partner_pages.partners_page, name="partners"),
]
