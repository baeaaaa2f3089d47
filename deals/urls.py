"""Addresses of deals, below /deals/."""

from __future__ import annotations

from django.urls import path

from crm.screens.directions import bulk_direction, change_direction
from crm.screens.urls import record_paths
from deals import quote_send_views, quote_views, views
from objects_registry.record_views import record_object

urlpatterns = [
    path("", views.deal_list, name="deal-list"),
    path("board/", views.deal_board, name="deal-board"),
    path("new/", views.deal_create_page, name="deal-create"),
    path("<int:pk>/", views.deal_detail, name="deal-detail"),
    path("<int:pk>/edit/", views.deal_edit, name="deal-edit"),
    path("<int:pk>/warnings/", views.deal_warnings, name="deal-warnings"),
    path("<int:pk>/quote/", quote_views.deal_quote, name="deal-quote"),
    path("<int:pk>/quote/preview/", quote_views.deal_quote_preview, name="deal-quote-preview"),
    path("<int:pk>/quote/<int:quote_pk>/send/", quote_send_views.deal_quote_send, name="deal-quote-send"),
    path("<int:pk>/lines/", views.deal_lines, name="deal-lines"),
    path("<int:pk>/object/", record_object, {"record_type": "deal"}, name="deal-object"),
    path("<int:pk>/direction/", change_direction, {"record_type": "deal"}, name="deal-direction"),
    path("bulk/direction/", bulk_direction, {"record_type": "deal"}, name="deal-bulk-direction"),
    *record_paths("deal"),
]
