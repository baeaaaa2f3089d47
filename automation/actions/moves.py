"""How rules change a record: its stage, its responsible."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from automation.actions.registry import Context, Outcome, action
from automation.actions.tasks import make_task, once_of
from crm import pipelines
from crm.errors import DomainError
from crm.models import Activity, RefusalReason
from crm.services import record_assign
from crm.stages import Refusal, move


@action("change_stage", gettext_lazy("Move to a stage"), needs=("to",))
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


@action("task_and_stage", gettext_lazy("Move to a stage and give the responsible a task"), needs=("to", "title_ru"))
def task_and_stage(context: Context) -> Outcome | None:
    """Both or neither: the return to work must not be separated from its task by a failure between them (DEAL-5)."""
    to, _key = str(context.params["to"]), context.key  # the key is of the entry that the rule started at
    move(context.record, to, by=context.actor, reason=_reason(context, to))
    # After the move: the task's key is that of the new entry, so that the stage's own rule makes no second one.
    made = make_task(context, key=once_of(context), kind=str(context.params.get("kind", Activity.Kind.TASK)))
    return Outcome("moved", {"to": context.record.stage, "task": made.pk if made else None}, is_told=True)


@action("close_record", gettext_lazy("Close as a refusal"), needs=("to", "comment_ru"))
def close_record(context: Context) -> Outcome | None:
    """With the reason named in `reason_ru` (the first of the stage without one) and the rule's comment (PIPE-4)."""
    record = context.record
    target = pipelines.find_stage(record.pipeline_id, str(context.params["to"]))
    reasons = RefusalReason.objects.filter(stage=target, is_active=True).order_by("order", "pk")
    reason = reasons.filter(name_ru=context.params.get("reason_ru", "")).first() or reasons.first()
    comment = str(context.params["comment_ru"])
    move(record, target.key, by=context.actor, refusal=Refusal(reason.pk if reason else None, comment))
    return Outcome("moved", {"to": record.stage}, is_told=True)


@action("set_responsible", gettext_lazy("Change the responsible"))
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
