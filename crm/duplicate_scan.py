"""The search for duplicates over a whole registry, in small steps that any worker can go on with (LEAD-14, OBJ-6).

A scan is a row. Its steps walk through keys in order (phones, e-mails, INNs, names); each batch is one transaction
that writes what it found and how far it came, so that a killed worker loses nothing and doubles nothing. At the end
the keys that records share are joined into groups, in memory: only records that share anything take part.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations, groupby
from sys import intern
from typing import Any

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Count, Q

from crm import clock, normalize
from crm.actors import Actor
from crm.models import (
    ContactPoint,
    DuplicateGroup,
    DuplicateHit,
    DuplicateMember,
    DuplicateScan,
    NotDuplicate,
    RecordType,
    record_model,
)

log = structlog.get_logger(__name__)

BATCH = 2_000
# So many namesakes are no hint, and a number that so many share is a switchboard.
MOST_SURE, MOST_ALIKE = 50, 10
LEASE = timedelta(minutes=2)
MAX_ATTEMPTS = 5
State = DuplicateScan.State


@dataclass(frozen=True)
class Hit:
    """A key that several living records share."""

    reason: str
    value: str
    ids: list[int]
    is_sure: bool = True


# A hit as it is read back at the end: is it sure, the reason, the value, the records.
Found = tuple[bool, str, str, list[int]]
# Answers what it found after the cursor, and the next cursor; None when there is nothing more.
Step = Callable[[Any], tuple[list[Hit], Any]]
STEPS: dict[str, list[Step]] = {}


def steps_of(record_type: str, *steps: Step) -> None:
    """Register how duplicates of a kind are sought; called from AppConfig.ready."""
    STEPS[record_type] = list(steps)


def living(record_type: str) -> Any:
    """The records among which duplicates are sought: of leads the manufacturer's open ones."""
    rows = record_model(record_type)._default_manager.alive().order_by()
    return rows.open().filter(partner__isnull=True) if record_type == RecordType.LEAD else rows


# -- the steps of clients ---------------------------------------------------------------------------------------------


def by_points(record_type: str) -> Step:
    """Records that share a phone or an e-mail."""

    def step(cursor: Any) -> tuple[list[Hit], Any]:
        kind, after = cursor or ("", "")
        rows = ContactPoint.objects.filter(Q(kind__gt=kind) | Q(kind=kind, value__gt=after), record_type=record_type)
        shared = rows.values_list("kind", "value").annotate(number=Count("pk")).filter(number__gt=1)
        keys = [(kind, value) for kind, value, _number in shared.order_by("kind", "value")[:BATCH]]
        if not keys:
            return [], None
        owners = ContactPoint.objects.filter(record_type=record_type, value__in=[value for _kind, value in keys])
        found = owners.order_by("kind", "value", "record_id").values_list("kind", "value", "record_id")
        wanted = set(keys)
        pairs = [((kind, value), pk) for kind, value, pk in found if (kind, value) in wanted]
        alive = _alive(record_type, {pk for _key, pk in pairs})
        hits = []
        for (kind, value), group in groupby(pairs, key=lambda pair: pair[0]):
            ids = [pk for _key, pk in group if pk in alive]
            if 1 < len(ids) <= MOST_SURE:
                hits.append(Hit(kind, value, ids))
        return hits, keys[-1]

    return step


def by_column(record_type: str, column: str, reason: str, *, is_sure: bool) -> Step:
    """Records that have the same in an indexed column."""

    def step(cursor: Any) -> tuple[list[Hit], Any]:
        rows = living(record_type).filter(**{f"{column}__gt": cursor or ""})
        shared = rows.values_list(column).annotate(number=Count("pk")).filter(number__gt=1)
        keys = [key for key, _number in shared.order_by(column)[:BATCH]]
        if not keys:
            return [], None
        found = living(record_type).filter(**{f"{column}__in": keys}).order_by(column, "pk").values_list(column, "pk")
        hits = []
        for key, group in groupby(found, key=lambda pair: pair[0]):
            ids = [pk for _key, pk in group]
            if 1 < len(ids) <= (MOST_SURE if is_sure else MOST_ALIKE):
                hits.append(Hit(reason, key, ids, is_sure))
        return hits, keys[-1]

    return step


def _alive(record_type: str, ids: set[int]) -> set[int]:
    found: set[int] = set()
    wanted = sorted(ids)
    for start in range(0, len(wanted), BATCH):
        rows = living(record_type).filter(pk__in=wanted[start : start + BATCH])
        found.update(rows.values_list("pk", flat=True))
    return found


