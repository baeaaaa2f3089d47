"""What rules ask of people: tasks and lines in the bell."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Role, User
from automation import invoices
from automation.actions import params
from automation.actions.registry import Context, Outcome, action, entry_of
from automation.models import Rule
from automation.schedule import working_moment
from crm import clock, events, notify
from crm.actors import Actor
from crm.errors import DomainError
from crm.models import Activity, RecordType, StagedRecord, TimelineEntry
from crm.people import sales_head
from crm.services import activity_create
from crm.visibility import visible_record

TASK = {
    "title_ru": params.line(gettext_lazy("Task, in Russian"), required=True),
    "title_en": params.line(gettext_lazy("Task, in English")),
    "kind": params.kind,
    "due_days": params.number(gettext_lazy("Days to do it"), low=0, high=365, initial=1),
}


# What the keys of tasks to contact the client begin with: where one is open, the other asks for nothing (DEAL-7).
CALL_BACK, RESUME = "call_back:", "resume:"


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


def make_task(
    context: Context, *, key: str, kind: str, text: str = "", due_at: datetime | None = None
) -> Activity | None:
    """Make the rule's task once, due in so many days as the rule says or at `due_at`; None when it is there already."""
    if Activity.objects.filter(key=key).exists():
        return None
    person = _chosen(context.params.get("user")) or person_for(context.record)
    days = int(context.params.get("due_days", 1))
    return activity_create(
        context.record,
        title=text_of(context.params, "title", person)[:255],
        text=text,
        due_at=due_at or working_moment(clock.now() + timedelta(days=days)),
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
    if context.params.get("once") and _is_asked(context.record, CALL_BACK):
        return None
    text = invoices.words(context.record) if context.rule.trigger == Rule.Trigger.INVOICE_OVERDUE else ""
    made = make_task(context, key=key, kind=str(context.params.get("kind", Activity.Kind.TASK)), text=text)
    return Outcome("task_made", {"title": made.title, "id": made.pk}, is_told=True) if made else None


@action(
    "call_back",
    gettext_lazy("Give a task to call the client back, unless one is open"),
    params={
        "title_ru": TASK["title_ru"],
        "title_en": TASK["title_en"],
        "due_hours": params.number(gettext_lazy("Hours to do it"), low=1, high=240, initial=1),
        "user": params.person(gettext_lazy("For whom"), gettext_lazy("the responsible")),
    },
    types=(RecordType.LEAD, RecordType.DEAL, RecordType.CONTACT, RecordType.COMPANY),
)
def call_back(context: Context) -> Outcome | None:
    """One task for a client, however often they called in vain and on however many records that is heard."""
    word = f"{CALL_BACK}{_client_of(context.record)}:"
    if Activity.objects.undone().filter(key__startswith=word).exists() or _is_asked(context.record, RESUME):
        return None
    phone = _missed_number(context.record)
    made = make_task(
        context,
        key=f"{word}{context.key}",
        kind=Activity.Kind.CALL,
        text=_("A missed call from %(phone)s.") % {"phone": phone} if phone else "",
        due_at=working_moment(clock.now() + timedelta(hours=int(context.params.get("due_hours", 1)))),
    )
    return Outcome("task_made", {"title": made.title, "id": made.pk}, is_told=True) if made else None


def _is_asked(record: StagedRecord, word: str) -> bool:
    """Is a task with such a key open on the record? A client who is to be called is not to be contacted once more."""
    mine = Activity.objects.undone().filter(record_type=record.RECORD_TYPE, record_id=record.pk)
    return mine.filter(key__startswith=word).exists()


def _client_of(record: Any) -> str:
    """Who called, as one: the company, else the person, else the record itself, which has no client yet."""
    person = record if record.RECORD_TYPE == RecordType.CONTACT else getattr(record, "contact", None)
    if company := getattr(record, "company_id", None) or getattr(person, "company_id", None):
        return f"{RecordType.COMPANY}:{company}"
    if person is not None:
        return f"{RecordType.CONTACT}:{person.pk}"
    return f"{record.RECORD_TYPE}:{record.pk}"


def _missed_number(record: StagedRecord) -> str:
    """From which number the client called last without an answer."""
    lines = TimelineEntry.objects.filter(
        record_type=record.RECORD_TYPE, record_id=record.pk, action__in=("call", "client_contact"),
        data__is_missed=True,
    ).order_by("-at", "-id")  # fmt: skip
    data = lines.values_list("data", flat=True).first() or {}
    return str(data.get("phone") or data.get("point") or "")


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
