"""How sign-in is bent to the house rules."""

from __future__ import annotations

import math
import time
from typing import Any

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.core import context
from allauth.core.internal import ratelimit
from allauth.mfa.adapter import DefaultMFAAdapter
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import factors
from accounts.models import User

FAILURES = {"app": "allauth.account", "action": "login_failed"}


class AccountAdapter(DefaultAccountAdapter):
    """People are made by an administrator: nobody signs up from outside; whoever is locked out is told how long."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Close the sign-up page."""
        return False

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count the try; after too many bad ones refuse with the time that is left."""
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError as error:
            key = self._get_login_attempts_cache_key(request, **credentials)
            minutes = max(1, math.ceil(locked_seconds(request, key) / 60))
            self._tell_of_the_lock(request, str(credentials.get("email", "")))
            raise ValidationError(
                [
                    _("Too many wrong passwords: signing in is locked."),
                    ngettext("Try again in %(count)s minute.", "Try again in %(count)s minutes.", minutes)
                    % {"count": minutes},
                ],
                code=error.code,
            ) from error

    @staticmethod
    def _tell_of_the_lock(request: HttpRequest, email: str) -> None:
        from accounts.signin_events import locked_out

        locked_out(request, email)

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """One count an account: another host name of ours in the request opens no second one."""
        return str(credentials.get("email", credentials.get("username", ""))).strip().lower()

    def reauthenticate(self, user: Any, password: str) -> bool:
        """Is it the person's password? Counted as a sign-in is, so that it cannot be guessed here either."""
        found = self.authenticate(context.request, email=user.email, password=password)
        return found is not None and found.pk == user.pk

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Whoever changes a factor proves that it is them, unless they have come in just now."""
        request = context.request
        records = get_authentication_records(request, request.user)
        fresh = bool(records) and time.time() - records[-1]["at"] < app_settings.REAUTHENTICATION_TIMEOUT
        return not fresh and bool(super().is_reauthentication_required(app=app, **kwargs))


class FactorAdapter(DefaultMFAAdapter):
    """The second factor by the house rules: secrets are sealed, the product is named, not its address."""

    def encrypt(self, text: str) -> str:
        """Seal a secret before it is kept."""
        return factors.sealed(text)

    def decrypt(self, encrypted_text: str) -> str:
        """Open it again."""
        return factors.opened(encrypted_text)

    def get_public_key_credential_user_entity(self, user: Any) -> dict[str, Any]:
        """How a passkey is named in the device's list."""
        return {**super().get_public_key_credential_user_entity(user), "display_name": self._named(user)}

    @staticmethod
    def _named(user: User) -> str:
        return user.full_name or user.email


def locked_seconds(request: HttpRequest, key: str) -> float:
    """How long the strictest limit on failed sign-ins still holds; 0 when none does."""
    left = [0.0]
    for rate in ratelimit.get_rates(**FAILURES):
        tries = cache.get(ratelimit.get_cache_key(request, rate=rate, key=key, **FAILURES), [])
        # The newest stands first: a place is free again once the oldest that counts has grown old.
        if len(tries) >= rate.amount:
            left.append(tries[rate.amount - 1] + rate.duration - time.time())
    return max(left)
