"""How sign-in is bent to the house rules."""

from __future__ import annotations

import math
import time
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.internal import ratelimit
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

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
            raise ValidationError(
                [
                    _("Too many wrong passwords: signing in is locked."),
                    ngettext("Try again in %(count)s minute.", "Try again in %(count)s minutes.", minutes)
                    % {"count": minutes},
                ],
                code=error.code,
            ) from error


def locked_seconds(request: HttpRequest, key: str) -> float:
    """How long the strictest limit on failed sign-ins still holds; 0 when none does."""
    left = [0.0]
    for rate in ratelimit.get_rates(**FAILURES):
        tries = cache.get(ratelimit.get_cache_key(request, rate=rate, key=key, **FAILURES), [])
        # The newest stands first: a place is free again once the oldest that counts has grown old.
        if len(tries) >= rate.amount:
            left.append(tries[rate.amount - 1] + rate.duration - time.time())
    return max(left)
