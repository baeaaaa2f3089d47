"""What the sign-in library reports: passed on to those who listen (the audit trail), and by letter to its owner."""

from __future__ import annotations

from typing import Any

from allauth.account import signals as account
from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa import signals as factor
from allauth.mfa.models import Authenticator
from django.contrib.auth import signals as auth
from django.core.cache import cache
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.devices import device_name
from accounts.happenings import happened
from accounts.letters import notice_queue
from accounts.models import User
from accounts.services import sessions_end
from accounts.sessions import client_address, session_began

ADDED = {Authenticator.Type.TOTP: "totp_added", Authenticator.Type.WEBAUTHN: "passkey_added"}
REMOVED = {Authenticator.Type.TOTP: "totp_removed", Authenticator.Type.WEBAUTHN: "passkey_removed"}
# A locked door is knocked at again and again: one line a lock is enough.
LOCK_TOLD_FOR = 300


def connect() -> None:
    """Hear of what happens at the door; called from AppConfig.ready."""
    auth.user_logged_in.connect(_began, dispatch_uid="accounts-began")
    auth.user_login_failed.connect(_failed, dispatch_uid="accounts-failed")
    auth.user_logged_out.connect(_left, dispatch_uid="accounts-left")
    account.user_logged_in.connect(_signed_in, dispatch_uid="accounts-in")
    account.password_changed.connect(_password_changed, dispatch_uid="accounts-password")
    account.password_set.connect(_password_changed, dispatch_uid="accounts-password-set")
    account.password_reset.connect(_password_reset, dispatch_uid="accounts-reset")
    factor.authenticator_added.connect(_added, dispatch_uid="accounts-factor-added")
    factor.authenticator_removed.connect(_removed, dispatch_uid="accounts-factor-removed")
    factor.authenticator_reset.connect(_renewed, dispatch_uid="accounts-codes")
    factor.authentication_failed.connect(_factor_failed, dispatch_uid="accounts-factor-failed")


def where(request: HttpRequest | None) -> str:
    """Device and address of a request, for the audit trail."""
    if request is None:
        return ""
    agent = request.META.get("HTTP_USER_AGENT", "")
    return ", ".join(part for part in (device_name(agent), client_address(request)) if part)


def locked_out(request: HttpRequest, email: str) -> None:
    """Too many wrong passwords: told once a lock."""
    name = email.strip().lower()[:200]
    if cache.add(f"lock-told:{name}", 1, LOCK_TOLD_FOR):
        happened("locked_out", _owner(name), None, f"{name}, {where(request)}")


def _owner(email: str) -> User | None:
    return User.objects.filter(email=email).first()


def _began(sender: Any, request: HttpRequest | None, user: User, **_more: Any) -> None:
    if request is not None and hasattr(request, "session"):
        request.user = user
        session_began(request)


def _signed_in(sender: Any, request: HttpRequest, user: User, **_more: Any) -> None:
    kinds = [record.get("type") or record["method"] for record in get_authentication_records(request, user)]
    names = {"totp": _("code from the app"), "webauthn": _("passkey"), "recovery_codes": _("recovery code")}
    how = [str(names[kind]) for kind in dict.fromkeys(kinds) if kind in names]
    happened("signed_in", user, user, ", ".join([*how, where(request)]))


def _left(sender: Any, request: HttpRequest, user: User | None, **_more: Any) -> None:
    if user is not None:
        happened("signed_out", user, user, where(request))


def _failed(sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **_more: Any) -> None:
    email = str(credentials.get("email") or credentials.get("username") or "").strip().lower()
    owner = _owner(email)
    # People type a password into the wrong field: what is no address of ours is not kept.
    shown = email if owner is not None else _("unknown address")
    happened("sign_in_failed", owner, None, f"{shown}, {where(request)}")


def _password_changed(sender: Any, request: HttpRequest, user: User, **_more: Any) -> None:
    # Whoever knew the old password is out, here one stays in.
    sessions_end([user.pk], but=request.session.session_key)
    happened("password_changed", user, user, where(request))
    notice_queue(user, "password_changed")


def _password_reset(sender: Any, request: HttpRequest, user: User, **_more: Any) -> None:
    sessions_end([user.pk])
    happened("password_reset", user, user, where(request))
    notice_queue(user, "password_changed")


def _added(sender: Any, request: HttpRequest, user: User, authenticator: Authenticator, **_more: Any) -> None:
    if what := ADDED.get(Authenticator.Type(authenticator.type)):
        happened(what, user, user, where(request))
        notice_queue(user, what)


def _removed(sender: Any, request: HttpRequest, user: User, authenticator: Authenticator, **_more: Any) -> None:
    if what := REMOVED.get(Authenticator.Type(authenticator.type)):
        happened(what, user, user, where(request))
        notice_queue(user, what)


def _renewed(sender: Any, request: HttpRequest, user: User, **_more: Any) -> None:
    happened("recovery_codes", user, user, where(request))
    notice_queue(user, "recovery_codes")


def _factor_failed(sender: Any, request: HttpRequest, user: User, **_more: Any) -> None:
    happened("factor_failed", user, None, where(request))
