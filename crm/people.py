"""Who can be made responsible: one question for forms, filters and bulk actions."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from accounts.models import Role, User
from accounts.selectors import assignable_users


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
