"""Months as people look at them: weeks from Monday, each day with what the working calendar says of it."""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from django.utils.dates import MONTHS, WEEKDAYS, WEEKDAYS_ABBR
from django.utils.formats import date_format

from crm.working_time import SHORT, WorkingTime

_WEEKS = calendar.Calendar(firstweekday=0)


@dataclass(frozen=True)
class MonthDay:
    """A cell of a month: `kind` is off, short, working or nothing where the day of the week decides."""

    day: date
    in_month: bool
    is_working: bool
    kind: str
    name: str

    @property
    def full(self) -> str:
        """The day in words, with its name."""
        return f"{date_format(self.day, 'j E')}{f': {self.name}' if self.name else ''}"


def weeks_of(year: int, month: int, work: WorkingTime, names: Mapping[date, str]) -> list[list[MonthDay]]:
    """The weeks that the month touches, whole ones."""
    return [
        [
            MonthDay(day, day.month == month, work.is_working(day), work.special.get(day, ""), names.get(day, ""))
            for day in week
        ]
        for week in _WEEKS.monthdatescalendar(year, month)
    ]


def month_name(month: int) -> str:
    """The month as a heading."""
    return str(MONTHS[month]).capitalize()


def week_heads() -> list[tuple[str, str]]:
    """Days of the week from Monday, short and in full."""
    return [(str(WEEKDAYS_ABBR[number]), str(WEEKDAYS[number])) for number in range(7)]


def working_days(weeks: list[list[MonthDay]], work: WorkingTime) -> tuple[int, int]:
    """How many days of the month are worked, and how many of them are shortened."""
    own = [cell for week in weeks for cell in week if cell.in_month and cell.is_working]
    return len(own), sum(work.special.get(cell.day) == SHORT for cell in own)
