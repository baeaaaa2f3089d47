"""Addresses of construction objects, below /objects/."""

from __future__ import annotations

from django.urls import path

from crm.screens.duplicates import duplicate_paths
from crm.screens.merging import merge_paths
from crm.screens.urls import record_paths
from objects_registry import views

urlpatterns = [
    path("", views.object_list, name="object-list"),
    path("board/", views.object_board, name="object-board"),
    path("places/", views.object_places, name="object-places"),
    path("new/", views.object_create_page, name="object-create"),
    path("<int:pk>/", views.object_detail, name="object-detail"),
    path("<int:pk>/edit/", views.object_edit, name="object-edit"),
    *duplicate_paths("object"),
    *merge_paths("object"),
    *record_paths("object"),
]
