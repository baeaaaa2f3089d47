"""How rules change a record: its stage, its responsible."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from automation.actions import params
from automation.actions.registry import Context, Outcome, action
from automation.actions.tasks import TASK, make_task, once_of
from automation.models import Rule
from crm import pipelines
from crm.actors import Actor
from crm.errors import DomainError
from crm.models import Activity, RefusalReason, Stage
from crm.normalize import looks_like_placeholder
from crm.services import record_assign
from crm.stages import Refusal, allowed_by_machine, move

TO = params.stage(gettext_lazy("To the stage"), Stage.Kind.OPEN, Stage.Kind.SUCCESS, Stage.Kind.NEUTRAL)


def _no_such_move(rule: Rule, given: Mapping[str, Any]) -> tuple[str, str] | None:
    """The machine of the pipeline must have the move from the stage at which the rule finds the record."""
    stage = rule.stage
    if stage is None or rule.trigger == Rule.Trigger.STAGE_LEFT:
        return None
    try:
        target = pipelines.find_stage(rule.pipeline_id, str(given["to"]))
    except KeyError:
        return "to", _("Choose a stage.")
    if stage.key == target.key:
        return "to", _("The record stands at «%(stage)s» already.") % {"stage": target.name}
    if allowed_by_machine(stage, [target], Actor.robot(rule.name)):
        return None
    names = {"from": stage.name, "to": target.name}
    return "to", _("The pipeline has no move from «%(from)s» to «%(to)s».") % names


def _no_such_reason(rule: Rule, given: Mapping[str, Any]) -> tuple[str, str] | None:
    """The reason is one of the stage to which the record goes, and the comment says something."""
    if looks_like_placeholder(str(given.get("comment_ru", ""))):
        return "comment_ru", _("Write in your own words why it is closed.")
    key, name = f"{rule.pipeline_id}:{given.get('to')}", given.get("reason_ru")
    if name and not RefusalReason.objects.filter(stage=key, name_ru=name, is_active=True).exists():
        return "reason_ru", _("This is no reason of the stage.")
    return None


@action("change_stage", gettext_lazy("Move to a stage"), params={"to": TO}, objection=_no_such_move)
def change_stage(context: Context) -> Outcome | None:
    """Move the record; the history says by which rule."""
    to = str(context.params["to"])
    before = context.record.stage
    move(context.record, to, by=context.actor, reason=_reason(context, to))
    return Outcome("moved", {"to": context.record.stage}, is_told=True) if context.record.stage != before else None


def _reason(context: Context, to: str) -> str:
    """Going back and reopening need a reason, and the rule is one; forward its name as the author says enough."""
    current = context.record.stage_row
    try:
        target = pipelines.find_stage(context.record.pipeline_id, to)
    except KeyError:
        return ""  # the mover is going to say that there is no such stage
    return "" if current.is_open and target.order > current.order else context.rule.name


@action(
    "task_and_stage", gettext_lazy("Move to a stage and give the responsible a task"), params={"to": TO, **TASK},
    objection=_no_such_move,
)  # fmt: skip
def task_and_stage(context: Context) -> Outcome | None:
    """Both or neither: the return to work must not be separated from its task by a failure between them (DEAL-5)."""
    to, _key = str(context.params["to"]), context.key  # the key is of the entry that the rule started at
    move(context.record, to, by=context.actor, reason=_reason(context, to))
    # After the move: the task's key is that of the new entry, so that the stage's own rule makes no second one.
    made = make_task(context, key=once_of(context), kind=str(context.params.get("kind", Activity.Kind.TASK)))
    return Outcome("moved", {"to": context.record.stage, "task": made.pk if made else None}, is_told=True)


@action(
    "close_record",
    gettext_lazy("Close as a refusal"),
    params={
        "to": params.stage(gettext_lazy("Refusal stage"), Stage.Kind.FAILURE),
        "reason_ru": params.reason,
        "comment_ru": params.words(gettext_lazy("Comment"), required=True),
    },
    objection=_no_such_reason,
)
def close_record(context: Context) -> Outcome | None:
    """With the reason named in `reason_ru` (the first of the stage without one) and the rule's comment (PIPE-4)."""
    record = context.record
    target = pipelines.find_stage(record.pipeline_id, str(context.params["to"]))
    reasons = RefusalReason.objects.filter(stage=target, is_active=True).order_by("order", "pk")
    reason = reasons.filter(name_ru=context.params.get("reason_ru", "")).first() or reasons.first()
    comment = str(context.params["comment_ru"])
    move(record, target.key, by=context.actor, refusal=Refusal(reason.pk if reason else None, comment))
    return Outcome("moved", {"to": record.stage}, is_told=True)


@action(
    "set_responsible",
    gettext_lazy("Change the responsible"),
    params={
        "user": params.person(gettext_lazy("To whom")),
        "role": params.role(gettext_lazy("or to the first active person with the role")),
    },
    objection=lambda _rule, given: (
        None if given.get("user") or given.get("role") else ("user", _("Say who becomes responsible."))
    ),
)
def set_responsible(context: Context) -> Outcome | None:
    """To the person in `user`, or to the first active one with the role in `role`."""
    people = User.objects.filter(is_active=True).order_by("pk")
    params = context.params
    person = people.filter(pk=params["user"]) if params.get("user") else people.filter(role=params.get("role", ""))
    chosen = person.first()
    if chosen is None:
        raise DomainError(_("The person of the rule is not at work any more."))
    if context.record.responsible_id == chosen.pk:
        return None
    record_assign(context.record, responsible=chosen, by=context.actor, reason=context.rule.name)
    return Outcome("assigned", {"name": chosen.short_name}, is_told=True)
