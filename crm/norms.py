"""The one definition of "stands longer than the norm" (PIPE-7): board, card, lists, reports and control ask here."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Q

from crm import clock
from crm.models import Stage


def norm_of(stage: Stage) -> timedelta | None:
    """How long a record may stand in the stage; None where nothing is said, and in finished stages."""
    return timedelta(hours=stage.norm_hours) if stage.norm_hours and stage.is_open else None


def is_over(stage: Stage, entered_at: datetime, now: datetime | None = None) -> bool:
    """Does what entered the stage then stand longer than the norm, whatever is planned for it?"""
    norm = norm_of(stage)
    return norm is not None and entered_at < (now or clock.now()) - norm


def over_norm(stages: Iterable[Stage], now: datetime | None = None) -> Q:
    """The same as a condition on records of these stages; a record in none of them is not over."""
    moment, late = now or clock.now(), Q(pk__in=[])
    for stage in stages:
        if (norm := norm_of(stage)) is not None:
            late |= Q(stage=stage.key, stage_entered_at__lt=moment - norm)
    return late
