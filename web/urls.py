"""Addresses of the pages that belong to no kind of record."""

from django.urls import path

from web import style_page, views

app_name = "web"
urlpatterns = [
    path("styleguide/", style_page.styleguide, name="styleguide"),
    path("", views.home, name="home"),
    path("session/", views.session, name="session"),
    path("search/", views.search, name="search"),
    path("search/palette/", views.palette, name="palette"),
    path("notifications/", views.notifications, name="notifications"),
    path("notifications/read/", views.notifications_read, name="notifications-read"),
    path("notifications/<int:pk>/", views.notification_open, name="notification"),
    path("next-step/<str:record_type>/<int:pk>/", views.next_step, name="next-step"),
]
