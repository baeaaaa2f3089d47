"""The plan of delayed demand: what is far, when the reminders are due, by which channel."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.working_time import WorkingTime
from deals.delayed_demand import (
    CALL_AND_RESUME,
    CHANNELS,
    REMINDER_1,
    REMINDER_2,
    add_months,
    choose_channel,
    is_far,
    plan,
)

quick = settings(max_examples=100, deadline=None)
MOSCOW = ZoneInfo("Europe/Moscow")
BERLIN = ZoneInfo("Europe/Berlin")
moments = st.dates(date(2000, 1, 1), date(2090, 1, 1)).flatmap(
    lambda day: st.times().map(lambda at: datetime.combine(day, at, UTC))
)
days = st.dates(date(2000, 1, 1), date(2100, 1, 1))


@pytest.mark.rule("DEAL-4")
@pytest.mark.parametrize(
    ("today", "start", "far"),
    [
        (date(2026, 1, 15), date(2026, 7, 15), False),
        (date(2026, 1, 15), date(2026, 7, 16), True),
        (date(2026, 8, 31), date(2027, 2, 28), False),
        (date(2026, 8, 31), date(2027, 3, 1), True),
        (date(2027, 8, 31), date(2028, 2, 29), False),
        (date(2027, 8, 31), date(2028, 3, 1), True),
        (date(2026, 12, 31), date(2027, 6, 30), False),
        (date(2026, 12, 31), date(2027, 7, 1), True),
        (date(2026, 1, 15), date(2025, 1, 1), False),
    ],
)
def test_far_is_strictly_more_than_six_calendar_months(today, start, far):
    assert is_far(start, today) is far


@pytest.mark.rule("DEAL-4")
@quick
@given(days, days)
def test_what_is_far_today_was_far_yesterday(start, today):
    if is_far(start, today):
        assert is_far(start, today - timedelta(days=1))
        assert is_far(start + timedelta(days=1), today)
        assert start - today > timedelta(days=180)
    else:
        assert start - today <= timedelta(days=184)


@quick
@given(days, st.integers(0, 30))
def test_months_later_is_in_that_month_on_that_day_or_its_last(day, months):
    later = add_months(day, months)
    assert (later.year * 12 + later.month) - (day.year * 12 + day.month) == months
    assert later.day == day.day or (later.day < day.day and (later + timedelta(days=1)).day == 1)


@pytest.mark.rule("DEAL-5")
def test_the_steps_are_due_on_days_60_90_and_120_at_the_same_time():
    steps = plan(datetime(2026, 1, 10, 12, 30, tzinfo=UTC), MOSCOW)
    assert [(step.code, step.due_at) for step in steps] == [
        (REMINDER_1, datetime(2026, 3, 11, 12, 30, tzinfo=UTC)),
        (REMINDER_2, datetime(2026, 4, 10, 12, 30, tzinfo=UTC)),
        (CALL_AND_RESUME, datetime(2026, 5, 10, 12, 30, tzinfo=UTC)),
    ]


@pytest.mark.rule("DEAL-5")
def test_the_time_on_the_clock_survives_the_change_to_summer_time():
    steps = plan(datetime(2026, 2, 1, 10, 0, tzinfo=BERLIN), BERLIN)
    assert [step.due_at.astimezone(BERLIN).time() for step in steps] == [time(10)] * 3
    assert {step.due_at.hour for step in steps} == {8}  # and 10:00 in Berlin was 9:00 UTC in winter


@pytest.mark.rule("DEAL-5")
def test_days_are_counted_in_the_companys_zone():
    late_in_utc = datetime(2026, 1, 10, 22, 30, tzinfo=UTC)  # already the 11th in Moscow
    assert plan(late_in_utc, MOSCOW)[0].due_at.astimezone(MOSCOW).date() == date(2026, 3, 12)


@pytest.mark.rule("DEAL-5")
@quick
@given(
    moments,
    st.sampled_from(["Europe/Moscow", "Europe/Berlin", "America/New_York", "Asia/Vladivostok", "Australia/Lord_Howe"]),
    st.tuples(st.integers(0, 200), st.integers(1, 200), st.integers(1, 200)),
)
def test_steps_fall_on_their_days_in_order(entered_at, zone, gaps):
    tz = ZoneInfo(zone)
    steps = plan(entered_at, tz, gaps)
    first_day = entered_at.astimezone(tz).date()
    assert [step.code for step in steps] == [REMINDER_1, REMINDER_2, CALL_AND_RESUME]
    assert [(step.due_at.astimezone(tz).date() - first_day).days for step in steps] == [
        gaps[0],
        gaps[0] + gaps[1],
        sum(gaps),
    ]
    assert steps[0].due_at < steps[1].due_at < steps[2].due_at


def test_a_window_keeps_reminders_out_of_the_night():
    night = datetime(2026, 1, 10, 3, 0, tzinfo=MOSCOW)
    evening = datetime(2026, 1, 10, 23, 50, tzinfo=MOSCOW)
    hours = (time(9), time(18))
    assert plan(night, MOSCOW, work=WorkingTime(hours))[0].due_at == datetime(2026, 3, 11, 9, tzinfo=MOSCOW)
    assert plan(evening, MOSCOW, work=WorkingTime(hours))[0].due_at == datetime(2026, 3, 11, 18, tzinfo=MOSCOW)


@pytest.mark.parametrize("gaps", [(60, 30), (60, 30, -1), ()])
def test_wrong_gaps_are_refused(gaps):
    with pytest.raises(ValueError, match="gaps"):
        plan(datetime(2026, 1, 1, tzinfo=UTC), MOSCOW, gaps)


def test_a_moment_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        plan(datetime(2026, 1, 1), MOSCOW)  # noqa: DTZ001


@pytest.mark.rule("DEAL-5")
@pytest.mark.parametrize(
    ("preferred", "reachable", "consent", "channel"),
    [
        ("telegram", {"email", "telegram"}, True, "telegram"),
        ("telegram", {"email", "whatsapp"}, True, "email"),
        ("email", {"telegram"}, True, "telegram"),
        (None, {"whatsapp", "telegram"}, True, "whatsapp"),
        ("", {"email"}, True, "email"),
        ("pigeon", {"pigeon", "email"}, True, "email"),
        ("email", set(), True, None),
        ("email", {"email"}, False, None),
    ],
)
def test_the_preferred_channel_then_the_next_reachable_one(preferred, reachable, consent, channel):
    assert choose_channel(preferred, reachable, consent) == channel


@pytest.mark.rule("DEAL-5")
@quick
@given(st.sampled_from([None, *CHANNELS]), st.sets(st.sampled_from(CHANNELS)), st.booleans())
def test_a_channel_is_found_exactly_when_one_is_reachable_and_allowed(preferred, reachable, consent):
    channel = choose_channel(preferred, reachable, consent)
    assert (channel is not None) == (consent and bool(reachable))
    if channel is not None:
        assert channel in reachable
        assert preferred not in reachable or channel == preferred
