"""The company's working hours: what robots plan for later falls into them, and not into a night or a day off."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

EVERY_DAY = frozenset(range(1, 8))


@dataclass(frozen=True)
class WorkingTime:
    """Hours of a working day on the company's clock, and which days of the week are such (Monday is 1).

    Without hours the whole day is meant.
    """

    hours: tuple[time, time] | None = None
    days: Collection[int] = EVERY_DAY

    def place(self, day: date, at: time, zone: ZoneInfo) -> datetime:
        """The working moment for `at` on `day`, in UTC: the time is kept within the hours, a day off gives way."""
        if self.hours is not None:
            at = min(max(at, self.hours[0]), self.hours[1])
        return datetime.combine(self.working_day(day), at, zone).astimezone(UTC)

    def working_day(self, day: date) -> date:
        """The day itself, or the first working day after it."""
        return next((later for n in range(7) if (later := day + timedelta(days=n)).isoweekday() in self.days), day)

    def next_moment(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """The moment itself while work goes on, else the next opening; in UTC."""
        local = moment.astimezone(zone)
        opens, closes = self.hours or (time.min, time.max)
        is_over = local.time() > closes
        day = self.working_day(local.date() + timedelta(days=1) if is_over else local.date())
        if day == local.date() and local.time() >= opens:
            return moment
        return datetime.combine(day, opens, zone).astimezone(UTC)


def of_company() -> WorkingTime:
    """The working time from the settings."""
    from crm import preferences

    opens, closes = (time.fromisoformat(text) for text in preferences.get("working_hours"))
    return WorkingTime((opens, closes), frozenset(preferences.get("working_days")))
