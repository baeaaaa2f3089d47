"""Registration of the app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    """Users, teams, roles and tokens."""

    name = "accounts"
    verbose_name = _("People and access")

    def ready(self) -> None:
        from django.db.backends.signals import connection_created

        from accounts import identity, signin_events

        signin_events.connect()
        connection_created.connect(identity.watch, dispatch_uid="identity")
