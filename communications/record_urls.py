"""Sections of communications on the cards of records."""

from __future__ import annotations

from django.urls import path

from communications import record_views

urlpatterns = [
    path("requests/<str:record_type>/<int:pk>/", record_views.record_request, name="record-request"),
    path("letters/<int:pk>/again/", record_views.letter_again, name="letter-again"),
    path("letters/<int:pk>/settle/", record_views.letter_settle, name="letter-settle"),
]
