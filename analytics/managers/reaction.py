"""How soon somebody first reacts to a lead that came in, in working time: counted and ranked by the database."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import connection
from django.db.models import F, Min, OuterRef, QuerySet, Subquery
from django.db.models.functions import ExtractHour, ExtractMinute, ExtractSecond, TruncDate

from analytics.sql import nothing_of_nothing
from crm import clock, working_time
from crm.models import ActorKind, TimelineEntry
from crm.working_time import WorkingTime

# Lines of the timeline that a person makes without having done anything about the request.
NO_REACTION = ("created",)


def _calendar(first: date, last: date, work: WorkingTime) -> str:
    """VALUES of (day, working seconds before it, opening, closing); the seconds of a day begin at midnight."""
    rows, before, day = [], 0, first
    while day <= last:
        opens = closes = 0
        if work.is_working(day):
            opens, closes = (_seconds(at) for at in work.hours_of(day))
        rows.append(f"('{day.isoformat()}', {before}, {opens}, {closes})")
        before, day = before + closes - opens, day + timedelta(days=1)
    return ", ".join(rows)


def _seconds(at: time) -> int:
    return at.hour * 3600 + at.minute * 60 + at.second


def _moments(name: str) -> dict[str, Any]:
    """The day of a moment on the company's calendar, and the seconds since its midnight."""
    zone = clock.company_zone()
    seconds = ExtractHour(name, tzinfo=zone) * 3600 + ExtractMinute(name, tzinfo=zone) * 60
    return {f"{name}_day": TruncDate(name, tzinfo=zone), f"{name}_seconds": seconds + ExtractSecond(name, tzinfo=zone)}


def _worked(place: str) -> str:
    """Working seconds up to a moment, by its line of the calendar."""
    seconds, line = f"r.{place}_seconds", f"{place}_line"
    within = f"CASE WHEN {seconds} <= {line}.opens THEN 0 WHEN {seconds} >= {line}.closes "
    within += f"THEN {line}.closes - {line}.opens ELSE {seconds} - {line}.opens END"
    return f"{line}.past + {within}"


@nothing_of_nothing(dict)
def first_reactions(leads: QuerySet[Any]) -> dict[int, tuple[float, int]]:
    """{person: (median working seconds from the coming of a lead to the first deed of a person on it, leads)}.

    The discrete median: the smallest span that is not shorter than half of all. Leads nobody has touched are out.
    """
    deeds = TimelineEntry.objects.filter(
        record_type="lead", record_id=OuterRef("pk"), actor_kind__in=[ActorKind.USER, ActorKind.TOKEN]
    ).exclude(action__in=NO_REACTION)
    first = deeds.order_by().values("record_id").annotate(first=Min("at")).values("first")
    rows = (
        leads.filter(responsible__isnull=False)
        .annotate(reacted_at=Subquery(first))
        .filter(reacted_at__gte=F("created_at"))
    )
    span = rows.aggregate(first=Min("created_at"))["first"]
    if span is None:
        return {}
    calendar = _calendar(_day(span), clock.today() + timedelta(days=1), working_time.of_company())
    columns = {**_moments("created_at"), **_moments("reacted_at")}
    sql, params = rows.annotate(**columns).values_list("responsible", *columns).query.sql_with_params()
    return _ranked(sql, params, calendar)


def _day(moment: datetime) -> date:
    return moment.astimezone(clock.company_zone()).date()


def _ranked(rows: str, params: tuple[Any, ...], calendar: str) -> dict[int, tuple[float, int]]:
    sql = f"""
        WITH r (person, came_day, came_seconds, done_day, done_seconds) AS MATERIALIZED ({rows}),
        line (day, past, opens, closes) AS (VALUES {calendar}),
        spans AS (
            SELECT r.person, {_worked("done")} - ({_worked("came")}) AS seconds
            FROM r JOIN line came_line ON came_line.day = CAST(r.came_day AS TEXT)
            JOIN line done_line ON done_line.day = CAST(r.done_day AS TEXT)
        ),
        ranked AS (
            SELECT person, seconds, CUME_DIST() OVER (PARTITION BY person ORDER BY seconds) AS part FROM spans
        )
        SELECT person, MIN(CASE WHEN part >= 0.5 THEN seconds END), COUNT(*) FROM ranked GROUP BY person
    """  # noqa: S608 - only names and days of our own are put into the text
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return {person: (float(median), count) for person, median, count in cursor.fetchall()}
