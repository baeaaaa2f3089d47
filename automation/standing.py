"""A rule applied to what stood at its stage before it was made, switched on or changed: seen first, then done as a job.

Each record is taken as if it entered the stage under the rule: what acts at once acts now, what is delayed is planned,
counted from the entry or, as wished, from now. What the rule has done or planned in this stay is not done again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
from django.db.models import Exists, OuterRef
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.models import User
from automation import by_clock, dates, engine, invoices, schedule
from automation.acting import act, locked, words
from automation.forecast import what_will_happen
from automation.models import Rule, RuleRun, ScheduledRun
from automation.planning import entry_occasion, plan, run_key
from crm import clock, conditions, jobs
from crm.errors import DomainError, InvalidInput
from crm.models import ListJob, StagedRecord, record_model
from crm.settings_audit import require_head
from crm.together import on_its_own

log = structlog.get_logger(__name__)

Trigger = Rule.Trigger
# What can be applied: what hangs on where a record stands. Silence and the clock find such records by themselves.
APPLICABLE = frozenset({Trigger.STAGE_ENTERED, Trigger.NORM_EXCEEDED, Trigger.DATE_REACHED, Trigger.INVOICE_OVERDUE})
ENTRY, NOW = "entry", "now"
SHOWN = 20


@dataclass(frozen=True)
class Line:
    """A record that stands there, and what would be done with it; `due` None is at once."""

    record: Any
    what: str
    due: datetime | None


@dataclass
class Standing:
    """How many records stand there for whom the rule holds, and the first of them."""

    count: int
    lines: list[Line] = field(default_factory=list)

    @property
    def more(self) -> int:
        """How many are not shown."""
        return self.count - len(self.lines)


def standing_count(rule: Rule, user: User) -> int:
    """How many records a rule that is on could still be applied to; 0 for rules that cannot be applied so."""
    return len(_keys(rule, user)) if _can_be(rule) else 0


def standing_preview(rule: Rule, user: User, *, since: str = ENTRY) -> Standing:
    """Which records the rule would take, and what it would do; nothing is done."""
    keys = _keys(rule, user) if _can_be(rule) else []
    rows: Any = record_model(rule.pipeline.record_type)._default_manager
    records = rows.select_related("pipeline").in_bulk(keys[:SHOWN])
    lines = [_line(rule, records[pk], since) for pk in keys[:SHOWN] if pk in records]
    return Standing(len(keys), lines)


def _line(rule: Rule, record: Any, since: str) -> Line:
    due = None
    if rule.trigger == Trigger.DATE_REACHED:
        due = dates.moment_for(rule, record)
    elif rule.trigger == Trigger.INVOICE_OVERDUE:
        due = schedule.working_moment(clock.now())
    elif schedule.is_delayed(rule):
        due = _due(rule, record, since)
    return Line(record, what_will_happen(rule, record), due)


def _due(rule: Rule, record: StagedRecord, since: str) -> datetime:
    """When a delayed rule would act; what is overdue by its delay is for the next working moment."""
    due = schedule.due_at(rule, _start(record, since), stage=record.stage)
    return max(due, schedule.working_moment(clock.now()))


def _start(record: StagedRecord, since: str) -> datetime:
    return record.stage_entered_at if since == ENTRY else clock.now()


def standing_apply(rule: Rule, *, by: User, since: str = ENTRY) -> ListJob:
    """Apply the rule to what stands there, as a job with progress; InvalidInput where there is nothing."""
    require_head(by)
    if since not in {ENTRY, NOW}:
        raise InvalidInput.at("since", _("Count from the entry into the stage or from now."))
    if not _can_be(rule):
        raise InvalidInput.at(
            "rule", _("Switch the robot on first; only robots of a stage, a norm or a date are applied so.")
        )
    keys = _keys(rule, by)
    if not keys:
        raise InvalidInput.at("rule", _("There is no record to apply it to."))
    kind = rule.pipeline.record_type
    params = {"rule": rule.pk, "since": since}
    return jobs.job_start(
        by=by, kind=ListJob.Kind.RULE, record_type=kind, rows=[(kind, pk) for pk in keys], params=params
    )


def _can_be(rule: Rule) -> bool:
    return rule.is_active and rule.trigger in APPLICABLE


def _keys(rule: Rule, user: User) -> list[int]:
    """The records at the rule's stages for which its conditions hold and that it has not taken in this stay."""
    kind = rule.pipeline.record_type
    rows: Any = record_model(kind)._default_manager
    found = rows.visible_to(user, "change").alive().filter(*_untaken(rule), stage__in=_stages(rule)).order_by("pk")
    if rule.trigger == Trigger.DATE_REACHED:
        found = found.exclude(**{f"{rule.date_field}__isnull": True})
    try:
        return list(found.filter(conditions.as_q(rule.conditions, kind)).values_list("pk", flat=True))
    except ValueError:
        return [record.pk for record in found.iterator() if conditions.matches(rule.conditions, record)]


