"""The one definition of "stands longer than the norm" (PIPE-7): board, card, lists, reports and control ask here.

Norms are working time: nights, days off and holidays do not count. A norm is given in hours; every 24 of them stand
for one working day.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Q

from crm import clock, scope, working_time
from crm.models import Stage


def norm_of(stage: Stage) -> timedelta | None:
    """How much working time a record may stand in the stage; None where nothing is said, and in finished stages."""
    return working_time.of_company().length(stage.norm_hours) if stage.norm_hours and stage.is_open else None


def due(stage: Stage, entered_at: datetime) -> datetime | None:
    """When the norm runs out for what entered the stage then, in UTC; None where there is no norm."""
    norm = norm_of(stage)
    return working_time.of_company().after(entered_at, norm, clock.company_zone()) if norm is not None else None


def is_over(stage: Stage, entered_at: datetime, now: datetime | None = None) -> bool:
    """Does what entered the stage then stand longer than the norm, whatever is planned for it?"""
    since = _since(stage, now or clock.now())
    return since is not None and entered_at < since


def over_norm(stages: Iterable[Stage], now: datetime | None = None) -> Q:
    """The same as a condition on records of these stages; a record in none of them is not over."""
    moment, late = now or clock.now(), Q(pk__in=[])
    for stage in stages:
        if (since := _since(stage, moment)) is not None:
            late |= Q(stage=stage.key, stage_entered_at__lt=since)
    return late


def _since(stage: Stage, now: datetime) -> datetime | None:
    """What entered the stage before this moment is over the norm; counted once for all records and like stages."""
    norm = norm_of(stage)
    if norm is None:
        return None
    return scope.remember(
        f"norm:{norm}:{now}", lambda: working_time.of_company().before(now, norm, clock.company_zone())
    )
