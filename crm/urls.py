"""The addresses of the project; apps bring their own lists."""

from django.urls import include, path

from crm.health import healthz

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("accounts/", include("allauth.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("api/", include("crm.api.urls")),
    path("leads/", include("leads.urls")),
    path("deals/", include("deals.urls")),
    path("", include("crm.screens.urls")),
    path("", include("web.urls")),
]
