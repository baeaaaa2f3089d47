"""Holidays as the Labour Code of Russia has them, and the days that the company's calendar keeps."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from crm.errors import InvalidInput
from crm.models import CalendarDay
from crm.settings_audit import require_head, save_audited
from crm.settings_services import calendar_changed

Kind = CalendarDay.Kind
NEW_YEAR = "Новогодние каникулы"
# Labour Code, art. 112: month, day, name.
HOLIDAYS: tuple[tuple[int, int, str], ...] = (
    (1, 1, NEW_YEAR), (1, 2, NEW_YEAR), (1, 3, NEW_YEAR), (1, 4, NEW_YEAR), (1, 5, NEW_YEAR), (1, 6, NEW_YEAR),
    (1, 7, "Рождество Христово"), (1, 8, NEW_YEAR), (2, 23, "День защитника Отечества"),
    (3, 8, "Международный женский день"), (5, 1, "Праздник Весны и Труда"), (5, 9, "День Победы"),
    (6, 12, "День России"), (11, 4, "День народного единства"),
)  # fmt: skip
EARLIEST, LATEST = 2000, 2100


def statutory_days(year: int) -> dict[date, tuple[str, str]]:
    """Kind and name of the days that the Labour Code itself makes special in a year.

    Holidays (art. 112), the next working day after one that falls on a weekend (the same article; those of January are
    moved by the Government), and the working days right before a holiday, an hour shorter (art. 95).
    """
    found = {date(year, month, day): (str(Kind.OFF), name) for month, day, name in HOLIDAYS}
    for day in [day for day in found if day.month != 1 and day.isoweekday() > 5]:
        free = next(later for n in range(1, 9) if _is_usual(later := day + timedelta(days=n)) and later not in found)
        found[free] = (str(Kind.OFF), f"Перенос с {day:%d.%m}")
    for eve in [day - timedelta(days=1) for day in [*found, date(year + 1, 1, 1)]]:
        if eve.year == year and eve not in found and _is_usual(eve) and _is_holiday(eve + timedelta(days=1)):
            found[eve] = (str(Kind.SHORT), "Предпраздничный день")
    return dict(sorted(found.items()))


def _is_usual(day: date) -> bool:
    return day.isoweekday() <= 5


def _is_holiday(day: date) -> bool:
    return any((day.month, day.day) == (month, number) for month, number, _name in HOLIDAYS)


def check_year(year: int) -> int:
    """The year itself; InvalidInput when nobody keeps a calendar of it."""
    if not EARLIEST <= year <= LATEST:
        message = _("Give a year from %(first)s to %(last)s.") % {"first": EARLIEST, "last": LATEST}
        raise InvalidInput.at("year", message)
    return year


@transaction.atomic
def calendar_fill(year: int, *, by: Any) -> int:
    """Add the days of the Labour Code that the calendar of the year lacks; answers how many. Twice adds nothing."""
    require_head(by)
    check_year(year)
    known = set(CalendarDay.objects.filter(day__year=year).values_list("day", flat=True))
    fresh = {day: what for day, what in statutory_days(year).items() if day not in known}
    for day, (kind, name) in fresh.items():
        save_audited("calendar", CalendarDay(), {"day": day, "kind": kind, "name": name}, by=by)
    if fresh:
        calendar_changed(by)
    return len(fresh)
