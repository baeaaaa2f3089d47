"""A rule tried on the past (AUTO-5): what would have started it in the last days, and what it would have done.

Nothing is done. What started it is read from the history, conditions are asked of the records as they are now.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.utils.translation import gettext as _

from accounts.models import User
from automation import by_clock, invoices, schedule, silence
from automation.forecast import what_will_happen
from automation.models import Rule
from automation.wording import sentence
from communications.models import Message
from crm import clock, conditions, norms, pipelines
from crm.models import Change, StageHistory, TimelineEntry, record_model

Trigger = Rule.Trigger
LONGEST = 365
# How many lines are shown, and how many occasions are looked at where a condition cannot be asked of the database.
SHOWN, LOOKED_AT = 20, 500


@dataclass(frozen=True)
class Line:
    """One time that the rule would have acted: on which record, started when, what, and when it would be due."""

    record: Any
    at: datetime
    what: str
    due: datetime | None = None


@dataclass
class Trial:
    """What a trial found: `occasions` that started the rule, `matched` by the conditions, some as lines.

    `looked_at` is set where not all occasions could be asked: `matched` is then of these alone. `words` are the rule's.
    """

    since: datetime
    occasions: int
    matched: int
    lines: list[Line] = field(default_factory=list)
    looked_at: int | None = None
    note: str = ""
    words: str = ""

    @property
    def more(self) -> int:
        """How many are not shown."""
        return self.matched - len(self.lines)


def rule_try(rule: Rule, user: User, *, days: int) -> Trial:
    """What the rule (also one that is not kept yet) would have done in the last days with records that `user` sees."""
    since = clock.now() - timedelta(days=days)
    records = _records(rule, user)
    found = _occasions(rule, records, since).filter(record__in=records.values("pk"))
    trial = Trial(since, found.count(), 0, note=_note(rule), words=sentence(rule))
    try:
        question = conditions.as_q(rule.conditions, rule.pipeline.record_type)
    except ValueError:
        _ask_one_by_one(rule, records, found, trial)
        return trial
    matching = found.filter(record__in=records.filter(question).values("pk")) if question else found
    trial.matched = matching.count()
    rows = list(matching[:SHOWN])
    known = records.in_bulk([pk for pk, _at in rows])
    trial.lines = [_line(rule, known[pk], at) for pk, at in rows if pk in known]
    return trial


def _ask_one_by_one(rule: Rule, records: Any, found: Any, trial: Trial) -> None:
    rows = list(found[:LOOKED_AT])
    known = records.in_bulk([pk for pk, _at in rows])
    fitting = [(known[pk], at) for pk, at in rows if pk in known and conditions.matches(rule.conditions, known[pk])]
    trial.matched, trial.lines = len(fitting), [_line(rule, record, at) for record, at in fitting[:SHOWN]]
    trial.looked_at = LOOKED_AT if trial.occasions > LOOKED_AT else None


def _line(rule: Rule, record: Any, at: datetime) -> Line:
    due = schedule.due_at(rule, at) if rule.trigger not in OF_STATE and schedule.is_delayed(rule) else None
    return Line(record, at, what_will_happen(rule, record), due)


def _records(rule: Rule, user: User) -> Any:
    rows: Any = record_model(rule.pipeline.record_type)._default_manager
    return rows.visible_to(user).alive().filter(pipeline=rule.pipeline_id)


# Triggers that are read from records as they stand, not from what happened to them; each row has its moment already.
OF_STATE = frozenset(
    {Trigger.DATE_REACHED, Trigger.INACTIVE, Trigger.SCHEDULE, Trigger.NORM_EXCEEDED, Trigger.INVOICE_OVERDUE}
)


def _note(rule: Rule) -> str:
    """What is to be known of how it was counted."""
    notes = {
        Trigger.INACTIVE: _("Those that stand still for so long today."),
        Trigger.INVOICE_OVERDUE: _("Invoices that are overdue today; those that were paid late are not counted."),
        Trigger.SCHEDULE: _("Those that it would take if its hour came now."),
        Trigger.NORM_EXCEEDED: _("Stays that began in these days and outlasted the norm, or last."),
    }
    return notes.get(Trigger(rule.trigger), "")


def _occasions(rule: Rule, records: Any, since: datetime) -> Any:
    """Rows (record, at), the latest first."""
    finders = {
        Trigger.CREATED: _made,
        Trigger.STAGE_ENTERED: _entered,
        Trigger.STAGE_LEFT: _left,
        Trigger.FIELD_CHANGED: _changed,
        Trigger.CLIENT_CONTACT: _contacts,
        Trigger.LETTER_OPENED: _letters_opened,
        Trigger.INVOICE_OVERDUE: _unpaid,
        Trigger.INACTIVE: _silent,
        Trigger.NORM_EXCEEDED: _over_norm,
        Trigger.DATE_REACHED: _dated,
        Trigger.SCHEDULE: _standing,
    }
    return finders[Trigger(rule.trigger)](rule, records, since)


def _rows(found: QuerySet[Any], record: str, at: str) -> Any:
    """A queryset of (record, at) whatever the columns are called."""
    return (
        found.order_by().annotate(record=F(record), moment=F(at)).order_by("-moment", "-record")
        .values_list("record", "moment")
    )  # fmt: skip


def _made(_rule: Rule, records: Any, since: datetime) -> Any:
    return _rows(records.filter(created_at__gte=since), "pk", "created_at")


def _history(rule: Rule, since: datetime) -> QuerySet[StageHistory]:
    return StageHistory.objects.filter(record_type=rule.pipeline.record_type, pipeline=rule.pipeline_id, at__gte=since)


def _entered(rule: Rule, _records: Any, since: datetime) -> Any:
    at_stage = Q(to_stage=rule.stage_id) if rule.stage_id else Q()
    return _rows(_history(rule, since).filter(at_stage), "record_id", "at")


def _left(rule: Rule, _records: Any, since: datetime) -> Any:
    from_stage = Q(from_stage=rule.stage_id) if rule.stage_id else Q(from_stage__isnull=False)
    return _rows(_history(rule, since).filter(from_stage), "record_id", "at")


def _at_stage(rule: Rule, records: Any) -> Q:
    """Records that stand at the rule's stage; where they stood then is not asked."""
    return Q(record_id__in=records.filter(stage=rule.stage_id).values("pk")) if rule.stage_id else Q()


