"""The working calendar: a year at a glance, its special days by name, one day in a dialog."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from crm import clock
from crm.errors import InvalidInput
from crm.formfields import DayField, read_full_day
from crm.models import CalendarDay
from crm.months import month_name, week_heads, weeks_of, working_days
from crm.production_calendar import EARLIEST, LATEST, calendar_fill, statutory_days
from crm.screens import dialogs
from crm.settings_services import calendar_changed
from crm.views.catalogue import Catalogue
from crm.views.settings_nav import settings_context, settings_page
from crm.working_time import of_company

HERE = "settings-calendar"


class CalendarDayForm(forms.ModelForm):
    """One day that is not what its day of the week says."""

    day = DayField(label=gettext_lazy("Day"))

    class Meta:
        model = CalendarDay
        fields = ("day", "kind", "name")


def _blank(request: HttpRequest) -> CalendarDay:
    """The day that was pressed in the year, as a day off."""
    day = read_full_day(request.GET.get("day", ""))
    return CalendarDay(day=day) if day is not None else CalendarDay()


def _number(raw: str) -> int:
    """The year that is written there, 0 for none."""
    return int(raw) if raw.isascii() and raw.isdigit() and len(raw) == 4 else 0


def _year_of(request: HttpRequest) -> int:
    year = _number(request.GET.get("year", ""))
    return year if EARLIEST <= year <= LATEST else clock.today().year


def _page(request: HttpRequest) -> HttpResponse:
    year = _year_of(request)
    rows = list(CalendarDay.objects.filter(day__year__gte=year - 1, day__year__lte=year + 1).order_by("day"))
    links = {row.day: reverse(f"{HERE}-edit", args=[row.pk]) for row in rows}
    own = [row for row in rows if row.day.year == year]
    months = _months(year, {row.day: row.name for row in rows}, links)
    missing = set(statutory_days(year)) - {row.day for row in own}
    context = {
        **settings_context(request, HERE),
        "year": year,
        "years": [{"year": one, "active": one == year} for one in range(year - 1, year + 2)],
        "months": months,
        "heads": week_heads(),
        "days": [{"row": row, "edit_url": links[row.day]} for row in own],
        "worked": sum(month["worked"] for month in months),
        "short": sum(month["short"] for month in months),
        "missing": len(missing),
        "add_url": reverse(f"{HERE}-add"),
    }
    return render(request, "crm/settings/calendar.html", context)


def _months(year: int, names: dict[Any, str], links: dict[Any, str]) -> list[dict[str, Any]]:
    work, add = of_company(), reverse(f"{HERE}-add")
    made = []
    for month in range(1, 13):
        weeks = weeks_of(year, month, work, names)
        worked, short = working_days(weeks, work)
        cells = [
            [
                {"cell": cell, "url": links.get(cell.day) or f"{add}?day={cell.day:%d.%m.%Y}", "own": cell.day in links}
                for cell in week
            ]
            for week in weeks
        ]
        made.append({"name": month_name(month), "weeks": cells, "worked": worked, "short": short})
    return made


@settings_page
@require_POST
def calendar_fill_year(request: HttpRequest) -> HttpResponse:
    """Add the holidays of the Labour Code that a year lacks."""
    year = _number(request.POST.get("year", ""))
    back = f"{reverse(HERE)}?year={year}"
    try:
        added = calendar_fill(year, by=request.user)
    except InvalidInput as error:
        return dialogs.message(request, error.message)
    text = ngettext("%(count)s day added.", "%(count)s days added.", added) % {"count": added}
    return dialogs.done(request, text if added else _("Nothing was missing."), to=back, go=True)


CALENDAR = Catalogue(
    kind="calendar",
    model=CalendarDay,
    form=CalendarDayForm,
    name=HERE,
    path="calendar",
    title=gettext_lazy("Working calendar"),
    add_label=gettext_lazy("Add a day"),
    line=lambda row: {"title": str(row)},
    may_delete=True,
    order=("day",),
    dialog_size="dialog-small",
    page=_page,
    blank=_blank,
    changed=calendar_changed,
)
