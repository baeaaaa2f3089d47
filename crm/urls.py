"""The addresses of the project; apps bring their own lists."""

from django.urls import include, path, re_path

from crm.health import healthz
from crm.views import invitation, profile
from crm.views.calendar import calendar_feed, task_calendar
from crm.views.client_urls import company_patterns, contact_patterns
from crm.views.tasks import task_edit, task_list

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("accounts/invitation/", invitation.accept, name="invitation-accept"),
    path("accounts/invitation/<str:secret>/", invitation.invitation, name="invitation"),
    path("accounts/", include("accounts.urls")),
    path("i18n/setlang/", profile.language, name="set_language"),
    path("api/v1/", include("communications.channels.webform.urls")),
    path("api/", include("crm.api.urls")),
    path("f/", include("communications.channels.webform.hosted_urls")),
    path("leads/", include("leads.urls")),
    path("deals/", include("deals.urls")),
    path("documents/", include("deals.document_urls")),
    path("objects/", include("objects_registry.urls")),
    path("contacts/", include(contact_patterns)),
    path("companies/", include(company_patterns)),
    path("reports/", include("analytics.urls")),
    path("", include("partners.urls")),
    path("", include("automation.urls")),
    path("", include("communications.record_urls")),
    path("settings/", include("communications.urls")),
    path("settings/", include("communications.webhooks.urls")),
    path("settings/", include("leads.settings_urls")),
    path("settings/", include("objects_registry.settings_urls")),
    path("settings/", include("deals.settings_urls")),
    path("settings/", include("analytics.settings_urls")),
    path("settings/", include("crm.views.settings_urls")),
    path("profile/", include("crm.views.profile_urls")),
    path("tasks/", task_list, name="task-list"),
    path("calendar/", task_calendar, name="task-calendar"),
    re_path(r"^calendar/feed/(?P<secret>[\w-]{43})\.ics$", calendar_feed, name="calendar-feed"),
    path("tasks/<int:pk>/edit/", task_edit, name="task-edit"),
    path("", include("crm.screens.urls")),
    path("", include("web.urls")),
]

handler500 = "crm.api.docs.server_error"
