"""The calendar of tasks, calls and meetings: view, day and person stand in the address."""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from accounts import identity
from accounts.models import User
from accounts.services import feed_owner
from crm import clock
from crm.calendar_feed import feed_of, too_often
from crm.formfields import read_full_day
from crm.models import Activity
from crm.months import month_name, week_heads
from crm.screens import dialogs
from crm.task_calendar import EVERYBODY, MOST, VIEWS, days_of, first_and_last, people_of, step

LABELS = {"day": gettext_lazy("Day"), "week": gettext_lazy("Week"), "month": gettext_lazy("Month")}
SHOWN_IN_MONTH = 4
FIRST, LAST = date(2000, 1, 1), date(2100, 12, 31)


@login_required
@require_safe
def task_calendar(request: HttpRequest) -> HttpResponse:
    """A day, a week or a month; what is asked wrongly is this week of one's own."""
    user: Any = request.user
    zone: Any = timezone.get_current_timezone()
    view = request.GET.get("view", "")
    view = view if view in VIEWS else "week"
    day = _day_of(request.GET.get("date", ""), zone)
    people = list(people_of(user))
    person = _person_of(request.GET.get("person", ""), user, people)
    days, is_cut = days_of(user, view, day, zone, person)
    here = {"person": EVERYBODY if person is None else person} if person != user.pk else {}
    overdue = Activity.objects.all().visible_to(user).overdue()
    whose = overdue.filter(responsible=person) if person is not None else overdue
    context = {
        "view": view,
        "days": days,
        "weeks": [days[number : number + 7] for number in range(0, len(days), 7)] if view == "month" else [],
        "heads": week_heads(),
        "shown": SHOWN_IN_MONTH,
        "title": _title(view, day),
        "whose": _whose(person, people),
        "others": person != user.pk,
        "people": people if len(people) > 1 else [],
        "person": EVERYBODY if person is None else person,
        "date": f"{day:%Y-%m-%d}",
        "views": [{"label": LABELS[one], "url": _url(one, day, here), "active": one == view} for one in VIEWS],
        "before_url": _url(view, step(view, day, -1), here),
        "after_url": _url(view, step(view, day, 1), here),
        "today_url": _url(view, clock.today(zone), here),
        "day_urls": {one.day: _url("day", one.day, here) for one in days},
        "overdue": whose.count(),
        "overdue_url": _list_url(person),
        "most": MOST if is_cut else 0,
    }
    template = "crm/calendar.html#calendar" if dialogs.is_partial(request) else "crm/calendar.html"
    return render(request, template, context)


def _day_of(raw: str, zone: Any) -> date:
    try:
        found = date.fromisoformat(raw)
    except ValueError:
        found = read_full_day(raw) or clock.today(zone)
    return found if FIRST <= found <= LAST else clock.today(zone)


def _person_of(raw: str, user: User, people: list[User]) -> int | None:
    """Whose calendar: a number of those who may be chosen, None for everybody, else one's own."""
    if raw == EVERYBODY and len(people) > 1:
        return None
    known = {str(person.pk): person.pk for person in people}
    return known.get(raw, user.pk)


def _whose(person: int | None, people: list[User]) -> str:
    return next((str(one) for one in people if one.pk == person), "")


def _url(view: str, day: date, here: dict[str, Any]) -> str:
    return f"?{urlencode({'view': view, 'date': f'{day:%Y-%m-%d}', **here})}"


def _list_url(person: int | None) -> str:
    whose = {} if person is None else {"responsible": person}
    return f"{reverse('task-list')}?{urlencode({'state': 'overdue', **whose})}"


def _title(view: str, day: date) -> str:
    first, last = first_and_last(view, day)
    if view == "day":
        return date_format(day, "l, j E Y")
    if view == "month":
        return f"{month_name(day.month)} {day.year}"
    begin = "j" if first.month == last.month else "j E" if first.year == last.year else "j E Y"
    return f"{date_format(first, begin)} – {date_format(last, 'j E Y')}"


@require_safe
def calendar_feed(request: HttpRequest, secret: str) -> HttpResponse:
    """The calendar for a phone, under an address that only its owner knows; 404 once it has ended."""
    if wait := too_often(secret):
        answer = HttpResponse(status=429, content_type="text/plain; charset=utf-8")
        answer["Retry-After"] = str(wait)
        return answer
    owner = feed_owner(secret)
    if owner is None:
        raise Http404
    identity.become(owner)
    answer = HttpResponse(feed_of(owner), content_type="text/calendar; charset=utf-8")
    answer["Content-Disposition"] = 'inline; filename="tasks.ics"'
    answer["Cache-Control"] = "private, no-store"
    answer["X-Robots-Tag"] = "noindex"
    return answer
