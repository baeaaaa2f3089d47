"""The one clock of the product: every "now" and "today" comes from here, so that tests and the demo can move it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

_frozen_at: datetime | None = None
_shift: tuple[float, timedelta] | None = None
SHIFT_READ_EVERY = 1.0  # seconds: web, worker and beat follow a moved clock within this time


def now() -> datetime:
    """The present moment, aware, in UTC."""
    if _frozen_at is not None:
        return _frozen_at
    if getattr(settings, "CLOCK_MOVABLE", False):
        return timezone.now() + _stored_shift()
    return timezone.now()


def today(zone: ZoneInfo | None = None) -> date:
    """The present calendar day in `zone` (the company's time zone when none is given)."""
    return now().astimezone(zone or company_zone()).date()


def company_zone() -> ZoneInfo:
    """The time zone in which the company counts its days and months (setting `company_time_zone`)."""
    from crm import preferences

    return ZoneInfo(preferences.get("company_time_zone"))


@contextmanager
def frozen(at: datetime) -> Iterator[None]:
    """Stop the clock at `at` for the whole process (all threads); nests."""
    global _frozen_at
    if timezone.is_naive(at):
        raise ValueError("The clock takes an aware datetime.")
    before, _frozen_at = _frozen_at, at
    try:
        yield
    finally:
        _frozen_at = before


def travel(**delta: float) -> datetime:
    """Move a frozen clock by a timedelta given in keywords (days=60); answers the new moment."""
    global _frozen_at
    if _frozen_at is None:
        raise RuntimeError("Only a frozen clock can be moved; see crm.clock.frozen().")
    _frozen_at = _frozen_at + timedelta(**delta)
    return _frozen_at


def set_shift(delta: timedelta) -> None:
    """Store the demo's shift of the clock for all processes; only where CLOCK_MOVABLE is on."""
    global _shift
    if not getattr(settings, "CLOCK_MOVABLE", False):
        raise RuntimeError("The clock of this installation cannot be moved (CLOCK_MOVABLE is off).")
    from crm import preferences

    preferences.set_value("clock_shift_seconds", int(delta.total_seconds()))
    _shift = None


def _stored_shift() -> timedelta:
    global _shift
    tick = time.monotonic()
    if _shift is None or tick - _shift[0] > SHIFT_READ_EVERY:
        from crm import preferences

        _shift = (tick, timedelta(seconds=int(preferences.get("clock_shift_seconds"))))
    return _shift[1]


def hours_ago(hours: int, moment: datetime | None = None) -> datetime:
    """So many hours before the present moment (or before `moment`)."""
    return (moment or now()) - timedelta(hours=hours)