def _stages(rule: Rule) -> list[str]:
    return invoices.stages_of(rule) if rule.trigger == Trigger.INVOICE_OVERDUE else by_clock.stages_of(rule)


def _untaken(rule: Rule) -> list[Any]:
    """Whom the rule has not taken: by this stay in the stage, or by each overdue invoice."""
    if rule.trigger == Trigger.INVOICE_OVERDUE:
        return [invoices.counted_from(rule)]
    mine = {"rule": rule, "record_type": rule.pipeline.record_type, "record_id": OuterRef("pk")}
    return [
        ~Exists(RuleRun.objects.filter(**mine, at__gte=OuterRef("stage_entered_at"))),
        ~Exists(ScheduledRun.objects.filter(**mine, created_at__gte=OuterRef("stage_entered_at"))),
    ]


# -- the job ----------------------------------------------------------------------------------------------------------


def apply_one(record: Any, by: Any, params: Mapping[str, Any]) -> None:
    """Apply a rule to one record; InvalidInput where it is none for it any more. There is no way back."""
    del by
    rule = Rule.objects.select_related("pipeline", "stage").filter(pk=params["rule"], is_active=True).first()
    if rule is None:
        raise InvalidInput(_("The rule is switched off."))
    record = locked(record.RECORD_TYPE, record.pk)
    if record is None or record.stage not in _stages(rule) or not conditions.matches(rule.conditions, record):
        raise InvalidInput(_("The conditions do not hold any more."))
    if rule.trigger == Trigger.DATE_REACHED:
        dates.follow_date(rule, record)
    elif rule.trigger == Trigger.INVOICE_OVERDUE:
        late = invoices.untaken(invoices.overdue_invoices(rule, since=None), rule).filter(deal=record.pk)
        for document in late.select_related("deal"):
            engine.plan_invoice(rule, document)
    elif schedule.is_delayed(rule):
        since = str(params["since"])
        begins, due = _start(record, since), _due(rule, record, since)
        plan(rule, record, _key(rule, record), planned_from=begins, due_at=due)
    else:
        _act(rule, record)


def never_back(_record: Any, _entry: Any, _by: Any) -> bool:
    """What a robot did is taken back by hand: a letter has left, a task may be done."""
    return False


def _key(rule: Rule, record: StagedRecord) -> str:
    """The key of the entry: what the rule planned for it by itself is not planned twice."""
    return run_key(rule, record, entry_occasion(record))


def _act(rule: Rule, record: Any) -> None:
    try:
        with on_its_own(), translation.override(settings.LANGUAGE_CODE):
            act(rule, record, lambda: _key(rule, record))
    except DomainError:
        raise
    except Exception as error:
        log.warning("rule_failed", rule=rule.code, record_type=record.RECORD_TYPE, record_id=record.pk, exc_info=True)
        raise DomainError(words(error)) from error
