"""Addresses of the settings, below /settings/."""

from __future__ import annotations

from django.urls import path

from crm.views import audit, people, security, settings_company, settings_pipelines, settings_transfer
from crm.views.catalogue import urls_of
from crm.views.catalogues import SOURCES, TEAMS
from crm.views.settings_calendar import CALENDAR, calendar_fill_year

urlpatterns = [
    path("", settings_company.settings_home, name="settings-home"),
    path("company/", settings_company.settings_company, name="settings-company"),
    path("company/<slug:section>/", settings_company.settings_company, name="settings-company"),
    path("pipelines/", settings_pipelines.settings_pipelines, name="settings-pipelines"),
    path("pipelines/new/", settings_pipelines.settings_pipeline_add, name="settings-pipeline-add"),
    path("pipelines/<slug:code>/", settings_pipelines.settings_pipeline, name="settings-pipeline"),
    path("pipelines/<slug:code>/change/", settings_pipelines.settings_pipeline_change, name="settings-pipeline-change"),
    path("pipelines/<slug:code>/stages/new/", settings_pipelines.settings_stage_add, name="settings-stage-add"),
    path("pipelines/<slug:code>/required/", settings_pipelines.settings_required, name="settings-required"),
    path("pipelines/<slug:code>/directions/", settings_pipelines.settings_directions, name="settings-directions"),
    path("pipelines/<slug:code>/reasons/", settings_pipelines.settings_reasons, name="settings-reasons"),
    path("stages/<str:key>/", settings_pipelines.settings_stage, name="settings-stage"),
    path("stages/<str:key>/shift/", settings_pipelines.settings_stage_shift, name="settings-stage-shift"),
    path("stages/<str:key>/delete/", settings_pipelines.settings_stage_delete, name="settings-stage-delete"),
    path("stages/<str:key>/reasons/new/", settings_pipelines.settings_reason_add, name="settings-reason-add"),
    path("reasons/<int:pk>/", settings_pipelines.settings_reason, name="settings-reason"),
    path("people/", people.settings_users, name="settings-users"),
    path("people/new/", people.settings_user_add, name="settings-user-add"),
    path("people/<int:pk>/", people.settings_user, name="settings-user"),
    path("people/<int:pk>/switch/", people.settings_user_switch, name="settings-user-switch"),
    path("people/<int:pk>/hand-over/", people.settings_user_hand_over, name="settings-user-hand-over"),
    path("people/<int:pk>/letter/", people.settings_user_letter, name="settings-user-letter"),
    path("people/<int:pk>/sign-out/", people.settings_user_sign_out, name="settings-user-sign-out"),
    path("people/<int:pk>/factors/", people.settings_user_factors, name="settings-user-factors"),
    path("people/<int:pk>/password/", people.settings_user_password, name="settings-user-password"),
    path("work/", people.settings_work, name="settings-work"),
    path("transfer/", settings_transfer.transfer, name="settings-transfer"),
    path("transfer/download/", settings_transfer.transfer_download, name="settings-transfer-download"),
    path("transfer/changes/<int:pk>/revert/", settings_transfer.transfer_revert, name="settings-transfer-revert"),
    path("security/", security.settings_security, name="settings-security"),
    path("audit/", audit.settings_audit, name="settings-audit"),
    *urls_of(SOURCES),
    *urls_of(TEAMS),
    path("calendar/fill/", calendar_fill_year, name="settings-calendar-fill"),
    *urls_of(CALENDAR),
]