# -- starting and running ---------------------------------------------------------------------------------------------


def scan_start(*, record_type: str, by: Any) -> DuplicateScan:
    """Ask for a search; the one that waits or runs already is answered where there is one."""
    going = DuplicateScan.objects.filter(record_type=record_type, state__in=[State.WAITING, State.RUNNING])
    if (known := going.first()) is not None:
        return known
    now = clock.now()
    try:
        with transaction.atomic():
            return DuplicateScan.objects.create(
                record_type=record_type, started_by=Actor.of(by).user, started_at=now, beat_at=now
            )
    except IntegrityError:
        return going.get()


def scan_due() -> int:
    """Run every search that waits or whose worker died; answers how many were brought to an end."""
    now = clock.now()
    free = Q(state=State.WAITING) | Q(state=State.RUNNING, beat_at__lt=now - LEASE)
    ids = list(DuplicateScan.objects.filter(free).order_by("id").values_list("pk", flat=True))
    return sum(scan_run(pk) for pk in ids)


def scan_run(scan_id: int) -> bool:
    """Take up one search and bring it to its end, unless another worker has it; True when it is done."""
    holder, now = secrets.token_hex(16), clock.now()
    free = Q(state=State.WAITING) | Q(state=State.RUNNING, beat_at__lt=now - LEASE)
    if not DuplicateScan.objects.filter(free, pk=scan_id).update(state=State.RUNNING, holder=holder, beat_at=now):
        return False
    try:
        while _advance(scan_id, holder):
            pass
    except Exception as error:
        log.exception("duplicate_scan_failed", scan_id=scan_id)
        _fail(scan_id, holder, error)
    return DuplicateScan.objects.filter(pk=scan_id, state=State.DONE).exists()


def _fail(scan_id: int, holder: str, error: Exception) -> None:
    scan = DuplicateScan.objects.filter(pk=scan_id, holder=holder).first()
    if scan is not None:
        scan.attempts += 1
        scan.error = f"{type(error).__name__}: {error}"[:2000]
        scan.state = State.FAILED if scan.attempts >= MAX_ATTEMPTS else State.WAITING
        scan.save(update_fields=["attempts", "error", "state"])


@transaction.atomic
def _advance(scan_id: int, holder: str) -> bool:
    """One batch; False when the search is done, or was taken over by another worker meanwhile."""
    scan = DuplicateScan.objects.select_for_update().filter(pk=scan_id, holder=holder, state=State.RUNNING).first()
    if scan is None:
        return False
    steps = STEPS[scan.record_type]
    scan.beat_at = clock.now()
    if scan.step < len(steps):
        hits, cursor = steps[scan.step](scan.cursor)
        rows = [
            DuplicateHit(scan=scan, reason=h.reason, value=h.value[:254], ids=h.ids, is_sure=h.is_sure) for h in hits
        ]
        DuplicateHit.objects.bulk_create(rows, batch_size=1000)
        scan.seen += len(hits)
        scan.cursor = cursor
        scan.step += cursor is None
        scan.save(update_fields=["beat_at", "seen", "cursor", "step"])
        return True
    _build(scan)
    scan.state, scan.finished_at, scan.error = State.DONE, clock.now(), ""
    scan.save(update_fields=["state", "finished_at", "error", "beat_at"])
    return False


def progress(scan: DuplicateScan) -> int:
    """How far a search has come, in percent."""
    if scan.state == State.DONE:
        return 100
    return round(100 * scan.step / (len(STEPS[scan.record_type]) + 1))


# -- groups -----------------------------------------------------------------------------------------------------------


def _build(scan: DuplicateScan) -> None:
    """Join the keys into groups and replace those of earlier searches."""
    different = set(
        NotDuplicate.objects.filter(record_type=scan.record_type, other_type="").values_list("low_id", "high_id")
    )
    groups: list[DuplicateGroup] = []
    members: list[list[int]] = []
    # As tuples: a hundred thousand pairs as instances take more memory than all else of the search.
    found = scan.hits.order_by("id").values_list("is_sure", "reason", "value", "ids")
    hits: list[Found] = [
        (is_sure, intern(why), intern(value), ids) for is_sure, why, value, ids in found.iterator(BATCH)
    ]
    inns = _inns(scan.record_type, {pk for is_sure, _reason, _value, ids in hits if not is_sure for pk in ids})
    for ids, reasons, is_sure in _components(hits, different, inns):
        groups.append(DuplicateGroup(scan=scan, record_type=scan.record_type, reasons=reasons, is_sure=is_sure))
        members.append(ids)
    DuplicateGroup.objects.bulk_create(groups, batch_size=1000)
    rows = [
        DuplicateMember(group=group, member_id=pk) for group, ids in zip(groups, members, strict=True) for pk in ids
    ]
    DuplicateMember.objects.bulk_create(rows, batch_size=2000)
    scan.hits.all().delete()
    DuplicateScan.objects.filter(record_type=scan.record_type, pk__lt=scan.pk).delete()


