"""Sections of communications on the cards of records."""

from __future__ import annotations

from django.urls import path, re_path

from communications import contact_views, opening_views, record_views

urlpatterns = [
    re_path(r"^o/(?P<token>[0-9]{1,18}\.[\w-]{43})\.gif$", opening_views.letter_image, name="letter-image"),
    path("requests/<str:record_type>/<int:pk>/", record_views.record_request, name="record-request"),
    path("client-contact/<str:record_type>/<int:pk>/", contact_views.client_contact, name="client-contact"),
    path("client-letter/<str:record_type>/<int:pk>/", contact_views.client_letter, name="client-letter"),
    path("letters/<int:pk>/again/", record_views.letter_again, name="letter-again"),
    path("letters/<int:pk>/settle/", record_views.letter_settle, name="letter-settle"),
]
