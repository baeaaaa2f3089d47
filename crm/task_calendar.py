"""Tasks, calls and meetings by day: a day, a week or a month of one person, or of everybody whose tasks one may see."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from accounts.models import Role, User
from crm import clock
from crm.models import Activity, CalendarDay
from crm.months import weeks_of
from crm.people import colleagues
from crm.task_rows import rows_with_records
from crm.visibility import covered_user_ids
from crm.working_time import WorkingTime, of_company

VIEWS = ("day", "week", "month")
EVERYBODY = "all"
MOST = 600  # tasks on one page; more are told of, and found by the list
USUAL_HOURS = (9, 18)


@dataclass
class Hour:
    """Tasks due within an hour of a day."""

    hour: int
    tasks: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Day:
    """A day with its tasks, in order of time; `hours` where the view parts the day."""

    day: date
    is_working: bool
    kind: str
    name: str
    is_today: bool
    in_month: bool = True
    tasks: list[dict[str, Any]] = field(default_factory=list)
    hours: list[Hour] = field(default_factory=list)

    @property
    def overdue(self) -> int:
        """How many of its tasks are late."""
        return sum(bool(task["overdue"]) for task in self.tasks)


def people_of(user: User) -> QuerySet[User]:
    """Whose calendars one may open: heads and control everybody's at work, a manager the team's, a partner its own."""
    rows = colleagues(user).filter(is_active=True).order_by("last_name", "first_name", "pk")
    if user.is_head or user.is_partner or user.role == Role.PARTNER_CONTROL:
        return rows
    return rows.filter(pk__in=covered_user_ids(user))


def first_and_last(view: str, day: date) -> tuple[date, date]:
    """The days that a view around a day shows: that day, its week from Monday, or the whole weeks of its month."""
    if view == "day":
        return day, day
    monday = day - timedelta(days=day.weekday())
    if view == "week":
        return monday, monday + timedelta(days=6)
    weeks = weeks_of(day.year, day.month, WorkingTime(), {})
    return weeks[0][0].day, weeks[-1][-1].day


def step(view: str, day: date, by: int) -> date:
    """The same view so many days, weeks or months on."""
    if view == "month":
        months = day.year * 12 + day.month - 1 + by
        return date(months // 12, months % 12 + 1, 1)
    return day + timedelta(days=by if view == "day" else 7 * by)


def tasks_between(user: User, first: date, last: date, zone: ZoneInfo, person: int | None) -> QuerySet[Activity]:
    """The tasks in the user's sight that are due on these days of the zone, done or not; of one person or of all."""
    start = datetime.combine(first, time.min, zone)
    end = datetime.combine(last + timedelta(days=1), time.min, zone)
    rows = Activity.objects.all().visible_to(user).filter(due_at__gte=start, due_at__lt=end)
    return rows.filter(responsible=person) if person is not None else rows


def days_of(user: User, view: str, day: date, zone: ZoneInfo, person: int | None) -> tuple[list[Day], bool]:
    """The days of a view with their tasks, and whether there are more than a page holds."""
    first, last = first_and_last(view, day)
    rows = tasks_between(user, first, last, zone, person).select_related("responsible").order_by("due_at", "id")
    found = list(rows[: MOST + 1])
    days = _empty_days(first, last, zone, day.month if view == "month" else 0)
    for task in rows_with_records(found[:MOST], user):
        days[task["due"].astimezone(zone).date()].tasks.append(task)
    made = list(days.values())
    if view != "month":
        _part(made, zone)
    return made, len(found) > MOST


def _empty_days(first: date, last: date, zone: ZoneInfo, month: int) -> dict[date, Day]:
    work, today = of_company(), clock.today(zone)
    names = dict(CalendarDay.objects.filter(day__gte=first, day__lte=last).values_list("day", "name"))
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return {
        one: Day(one, work.is_working(one), work.special.get(one, ""), names.get(one, ""), one == today,
                 not month or one.month == month)
        for one in days
    }  # fmt: skip


def _part(days: Iterable[Day], zone: ZoneInfo) -> None:
    """Part the days by the hours of work, and by earlier and later ones where something is due then."""
    found = list(days)
    hours = [task["due"].astimezone(zone).hour for day in found for task in day.tasks]
    opens, closes = of_company().hours or (time(USUAL_HOURS[0]), time(USUAL_HOURS[1]))
    begin, end = min([opens.hour, *hours]), max([closes.hour, *hours])
    for day in found:
        day.hours = [Hour(hour) for hour in range(begin, end + 1)]
        for task in day.tasks:
            day.hours[task["due"].astimezone(zone).hour - begin].tasks.append(task)


def moved_to(due: datetime, day: date, hour: int | None, zone: ZoneInfo) -> datetime:
    """The moment for a task that was put on another day, at its own time of day or at a full hour."""
    at = due.astimezone(zone).time().replace(fold=0) if hour is None else time(hour)
    return datetime.combine(day, at, zone)
