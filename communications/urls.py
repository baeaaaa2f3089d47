"""Addresses of requests, web forms and templates in the settings."""

from __future__ import annotations

from django.urls import path

from communications import exclusion_views, form_views, views
from crm.views.catalogue import urls_of

urlpatterns = [
    path("submissions/", views.submissions, name="settings-submissions"),
    path("submissions/<int:pk>/", views.submission_detail, name="settings-submission"),
    path("submissions/<int:pk>/again/", views.submission_again, name="settings-submission-again"),
    path("exclusions/", exclusion_views.exclusions, name="settings-exclusions"),
    path("exclusions/new/", exclusion_views.exclusion_add_page, name="settings-exclusion-add"),
    path("exclusions/<int:pk>/remove/", exclusion_views.exclusion_remove_page, name="settings-exclusion-remove"),
    path("forms/", form_views.web_forms, name="settings-webforms"),
    path("forms/new/", form_views.web_form_add, name="settings-webforms-add"),
    path("forms/<int:pk>/", form_views.web_form_edit, name="settings-webforms-edit"),
    path("forms/<int:pk>/preview/", form_views.web_form_preview, name="settings-webform-preview"),
    path("forms/<int:pk>/trial/", form_views.web_form_trial, name="settings-webform-trial"),
    path("forms/<int:pk>/fields/", form_views.web_form_fields, name="settings-webform-fields"),
    path("forms/<int:pk>/fields/again/", form_views.web_form_read_again, name="settings-webform-read-again"),
    path("forms/<int:pk>/connect/", form_views.web_form_howto, name="settings-webform-howto"),
    path("templates/<str:pk>/preview/", views.template_preview, name="settings-template-preview"),
    *urls_of(views.TEMPLATES),
]
