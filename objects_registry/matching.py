"""Which objects of the registry may be the same building (OBJ-2): found through indexes, scored in Python."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from typing import Any

from django.db.models import Case, F, IntegerField, Q, QuerySet, Value, When
from django.db.models.functions import Abs

from crm import preferences
from crm.models import NotDuplicate, RecordType
from objects_registry.building import number
from objects_registry.keys import place_key
from objects_registry.models import BuildingParameters, ConstructionObject
from objects_registry.similarity import Features, Match, compare, reason_text

# More objects than these at one place or of one size are cut, the closest in purpose and area first.
MAX_SCORED = 300
MAX_SHOWN = 10
_CENT = Decimal("0.01")
_LARGEST = Decimal("999999999999.99")


@dataclass(frozen=True)
class Candidate:
    """An object that may be the same building, and why."""

    object: ConstructionObject
    match: Match

    @property
    def reasons(self) -> list[str]:
        """The reasons in the reader's words."""
        return [str(reason_text(code)) for code in self.match.reasons]


@dataclass(frozen=True)
class DuplicateWarning:
    """What a person may be told: the candidates they see, and for a partner that the object exists already."""

    candidates: list[Candidate]
    exists_already: bool = False

    def __bool__(self) -> bool:
        return bool(self.candidates) or self.exists_already


def features_of(record: BuildingParameters) -> Features:
    """What a lead, a deal or an object is compared by; the area follows from the sides where it is not given."""
    width, length, area = (number(record, name) for name in ("width", "length", "area"))
    if area is None and width and length:
        area = (width * length).quantize(_CENT)
    return Features(width, length, number(record, "height"), area, place_key(record), record.purpose_id)


def tolerance() -> Decimal:
    """How far numbers may differ, as a share (the setting is in percent)."""
    return preferences.get_decimal("object_tolerance_percent") / 100


def candidates_for(record: Any, user: Any = None, *, limit: int = MAX_SHOWN) -> list[Candidate]:
    """Living objects that are certainly or probably the building of a lead, a deal, an object or plain Features.

    Certain ones first, then by score. With `user` only those that the user may see.
    """
    features = record if isinstance(record, Features) else features_of(record)
    found = _scored(features, _excluded(record))
    if user is not None:
        seen = _visible_ids([item.object.pk for item in found], user)
        found = [item for item in found if item.object.pk in seen]
    return found[:limit]


def certain_duplicate(record: Any) -> Candidate | None:
    """The object that is certainly the same building, or None."""
    first = next(iter(candidates_for(record, limit=1)), None)
    return first if first is not None and first.match.certain else None


def duplicate_warning(record: Any, user: Any) -> DuplicateWarning:
    """What `user` may be told about duplicates (ACC-1): a partner hears of foreign objects only that they exist."""
    found = candidates_for(record, limit=MAX_SCORED)
    seen = _visible_ids([item.object.pk for item in found], user)
    shown = [item for item in found if item.object.pk in seen]
    return DuplicateWarning(shown[:MAX_SHOWN], exists_already=user.is_partner and len(shown) < len(found))


def _visible_ids(ids: Iterable[int], user: Any) -> set[int]:
    wanted = list(ids)
    if not wanted:
        return set()
    return set(ConstructionObject.objects.visible_to(user).filter(pk__in=wanted).values_list("pk", flat=True))


def _scored(features: Features, excluded: set[int]) -> list[Candidate]:
    share = tolerance()
    rows = _near(features, share)
    if excluded:
        rows = rows.exclude(pk__in=excluded)
    found = []
    for row in rows.select_related("responsible")[:MAX_SCORED]:
        match = compare(features, features_of_stored(row), share)
        if match.probable:
            found.append(Candidate(row, match))
    return sorted(found, key=lambda item: (not item.match.certain, -item.match.score, item.object.pk))


def features_of_stored(row: ConstructionObject) -> Features:
    """What an object of the registry is compared by: its columns as they are kept for matching."""
    return features_of_columns(row.width, row.length, row.height, row.area, row.place_key, row.purpose_id)


def features_of_columns(
    width: Decimal | None,
    length: Decimal | None,
    height: Decimal | None,
    area: Decimal | None,
    place: str,
    purpose: str | None,
) -> Features:
    """The same from the columns alone, for whoever reads a whole registry."""
    if area is None and width and length:
        area = (width * length).quantize(_CENT)
    return Features(width, length, height, area, place, purpose)


def _near(features: Features, share: Decimal) -> QuerySet[ConstructionObject]:
    """Objects of the same place, the same sides or the same area: each of the three is an index."""
    nearby = Q()
    if features.place:
        nearby |= Q(place_key=features.place)
    if features.width and features.length:
        short, long = sorted((features.width, features.length))
        nearby |= Q(short_side__range=_range(short, share), long_side__range=_range(long, share))
    if features.area:
        nearby |= Q(area__range=_range(features.area, share))
    if not nearby:
        return ConstructionObject.objects.none()
    return _closest_first(ConstructionObject.objects.alive().filter(nearby), features)


def _closest_first(rows: QuerySet[ConstructionObject], features: Features) -> QuerySet[ConstructionObject]:
    """Of more rows than are scored the likely ones: same place, same purpose, then the nearest area."""
    order: list[Any] = []
    for name, value in (("place_key", features.place), ("purpose_id", features.purpose)):
        if value:
            order.append(Case(When(**{name: value}, then=Value(0)), default=Value(1), output_field=IntegerField()))
    if features.area:
        order.append(Abs(F("area") - Value(features.area)).asc(nulls_last=True))
    return rows.order_by(*order, "-id")


def _range(value: Decimal, share: Decimal) -> tuple[Decimal, Decimal]:
    """All stored numbers that agree with `value`: the difference is at most this share of the larger one."""
    low = (value * (1 - share)).quantize(_CENT, ROUND_DOWN)
    high = _LARGEST if share >= 1 else (value / (1 - share)).quantize(_CENT, ROUND_UP)
    return low, high


def _excluded(record: Any) -> set[int]:
    """The record itself, and what somebody has found to be another building."""
    if not isinstance(record, ConstructionObject):
        own = getattr(record, "object_id", None)
        return {own} if own else set()
    if record.pk is None:
        return set()
    pairs = NotDuplicate.objects.filter(Q(low_id=record.pk) | Q(high_id=record.pk), record_type=RecordType.OBJECT)
    return {record.pk, *(pk for pair in pairs.values_list("low_id", "high_id") for pk in pair)}
