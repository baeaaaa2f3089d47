"""Addresses of one's own account."""

from __future__ import annotations

from django.urls import path

from crm.views import profile, security

app_name = "accounts"
urlpatterns = [
    path("", profile.profile, name="profile"),
    path("calendar/", profile.calendar, name="calendar"),
    path("notifications/", profile.notifications, name="notifications"),
    path("security/", security.security, name="security"),
    path("security/sessions/<int:pk>/end/", security.session_end, name="session-end"),
    path("security/sessions/end/", security.sessions_end, name="sessions-end"),
    path("tokens/", profile.tokens, name="tokens"),
    path("tokens/<int:pk>/revoke/", profile.token_revoke, name="token-revoke"),
]
