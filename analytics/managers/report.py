"""How managers work: load, first reaction, touches, conversion, contracts, upsells, bonus, plan and fact (ANA-5)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncMonth
from django.urls import reverse

from accounts.models import User
from analytics.funnel import Figure, share
from analytics.managers import reaction
from analytics.models import BonusRule, SalesPlan
from analytics.query import ReportQuery, months_of, stage_keys
from analytics.sources.spend import span_of
from crm import clock
from crm.filters import ActivityFilter
from crm.models import INTAKE_CHANNELS, Activity
from crm.visibility import covered_user_ids

NOTHING = Decimal(0)
KOPECK = Decimal("0.01")


@dataclass
class ManagerRow:
    """One manager. Money in roubles, times in seconds of working time; `reacted` is of how many leads they are."""

    user: int
    label: str
    open_leads: Figure
    open_deals: Figure
    overdue: Figure
    done: Figure
    came: Figure
    came_won: int
    came_aside: int
    won: Figure
    won_amount: Decimal
    upsells: Figure
    upsells_won: Figure
    upsells_amount: Decimal
    reaction_seconds: float | None
    reacted: int
    plan_amount: Decimal
    plan_contracts: int
    bonus: Decimal | None

    @property
    def conversion(self) -> float | None:
        """Won ÷ (came in − set aside), of the deals made in the period."""
        return share(self.came_won, self.came.value - self.came_aside)

    @property
    def fact_amount(self) -> Decimal:
        """All that was won in the period, repeat copies too."""
        return self.won_amount + self.upsells_amount

    @property
    def plan_share(self) -> float | None:
        """Fact ÷ plan."""
        return float(self.fact_amount / self.plan_amount) if self.plan_amount else None


@dataclass
class PlanMonth:
    """Plan and fact of one month, of all managers shown; the fact within the days asked for."""

    month: date
    plan_amount: Decimal
    plan_contracts: int
    won: Figure
    fact_amount: Decimal

    @property
    def plan_share(self) -> float | None:
        """Fact ÷ plan."""
        return float(self.fact_amount / self.plan_amount) if self.plan_amount else None


@dataclass
class ManagerReport:
    """The managers whose work the reader may see, and plan and fact by month."""

    query: ReportQuery
    rows: list[ManagerRow]
    months: list[PlanMonth]
    is_whole_months: bool = True
    rules: list[str] = field(default_factory=list)


def managers(query: ReportQuery) -> ManagerReport:
    """One row per person who has leads or deals, or a plan, in sight of the reader."""
    made = _Maker(query)
    rows = sorted((made.row(user) for user in made.people()), key=lambda row: (-row.fact_amount, row.label))
    return ManagerReport(
        query=query,
        rows=rows,
        months=made.months(),
        is_whole_months=span_of(query.period)["is_whole_months"],
        rules=[rule.name for rule in made.rules],
    )


def bonus_of(rules: list[BonusRule], earned: dict[str, tuple[int, Decimal]]) -> Decimal:
    """Σ over the rules: amount × percent, rounded half up to the kopeck, plus the sum per deal × deals."""
    total = NOTHING
    for rule in rules:
        count, amount = earned.get(rule.basis, (0, NOTHING))
        total += (amount * rule.percent / 100).quantize(KOPECK, ROUND_HALF_UP) + rule.per_deal * count
    return total.quantize(KOPECK)


class _Maker:
    """Counts by manager, one GROUP BY per figure."""

    def __init__(self, query: ReportQuery) -> None:
        self.query, self.leads, self.deals = query, query.sales("lead"), query.sales("deal")
        self.made = {**query.created(), "copies": "false"}
        self.closed = {**query.closed(), "kind": "success"}
        self.copied = {**query.created(), "copies": "true"}
        codes = self.deals.codes
        won = [key for code in codes for key in stage_keys(code, "success")] or [""]
        aside = [key for code in codes for key in stage_keys(code, "neutral")] or [""]
        outcome: dict[str, Any] = {
            "won": Count("pk", filter=Q(stage__in=won)),
            "aside": Count("pk", filter=Q(stage__in=aside)),
        }
        self.open_leads = self._by(self.leads.rows(kind="open"))
        self.open_deals = self._by(self.deals.rows(kind="open"))
        self.came = self._by(self.deals.rows(**self.made), **outcome)
        self.won = self._by(self.deals.rows(**self.closed, copies="false"), money=Sum("amount"))
        self.repeat = self._by(self.deals.rows(**self.closed, copies="true"), money=Sum("amount"))
        self.upsells = self._by(self.deals.rows(**self.copied), "upsell_by", money=Sum("amount"))
        self.upsells_won = self._by(self.deals.rows(**self.closed, copies="true"), "upsell_by", money=Sum("amount"))
        self.done, self.overdue = (self._by(self._tasks(**span)) for span in (self._done(), {"state": "overdue"}))
        self.reactions = reaction.first_reactions(self.leads.rows(**self.made, **self._incoming()))
        months = span_of(query.period)
        plans = SalesPlan.objects.filter(month__gte=months["spend_first"], month__lte=months["spend_last"])
        self.plans = list(plans.select_related("user"))
        self.rules = list(BonusRule.objects.filter(is_active=True))

    @staticmethod
    def _by(rows: Any, column: str = "responsible", **more: Any) -> dict[int, dict[str, Any]]:
        groups = rows.order_by().values(column).annotate(count=Count("pk"), **more)
        return {group[column]: group for group in groups if group[column]}

    def _incoming(self) -> dict[str, list[str]]:
        return {"channel": [*INTAKE_CHANNELS, "api"]}

    def _done(self) -> dict[str, str]:
        period = self.query.period
        return {"state": "done", "done_from": period.start.isoformat(), "done_to": period.end.isoformat()}

    def _tasks(self, **span: str) -> Any:
        return ActivityFilter(span, Activity.objects.visible_to(self.query.user)).qs

    def people(self) -> list[User]:
        """Those with anything to count; a manager sees themselves, and the team where it says so."""
        known = set(self.open_leads) | set(self.open_deals) | set(self.came) | set(self.won) | set(self.repeat)
        known |= set(self.upsells) | set(self.upsells_won) | {plan.user_id for plan in self.plans}
        if not self.query.user.is_head:
            known &= set(covered_user_ids(self.query.user))
        rows = User.objects.filter(pk__in=known, partner__isnull=True)
        if cut := self.query.cuts.get("responsible"):
            rows = rows.filter(pk__in=cut)
        if teams := self.query.cuts.get("team"):
            rows = rows.filter(team_id__in=[int(team) for team in teams])
        return list(rows)

    def row(self, user: User) -> ManagerRow:
        """The figures of one person."""
        who = {"responsible": user.pk}
        upsells, upsells_won = self._money(self.upsells, user), self._money(self.upsells_won, user)
        won, repeat = self._money(self.won, user), self._money(self.repeat, user)
        earned = {"won": won, "upsell_made": upsells, "upsell_won": upsells_won}
        median, reacted = self.reactions.get(user.pk, (None, 0))
        own = self.query.user.is_head or user == self.query.user
        mine = [plan for plan in self.plans if plan.user_id == user.pk]
        copies = {"copies": "true", "upsell_by": user.pk}
        return ManagerRow(
            user=user.pk,
            label=user.short_name,
            open_leads=Figure(self._count(self.open_leads, user), self.leads.link(kind="open", **who)),
            open_deals=Figure(self._count(self.open_deals, user), self.deals.link(kind="open", **who)),
            overdue=Figure(self._count(self.overdue, user), self._task_link(user, state="overdue")),
            done=Figure(self._count(self.done, user), self._task_link(user, **self._done())),
            came=Figure(self._count(self.came, user), self.deals.link(**self.made, **who)),
            came_won=self.came.get(user.pk, {}).get("won", 0),
            came_aside=self.came.get(user.pk, {}).get("aside", 0),
            won=Figure(won[0], self.deals.link(**self.closed, copies="false", **who)),
            won_amount=won[1],
            upsells=Figure(upsells[0], self.deals.link(**self.query.created(), **copies)),
            upsells_won=Figure(upsells_won[0], self.deals.link(**self.closed, **copies)),
            upsells_amount=repeat[1],
            reaction_seconds=median,
            reacted=reacted,
            plan_amount=sum((plan.amount for plan in mine), NOTHING),
            plan_contracts=sum(plan.contracts for plan in mine),
            bonus=bonus_of(self.rules, earned) if own else None,
        )

    def months(self) -> list[PlanMonth]:
        """Every month that the period touches."""
        shown = {user.pk for user in self.people()}
        month = TruncMonth("closed_at", tzinfo=clock.company_zone())
        rows = self.deals.rows(**self.closed).annotate(month=month)
        found = {
            row["month"].date(): row for row in rows.values("month").annotate(count=Count("pk"), money=Sum("amount"))
        }
        made = []
        for days in months_of(self.query.period):
            first = days.start.replace(day=1)
            fact = found.get(first, {"count": 0, "money": NOTHING})
            plans = [plan for plan in self.plans if plan.month == first and plan.user_id in shown]
            link = self.deals.link(**self.query.closed(days), kind="success")
            made.append(
                PlanMonth(
                    month=first,
                    plan_amount=sum((plan.amount for plan in plans), NOTHING),
                    plan_contracts=sum(plan.contracts for plan in plans),
                    won=Figure(fact["count"], link),
                    fact_amount=fact["money"] or NOTHING,
                )
            )
        return made

    @staticmethod
    def _count(found: dict[int, dict[str, Any]], user: User) -> int:
        return int(found.get(user.pk, {}).get("count", 0))

    @staticmethod
    def _money(found: dict[int, dict[str, Any]], user: User) -> tuple[int, Decimal]:
        group = found.get(user.pk, {})
        return int(group.get("count", 0)), Decimal(group.get("money") or 0)

    @staticmethod
    def _task_link(user: User, **span: str) -> str:
        return f"{reverse('task-list')}?{urlencode({**span, 'responsible': user.pk})}"
