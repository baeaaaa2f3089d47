"""Addresses of the list of documents, below /documents/."""

from __future__ import annotations

from django.urls import path

from deals.document_list import document_list

urlpatterns = [path("", document_list, name="document-list")]
