"""How many records silence is going to bring a robot to in the next days: counted by rule, in SQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, Min, OuterRef, Q
from django.db.models.functions import Greatest

from accounts.models import User
from automation import silence
from automation.models import Rule, ScheduledRun
from automation.planned import HORIZON
from crm import clock, conditions
from crm.models import record_model


@dataclass(frozen=True)
class Ahead:
    """What silence is going to bring by one rule, if nothing happens on the records until then.

    `count` records come due within the horizon, the first of them at `first`; `waiting` are due already and are taken
    up `per_day` at a time. `is_at_most` where the rule's conditions cannot be asked of the database.
    """

    rule: Rule
    count: int
    first: datetime | None
    waiting: int
    per_day: int
    is_at_most: bool


def silent_ahead(user: User, asked: Mapping[str, Any], horizon: timedelta = HORIZON) -> list[Ahead]:
    """Every rule of silence that has records in the person's sight ahead of it; a query per pipeline.

    `asked` cuts them as the plan is cut: by `pipeline` (its code), `rule` and `responsible`. Partners see none.
    """
    if user.is_partner:
        return []
    wanted = Rule.objects.filter(trigger=Rule.Trigger.INACTIVE, is_active=True).select_related("pipeline")
    if asked.get("pipeline"):
        wanted = wanted.filter(pipeline=asked["pipeline"])
    if asked.get("rule"):
        wanted = wanted.filter(pk=asked["rule"].pk)
    cut = {"responsible": asked["responsible"]} if asked.get("responsible") else {}
    by_pipeline: dict[str, list[Rule]] = defaultdict(list)
    for rule in wanted.order_by("pipeline__order", "order", "id"):
        by_pipeline[rule.pipeline_id].append(rule)
    found = [ahead for rules in by_pipeline.values() for ahead in _of_pipeline(rules, user, horizon, cut)]
    return [ahead for ahead in found if ahead.count or ahead.waiting]


def _of_pipeline(rules: list[Rule], user: User, horizon: timedelta, cut: dict[str, Any]) -> list[Ahead]:
    now = clock.now()
    rows: Any = record_model(rules[0].pipeline.record_type)._default_manager
    quiet = (
        rows.visible_to(user)
        .alive()
        .filter(stage__in={key for rule in rules for key in silence.stages_of(rule)}, **cut)
        .filter(Q(next_activity_at__isnull=True) | Q(next_activity_at__lte=now))
        .order_by()
        .annotate(life=silence.last_life(rules[0].pipeline.record_type))
    )
    asked: dict[str, Any] = {}
    for rule in rules:
        asked |= _asked(rule, now, horizon)
        if rule.switched_on_at <= now - timedelta(days=rule.delay_days):
            quiet = quiet.annotate(**{f"taken_{rule.pk}": _taken(rule)})
    counted = quiet.aggregate(**asked)
    return [_read(rule, counted, now) for rule in rules]


def _taken(rule: Rule) -> Exists:
    """Has the rule taken up this silence before?"""
    runs = ScheduledRun.objects.filter(rule=rule, record_type=rule.pipeline.record_type, record_id=OuterRef("pk"))
    return Exists(runs.filter(planned_from__gte=Greatest(OuterRef("life"), rule.switched_on_at)))


def _asked(rule: Rule, now: datetime, horizon: timedelta) -> dict[str, Any]:
    """Silence is counted from when the rule was switched on at the earliest: what is older begins there."""
    delay = timedelta(days=rule.delay_days)
    due, last = now - delay, now + horizon - delay
    fits = Q(stage__in=silence.stages_of(rule)) & _conditions(rule)[0]
    ahead = fits & Q(life__lte=last)
    if rule.switched_on_at > last:
        ahead = Q(pk__in=[])
    elif rule.switched_on_at <= due:
        ahead &= Q(life__gt=due)
    asked = {
        f"count_{rule.pk}": Count("pk", filter=ahead),
        f"first_{rule.pk}": Min("life", filter=ahead),
    }
    if rule.switched_on_at <= due:
        waits = fits & Q(life__lte=due, **{f"taken_{rule.pk}": False})
        asked[f"waiting_{rule.pk}"] = Count("pk", filter=waits)
    return asked


def _conditions(rule: Rule) -> tuple[Q, bool]:
    """The rule's conditions for the database, and whether they could all be asked there."""
    try:
        return conditions.as_q(rule.conditions, rule.pipeline.record_type), True
    except ValueError:
        return Q(), False


def _read(rule: Rule, counted: dict[str, Any], now: datetime) -> Ahead:
    first = counted[f"first_{rule.pk}"]
    due = max(first, rule.switched_on_at) + timedelta(days=rule.delay_days) if first else None
    return Ahead(
        rule,
        counted[f"count_{rule.pk}"],
        max(due, now) if due else None,
        counted.get(f"waiting_{rule.pk}", 0),
        silence.per_day(rule),
        not _conditions(rule)[1],
    )
