"""Addresses of the reports."""

from django.urls import path

from analytics import views

app_name = "analytics"
urlpatterns = [
    path("", views.home, name="home"),
    path("funnel/", views.funnel_page, name="funnel"),
    path("refusals/", views.refusals_page, name="refusals"),
]
