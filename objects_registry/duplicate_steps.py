"""Duplicates over the whole registry of objects (OBJ-6): blocks found through indexes, compared as one by one.

Rows are read as plain tuples, in the order of their blocks, and a block is forgotten once it is compared: of a registry
of 100,000 only what one batch holds is ever in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import combinations, groupby
from operator import itemgetter
from typing import Any

from django.db.models import Count, Q

from crm.duplicate_scan import Hit, living
from crm.models import RecordType
from objects_registry.matching import features_of_columns, tolerance
from objects_registry.similarity import Features, compare

# So many objects are dealt with in one batch, and at least one block.
BATCH = 2_000
# A town with more objects than these and nothing else known of the place says nothing.
MOST_IN_BLOCK = 120
COLUMNS = ("pk", "width", "length", "height", "area", "place_key", "purpose_id")
Known = tuple[int, Features]


def by_place(cursor: Any) -> tuple[list[Hit], Any]:
    """Objects at one place."""
    rows = living(RecordType.OBJECT).filter(place_key__gt=cursor or "")
    shared = rows.values_list("place_key").annotate(number=Count("pk")).filter(number__range=(2, MOST_IN_BLOCK))
    keys = [key for (key,) in _within_batch(shared.order_by("place_key"))]
    if not keys:
        return [], None
    found = living(RecordType.OBJECT).filter(place_key__in=keys).order_by("place_key", "pk").values_list(*COLUMNS)
    hits: list[Hit] = []
    for _key, block in groupby(found.iterator(BATCH), key=itemgetter(COLUMNS.index("place_key"))):
        hits += _hits([_known(row) for row in block])
    return hits, keys[-1]


def by_sides(cursor: Any) -> tuple[list[Hit], Any]:
    """Objects of the same sides and purpose, wherever their place is written down."""
    rows = living(RecordType.OBJECT).filter(short_side__isnull=False, purpose__isnull=False)
    if cursor:
        short, long = map(Decimal, cursor)
        rows = rows.filter(Q(short_side__gt=short) | Q(short_side=short, long_side__gt=long))
    sized = rows.values_list("short_side", "long_side").annotate(number=Count("pk"))
    sides = list(_within_batch(sized.order_by("short_side", "long_side")))
    if not sides:
        return [], None
    (first, _long), (last, longest) = sides[0], sides[-1]
    found = rows.filter(short_side__gte=first, short_side__lte=last).filter(
        Q(short_side__lt=last) | Q(long_side__lte=longest)
    )
    ordered = found.order_by("short_side", "long_side", "purpose_id", "pk").values_list(
        "short_side", "long_side", *COLUMNS
    )
    hits: list[Hit] = []
    for _key, block in groupby(ordered.iterator(BATCH), key=itemgetter(0, 1, 2 + COLUMNS.index("purpose_id"))):
        hits += _hits_by_word([_known(row[2:]) for row in block])
    return hits, [str(last), str(longest)]


def _within_batch(counted: Any) -> Iterator[tuple[Any, ...]]:
    """The first keys of a counted queryset whose rows make a batch together, one key at least."""
    taken = 0
    for *key, number in counted[:BATCH].iterator(BATCH):
        if taken and taken + number > BATCH:
            return
        taken += number
        yield tuple(key)


def _known(row: tuple[Any, ...]) -> Known:
    return row[0], features_of_columns(*row[1:])


def _hits_by_word(block: list[Known]) -> list[Hit]:
    """Same sides alone are the standard sizes of everybody: a word of the place has to agree too."""
    by_word: dict[str, list[Known]] = {}
    for known in block:
        for word in set(known[1].place.split()):
            by_word.setdefault(word, []).append(known)
    found: dict[tuple[int, ...], Hit] = {}
    for same in by_word.values():
        if 1 < len(same) <= MOST_IN_BLOCK:
            # Two objects in one street of one town have many words in common and are one pair.
            found |= {tuple(hit.ids): hit for hit in _hits(same)}
    return list(found.values())


def _hits(block: Iterable[Known]) -> list[Hit]:
    share = tolerance()
    hits = []
    for (low, mine), (high, theirs) in combinations(block, 2):
        match = compare(mine, theirs, share)
        if match.probable:
            hits.append(Hit("building", ",".join(match.reasons), [low, high]))
    return hits
