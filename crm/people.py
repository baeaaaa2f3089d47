"""Who answers for what has no owner, and who can be made responsible."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from accounts.models import Role, User
from accounts.selectors import assignable_users
from crm import preferences
from crm.prepared import TEXT, Prepared
from crm.rows import row

_FIRST = Prepared(
    lambda role: User.objects.filter(is_active=True, partner__isnull=True, role=role).order_by("pk")[:1], TEXT
)


def sales_head() -> User | None:
    """The person to whom unowned work goes: the one named in the settings, else the first active sales head.

    A company that has no sales head yet has its first administrator do it.
    """
    named = row(User, preferences.get("sales_head") or None)
    if named is not None and named.is_active and named.partner_id is None and named.is_head:
        return named
    found: User | None = _FIRST.first(Role.SALES_HEAD) or _FIRST.first(Role.ADMINISTRATOR)
    return found


def colleagues(user: User) -> QuerySet[User]:
    """The people whose names `user` may see in lists and filters: a partner sees only its own."""
    if user.is_partner:
        return User.objects.filter(partner=user.partner)
    if user.is_head or user.role == Role.PARTNER_CONTROL:
        return User.objects.all()
    return User.objects.filter(partner__isnull=True)


def assignable(user: User, record: Any = None) -> QuerySet[User]:
    """Active people to whom `user` may give a record; those of the record's own side when one is given."""
    return assignable_users(user, getattr(record, "partner", None))
