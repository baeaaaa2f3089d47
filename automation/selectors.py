"""What the robots are going to do for a record, and what they have done."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from automation import invoices, silence
from automation.models import Rule, RuleRun, ScheduledRun
from crm import conditions
from crm.models import StagedRecord


def planned_for(record: StagedRecord) -> list[ScheduledRun]:
    """What is going to happen to a record, the nearest first; the caller has checked that it may be seen."""
    found = ScheduledRun.objects.filter(
        record_type=record.RECORD_TYPE,
        record_id=record.pk,
        state__in=[ScheduledRun.State.SCHEDULED, ScheduledRun.State.RUNNING],
        rule__is_active=True,
    )
    return list(found.select_related("rule").order_by("due_at", "id"))


def failed_for(record: StagedRecord) -> list[ScheduledRun]:
    """What robots tried for a record and could not do: it stays on its card until somebody does it or skips it."""
    found = ScheduledRun.objects.filter(
        record_type=record.RECORD_TYPE, record_id=record.pk, state=ScheduledRun.State.FAILED
    )
    return list(found.select_related("rule").order_by("due_at", "id"))


def expected_for(record: StagedRecord) -> list[dict[str, Any]]:
    """What rules are going to do if nothing happens on the record until then, the nearest first."""
    asked = (Rule.Trigger.INACTIVE, Rule.Trigger.INVOICE_OVERDUE)
    rules = Rule.objects.filter(trigger__in=asked, is_active=True, pipeline=record.pipeline_id)
    fitting = [rule for rule in rules.select_related("pipeline") if conditions.matches(rule.conditions, record)]
    silent = [rule for rule in fitting if rule.trigger == Rule.Trigger.INACTIVE]
    unpaid = [rule for rule in fitting if rule.trigger == Rule.Trigger.INVOICE_OVERDUE]
    found = [*(silence.due_moments(record, silent) if record.is_open else []), *invoices.due_moments(record, unpaid)]
    return [{"rule": rule, "at": at} for rule, at in sorted(found, key=lambda row: row[1])]


def runs_of(record: StagedRecord) -> QuerySet[RuleRun]:
    """What rules did to a record, the latest first."""
    return RuleRun.objects.filter(record_type=record.RECORD_TYPE, record_id=record.pk).select_related("rule")
