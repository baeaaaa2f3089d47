"""Addresses of leads, below /leads/."""

from __future__ import annotations

from django.urls import path

from crm.screens.urls import record_paths
from leads import views

urlpatterns = [
    path("", views.lead_list, name="lead-list"),
    path("board/", views.lead_board, name="lead-board"),
    path("new/", views.lead_create_page, name="lead-create"),
    path("<int:pk>/", views.lead_detail, name="lead-detail"),
    path("<int:pk>/edit/", views.lead_edit, name="lead-edit"),
    *record_paths("lead"),
]
