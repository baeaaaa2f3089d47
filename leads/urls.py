"""Addresses of leads, below /leads/."""

from __future__ import annotations

from django.urls import path

from crm.screens.duplicates import duplicate_paths
from crm.screens.merging import merge_paths
from crm.screens.urls import record_paths
from leads import conversion_views, copy_views, link_views, spam_views, unconversion_views, views
from objects_registry.record_views import record_object

urlpatterns = [
    path("", views.lead_list, name="lead-list"),
    path("board/", views.lead_board, name="lead-board"),
    path("new/", views.lead_create_page, name="lead-create"),
    path("<int:pk>/", views.lead_detail, name="lead-detail"),
    path("<int:pk>/edit/", views.lead_edit, name="lead-edit"),
    path("<int:pk>/warnings/", views.lead_warnings, name="lead-warnings"),
    path("<int:pk>/convert/", conversion_views.lead_convert, name="lead-convert"),
    path("<int:pk>/convert/undo/", unconversion_views.lead_unconvert, name="lead-unconvert"),
    path("conversions/of/<slug:record_type>/<int:pk>/", unconversion_views.record_conversion, name="record-conversion"),
    path("<int:pk>/link/", link_views.lead_link, name="lead-link"),
    path("<int:pk>/unlink/", link_views.lead_unlink, name="lead-unlink"),
    path("<int:pk>/spam/", spam_views.lead_spam, name="lead-spam"),
    path("bulk/spam/", spam_views.leads_spam, name="lead-bulk-spam"),
    path("<int:pk>/object/", record_object, {"record_type": "lead"}, name="lead-object"),
    path("copies-of/<int:pk>/", copy_views.deal_copies, name="deal-copies"),
    path("copies/<int:pk>/undo/", copy_views.copies_undo, name="copies-undo"),
    *duplicate_paths("lead"),
    *merge_paths("lead"),
    *record_paths("lead"),
]
