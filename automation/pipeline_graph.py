"""A pipeline as a graph (PIPE-8): its stages, the moves that are allowed, the robots on them, and what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from accounts.models import User
from automation.models import Rule
from crm import pipeline_check
from crm.actors import Actor
from crm.models import Pipeline, Stage
from crm.pipeline_check import Finding, allowed_moves
from crm.stage_times import Stays
from crm.stages import allowed_by_machine

# Moves by these actions need no refusal, so they cannot close a record as one.
WITHOUT_REFUSAL = frozenset({"change_stage", "task_and_stage"})


@dataclass(frozen=True)
class Node:
    """A stage: how many records stand in it, finished stays of the past year, where they may go, and its robots.

    `moves` are a salesperson's, `head_moves` what the sales head may do beyond that.
    """

    stage: Stage
    cards: int
    stays: Stays | None
    moves: list[Stage]
    head_moves: list[Stage]
    rules: list[Rule]

    @property
    def median_seconds(self) -> float | None:
        """How long half of the records stood here at most."""
        return self.stays.median if self.stays else None


@dataclass(frozen=True)
class Graph:
    """All of a pipeline; `everywhere` are the rules that no single stage has."""

    pipeline: Pipeline
    nodes: list[Node]
    everywhere: list[Rule]
    findings: list[Finding]


def graph_of(pipeline: Pipeline, user: User, days: int = pipeline_check.LOOK_BACK) -> Graph:
    """The graph of a pipeline over the records in the person's sight; hidden stages are left out."""
    stages = list(Stage.objects.filter(pipeline=pipeline).select_related("pipeline").order_by("order", "key"))
    shown = [stage for stage in stages if not stage.is_hidden]
    rules = list(Rule.objects.filter(pipeline=pipeline).select_related("pipeline", "stage").order_by("order", "id"))
    cards, history = pipeline_check.cards_of(pipeline, user), pipeline_check.history_of(pipeline, user, days)
    findings = [*pipeline_check.check(stages, history), *robot_findings(stages, rules)]
    return Graph(
        pipeline,
        [
            Node(
                stage,
                cards.get(stage.key, 0),
                history.stays.get(stage.key),
                moves := allowed_moves(stage, shown),
                [target for target in allowed_moves(stage, shown, head=True) if target not in moves],
                [rule for rule in rules if rule.stage_id == stage.key],
            )
            for stage in shown
        ],
        [rule for rule in rules if rule.stage_id is None],
        sorted(findings, key=lambda finding: finding.is_hint),
    )


def robot_target(rule: Rule) -> str:
    """The key of the stage that a rule moves to; empty where it moves nothing."""
    to = str(rule.params.get("to") or "")
    return to if ":" in to or not to else Stage.make_key(rule.pipeline_id, to)


def robot_findings(stages: Sequence[Stage], rules: Sequence[Rule]) -> Iterator[Finding]:
    """Rules that are on and move records where the machine lets not even a robot move them."""
    known = {stage.key: stage for stage in stages}
    for rule in rules:
        if not rule.is_active or not (key := robot_target(rule)):
            continue
        target = known.get(key)
        if target is None:
            text = _("The rule «%(rule)s» moves to a stage that there is not: %(stage)s.")
            yield Finding("robot_nowhere", text % {"rule": rule.name, "stage": rule.params.get("to")})
            continue
        names = {"rule": rule.name, "stage": target.name}
        if target.is_hidden:
            yield Finding("robot_hidden", _("The rule «%(rule)s» moves to «%(stage)s», which is hidden.") % names)
        elif target.is_failure and rule.action in WITHOUT_REFUSAL:
            text = _("The rule «%(rule)s» moves to «%(stage)s» without a reason: a refusal needs one.")
            yield Finding("robot_no_reason", text % names, (target.key,))
        elif not any(_leads(source, target) for source in _sources(rule, known)):
            text = _("The rule «%(rule)s» moves to «%(stage)s», where no move is allowed from its stage.")
            yield Finding("robot_no_move", text % names, (target.key,))


def _sources(rule: Rule, known: dict[str, Stage]) -> list[Stage]:
    """The stages at which the rule runs: its own, or every open one; who has left a stage may stand anywhere."""
    if rule.stage_id and rule.trigger != Rule.Trigger.STAGE_LEFT:
        return [stage for key, stage in known.items() if key == rule.stage_id]
    return [stage for stage in known.values() if stage.is_open and not stage.is_hidden]


def _leads(source: Stage, target: Stage) -> bool:
    return bool(allowed_by_machine(source, [target], Actor.robot("")))  # the machine's own word, with a reason given


def moves_in_words(stage: Stage, moves: Sequence[Stage], stages: Sequence[Stage]) -> str:
    """Where records of a stage may go: by name, but for "any later open stage" and "any refusal"."""
    names: list[str] = []
    opened = [other for other in stages if other.is_open and other.key != stage.key]
    later = [other for other in opened if other.order > stage.order]
    to_open = [other for other in moves if other.is_open]
    if len(to_open) > 2 and len(to_open) == len(opened):
        names.append(_("any open stage"))
    elif len(to_open) > 2 and stage.is_open and to_open == later:
        names.append(_("any later open stage"))
    elif len(to_open) > 2 and stage.is_open and to_open == [other for other in opened if other.order < stage.order]:
        names.append(_("any earlier open stage"))
    else:
        names += [f"«{other.name}»" for other in to_open]
    names += [f"«{other.name}»" for other in moves if not other.is_open and not other.is_failure]
    lost = [other for other in moves if other.is_failure]
    if len(lost) > 2 and len(lost) == sum(other.is_failure for other in stages):
        names.append(_("any refusal"))
    else:
        names += [f"«{other.name}»" for other in lost]
    return ", ".join(names)
