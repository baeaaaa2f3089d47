"""Addresses of construction objects, below /objects/."""

from __future__ import annotations

from django.urls import path

from crm.screens.urls import record_paths
from objects_registry import merge_views, views

urlpatterns = [
    path("", views.object_list, name="object-list"),
    path("board/", views.object_board, name="object-board"),
    path("new/", views.object_create_page, name="object-create"),
    path("merge/", merge_views.object_merge, name="object-merge"),
    path("merge/<int:pk>/undo/", merge_views.object_merge_undo, name="object-merge-undo"),
    path("<int:pk>/", views.object_detail, name="object-detail"),
    path("<int:pk>/edit/", views.object_edit, name="object-edit"),
    path("<int:pk>/not-duplicate/", merge_views.object_not_duplicate, name="object-not-duplicate"),
    *record_paths("object"),
]
