"""Reading of construction objects for cards and dialogs; the user comes first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from accounts.models import User
from crm.models import Company, Contact
from objects_registry.matching import DuplicateWarning, duplicate_warning
from objects_registry.models import ConstructionObject


@dataclass(frozen=True)
class ObjectLinks:
    """What hangs on an object, as far as the user may see it: newest first."""

    leads: list[Any]
    deals: list[Any]
    contacts: list[Contact]
    companies: list[Company]


def links_of(user: User, obj: ConstructionObject, *, limit: int = 50) -> ObjectLinks:
    """The leads, deals, contacts and companies of an object that the user may see."""
    records = [
        list(manager.visible_to(user).alive().select_related("responsible").order_by("-created_at", "-id")[:limit])
        for manager in (obj.leads, obj.deals)  # type: ignore[attr-defined]
    ]
    contacts = obj.contacts.all().visible_to(user).alive()[:limit]
    companies = obj.companies.all().visible_to(user).alive()[:limit]
    return ObjectLinks(records[0], records[1], list(contacts), list(companies))


def warning_of(user: User, record: Any) -> DuplicateWarning:
    """What the user may be told about duplicates of an object, or of what a lead or deal describes."""
    return duplicate_warning(record, user)
