"""The addresses of the REST API, version 1; the apps bring their own resources."""

from __future__ import annotations

from django.urls import include, path, re_path
from rest_framework.routers import SimpleRouter

from crm.api.accounts import AccountViewSet
from crm.api.audit import AuditViewSet
from crm.api.calendar import CalendarViewSet
from crm.api.catalogues import SourceViewSet, TagViewSet
from crm.api.clients import ClientSearchViewSet, CompanyViewSet, ContactViewSet, MatchViewSet
from crm.api.docs import ApiDocs, ApiSchema, ErrorCodes, no_such_address
from crm.api.jobs import JobViewSet
from crm.api.merging import MergeViewSet
from crm.api.people import (
    MeViewSet,
    MyCalendarFeedViewSet,
    MyNotificationsViewSet,
    MySessionsViewSet,
    MyTokensViewSet,
    UserViewSet,
)
from crm.api.pipeline_settings import PipelineSettingsViewSet, ReasonViewSet, StageSettingsViewSet
from crm.api.preferences import PreferencesViewSet
from crm.api.saved_views import SavedViewViewSet
from crm.api.settings import SettingsViewSet
from crm.api.tasks import TaskViewSet
from crm.api.teams import TeamViewSet
from crm.api.undo import UndoViewSet

router = SimpleRouter()
router.register("contacts", ContactViewSet, basename="api-contact")
router.register("companies", CompanyViewSet, basename="api-company")
router.register("tasks", TaskViewSet, basename="api-task")
router.register("stages", StageSettingsViewSet, basename="api-stage")
router.register("pipelines", PipelineSettingsViewSet, basename="api-pipeline")
router.register("reasons", ReasonViewSet, basename="api-reason")
router.register("sources", SourceViewSet, basename="api-source")
router.register("audit", AuditViewSet, basename="api-audit")
router.register("me/tokens", MyTokensViewSet, basename="api-me-token")
router.register("me/sessions", MySessionsViewSet, basename="api-me-session")
router.register("tags", TagViewSet, basename="api-tag")
router.register("teams", TeamViewSet, basename="api-team")
router.register("calendar-days", CalendarViewSet, basename="api-calendar-day")
router.register("users", UserViewSet, basename="api-user")
router.register("people", AccountViewSet, basename="api-person")
router.register("client-search", ClientSearchViewSet, basename="api-client-search")
router.register("client-matches", MatchViewSet, basename="api-match")
router.register("views", SavedViewViewSet, basename="api-view")
router.register("jobs", JobViewSet, basename="api-job")
router.register("merges", MergeViewSet, basename="api-merge")

urlpatterns = [
    path("schema/", ApiSchema.as_view(), name="api-schema"),
    path("docs/", ApiDocs.as_view(url_name="api-schema"), name="api-docs"),
    path("docs/errors", ErrorCodes.as_view(), name="api-errors"),
    path(
        "v1/me/notifications/",
        MyNotificationsViewSet.as_view({"get": "show", "patch": "change"}),
        name="api-me-notifications",
    ),
    path(
        "v1/me/calendar-feed/",
        MyCalendarFeedViewSet.as_view({"get": "show", "delete": "end"}),
        name="api-me-calendar-feed",
    ),
    path("v1/settings/", SettingsViewSet.as_view({"get": "show"}), name="api-settings"),
    path("v1/settings/import/", SettingsViewSet.as_view({"post": "take"}), name="api-settings-import"),
    path(
        "v1/settings/changes/<int:pk>/revert/",
        SettingsViewSet.as_view({"post": "revert"}),
        name="api-settings-revert",
    ),
    path("v1/undo/<str:key>/", UndoViewSet.as_view({"post": "take_back"}), name="api-undo"),
    path("v1/me/", MeViewSet.as_view({"get": "show", "patch": "change"}), name="api-me"),
    path("v1/preferences/", PreferencesViewSet.as_view({"get": "show", "patch": "change"}), name="api-preferences"),
    path("v1/", include(router.urls)),
    path("v1/", include("crm.api.trash")),
    path("v1/", include("communications.exclusions_api")),
    path("v1/", include("communications.templates_api")),
    path("v1/", include("communications.record_api")),
    path("v1/", include("communications.api")),
    path("v1/", include("communications.webhooks.api")),
    path("v1/", include("leads.api")),
    path("v1/", include("leads.copies_api")),
    path("v1/", include("leads.routing_api")),
    path("v1/", include("deals.api")),
    path("v1/", include("objects_registry.api")),
    path("v1/", include("partners.api")),
    path("v1/", include("automation.api")),
    path("v1/", include("automation.planned_api")),
    path("v1/", include("automation.graph_api")),
    path("v1/", include("analytics.api")),
    path("v1/", include("web.api")),
    # Last: whatever is under the API but nobody's is answered as the API answers.
    re_path(r"", no_such_address),
]
