"""The routing table (LEAD-8): which row takes a lead, and who of its target. First matching row wins.

A row that matches but has nobody to give the lead to now (the person is away, the whole team, a paused partner) is
passed over, and the decision says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from accounts.selectors import RESPONSIBLE_ROLES
from crm import clock, conditions, pipelines, stages, timeline
from crm.actors import Actor
from crm.errors import StageError
from crm.filters import day_start
from crm.models import RecordType
from crm.prepared import Prepared
from crm.rows import locked_for
from crm.services import record_assign
from crm.together import apart
from deals.models import Deal
from leads.models import Lead, RoutingRule, TeamTurn
from leads.stages import HANDED_OVER

FIELDS = ("region", "area", "purpose", "source", "channel", "responsible__position", "responsible")
# A lead that no row takes, among the keys of rows.
NO_ROW = 0


@dataclass(frozen=True)
class Choice:
    """Who of a row's target gets the lead; without `to` nobody can, and `why` says so."""

    to: Any = None
    why: str = ""


@dataclass(frozen=True)
class TargetKind:
    """How a kind of target is asked who takes a lead, and how the lead is given to them.

    `choose(rule, dry_run)` answers a Choice; `give(lead, choice, actor)` hands the lead over.
    """

    choose: Callable[[RoutingRule, bool], Choice]
    give: Callable[[Lead, Choice, Actor], None]


TARGETS: dict[str, TargetKind] = {}


def target_kind(code: str, kind: TargetKind) -> None:
    """Register a kind of target; apps above bring theirs in AppConfig.ready."""
    TARGETS[code] = kind


@dataclass(frozen=True)
class RowVerdict:
    """One row of the table against one lead: does it match, part by part, and can it be followed."""

    rule: RoutingRule
    matches: bool
    parts: list[conditions.Explained]
    choice: Choice | None = None


@dataclass(frozen=True)
class Decision:
    """What the table says of a lead: the row that takes it and to whom, or none; with every row looked at."""

    lead: Lead
    rule: RoutingRule | None = None
    choice: Choice = field(default_factory=Choice)
    rows: tuple[RowVerdict, ...] = ()

    @property
    def passed_over(self) -> list[RowVerdict]:
        """Rows that match but had nobody to give the lead to."""
        return [row for row in self.rows if row.matches and row.choice is not None and row.choice.to is None]


_ACTIVE = Prepared(lambda: RoutingRule.objects.filter(is_active=True).select_related("person", "team", "partner"))


def active_rules() -> list[RoutingRule]:
    """The rows in force, in their order."""
    return [rule for rule in _ACTIVE.all() if rule.target in TARGETS]


def evaluate(lead: Lead, *, dry_run: bool = True, rules: Iterable[RoutingRule] | None = None) -> Decision:
    """Which row takes the lead and who gets it; changes nothing of the lead.

    In earnest (`dry_run` off, within a transaction) the team's turn is taken under its lock.
    """
    looked_at: list[RowVerdict] = []
    winner: RowVerdict | None = None
    for rule in active_rules() if rules is None else rules:
        holds = conditions.matches(rule.conditions, lead)
        choice = None
        if holds and winner is None:
            choice = TARGETS[rule.target].choose(rule, dry_run)
        verdict = RowVerdict(rule, holds, conditions.explain(rule.conditions, lead) if dry_run else [], choice)
        looked_at.append(verdict)
        if choice is not None and choice.to is not None:
            winner = verdict
            if not dry_run:
                break
    if winner is None or winner.choice is None:
        return Decision(lead, rows=tuple(looked_at))
    return Decision(lead, winner.rule, winner.choice, tuple(looked_at))


@apart
def lead_route(lead: Lead, *, by: Any, is_quiet: bool = False) -> Decision | None:
    """Give a lead to whom the table says and move it to «Передан менеджеру»; no match leaves it as it is.

    The decision and its reason stand on the timeline; with `is_quiet` only a match does. None where the table is empty.
    StageError for a lead that somebody works at already, DoesNotExist for whoever may not change it.
    """
    actor = Actor.of(by)
    lead = locked_for(Lead, lead.pk, actor, alive=True)
    handed_over = pipelines.find_stage(lead.pipeline_id, HANDED_OVER) if lead.partner_id is None else None
    if handed_over is None or not lead.is_open or lead.stage_row.order >= handed_over.order:
        raise StageError(_("«%(lead)s» is handed over already: the table is for leads that are not.") % {"lead": lead})
    rules = active_rules()
    if not rules:
        return None
    decision = evaluate(lead, dry_run=False, rules=rules)
    if decision.rule is None:
        if not is_quiet:
            names = {"responsible": str(lead.responsible or ""), "passed": _passed(decision)}
            timeline.record(lead, "lead_not_routed", actor, names)
        return decision
    lacking = _lacking(lead, handed_over)
    timeline.record(lead, "lead_routed", actor, routed_line(decision) | {"missing": lacking})
    TARGETS[decision.rule.target].give(lead, decision.choice, actor)
    if not lacking:
        # What the stage asks was looked at above; that a partner has the lead by now is no reason against it.
        stages.move(lead, HANDED_OVER, by=actor, override=True)
    return decision


