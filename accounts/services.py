"""Changes of accounts: people are made, changed and switched off here, and their API tokens given out and revoked.

Time is the machine's own here and not the product's: a clock moved for a demo must neither revive nor end a token.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.contrib.auth import SESSION_KEY
from django.contrib.auth.password_validation import validate_password
from django.contrib.sessions.models import Session
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import ApiToken, CalendarFeed, Role, User, UserSession

TOKEN_PREFIX = "crm_"  # noqa: S105 - how a token begins, so that leaked ones are found by a search
OWN_FIELDS = frozenset(
    {"last_name", "first_name", "patronymic", "position", "phone", "language", "time_zone", "absent_from", "absent_to"}
)
ADMINISTERED_FIELDS = OWN_FIELDS | {"email", "role", "team", "partner"}


def _require_administrator(by: User | None) -> None:
    """`None` is the product itself: the demo, a command on the server's console."""
    if by is not None and not (by.is_active and by.is_administrator):
        raise PermissionDenied(_("Only an administrator manages people."))


def _assign(user: User, data: Mapping[str, Any], allowed: Iterable[str]) -> list[str]:
    """Set what may be set and answer the names; ValidationError names what may not."""
    if unknown := data.keys() - set(allowed):
        raise ValidationError({name: _("This cannot be set directly.") for name in sorted(unknown)})
    for name, value in data.items():
        setattr(user, name, value.replace("\x00", "").strip() if isinstance(value, str) else value)
    user.email = user.email.lower()
    try:
        ZoneInfo(user.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        text = _("There is no time zone «%(name)s».") % {"name": user.time_zone}
        raise ValidationError({"time_zone": text}) from error
    user.full_clean(exclude=["password"])
    return sorted(data)


@transaction.atomic
def user_create(*, by: User | None, email: str, password: str | None = None, **fields: Any) -> User:
    """Make an account; without a password its owner sets one by "forgotten password".

    Raises ValidationError with the fields named, PermissionDenied for anybody but an administrator.
    """
    _require_administrator(by)
    user = User()
    user.set_password(password)
    _assign(user, {"email": email, **fields}, ADMINISTERED_FIELDS)
    if password is not None:
        check_password(password, user)
    user.save()
    return user


@transaction.atomic
def user_update(user: User, *, by: User | None, data: Mapping[str, Any]) -> User:
    """Change an account as an administrator; the last active administrator keeps the role."""
    _require_administrator(by)
    locked = User.objects.select_for_update().get(pk=user.pk)
    was_administrator = locked.is_administrator
    names = _assign(locked, data, ADMINISTERED_FIELDS)
    if was_administrator and not locked.is_administrator:
        _keep_one_administrator(locked)
    if names:
        locked.save(update_fields=names)
    return locked


@transaction.atomic
def profile_update(user: User, *, data: Mapping[str, Any]) -> User:
    """Change one's own account: name, phone, language, time zone, absence; nothing that gives rights."""
    locked = User.objects.select_for_update().get(pk=user.pk)
    if names := _assign(locked, data, OWN_FIELDS):
        locked.save(update_fields=names)
    return locked


@transaction.atomic
def user_deactivate(user: User, *, by: User | None) -> User:
    """Switch an account off: its sessions and tokens end at once; what it did and owns stays (ACC-3)."""
    _require_administrator(by)
    locked = User.objects.select_for_update().get(pk=user.pk)
    if by is not None and by.pk == locked.pk:
        raise ValidationError(_("You cannot switch yourself off."))
    if locked.is_active and locked.is_administrator:
        _keep_one_administrator(locked)
    locked.is_active = False
    locked.save(update_fields=["is_active"])
    access_end([locked.pk])
    return locked


@transaction.atomic
def user_activate(user: User, *, by: User | None) -> User:
    """Switch an account on again; ended sessions and revoked tokens stay ended."""
    _require_administrator(by)
    locked = User.objects.select_for_update().get(pk=user.pk)
    locked.is_active = True
    locked.save(update_fields=["is_active"])
    return locked


@transaction.atomic
def password_set(user: User, *, by: User | None, password: str) -> User:
    """Give an account a new password as an administrator; everybody signed in under the old one is out."""
    _require_administrator(by)
    check_password(password, user)
    user.set_password(password)
    user.save(update_fields=["password"])
    sessions_end([user.pk])
    return user


def access_end(user_ids: Iterable[int]) -> None:
    """End the sessions of these users, revoke their tokens and the addresses of their calendars."""
    ids = list(user_ids)
    sessions_end(ids)
    ApiToken.objects.filter(user__in=ids, revoked_at__isnull=True).update(revoked_at=timezone.now())
    CalendarFeed.objects.filter(user__in=ids).delete()


def sessions_end(user_ids: Iterable[int], *, but: str | None = None) -> int:
    """Sign these users out everywhere, except in the session `but`; answers how many sessions have ended.

    A session does not say in a column whose it is, so the living ones are opened in turn; this happens rarely.
    """
    wanted = {str(pk) for pk in user_ids}
    living = Session.objects.filter(expire_date__gt=timezone.now()).exclude(session_key=but or "").iterator()
    keys = [session.session_key for session in living if session.get_decoded().get(SESSION_KEY) in wanted]
    UserSession.objects.filter(session_key__in=keys).delete()
    Session.objects.filter(session_key__in=keys).delete()
    return len(keys)


def _keep_one_administrator(user: User) -> None:
    others = User.objects.filter(role=Role.ADMINISTRATOR, is_active=True).exclude(pk=user.pk)
    if not others.exists():
        raise ValidationError(_("Somebody must remain who can manage people: this is the last administrator."))


def check_password(password: str, user: User) -> None:
    """Is a new password good enough? ValidationError says about `password` what is wrong with it."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise ValidationError({"password": error.messages}) from error


# -- API tokens -------------------------------------------------------------------------------------------------------


def token_hash(secret: str) -> str:
    """What is stored of a token; a plain hash will do, the secret has 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


@transaction.atomic
def token_create(
    *, user: User, by: User, name: str, scopes: Iterable[str], expires_at: datetime | None = None
) -> tuple[ApiToken, str]:
    """Give out a token of `user`; answers the row and the secret, which is nowhere kept and shown this once (ACC-4).

    People make tokens for themselves; an administrator also for others (service accounts).
    """
    if by.pk != user.pk:
        _require_administrator(by)
    wanted = sorted(set(scopes))
    errors: dict[str, Any] = {}
    if not user.is_active:
        errors["user"] = _("%(name)s is switched off.") % {"name": user}
    if not wanted or not set(wanted) <= set(ApiToken.Scope.values):
        errors["scopes"] = _("Choose what the token may do.")
    if expires_at is not None and expires_at <= timezone.now():
        errors["expires_at"] = _("The token would already be expired.")
    if errors:
        raise ValidationError(errors)
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    token = ApiToken(
        user=user,
        name=name.replace("\x00", "").strip(),
        prefix=secret[:12],
        hash=token_hash(secret),
        scopes=wanted,
        expires_at=expires_at,
    )
    token.full_clean(exclude=["user"])
    token.save()
    return token, secret


@transaction.atomic
def token_revoke(token: ApiToken, *, by: User) -> ApiToken:
    """End a token at once; revoking it twice changes nothing."""
    if by.pk != token.user_id:
        _require_administrator(by)
    ApiToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(revoked_at=timezone.now())
    token.refresh_from_db(fields=["revoked_at"])
    return token


# -- the calendar's address -------------------------------------------------------------------------------------------

READ_NOTED_EVERY = timedelta(minutes=5)


@transaction.atomic
def feed_renew(user: User) -> str:
    """Give the person's calendar a new address; answers its secret, shown this once. The old one ends at once."""
    secret = secrets.token_urlsafe(32)
    CalendarFeed.objects.filter(user=user).delete()
    CalendarFeed.objects.create(user=user, hash=token_hash(secret))
    return secret


def feed_end(user: User) -> bool:
    """End the address of the person's calendar; whether there was one."""
    return bool(CalendarFeed.objects.filter(user=user).delete()[0])


def feed_owner(secret: str) -> User | None:
    """Whose calendar an address names: a person at work, or None. Notes every few minutes that it is read."""
    feed = CalendarFeed.objects.select_related("user__team", "user__partner").filter(hash=token_hash(secret)).first()
    if feed is None or not feed.user.is_active:
        return None
    now = timezone.now()
    if feed.last_used_at is None or now - feed.last_used_at > READ_NOTED_EVERY:
        CalendarFeed.objects.filter(pk=feed.pk).update(last_used_at=now)
    return feed.user
