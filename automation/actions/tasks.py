"""What rules ask of people: tasks and lines in the bell."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Role, User
from automation.actions import params
from automation.actions.registry import Context, Outcome, action, entry_of
from automation.schedule import working_moment
from crm import clock, events, notify
from crm.actors import Actor
from crm.errors import DomainError
from crm.models import Activity, StagedRecord
from crm.people import sales_head
from crm.services import activity_create
from crm.visibility import visible_record

TASK = {
    "title_ru": params.line(gettext_lazy("Task, in Russian"), required=True),
    "title_en": params.line(gettext_lazy("Task, in English")),
    "kind": params.kind,
    "due_days": params.number(gettext_lazy("Days to do it"), low=0, high=365, initial=1),
}


def person_for(record: StagedRecord) -> User:
    """Who gets a robot's task: the responsible, or a sales head where there is none at work."""
    person = record.responsible
    if person is not None and person.is_active:
        return person
    for role in (Role.SALES_HEAD, Role.ADMINISTRATOR):
        if (head := User.objects.filter(role=role, is_active=True).order_by("pk").first()) is not None:
            return head
    raise DomainError(_("There is nobody to give the task to."))


def _chosen(pk: Any) -> User | None:
    """The person whom the rule names, while they are at work."""
    return User.objects.filter(pk=pk, is_active=True).first() if pk else None


def text_of(params: Mapping[str, Any], name: str, reader: User) -> str:
    """A text of the rule in the reader's language, else in Russian."""
    return str(params.get(f"{name}_{reader.language}") or params.get(f"{name}_ru") or "")


def make_task(context: Context, *, key: str, kind: str, text: str = "") -> Activity | None:
    """Make the rule's task once; None when it is there already."""
    if Activity.objects.filter(key=key).exists():
        return None
    person = _chosen(context.params.get("user")) or person_for(context.record)
    days = int(context.params.get("due_days", 1))
    return activity_create(
        context.record,
        title=text_of(context.params, "title", person)[:255],
        text=text,
        due_at=working_moment(clock.now() + timedelta(days=days)),
        responsible=person,
        by=context.actor,
        kind=kind,
        key=key,
    )


@action(
    "create_task",
    gettext_lazy("Give a task"),
    params={**TASK, "user": params.person(gettext_lazy("For whom"), gettext_lazy("the responsible"))},
)
def create_task(context: Context) -> Outcome | None:
    """One task per entry into the stage; rules with the same `once` word share it (DEAL-7)."""
    key = once_of(context)
    made = make_task(context, key=key, kind=str(context.params.get("kind", Activity.Kind.TASK)))
    return Outcome("task_made", {"title": made.title, "id": made.pk}, is_told=True) if made else None


def once_of(context: Context) -> str:
    """The key by which a task is made once: rules with the same `once` word share it within an entry."""
    if word := context.params.get("once"):
        return f"{word}:{context.record.RECORD_TYPE}:{context.record.pk}:{entry_of(context.record)}"
    return f"task:{context.key}"


@action("remind_responsible", gettext_lazy("Remind the responsible"), params=TASK)
def remind_responsible(context: Context) -> Outcome | None:
    """A line in the bell and a task: the record stands still (LEAD-18)."""
    person = person_for(context.record)
    with events.silence():
        # Told once: the line about the silence says more than the one about a new task.
        made = make_task(context, key=f"task:{context.key}", kind=str(context.params.get("kind", Activity.Kind.TASK)))
    data = {"days": context.rule.delay_days, "title": str(context.record)}
    _ring(person, context.record, data)
    return Outcome("reminded", {"name": str(person), "days": context.rule.delay_days}) if made else None


@action("tell_head", gettext_lazy("Tell the sales head"))
def tell_head(context: Context) -> Outcome | None:
    """A line in the bell of the sales head, with who is responsible (LEAD-18)."""
    head = sales_head()
    if head is None:
        return None
    record = context.record
    data = {"days": context.rule.delay_days, "title": str(record), "responsible": str(record.responsible or "")}
    _ring(head, record, data)
    return Outcome("reminded", {"name": str(head), "days": context.rule.delay_days})


def _ring(person: User, record: Any, data: Mapping[str, Any]) -> None:
    notify.tell(person.pk, record, "silence", "stands_still", data, by=Actor.system())


@action(
    "notify_people",
    gettext_lazy("Tell people in the bell"),
    params={
        "text": params.line(gettext_lazy("What they are told"), required=True),
        "users": params.people(gettext_lazy("Whom")),
        "responsible": params.flag(gettext_lazy("Also the responsible")),
    },
    objection=lambda _rule, given: (
        None if given.get("users") or given.get("responsible") else ("users", _("Say whom to tell."))
    ),
)
def notify_people(context: Context) -> Outcome | None:
    """A line in the bell of people who may see the record; of those who may not, and who left, nothing is said."""
    record = context.record
    wanted = {
        *(context.params.get("users") or []),
        *([record.responsible_id] if context.params.get("responsible") else []),
    }
    people = User.objects.filter(pk__in=wanted - {None}, is_active=True).order_by("pk")
    told = [person for person in people if visible_record(record.RECORD_TYPE, record.pk, person) is not None]
    for person in told:
        data = {"text": str(context.params["text"]), "title": str(record)}
        notify.tell(person.pk, record, "robot", "robot_says", data, by=Actor.robot(context.rule.name))
    names = ", ".join(person.short_name for person in told)
    return Outcome("told", {"names": names, "text": str(context.params["text"])}) if told else None
