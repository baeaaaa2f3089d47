"""Where a person is signed in: noted as they come and go on, listed for them, ended by them or an administrator."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Any

from allauth.account.adapter import get_adapter
from django.contrib.sessions.models import Session
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.happenings import happened
from accounts.models import User, UserSession
from accounts.services import sessions_end

# "Last seen" is for people to look at: writing it at every request would make of each read a write.
NOTED_EVERY = timedelta(minutes=5)
# Which sessions this process has noted lately; the oldest fall out.
_noted: OrderedDict[str, datetime] = OrderedDict()
MOST_NOTED = 5_000


def client_address(request: HttpRequest) -> str | None:
    """The caller's IP, behind as many proxies as are ours; None where there is none (a test, the console)."""
    try:
        return str(get_adapter().get_client_ip(request))
    except PermissionDenied:
        return None


def session_noted(request: HttpRequest) -> None:
    """Note that the person of the request is at work here; most calls cost nothing."""
    key = request.session.session_key
    now = timezone.now()
    if key is None or now - _noted.get(key, now - NOTED_EVERY) < NOTED_EVERY:
        return
    values = {"seen_at": now, "ip": client_address(request)}
    if not UserSession.objects.filter(session_key=key).update(**values):
        _make(request, key, now)
    remember(key, now)


def _make(request: HttpRequest, key: str, now: datetime) -> None:
    user: Any = request.user
    agent = request.META.get("HTTP_USER_AGENT", "").replace("\x00", "")[:300]
    UserSession.objects.update_or_create(
        session_key=key,
        defaults={"user_id": user.pk, "ip": client_address(request), "agent": agent, "seen_at": now},
    )


def remember(key: str, now: datetime) -> None:
    """Keep in mind that this session was noted."""
    _noted[key] = now
    _noted.move_to_end(key)
    while len(_noted) > MOST_NOTED:
        _noted.popitem(last=False)


def session_began(request: HttpRequest) -> None:
    """A person has just signed in: the session stands in their list from now on."""
    if request.session.session_key is None:
        request.session.save()
    session_noted(request)


def living_of(user: User) -> QuerySet[UserSession]:
    """The sessions of a person that go on."""
    living = Session.objects.filter(expire_date__gt=timezone.now()).values("session_key")
    return UserSession.objects.filter(user=user, session_key__in=living)


def sessions_of(user: User) -> list[UserSession]:
    """Where the person is signed in now, the latest seen first."""
    return list(living_of(user))


@transaction.atomic
def session_end(row: UserSession, *, by: User, author: object = None) -> None:
    """End one session of one's own at once; PermissionDenied for another's."""
    if row.user_id != by.pk:
        raise PermissionDenied
    Session.objects.filter(session_key=row.session_key).delete()
    happened("session_ended", row.user, author or by, str(row))
    row.delete()


@transaction.atomic
def sessions_end_everywhere(user: User, *, by: User, but: str | None = None, author: object = None) -> int:
    """Sign a person out everywhere, `but` where they sit now; answers how many sessions have ended.

    People do it for themselves, administrators for anybody.
    """
    if by.pk != user.pk and not (by.is_active and by.is_administrator):
        raise PermissionDenied
    count = sessions_end([user.pk], but=but)
    happened("sessions_ended", user, author or by, str(count))
    return count


def forget_old() -> int:
    """Delete the rows of sessions that are over; answers how many."""
    living: Any = Session.objects.filter(expire_date__gt=timezone.now()).values("session_key")
    return UserSession.objects.exclude(session_key__in=living).delete()[0]
