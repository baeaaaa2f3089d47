"""Addresses of deals, below /deals/."""

from __future__ import annotations

from django.urls import path

from crm.screens.directions import bulk_direction, change_direction
from crm.screens.urls import record_paths
from deals import document_views, views
from deals.document_send_views import deal_document_send
from objects_registry.record_views import record_object

urlpatterns = [
    path("", views.deal_list, name="deal-list"),
    path("board/", views.deal_board, name="deal-board"),
    path("new/", views.deal_create_page, name="deal-create"),
    path("<int:pk>/", views.deal_detail, name="deal-detail"),
    path("<int:pk>/edit/", views.deal_edit, name="deal-edit"),
    path("<int:pk>/warnings/", views.deal_warnings, name="deal-warnings"),
    path("<int:pk>/documents/<int:document_pk>/send/", deal_document_send, name="deal-document-send"),
    path("<int:pk>/documents/<int:document_pk>/void/", document_views.deal_document_void, name="deal-document-void"),
    path("<int:pk>/documents/<int:document_pk>/pay/", document_views.deal_document_pay, name="deal-document-pay"),
    path("<int:pk>/documents/<int:document_pk>/sign/", document_views.deal_document_sign, name="deal-document-sign"),
    path("<int:pk>/documents/<str:kind>/", document_views.deal_document, name="deal-document"),
    path("<int:pk>/documents/<str:kind>/preview/", document_views.deal_document_preview, name="deal-document-preview"),
    path("<int:pk>/lines/", views.deal_lines, name="deal-lines"),
    path("<int:pk>/object/", record_object, {"record_type": "deal"}, name="deal-object"),
    path("<int:pk>/direction/", change_direction, {"record_type": "deal"}, name="deal-direction"),
    path("bulk/direction/", bulk_direction, {"record_type": "deal"}, name="deal-bulk-direction"),
    *record_paths("deal"),
]
