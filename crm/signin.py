"""Who asks: every request reads a session and a person by their keys, so both queries are kept ready.

`SessionStore` makes this module a session engine (SESSION_ENGINE); it stores as Django's own does.
"""

from __future__ import annotations

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts.models import User
from crm.prepared import MOMENT, NUMBER, TEXT, Prepared

_session: Prepared[Session] = Prepared(
    lambda key, now: Session.objects.filter(session_key=key, expire_date__gt=now), TEXT, MOMENT
)
_person: Prepared[User] = Prepared(lambda pk: User.objects.filter(pk=pk).select_related("team", "partner"), NUMBER)


class SessionStore(DatabaseStore):
    """Sessions in the database: whoever is switched off is signed out with the row."""

    def _get_session_from_db(self) -> Any:
        found = _session.first(self.session_key, timezone.now())
        if found is None:
            self._session_key = None
        return found


class Backend(AuthenticationBackend):
    """Sign-in by e-mail and password."""

    def get_user(self, user_id: Any) -> Any:
        """The person of a session with their team and partner; None once they are switched off."""
        user = _person.first(user_id)
        return user if user is not None and self.user_can_authenticate(user) else None
