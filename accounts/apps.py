"""Registration of the app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    """Users, teams, roles and tokens."""

    name = "accounts"
    verbose_name = _("People and access")

    def ready(self) -> None:
        from accounts import signin_events

        signin_events.connect()
