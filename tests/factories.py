"""Makers of rows for tests; records themselves are made through the services, as the product makes them."""

from __future__ import annotations

import itertools
from typing import Any

from accounts.models import Partner, Role, Team, User

_numbers = itertools.count(1)


def make_user(role: str = Role.SALES_MANAGER, **fields: Any) -> User:
    """A person of a role; partner users get a partner of their own unless one is given."""
    number = next(_numbers)
    if role == Role.PARTNER and "partner" not in fields:
        fields["partner"] = make_partner()
    fields.setdefault("last_name", f"Person{number}")
    fields.setdefault("first_name", "Test")
    password = fields.pop("password", "correct horse battery")
    return User.objects.create_user(fields.pop("email", f"person{number}@example.com"), password, role=role, **fields)


def make_partner(**fields: Any) -> Partner:
    """A partner organisation."""
    fields.setdefault("name", f"Partner {next(_numbers)}")
    return Partner.objects.create(**fields)


def make_team(**fields: Any) -> Team:
    """A team."""
    fields.setdefault("name", f"Team {next(_numbers)}")
    return Team.objects.create(**fields)
