"""What somebody looked at and found different: nobody is warned of the pair again (LEAD-14, OBJ-4)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from crm import clock
from crm.actors import Actor
from crm.duplicate_scan import dismiss_groups
from crm.errors import InvalidInput
from crm.models import NotDuplicate, StagedRecord, record_model
from crm.together import apart


@apart
def mark_not_duplicate(
    *, record_type: str, ids: Sequence[int], by: Any, reason: str = "", other_type: str = ""
) -> list[NotDuplicate]:
    """Remember for everybody that these records, each two of them, are different; DoesNotExist out of reach.

    With another kind in `other_type` the first id is of `record_type` and the others are of that one.
    """
    actor = Actor.of(by)
    other_type = "" if other_type == record_type else other_type
    wanted = [*ids[:1], *dict.fromkeys(ids[1:])] if other_type else sorted(set(ids))
    if len(wanted) < 2:
        raise InvalidInput(_("Choose at least two records."))
    _require_seen(record_type, wanted[:1] if other_type else wanted, actor)
    if other_type:
        _require_seen(other_type, wanted[1:], actor)
    rows = [
        NotDuplicate.objects.get_or_create(
            record_type=record_type,
            low_id=low,
            high_id=high,
            other_type=other_type,
            defaults={"by": actor.user, "reason": reason.strip()[:255], "at": clock.now()},
        )[0]
        for low, high in _pairs(wanted, other_type)
    ]
    if not other_type:
        dismiss_groups(record_type, wanted)
    return rows


def _pairs(ids: Sequence[int], other_type: str) -> list[tuple[int, int]]:
    return [(ids[0], other) for other in ids[1:]] if other_type else list(combinations(sorted(set(ids)), 2))


def marks_between(record_type: str, ids: Sequence[int], other_type: str = "") -> list[NotDuplicate]:
    """The marks that say these records are different, each two of them."""
    other_type = "" if other_type == record_type else other_type
    wanted = Q(pk__in=[])
    for low, high in _pairs(ids, other_type):
        wanted |= Q(low_id=low, high_id=high)
    return list(NotDuplicate.objects.filter(wanted, record_type=record_type, other_type=other_type))


def _require_seen(record_type: str, ids: Sequence[int], actor: Actor) -> None:
    rows: Any = record_model(record_type)._default_manager.all()
    if actor.is_person and actor.user is not None:
        rows = rows.visible_to(actor.user)
    if rows.filter(pk__in=ids).count() != len(set(ids)):
        raise record_model(record_type).DoesNotExist


@apart
def unmark_not_duplicate(*, ids: Sequence[int], by: Any) -> list[NotDuplicate]:
    """Forget that records were found different; a head may, and whoever marked them. Answers what was forgotten."""
    actor = Actor.of(by)
    rows = NotDuplicate.objects.filter(pk__in=ids)
    if actor.is_person and not (actor.user is not None and actor.user.is_head):
        rows = rows.filter(by=actor.user)
    gone = list(rows)
    rows.delete()
    for mark in gone:
        if not mark.other_type:
            dismiss_groups(mark.record_type, [mark.low_id, mark.high_id])
    return gone


def found_different(record: StagedRecord, other_type: str = "") -> set[int]:
    """Ids of records of the same kind (or of another one) that somebody found to be no duplicates of this one."""
    other_type = "" if other_type == record.RECORD_TYPE else other_type
    if other_type:
        pairs = NotDuplicate.objects.filter(
            Q(record_type=record.RECORD_TYPE, other_type=other_type, low_id=record.pk)
            | Q(record_type=other_type, other_type=record.RECORD_TYPE, high_id=record.pk)
        )
        rows = pairs.values_list("record_type", "low_id", "high_id")
        return {high if kind == record.RECORD_TYPE else low for kind, low, high in rows}
    pairs = NotDuplicate.objects.filter(
        Q(low_id=record.pk) | Q(high_id=record.pk), record_type=record.RECORD_TYPE, other_type=""
    )
    return {pk for pair in pairs.values_list("low_id", "high_id") for pk in pair} - {record.pk}
