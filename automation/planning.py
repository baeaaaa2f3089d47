"""What rules plan: one row per rule, record and occasion, whoever finds the occasion."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from automation.actions import entry_of
from automation.models import Rule, ScheduledRun
from crm import clock, events
from crm.models import StagedRecord


def run_key(rule: Rule, record: StagedRecord, occasion: str) -> str:
    """What makes a planned run one: the rule, the record and the occasion."""
    return f"{rule.pk}:{record.RECORD_TYPE}:{record.pk}:{occasion}"


def entry_occasion(record: StagedRecord) -> str:
    """The occasion of the record's entry into the stage where it stands."""
    return f"s{entry_of(record)}"


def plan(
    rule: Rule, record: StagedRecord, key: str, *, planned_from: datetime, due_at: datetime, of_stay: bool = True,
    **columns: Any,
) -> tuple[ScheduledRun, bool]:  # fmt: skip
    """The run of a rule under that key, and whether it was made just now.

    With `of_stay` it ends with the record's stay in the stage where it stands.
    """
    return ScheduledRun.objects.get_or_create(
        key=key,
        defaults={
            "rule": rule,
            "record_type": record.RECORD_TYPE,
            "record_id": record.pk,
            "stage_key": record.stage if of_stay else "",
            "entry_id": entry_of(record) if of_stay else None,
            "planned_from": planned_from,
            "due_at": due_at,
            "depth": events.depth(),
            "created_at": clock.now(),
            **columns,
        },
    )
