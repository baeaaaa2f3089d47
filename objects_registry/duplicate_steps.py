"""Duplicates over the whole registry of objects (OBJ-6): blocks found through indexes, compared as one by one."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from django.db.models import Count

from crm.duplicate_scan import Hit, living
from crm.models import RecordType
from objects_registry.matching import features_of_stored, tolerance
from objects_registry.models import ConstructionObject
from objects_registry.similarity import compare

BATCH = 200
# A town with more objects than these and nothing else known of the place says nothing.
MOST_IN_BLOCK = 120
COLUMNS = ("pk", "stage", "width", "length", "height", "area", "place_key", "purpose_id")


def by_place(cursor: Any) -> tuple[list[Hit], Any]:
    """Objects at one place."""
    rows = living(RecordType.OBJECT).filter(place_key__gt=cursor or "")
    shared = rows.values_list("place_key").annotate(number=Count("pk")).filter(number__range=(2, MOST_IN_BLOCK))
    keys = [key for key, _number in shared.order_by("place_key")[:BATCH]]
    if not keys:
        return [], None
    blocks: dict[Any, list[ConstructionObject]] = {}
    for row in living(RecordType.OBJECT).filter(place_key__in=keys).only(*COLUMNS).order_by("pk"):
        blocks.setdefault(row.place_key, []).append(row)
    return [hit for block in blocks.values() for hit in _hits(block)], keys[-1]


def by_sides(cursor: Any) -> tuple[list[Hit], Any]:
    """Objects of the same sides and purpose, wherever their place is written down."""
    rows = living(RecordType.OBJECT).filter(short_side__isnull=False, purpose__isnull=False, short_side__gt=cursor or 0)
    sides = [value for (value,) in rows.values_list("short_side").distinct().order_by("short_side")[:BATCH]]
    if not sides:
        return [], None
    blocks: dict[Any, list[ConstructionObject]] = {}
    found = living(RecordType.OBJECT).filter(short_side__in=sides, purpose__isnull=False)
    for row in found.only(*COLUMNS, "short_side", "long_side").order_by("pk"):
        # Same sides alone are the standard sizes of everybody: a word of the place has to agree too.
        for word in set(row.place_key.split()):
            blocks.setdefault((row.short_side, row.long_side, row.purpose_id, word), []).append(row)
    hits = [hit for block in blocks.values() if len(block) <= MOST_IN_BLOCK for hit in _hits(block)]
    return hits, str(sides[-1])


def _hits(block: list[ConstructionObject]) -> list[Hit]:
    share = tolerance()
    known = [(row.pk, features_of_stored(row)) for row in block]
    hits = []
    for (low, mine), (high, theirs) in combinations(known, 2):
        match = compare(mine, theirs, share)
        if match.probable:
            hits.append(Hit("building", ",".join(match.reasons), [low, high]))
    return hits
