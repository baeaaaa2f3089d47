"""The second factor: who has one, and how an administrator takes it off whoever has lost it."""

from __future__ import annotations

import base64
import hashlib

from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction

from accounts.happenings import happened
from accounts.letters import notice_queue
from accounts.models import User

# Recovery codes alone are no factor: they only stand in for one.
FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def has_factor(user: User) -> bool:
    """Has the person an app or a passkey?"""
    return Authenticator.objects.filter(user_id=user.pk, type__in=FACTORS).exists()


@transaction.atomic
def factors_remove(user: User, *, by: User, author: object = None) -> int:
    """Take every second factor off a person who lost it, as an administrator; answers how many there were."""
    if not (by.is_active and by.is_administrator):
        raise PermissionDenied
    count, _kinds = Authenticator.objects.filter(user_id=user.pk).delete()
    if count:
        happened("factors_removed", user, author or by)
        notice_queue(user, "factors_removed")
    return count


def _box() -> MultiFernet:
    """The keys that secrets are kept under: of the present secret key first, of earlier ones to read."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    digests = [hashlib.sha256(b"second factor" + key.encode()).digest() for key in keys]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in digests])


def sealed(text: str) -> str:
    """A secret as it is kept: a copy of the database alone makes no codes."""
    return _box().encrypt(text.encode()).decode()


def opened(text: str) -> str:
    """The secret again; one from before secrets were sealed is read as it is."""
    try:
        return _box().decrypt(text.encode()).decode()
    except InvalidToken:
        # A sealed one whose key is lost must not become a known secret.
        return text if not text.startswith("gAAAA") else ""
