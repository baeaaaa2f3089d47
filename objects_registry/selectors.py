"""Reading of construction objects for cards and dialogs; the user comes first."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, Max, Sum
from django.db.models.functions import Upper

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


@dataclass(frozen=True)
class PlaceCount:
    """Objects at a place: how many and of what area together, m²; `name` is empty where it is not known."""

    name: str
    count: int
    area: Decimal
    cities: tuple[PlaceCount, ...] = ()


def places_of(rows: Any) -> list[PlaceCount]:
    """Objects of a queryset by region and town, the most first: one query.

    Names that differ in capitals alone are one place, as they are for the list's filters.
    """
    grouped = (
        rows.order_by()
        .annotate(upper_region=Upper("region"), upper_city=Upper("city"))
        .values("upper_region", "upper_city")
        .annotate(region_name=Max("region"), city_name=Max("city"), count=Count("pk"), together=Sum("area"))
    )
    regions: dict[str, list[dict[str, Any]]] = {}
    for row in grouped:
        regions.setdefault(row["upper_region"], []).append(row)
    found = []
    for group in regions.values():
        cities = [PlaceCount(row["city_name"], row["count"], row["together"] or Decimal(0)) for row in group]
        cities.sort(key=lambda city: (-city.count, city.name))
        total, area = sum(city.count for city in cities), sum((city.area for city in cities), Decimal(0))
        found.append(PlaceCount(group[0]["region_name"], total, area, tuple(cities)))
    return sorted(found, key=lambda region: (not region.name, -region.count, region.name))