def _changed(rule: Rule, records: Any, since: datetime) -> Any:
    found = Change.objects.filter(record_type=rule.pipeline.record_type, field__in=rule.fields, at__gte=since)
    return _rows(found.filter(_at_stage(rule, records)), "record_id", "at")


def _contacts(rule: Rule, records: Any, since: datetime) -> Any:
    found = TimelineEntry.objects.filter(
        _by_way(rule), _at_stage(rule, records), record_type=rule.pipeline.record_type, at__gte=since
    )
    return _rows(found, "record_id", "at")


def _by_way(rule: Rule) -> Q:
    """Lines of the timeline that tell of the rule's ways of contact; what we did and what a machine wrote is none."""
    ways = set(rule.ways or Rule.Way.values)
    found = Q(action="client_contact", data__how__in=list(ways - {Rule.Way.CALL, Rule.Way.MISSED_CALL}))
    call = Q(action="call", data__direction="in") | Q(action="client_contact", data__how="call")
    missed = Q(data__is_missed=True)
    answered = Q(data__is_missed__isnull=True) | Q(data__is_missed=False)
    if Rule.Way.CALL in ways:
        found |= call & answered
    if Rule.Way.MISSED_CALL in ways:
        found |= call & missed
    # A letter or a message is told of by its address: "@name" is a messenger's.
    by_person = Q(action="message_in", data__is_automatic=False)
    is_letter = Q(data__address__icontains="@") & ~Q(data__address__startswith="@")
    if Rule.Way.LETTER in ways:
        found |= by_person & is_letter
    if Rule.Way.MESSAGE in ways:
        found |= by_person & ~is_letter
    return found


def _letters_opened(rule: Rule, records: Any, since: datetime) -> Any:
    found = Message.objects.filter(record_type=rule.pipeline.record_type, opened_at__gte=since)
    return _rows(found.filter(_at_stage(rule, records)), "record_id", "opened_at")


def _unpaid(rule: Rule, _records: Any, since: datetime) -> Any:
    first = since.astimezone(clock.company_zone()).date() - timedelta(days=rule.delay_days + 1)
    return _rows(invoices.overdue_invoices(rule, since=first), "deal_id", "until")


def _silent(rule: Rule, records: Any, _since: datetime) -> Any:
    now = clock.now()
    waits = Q(next_activity_at__isnull=True) | Q(next_activity_at__lte=now)
    quiet = records.filter(waits, stage__in=silence.stages_of(rule)).annotate(
        last=silence.last_life(rule.pipeline.record_type)
    )
    return _rows(quiet.filter(last__lte=now - timedelta(days=rule.delay_days)), "pk", "last")


def _over_norm(rule: Rule, _records: Any, since: datetime) -> Any:
    """Entries whose stay was, or is, longer than the norm of their stage."""
    after = StageHistory.objects.filter(
        record_type=OuterRef("record_type"), record_id=OuterRef("record_id"), id__gt=OuterRef("id")
    ).order_by("id")
    entries = _history(rule, since).annotate(ended=Subquery(after.values("at")[:1]))
    late, now = Q(pk__in=[]), clock.now()
    work_back = {stage.key: norms.norm_of(stage) for stage in pipelines.stages_of(rule.pipeline_id)}
    for key, norm in work_back.items():
        if norm is None or rule.stage_id not in {None, key}:
            continue
        # Working time is counted on the calendar, entry by entry; the span itself is the least that it can take.
        rows = entries.filter(to_stage=key).filter(Q(ended__isnull=True) | Q(ended__gte=F("at") + norm))
        stage = pipelines.stage(key)
        ids = [pk for pk, at, ended in rows.values_list("pk", "at", "ended") if _outlasted(stage, at, ended or now)]
        late |= Q(pk__in=ids)
    return _rows(_history(rule, since).filter(late), "record_id", "at")


def _outlasted(stage: Any, at: datetime, ended: datetime) -> bool:
    due = norms.due(stage, at)
    return due is not None and due < ended


def _dated(rule: Rule, records: Any, since: datetime) -> Any:
    first, last = (moment.astimezone(clock.company_zone()).date() for moment in (since, clock.now()))
    shift = timedelta(days=rule.date_offset)
    span = {f"{rule.date_field}__gte": first - shift, f"{rule.date_field}__lte": last - shift}
    here = Q(stage__in=by_clock.stages_of(rule))
    return _rows(records.filter(here, **span), "pk", rule.date_field)


def _standing(rule: Rule, records: Any, _since: datetime) -> Any:
    return _rows(records.filter(stage__in=by_clock.stages_of(rule)), "pk", "stage_entered_at")