def _components(
    rows: Sequence[Found], different: set[tuple[int, int]], inns: Mapping[int, str]
) -> Iterator[tuple[list[int], list[list[str]], bool]]:
    """Records joined by sure keys; what is only called alike is a group of its own, unless those hang together.

    Namesakes with different INNs are different taxpayers: they never are a group by name alone.
    """
    parents: dict[int, int] = {}

    def root(pk: int) -> int:
        parents.setdefault(pk, pk)
        while parents[pk] != pk:
            parents[pk] = parents[parents[pk]]
            pk = parents[pk]
        return pk

    for is_sure, _reason, _value, ids in rows:
        for low, high in _pairs(ids, different) if is_sure else ():
            parents[root(high)] = root(low)
    joined: dict[int, list[int]] = {}
    for pk in sorted(parents):
        joined.setdefault(root(pk), []).append(pk)
    reasons: dict[int, list[list[str]]] = {}
    alike: list[tuple[list[int], list[list[str]]]] = []
    for is_sure, reason, value, ids in rows:
        roots = {root(pk) if pk in parents else -pk for pk in ids}
        if len(roots) == 1 or is_sure:
            for found in roots:
                if len(joined.get(found, [])) > 1 and [reason, value] not in reasons.setdefault(found, []):
                    reasons[found].append([reason, value])
        else:
            alike.extend((namesakes, [[reason, value]]) for namesakes in _namesakes(ids, inns, different))
    for found, ids in joined.items():
        if len(ids) > 1:
            yield ids, reasons.get(found, []), True
    for ids, why in alike:
        yield ids, why, False


def _inns(record_type: str, ids: set[int]) -> dict[int, str]:
    """The valid INNs of the records that have one, for kinds that know INNs."""
    model = record_model(record_type)
    if not any(field.name == "inn" for field in model._meta.concrete_fields):
        return {}
    wanted, found = sorted(ids), {}
    for start in range(0, len(wanted), BATCH):
        rows = model._default_manager.filter(pk__in=wanted[start : start + BATCH]).exclude(inn="")
        found.update({pk: number for pk, raw in rows.values_list("pk", "inn") if (number := normalize.inn(raw))})
    return found


def _namesakes(ids: list[int], inns: Mapping[int, str], different: set[tuple[int, int]]) -> Iterator[list[int]]:
    """Those called alike that may be one, by INN; who has none may be any of them and stands in every list."""
    numbers = sorted({inns[pk] for pk in ids if pk in inns})
    lists = [[pk for pk in ids if inns.get(pk, number) == number] for number in numbers] if len(numbers) > 1 else [ids]
    return (found for found in lists if any(True for _pair in _pairs(found, different)))


def _pairs(ids: list[int], different: set[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Each two of them that nobody has found different."""
    return (pair for pair in combinations(sorted(ids), 2) if pair not in different)


def dismiss_groups(record_type: str, ids: Iterable[int]) -> None:
    """Bring the groups that hold any of these records in step with what was found different."""
    wanted = DuplicateMember.objects.filter(member_id__in=list(ids), group__record_type=record_type)
    for group in DuplicateGroup.objects.filter(pk__in=wanted.values("group")).prefetch_related("members"):
        pairs = set(combinations(sorted(member.member_id for member in group.members.all()), 2))
        low = {first for first, _second in pairs}
        marks = NotDuplicate.objects.filter(record_type=record_type, other_type="", low_id__in=low)
        is_dismissed = pairs <= set(marks.values_list("low_id", "high_id"))
        if is_dismissed != group.is_dismissed:
            group.is_dismissed = is_dismissed
            group.save(update_fields=["is_dismissed"])


def scan_all() -> int:
    """Ask for a search of every kind (nightly)."""
    return len([scan_start(record_type=kind, by=Actor.system()) for kind in STEPS])
