"""The company's working time: hours, days of the week, and the calendar of holidays that is kept in the settings.

Everything that counts "working" hours or days asks here: norms of stages, what robots plan, deadlines of partners,
"tomorrow" and "Monday" of a task.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from crm import preferences, scope
from crm.prepared import Kept

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from crm.models import CalendarDay

EVERY_DAY = frozenset(range(1, 8))
OFF, SHORT, WORKING = "off", "short", "working"
SHORTER_BY = timedelta(hours=1)  # the day before a holiday, Labour Code art. 95
DAY = timedelta(days=1)
# How far a working day is looked for: longer than any holidays, and an end where every day was switched off.
FAR = 400
MEMO = "working_time"


@dataclass(frozen=True)
class WorkingTime:
    """Hours of a working day on the company's clock, and which days of the week are such (Monday is 1).

    Without hours the whole day is meant. `special` tells of single days what they are, whatever the day of the week:
    off, short (it ends an hour earlier), working.
    """

    hours: tuple[time, time] | None = None
    days: Collection[int] = EVERY_DAY
    special: Mapping[date, str] = field(default_factory=dict)

    def is_working(self, day: date) -> bool:
        """Is there work on that day?"""
        kind = self.special.get(day)
        return day.isoweekday() in self.days if kind is None else kind != OFF

    def working_day(self, day: date) -> date:
        """The day itself, or the first working day after it."""
        return next((later for n in range(FAR) if self.is_working(later := day + timedelta(days=n))), day)

    def hours_of(self, day: date) -> tuple[time, time]:
        """From when to when there is work on a working day."""
        opens, closes = self.hours or (time.min, time.max)
        if self.hours is not None and self.special.get(day) == SHORT:
            earlier = (datetime.combine(day, closes) - SHORTER_BY).time()
            closes = earlier if opens < earlier < closes else closes
        return opens, closes

    def place(self, day: date, at: time, zone: ZoneInfo) -> datetime:
        """The working moment for `at` on `day`, in UTC: the time is kept within the hours, a day off gives way."""
        day = self.working_day(day)
        opens, closes = self.hours_of(day)
        return datetime.combine(day, min(max(at, opens), closes), zone).astimezone(UTC)

    def next_moment(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """The moment itself while work goes on, else the next opening; in UTC."""
        local = moment.astimezone(zone)
        is_over = local.time() > self.hours_of(local.date())[1]
        day = self.working_day(local.date() + DAY if is_over else local.date())
        opens = self.hours_of(day)[0]
        if day == local.date() and local.time() >= opens:
            return moment
        return datetime.combine(day, opens, zone).astimezone(UTC)

    @property
    def full_day(self) -> timedelta:
        """How long a usual working day is."""
        opens, closes = self.hours or (time.min, time.min)
        return datetime.combine(date.min, closes) - datetime.combine(date.min, opens) or DAY

    def length(self, hours: int) -> timedelta:
        """A term given in hours as working time: every 24 hours of it stand for one working day."""
        days, rest = divmod(hours, 24)
        return days * self.full_day + min(timedelta(hours=rest), self.full_day)

    def after(self, moment: datetime, span: timedelta, zone: ZoneInfo) -> datetime:
        """When so much working time has gone by since the moment; in UTC."""
        moment = moment.astimezone(UTC)
        for opens, closes in self._spells(moment.astimezone(zone).date(), 1, zone):
            begin = max(opens, moment)
            if closes - begin >= span:
                return begin + span
            span -= max(closes - begin, timedelta())
        return moment + span

    def before(self, moment: datetime, span: timedelta, zone: ZoneInfo) -> datetime:
        """Since when so much working time has gone by until the moment; in UTC."""
        moment = moment.astimezone(UTC)
        for opens, closes in self._spells(moment.astimezone(zone).date(), -1, zone):
            end = min(closes, moment)
            if end - opens >= span:
                return end - span
            span -= max(end - opens, timedelta())
        return moment - span

    def _spells(self, day: date, step: int, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
        """Opening and closing of each working day from `day` on (or back), in UTC."""
        idle = 0
        while idle < FAR:
            idle = 0 if self.is_working(day) else idle + 1
            if not idle:
                opens, closes = self.hours_of(day)
                midnight = datetime.combine(day + DAY, time.min, zone)
                end = midnight if self.hours is None else datetime.combine(day, closes, zone)
                yield datetime.combine(day, opens, zone).astimezone(UTC), end.astimezone(UTC)
            day += timedelta(days=step)


def _rows() -> QuerySet[CalendarDay]:
    from crm.models import CalendarDay

    return CalendarDay.objects.only("day", "kind").order_by()


def _by_day(rows: list[CalendarDay]) -> dict[date, str]:
    return {row.day: row.kind for row in rows}


_kept: Kept[dict[date, str]] = Kept(_rows, _by_day)


def calendar() -> dict[date, str]:
    """What single days are, as the settings say; read once per request, task or command."""
    return scope.remember(MEMO, _kept.get)


def of_company() -> WorkingTime:
    """The working time from the settings."""
    opens, closes = (time.fromisoformat(text) for text in preferences.get("working_hours"))
    return WorkingTime((opens, closes), frozenset(preferences.get("working_days")), calendar())
