"""Invoices that were not paid in time: which a rule is to take, and what it says of them (the trigger of invoices).

An invoice is counted from the day by which it was to be paid, and a rule takes only those whose day passed after it was
switched on: what is old was somebody's business before. Deals that were won count, the lost ones do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from django.db.models import Count, Exists, F, Min, OuterRef, Q, QuerySet, Sum, Value
from django.db.models.functions import Cast, Concat
from django.utils.translation import gettext as _

from accounts.models import User
from automation.models import Rule, ScheduledRun
from automation.silence import left_today
from crm import clock, conditions, pipelines
from crm.filters import day_start
from crm.models import RecordType, Stage, StagedRecord
from crm.templatetags.ui import money
from deals.document_states import AWAITED, in_state, state_of
from deals.models import Document

NOT_LOST = (Stage.Kind.OPEN, Stage.Kind.SUCCESS)


def occasion(document_id: int) -> str:
    """What makes a run one for an invoice, within the key of a run."""
    return f"i{document_id}"


def document_of(run: ScheduledRun) -> Document | None:
    """The invoice that a run is about."""
    number = run.key.rpartition(":i")[2]
    return Document.objects.filter(pk=number).first() if number.isdecimal() else None


def is_settled(run: ScheduledRun) -> bool:
    """Is nothing owed by the run's invoice any more: paid, void, or replaced by another version?"""
    document = document_of(run)
    return document is None or state_of(document) != "overdue"


def overdue_invoices(rule: Rule, *, since: date | None) -> QuerySet[Document]:
    """The invoices overdue by so many days as the rule says, and whose day passed on `since` at the earliest."""
    last = clock.today() - timedelta(days=rule.delay_days)
    found = Document.objects.filter(in_state("overdue"), until__lt=last, deal__stage__in=stages_of(rule))
    found = found.filter(deal__deleted_at=None, deal__merged_into=None)
    return found.filter(until__gte=since) if since is not None else found


def stages_of(rule: Rule) -> list[str]:
    """The rule's stage, or all of its pipeline but the lost ones."""
    if rule.stage_id is not None:
        return [rule.stage_id]
    return [row.key for row in pipelines.stages_of(rule.pipeline_id, hidden=True) if row.kind in NOT_LOST]


def untaken(found: QuerySet[Document], rule: Rule) -> QuerySet[Document]:
    """Those of the invoices that the rule has not taken yet."""
    key = Concat(
        Value(f"{rule.pk}:{RecordType.DEAL}:"), Cast(OuterRef("deal_id"), Document._meta.get_field("printed")),
        Value(":i"), Cast(OuterRef("pk"), Document._meta.get_field("printed")),
    )  # fmt: skip
    return found.exclude(Exists(ScheduledRun.objects.filter(key=key)))


def to_take(rule: Rule) -> list[Document]:
    """The invoices that the rule takes now, the longest overdue first; only so many a day.

    Those that its conditions leave out take nobody's place.
    """
    if (left := left_today(rule)) <= 0:
        return []
    since = rule.switched_on_at.astimezone(clock.company_zone()).date()
    found = untaken(overdue_invoices(rule, since=since), rule).select_related("deal__pipeline").order_by("until", "pk")
    return list(islice((row for row in found.iterator() if conditions.matches(rule.conditions, row.deal)), left))


def due_moments(record: StagedRecord, rules: list[Rule]) -> list[tuple[Rule, datetime]]:
    """The days on which rules will act if the invoices of a deal are not paid until then, the nearest first."""
    if record.RECORD_TYPE != RecordType.DEAL or not rules:
        return []
    waiting = Document.objects.filter(in_state(AWAITED), deal_id=record.pk, until__isnull=False)
    found = []
    for until in filter(None, waiting.values_list("until", flat=True)):
        days = ((rule, until + timedelta(days=rule.delay_days + 1)) for rule in rules)
        ahead = [(rule, day) for rule, day in days if day > clock.today() and record.stage in stages_of(rule)]
        found += [(rule, day_start(day)) for rule, day in ahead]
    return sorted(found, key=lambda row: row[1])


@dataclass(frozen=True)
class Unpaid:
    """The invoices that come to a rule within the horizon if they are not paid: how many, what is owed, the first."""

    rule: Rule
    count: int
    owed: Decimal
    first: datetime


def unpaid_ahead(user: User, asked: Mapping[str, Any], horizon: timedelta) -> list[Unpaid]:
    """For every rule of invoices what lies ahead in the person's sight; a query per rule, of which there are few.

    `asked` cuts them as the plan is cut: by `pipeline` (its code), `rule` and `responsible`.
    """
    wanted = Rule.objects.filter(trigger=Rule.Trigger.INVOICE_OVERDUE, is_active=True).select_related("pipeline")
    if asked.get("pipeline"):
        wanted = wanted.filter(pipeline=asked["pipeline"])
    if asked.get("rule"):
        wanted = wanted.filter(pk=asked["rule"].pk)
    mine = Document.objects.visible_to(user).filter(deal__deleted_at=None, deal__merged_into=None)
    if asked.get("responsible"):
        mine = mine.filter(deal__responsible=asked["responsible"])
    return [
        found for rule in wanted.order_by("pipeline__order", "order", "id") if (found := _ahead(rule, mine, horizon))
    ]


def _ahead(rule: Rule, mine: QuerySet[Document], horizon: timedelta) -> Unpaid | None:
    after = timedelta(days=rule.delay_days + 1)
    first, last = clock.today() - after, clock.today() + horizon - after
    found = mine.filter(in_state(AWAITED), until__gt=first, until__lte=last, deal__stage__in=stages_of(rule))
    told = found.order_by().aggregate(count=Count("pk"), owed=Sum(F("total") - F("paid")), first=Min("until"))
    return Unpaid(rule, told["count"], told["owed"], day_start(told["first"] + after)) if told["count"] else None


def words(record: Any) -> str:
    """What is owed by the overdue invoices of a deal, a line each, for the one who is to ask for it."""
    late = Document.objects.filter(in_state("overdue"), deal_id=record.pk).order_by("until", "pk")
    return "\n".join(
        _("%(invoice)s: %(rest)s of %(total)s to be paid by %(day)s is still owed.")
        % {"invoice": row.title, "rest": money(row.unpaid), "total": money(row.total), "day": f"{row.until:%d.%m.%Y}"}
        for row in late
    )


def counted_from(rule: Rule) -> Q:
    """Deals that the rule could be applied to by hand: an invoice of theirs is overdue, however long."""
    late = untaken(overdue_invoices(rule, since=None), rule).filter(deal_id=OuterRef("pk"))
    return Q(Exists(late))
