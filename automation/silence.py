"""Where nothing happens (LEAD-18): open records on which no person and no client has done anything for so many days.

What robots do is no life: a reminder must not put off the next one. A step planned for later is one: whoever has
agreed to call in three weeks has not forgotten the client.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import DateTimeField, Exists, F, Max, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Greatest

from automation.models import Rule, ScheduledRun
from crm import clock, pipelines
from crm.filters import day_start
from crm.models import ActorKind, StagedRecord, TimelineEntry, record_model

PEOPLE = (ActorKind.USER, ActorKind.TOKEN, ActorKind.FORM, ActorKind.IMPORT)
OF_CLIENT = ("client_contact", "message_in", "call")
# How many records a rule takes in a day when its parameters do not say.
PER_DAY = 50


def _life(record_type: str, record_id: Any) -> QuerySet[TimelineEntry]:
    rows = TimelineEntry.objects.filter(record_type=record_type, record_id=record_id)
    return rows.filter(Q(actor_kind__in=PEOPLE) | Q(action__in=OF_CLIENT))


def silent_since(record: StagedRecord) -> datetime:
    """When somebody last did anything with the record."""
    last: datetime | None = _life(record.RECORD_TYPE, record.pk).aggregate(last=Max("at"))["last"]
    return last or record.created_at


def last_life(record_type: str) -> Coalesce:
    """The same for every row of a queryset of records."""
    last = _life(record_type, OuterRef("pk")).order_by().values("record_id").annotate(last=Max("at")).values("last")
    return Coalesce(Subquery(last, output_field=DateTimeField()), F("created_at"))


def silent_records(rule: Rule) -> list[Any]:
    """Records that the rule is to take now, with `silent_since`; those longest silent first.

    The silence is counted from the moment at which the rule was switched on, at the earliest.
    """
    now, record_type = clock.now(), rule.pipeline.record_type
    left = left_today(rule)
    if left <= 0:
        return []
    moment = DateTimeField()
    switched_on = Value(rule.switched_on_at, output_field=moment)
    since = Greatest(last_life(record_type), switched_on, output_field=moment)
    taken = ScheduledRun.objects.filter(
        rule=rule, record_type=record_type, record_id=OuterRef("pk"), planned_from__gte=OuterRef("silent_since")
    )
    cutoff = now - timedelta(days=rule.delay_days)
    rows: Any = record_model(record_type)._default_manager
    found = (
        rows.alive()
        .filter(stage__in=stages_of(rule), created_at__lte=cutoff)
        .filter(Q(next_activity_at__isnull=True) | Q(next_activity_at__lte=now))
        .annotate(silent_since=since)
        .filter(~Exists(taken), silent_since__lte=cutoff)
        .order_by("silent_since", "pk")
    )
    return list(found[:left])


def stages_of(rule: Rule) -> list[str]:
    """The open stages that the rule is about: its own, or all of its pipeline."""
    open_keys = [stage.key for stage in pipelines.stages_of(rule.pipeline_id) if stage.is_open]
    return [key for key in open_keys if rule.stage_id in {None, key}]


def left_today(rule: Rule) -> int:
    """How many the rule may still take today, by what it has begun since midnight."""
    begun = ScheduledRun.objects.filter(rule=rule, created_at__gte=day_start(clock.today())).count()
    return per_day(rule) - begun


def per_day(rule: Rule) -> int:
    """How many records the rule takes in a day at most: old data must not set off a flood."""
    return int(rule.params.get("per_day", PER_DAY))


def broken(run: ScheduledRun, record: StagedRecord) -> bool:
    """Has anything happened since the run was planned, or is a step planned for later?"""
    waits = record.next_activity_at is not None and record.next_activity_at > clock.now()
    return waits or (run.planned_from is not None and silent_since(record) > run.planned_from)


def due_moments(record: StagedRecord, rules: list[Rule]) -> list[tuple[Rule, datetime]]:
    """What silence is going to bring the record, the nearest first; nothing while a step is planned."""
    mine = [rule for rule in rules if record.stage in stages_of(rule)]
    if not mine or (record.next_activity_at is not None and record.next_activity_at > clock.now()):
        return []
    since = silent_since(record)
    found = [(rule, max(since, rule.switched_on_at) + timedelta(days=rule.delay_days)) for rule in mine]
    return sorted([row for row in found if row[1] > clock.now()], key=lambda row: row[1])
