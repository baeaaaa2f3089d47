"""All that robots have planned, over every record that a person may see: the page, its filter and its forecast."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import django_filters as filters
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from automation import schedule
from automation.forecast import WAYS, what_will_happen
from automation.models import Rule, ScheduledRun
from communications import message_channels
from crm import clock
from crm.exclusions import excluded_among
from crm.filters import AskedFilterSet, DayFromFilter, DayToFilter, RowFilter, pipeline_choices
from crm.models import Contact, record_model

# How far the page looks ahead when no last day is asked for.
HORIZON = timedelta(days=30)
STATES = (("planned", _("Planned")), ("failed", _("Could not be done")))
State = ScheduledRun.State


class PlannedFilter(AskedFilterSet):
    """What the plan can be cut by."""

    state = filters.ChoiceFilter(choices=STATES, method="by_state", label=_("State"))
    pipeline = filters.ChoiceFilter(field_name="rule__pipeline", choices=pipeline_choices, label=_("Pipeline"))
    rule = RowFilter(queryset=Rule.objects.all(), label=_("Rule"))
    responsible = RowFilter(queryset=User.objects.all(), method="by_responsible", label=_("Responsible"))
    due_from = DayFromFilter(field_name="due_at", label=_("From the day"))
    due_to = DayToFilter(field_name="due_at", label=_("To the day"))

    class Meta:
        model = ScheduledRun
        fields: tuple[str, ...] = ()

    def by_state(self, queryset: Any, _name: str, _value: str) -> Any:
        """Which rows there are is `planned_in_sight`'s affair: the default must hold without a question too."""
        return queryset

    def by_responsible(self, queryset: Any, _name: str, value: Any) -> Any:
        """Planned for records of this person."""
        return queryset.filter(_on_records(lambda rows: rows.filter(responsible=value))) if value else queryset


def planned_in_sight(user: User, query: Mapping[str, Any]) -> QuerySet[ScheduledRun]:
    """What robots are to do (or, with `state=failed`, could not do) for records that the person may see.

    Without `due_to` it ends with the horizon. Partners see none of it, as on their cards.
    """
    if user.is_partner:
        return ScheduledRun.objects.none()
    rows = ScheduledRun.objects.filter(_on_records(lambda records: records.visible_to(user)))
    if query.get("state") == "failed":
        return rows.filter(state=State.FAILED)
    rows = rows.filter(state__in=[State.SCHEDULED, State.RUNNING], rule__is_active=True)
    return rows if query.get("due_to") else rows.filter(due_at__lte=clock.now() + HORIZON)


def _on_records(cut: Any) -> Q:
    """Runs whose record is alive and within a cut; asked row by row, so that the plan's own order can lead."""
    found: Any = Q(pk__in=[])
    for kind in Rule.objects.order_by().values_list("pipeline__record_type", flat=True).distinct():
        rows: Any = record_model(kind)._default_manager
        records = cut(rows.alive()).filter(pk=OuterRef("record_id")).order_by()
        found |= Q(record_type=kind) & Exists(records)
    return found  # type: ignore[no-any-return]


def lines_of(runs: Iterable[ScheduledRun], user: User) -> list[dict[str, Any]]:
    """Runs as the page shows them: {run, rule, record, what, late, shifted, may_change}; a handful of queries."""
    found = list(runs)
    records, changeable = _records(found, user)
    _look_up_clients([records[key] for run in found if run.rule.action in WAYS and (key := _key(run)) in records])
    now = clock.now()
    return [
        {
            "run": run,
            "rule": run.rule,
            "record": record,
            "what": what_will_happen(run.rule, record),
            "late": run.due_at < now,
            "shifted": schedule.is_shifted(run),
            "may_change": _key(run) in changeable,
        }
        for run in found
        if (record := records.get(_key(run))) is not None
    ]


def by_day(lines: list[dict[str, Any]], rows: QuerySet[ScheduledRun]) -> list[dict[str, Any]]:
    """Lines of a page under their days of the reader's calendar: {day, lines, count}; `count` is the whole day's."""
    days: dict[date, list[dict[str, Any]]] = defaultdict(list)
    for line in lines:
        days[timezone.localtime(line["run"].due_at).date()].append(line)
    if not days:
        return []
    zone = timezone.get_current_timezone()
    first, last = (datetime.combine(day, datetime.min.time(), zone) for day in (min(days), max(days)))
    within = rows.filter(due_at__gte=first, due_at__lt=last + timedelta(days=1)).order_by()
    grouped = within.annotate(day=TruncDate("due_at", tzinfo=zone)).values_list("day").annotate(Count("pk"))
    counts = dict(grouped)
    return [{"day": day, "lines": items, "count": counts.get(day, len(items))} for day, items in days.items()]


def _key(run: ScheduledRun) -> tuple[str, int]:
    return run.record_type, run.record_id


def _records(runs: list[ScheduledRun], user: User) -> tuple[dict[tuple[str, int], Any], set[tuple[str, int]]]:
    """The records of runs in the person's sight, and the keys of those they may change: two queries per kind."""
    wanted: dict[str, set[int]] = defaultdict(set)
    for run in runs:
        wanted[run.record_type].add(run.record_id)
    found: dict[tuple[str, int], Any] = {}
    changeable: set[tuple[str, int]] = set()
    for kind, ids in wanted.items():
        model: Any = record_model(kind)
        names = {field.name for field in model._meta.concrete_fields}
        related = [name for name in ("responsible", "contact", "company") if name in names]
        rows = model._default_manager.visible_to(user).filter(pk__in=ids).select_related(*related)
        found |= {(kind, record.pk): record for record in rows.defer("search_text")}
        mine = model._default_manager.visible_to(user, "change").filter(pk__in=ids)
        changeable |= {(kind, pk) for pk in mine.values_list("pk", flat=True)}
    return found, changeable


def _look_up_clients(records: list[Any]) -> None:
    """Put beside records whom a robot would write to, and their addresses: a query each for all of them.

    The rows are made for showing and are never saved: the person of a company stands where the contact is asked for.
    """
    records = [record for record in records if hasattr(record, "contact_id")]
    lone = [record for record in records if record.contact_id is None and record.company_id is not None]
    people = Contact.objects.alive().filter(company__in={record.company_id for record in lone})
    first: dict[Any, Contact] = {}
    for person in people.order_by("-messages_consent", "pk") if lone else ():
        first.setdefault(person.company_id, person)
    for record in lone:
        record.contact = first.get(record.company_id)
        if record.contact is None:
            record.company = None  # there is nobody in it: it need not be asked again
    message_channels.look_up([record.contact for record in records if record.contact is not None])
    own = {record: {getattr(record.contact, "email", ""), getattr(record, "email", "")} - {""} for record in records}
    held = excluded_among(set().union(*own.values()))
    for record, addresses in own.items():
        record.held_addresses = addresses & held
