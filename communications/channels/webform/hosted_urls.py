"""Pages of forms for visitors, below /f/."""

from __future__ import annotations

from django.urls import path

from communications.channels.webform import hosted

urlpatterns = [
    path("<slug:key>/", hosted.hosted_form, name="hosted-form"),
    path("<slug:key>/thanks/", hosted.hosted_thanks, name="hosted-thanks"),
    path("<slug:key>/style.css", hosted.hosted_style, name="hosted-style"),
    path("<slug:key>/config.json", hosted.hosted_config, name="hosted-config"),
]
