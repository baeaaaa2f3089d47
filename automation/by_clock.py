"""Rules by the clock ("every Monday at 9"): once on their day they take the records for which their conditions hold."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from django.db import transaction
from django.db.models import Q

from automation import schedule
from automation.models import Rule
from automation.planning import plan, run_key
from automation.rulebook import known_rules
from crm import clock, conditions, pipelines
from crm.models import record_model

# How many records a rule takes in a day when its parameters do not say: nobody wants a thousand tasks at nine.
PER_DAY = 200


def plan_by_clock() -> int:
    """Plan what rules do whose hour has come; answers how many runs were made. Safe to run in many workers at once."""
    made = 0
    for rule in known_rules():
        if rule.is_active and rule.trigger == Rule.Trigger.SCHEDULE and (moment := _moment(rule)):
            made += _sweep(rule, moment)
    return made


def _moment(rule: Rule) -> datetime | None:
    """The moment of today at which the rule was due and has not been swept; None when there is none."""
    now = clock.now().astimezone(clock.company_zone())
    moment = datetime.combine(now.date(), time(rule.at_hour or 0), now.tzinfo)
    is_its_day = not rule.weekdays or now.isoweekday() in rule.weekdays
    seen = max(filter(None, (rule.swept_at, rule.switched_on_at)))
    return moment if is_its_day and moment <= now and seen < moment else None


@transaction.atomic
def _sweep(rule: Rule, moment: datetime) -> int:
    """Take the records, unless another worker has just done so."""
    unswept = Q(swept_at__isnull=True) | Q(swept_at__lt=moment)
    if not Rule.objects.filter(unswept, pk=rule.pk).update(swept_at=clock.now()):
        return 0
    day = moment.date().isoformat()
    due = schedule.working_moment(clock.now())
    return sum(
        plan(rule, record, run_key(rule, record, f"t{day}"), planned_from=clock.now(), due_at=due)[1]
        for record in matching(rule, int(rule.params.get("per_day", PER_DAY)))
    )


def matching(rule: Rule, limit: int) -> list[Any]:
    """The records at the rule's stage (at any open one without it) for which its conditions hold, oldest stay first."""
    rows: Any = record_model(rule.pipeline.record_type)._default_manager
    found = rows.alive().filter(stage__in=stages_of(rule)).order_by("stage_entered_at", "pk")
    try:
        return list(found.filter(conditions.as_q(rule.conditions, rule.pipeline.record_type))[:limit])
    except ValueError:  # a predicate: asked of each record
        taken: list[Any] = []
        for record in found.iterator():
            if len(taken) >= limit:
                break
            if conditions.matches(rule.conditions, record):
                taken.append(record)
        return taken


def stages_of(rule: Rule) -> list[str]:
    """The stages whose records a rule is about: its own, or all open ones of its pipeline."""
    if rule.stage_id is not None:
        return [rule.stage_id]
    return [stage.key for stage in pipelines.stages_of(rule.pipeline_id, hidden=True) if stage.is_open]
