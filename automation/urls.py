"""Addresses of the robots: a section on cards, and their page in the settings."""

from __future__ import annotations

from django.urls import path

from automation import graph_views, planned_views, rule_views, views

urlpatterns = [
    path("robots/planned/", planned_views.robots_planned, name="robots-planned"),
    path("robots/<str:record_type>/<int:pk>/", views.record_planned, name="record-planned"),
    path("robots/runs/<int:pk>/skip/", views.run_skip, name="run-skip"),
    path("robots/runs/<int:pk>/now/", views.run_now, name="run-now"),
    path("robots/runs/<int:pk>/postpone/", views.run_postpone, name="run-postpone"),
    path("settings/pipelines/<slug:code>/graph/", graph_views.settings_graph, name="settings-graph"),
    path("settings/rules/", views.settings_rules, name="settings-rules"),
    path("settings/rules/new/", rule_views.rule_add, name="settings-rule-add"),
    path("settings/rules/order/<slug:pipeline>/", rule_views.rule_order, name="settings-rule-order"),
    path("settings/rules/<int:pk>/", rule_views.rule_edit, name="settings-rule"),
    path("settings/rules/<int:pk>/standing/", rule_views.rule_standing, name="settings-rule-standing"),
    path("settings/rules/<int:pk>/delete/", rule_views.rule_delete, name="settings-rule-delete"),
    path("settings/rules/<int:pk>/shift/", rule_views.rule_shift, name="settings-rule-shift"),
    path("settings/rules/<int:pk>/switch/", views.settings_rule_switch, name="settings-rule-switch"),
    path("settings/rules/<int:pk>/runs/", views.settings_rule_runs, name="settings-rule-runs"),
]
