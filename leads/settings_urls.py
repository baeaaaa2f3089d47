"""Addresses of the settings of leads, below /settings/."""

from __future__ import annotations

from django.urls import path

from leads import routing_views

urlpatterns = [
    path("routing/", routing_views.routing_table, name="settings-routing"),
    path("routing/new/", routing_views.routing_add, name="settings-routing-add"),
    path("routing/order/", routing_views.routing_order, name="settings-routing-order"),
    path("routing/<int:pk>/", routing_views.routing_edit, name="settings-routing-row"),
    path("routing/<int:pk>/switch/", routing_views.routing_switch, name="settings-routing-switch"),
    path("routing/<int:pk>/shift/", routing_views.routing_shift, name="settings-routing-shift"),
    path("routing/apply/<int:pk>/", routing_views.routing_apply, name="settings-routing-apply"),
]
