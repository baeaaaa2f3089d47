"""Addresses of contacts and companies, below /contacts/ and /companies/."""

from __future__ import annotations

from django.urls import URLPattern, path

from crm.screens.duplicates import duplicate_paths
from crm.screens.matches import record_duplicates
from crm.screens.merging import merge_paths
from crm.screens.urls import record_paths
from crm.views import clients


def client_paths(record_type: str) -> list[URLPattern]:
    """The pages of one of the two kinds."""
    known = {"record_type": record_type}
    return [
        path("", clients.client_list, known, name=f"{record_type}-list"),
        path("board/", clients.client_board, known, name=f"{record_type}-board"),
        path("new/", clients.client_create, known, name=f"{record_type}-create"),
        path("<int:pk>/", clients.client_detail, known, name=f"{record_type}-detail"),
        path("<int:pk>/edit/", clients.client_edit, known, name=f"{record_type}-edit"),
        path("<int:pk>/points/", clients.client_points, known, name=f"{record_type}-points"),
        path("<int:pk>/warnings/", record_duplicates, known, name=f"{record_type}-warnings"),
        *duplicate_paths(record_type),
        *merge_paths(record_type),
        *record_paths(record_type),
    ]


contact_patterns = [
    *client_paths("contact"),
    path("<int:pk>/follow-company/", clients.contact_follow_company, name="contact-follow-company"),
]
company_patterns = client_paths("company")
