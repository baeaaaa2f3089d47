"""Sections of communications on the cards of records."""

from __future__ import annotations

from django.urls import path

from communications import record_views

urlpatterns = [
    path("requests/<str:record_type>/<int:pk>/", record_views.record_request, name="record-request"),
]
