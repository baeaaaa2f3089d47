"""Addresses of requests, web forms and templates in the settings."""

from __future__ import annotations

from django.urls import path

from communications import views
from crm.views.catalogue import urls_of

urlpatterns = [
    path("submissions/", views.submissions, name="settings-submissions"),
    path("submissions/<int:pk>/", views.submission_detail, name="settings-submission"),
    path("submissions/<int:pk>/again/", views.submission_again, name="settings-submission-again"),
    path("forms/<int:pk>/connect/", views.web_form_howto, name="settings-webform-howto"),
    path("templates/<str:pk>/preview/", views.template_preview, name="settings-template-preview"),
    *urls_of(views.WEB_FORMS),
    *urls_of(views.TEMPLATES),
]