def routed_line(decision: Decision) -> dict[str, Any]:
    """What the timeline tells of a row that took a lead: which, to whom, why, and what was passed over."""
    rule = decision.rule
    return {
        "rule": rule.name if rule else "",
        "to": str(decision.choice.to),
        "how": decision.choice.why,
        "conditions": conditions.describe(rule.conditions, RecordType.LEAD) if rule else "",
        "passed": _passed(decision),
        "missing": [],
    }


def _passed(decision: Decision) -> list[dict[str, str]]:
    return [{"rule": row.rule.name, "why": row.choice.why} for row in decision.passed_over if row.choice is not None]


def _lacking(lead: Lead, target: Any) -> list[str]:
    """What the lead lacks to be handed over, besides the person who is just being found."""
    return [item.code for item in stages.missing_fields(lead, target) if item.code != "responsible"]


# -- people and teams -------------------------------------------------------------------------------------------------


def _choose_person(rule: RoutingRule, dry_run: bool) -> Choice:
    person = rule.person
    if person is None or not person.is_active or person.is_partner:
        return Choice(why=_("%(name)s no longer works here") % {"name": person or "—"})
    if person.is_absent(clock.today()):
        return Choice(why=_("%(name)s is away") % {"name": person})
    return Choice(person)


def _choose_of_team(rule: RoutingRule, dry_run: bool) -> Choice:
    """The next of the team, or its least loaded; the absent are skipped."""
    turn = TeamTurn.objects.filter(team=rule.team).first() if dry_run else _locked_turn(rule)
    today = clock.today()
    people = list(team_people(rule.team_id).order_by("pk"))
    here = [person for person in people if not person.is_absent(today)]
    names = {"team": rule.team}
    if not here:
        text = _("everybody of the team «%(team)s» is away") if people else _("the team «%(team)s» has nobody to take")
        return Choice(why=text % names)
    if rule.share == RoutingRule.Share.LEAST_LOADED:
        load = load_of(here)
        chosen = min(here, key=lambda person: (load[person.pk], person.pk))
        count = load[chosen.pk]
        why = ngettext(
            "the team «%(team)s», the least loaded: %(count)s open",
            "the team «%(team)s», the least loaded: %(count)s open",
            count,
        ) % {**names, "count": count}
    else:
        last = turn.last_id if turn is not None and turn.last_id else 0
        chosen = next((person for person in here if person.pk > last), here[0])
        why = _("the team «%(team)s», in turn") % names
    if not dry_run:
        TeamTurn.objects.filter(team=rule.team).update(last=chosen)
    return Choice(chosen, why)


def _locked_turn(rule: RoutingRule) -> TeamTurn:
    TeamTurn.objects.get_or_create(team=rule.team)
    return TeamTurn.objects.select_for_update().get(team=rule.team)


def team_people(team_id: int | None) -> QuerySet[User]:
    """Who of a team can be made responsible."""
    return User.objects.filter(team=team_id, is_active=True, partner__isnull=True, role__in=RESPONSIBLE_ROLES)


def load_of(people: Iterable[User]) -> dict[int, int]:
    """How many open leads and deals each has."""
    load = {person.pk: 0 for person in people}
    for model in (Lead, Deal):
        rows = model.objects.alive().open().filter(responsible__in=list(load)).order_by()
        for pk, count in rows.values_list("responsible").annotate(Count("pk")):
            load[pk] += count
    return load


def _assign(lead: Lead, choice: Choice, actor: Actor) -> None:
    record_assign(lead, responsible=choice.to, by=actor, reason=actor.name)


target_kind("person", TargetKind(_choose_person, _assign))
target_kind("team", TargetKind(_choose_of_team, _assign))


# -- what it would have done ------------------------------------------------------------------------------------------


def leads_since(day: date, user: User) -> QuerySet[Any]:
    """The leads that came in since a day, as far as the person may see them; copies of deals did not come in."""
    rows = Lead.objects.visible_to(user).alive().filter(pipeline="lead", copy_set__isnull=True)
    return rows.filter(created_at__gte=day_start(day))


def by_first_row(rows: QuerySet[Any], rules: Iterable[RoutingRule]) -> QuerySet[Any]:
    """Leads with `route_row`: the key of the first row that matches them as they are now, NO_ROW where none does."""
    whens = [
        When(conditions.as_q(rule.conditions, RecordType.LEAD) or Q(pk__isnull=False), then=Value(rule.pk))
        for rule in rules
    ]
    return rows.annotate(route_row=Case(*whens, default=Value(NO_ROW), output_field=IntegerField()))


def count_by_row(rows: QuerySet[Any], rules: Iterable[RoutingRule]) -> dict[int, int]:
    """How many of the leads each row would take; one query."""
    grouped = by_first_row(rows, rules).order_by().values("route_row").annotate(count=Count("pk"))
    return {line["route_row"]: line["count"] for line in grouped}
