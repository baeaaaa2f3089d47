"""Addresses of webhooks in the settings."""

from __future__ import annotations

from django.urls import path

from communications.webhooks import views

urlpatterns = [
    path("webhooks/", views.webhooks, name="settings-webhooks"),
    path("webhooks/new/", views.webhook_add, name="settings-webhook-add"),
    path("webhooks/<int:pk>/", views.webhook_edit, name="settings-webhook"),
    path("webhooks/<int:pk>/secret/", views.webhook_rotate, name="settings-webhook-rotate"),
    path("webhooks/<int:pk>/delete/", views.webhook_delete, name="settings-webhook-delete"),
    path("webhooks/<int:pk>/test/", views.webhook_test, name="settings-webhook-test"),
    path("webhooks/<int:pk>/log/", views.webhook_log, name="settings-webhook-log"),
    path("webhooks/<int:pk>/log/again/", views.webhook_failed_again, name="settings-webhook-failed-again"),
    path("webhooks/deliveries/<int:pk>/", views.webhook_delivery, name="settings-webhook-delivery"),
    path("webhooks/deliveries/<int:pk>/again/", views.webhook_delivery_again, name="settings-webhook-delivery-again"),
]
