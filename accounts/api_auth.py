"""Who calls the API: a bearer token, cut down to its scopes (the browser's session is the other way in)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from accounts import identity
from accounts.models import ApiToken, User
from accounts.services import token_hash

KEYWORD = "Bearer"
# The time of last use is for people to see; writing it at every call would be a write per read.
USE_NOTED_EVERY = timedelta(minutes=1)


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>`; expired and revoked tokens and people switched off get a 401."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """The token's owner and the token; nothing when another kind of credentials, or none, was sent."""
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() != KEYWORD.lower().encode():
            return None
        if len(parts) != 2:
            raise AuthenticationFailed(_("Send the token as «Authorization: Bearer …»."))
        token = self._find(parts[1])
        _note_use(token)
        identity.become(token.user)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for."""
        return f'{KEYWORD} realm="api"'

    @staticmethod
    def _find(secret: bytes) -> ApiToken:
        text = secret.decode("ascii", errors="replace")
        token = ApiToken.objects.select_related("user__team", "user__partner").filter(hash=token_hash(text)).first()
        if token is None or token.revoked_at is not None:
            raise AuthenticationFailed(_("There is no such token, or it was revoked."))
        if token.expires_at is not None and token.expires_at <= timezone.now():
            raise AuthenticationFailed(_("The token has expired."))
        if not token.user.is_active:
            raise AuthenticationFailed(_("The owner of the token is switched off."))
        return token


def _note_use(token: ApiToken) -> None:
    now = timezone.now()
    if token.last_used_at is None or token.last_used_at <= now - USE_NOTED_EVERY:
        stale = Q(last_used_at__isnull=True) | Q(last_used_at__lte=now - USE_NOTED_EVERY)
        ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)


class ScopePermission(BasePermission):
    """Somebody is signed in, and a token has the scope: `read` to look, `write` to change, or the view's own."""

    message = _("This token has no right to that.")

    def has_permission(self, request: Request, view: Any) -> bool:
        """Is the call within what the token was made for? People in the browser have no scopes."""
        if not (request.user and request.user.is_authenticated):
            return False
        if not isinstance(request.auth, ApiToken):
            return True
        usual = ApiToken.Scope.READ if request.method in SAFE_METHODS else ApiToken.Scope.WRITE
        return getattr(view, "token_scope", usual) in request.auth.scopes
