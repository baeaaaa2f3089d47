"""Addresses of one's own account."""

from __future__ import annotations

from django.urls import path

from crm.views import profile

app_name = "accounts"
urlpatterns = [
    path("", profile.profile, name="profile"),
    path("calendar/", profile.calendar, name="calendar"),
    path("notifications/", profile.notifications, name="notifications"),
    path("tokens/", profile.tokens, name="tokens"),
    path("tokens/<int:pk>/revoke/", profile.token_revoke, name="token-revoke"),
]
