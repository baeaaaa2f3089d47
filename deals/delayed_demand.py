"""The plan of delayed demand: when a deal waits, and what is done for it while it does.

Pure functions. The rows of scheduled runs are made from `plan`, and made anew when the base date moves.
"""

import calendar
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from crm.working_time import WorkingTime

WHOLE_DAYS = WorkingTime()
FAR_MONTHS = 6
DEFAULT_GAPS = (60, 30, 30)

REMINDER_1 = "reminder_1"
REMINDER_2 = "reminder_2"
# One step, not two: the task to call and the return to work must not be separated by a failure between them.
CALL_AND_RESUME = "call_and_resume"
STEP_CODES = (REMINDER_1, REMINDER_2, CALL_AND_RESUME)

EMAIL, WHATSAPP, TELEGRAM = "email", "whatsapp", "telegram"
CHANNELS = (EMAIL, WHATSAPP, TELEGRAM)


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One thing to be done for a waiting deal, with its moment in UTC."""

    code: str
    due_at: datetime


def add_months(day: date, months: int) -> date:
    """Return the same day so many months later; a day that month lacks becomes its last.

    31 August and six months is 28 or 29 February.
    """
    index = day.year * 12 + day.month - 1 + months
    year, month = index // 12, index % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def is_far(construction_start: date, today: date, months: int = FAR_MONTHS) -> bool:
    """Tell whether construction starts strictly later than so many calendar months from today.

    Exactly six months away is not far yet: on 31 August the limit is 28 (29) February, and 1 March is far.
    Both are calendar days in the company's time zone.
    """
    return construction_start > add_months(today, months)


def plan(
    entered_at: datetime,
    tz: ZoneInfo,
    gaps: Sequence[int] = DEFAULT_GAPS,
    work: WorkingTime = WHOLE_DAYS,
) -> list[PlannedStep]:
    """Return the steps for a deal that entered delayed demand: days 60, 90 and 120 with the shipped gaps.

    Days are calendar days in the company's time zone: a step is due at the same time on the clock so many
    days later, whether or not the clocks were changed in between. The time of day is kept within the hours of
    `work` without leaving the day; a step that falls on a day off waits for the next working day, and those after it
    are counted as before.
    """
    if entered_at.tzinfo is None:
        raise ValueError("entered_at must know its time zone.")
    if len(gaps) != len(STEP_CODES) or any(gap < 0 for gap in gaps):
        raise ValueError(f"Give {len(STEP_CODES)} gaps in days, none below zero.")
    local = entered_at.astimezone(tz)
    at, day, steps = local.time().replace(fold=0), local.date(), []
    for code, gap in zip(STEP_CODES, gaps, strict=True):
        day += timedelta(days=gap)
        steps.append(PlannedStep(code, work.place(day, at, tz)))
    return steps


def choose_channel(preferred: str | None, reachable: Collection[str], consent: bool) -> str | None:
    """Return the channel for a reminder: the client's own, else the next one on which they can be reached.

    None - nobody to write to or no consent - means a task for the responsible instead.
    """
    if not consent:
        return None
    order = dict.fromkeys([preferred, *CHANNELS] if preferred else CHANNELS)
    return next((channel for channel in order if channel in CHANNELS and channel in reachable), None)
