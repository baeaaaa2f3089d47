"""What rules can do: one small function each, registered with its label. To add one, write it and register it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Role, User
from automation.models import Rule
from automation.schedule import working_moment
from communications import message_channels
from communications.services import message_queue
from communications.templates_render import MissingValue
from crm import clock, events, notify, pipelines
from crm.actors import Actor
from crm.errors import DomainError
from crm.exclusions import is_excluded
from crm.models import (
    Activity,
    Contact,
    ContactPoint,
    RecordType,
    RefusalReason,
    StagedRecord,
    StageHistory,
    record_model,
)
from crm.people import sales_head
from crm.prepared import NUMBER, TEXT, Prepared
from crm.rows import row
from crm.services import activity_create, record_assign
from crm.stages import Refusal, move
from deals.delayed_demand import choose_channel

TIME_TO_UNDO = timedelta(minutes=2)


@dataclass
class Context:
    """What an action is given: the rule, the locked record, who acts, and a key that is one for this occasion."""

    rule: Rule
    record: Any
    actor: Actor
    make_key: Callable[[], str]

    @cached_property
    def key(self) -> str:
        """One for this occasion; put together when first asked for, which most actions never do."""
        return self.make_key()

    @property
    def params(self) -> Mapping[str, Any]:
        return self.rule.params


@dataclass(frozen=True)
class Outcome:
    """What an action did; `is_told` where the record's timeline says it already in the robot's name."""

    code: str
    data: Mapping[str, Any] = field(default_factory=dict)
    is_told: bool = False


def _never(_data: Mapping[str, Any]) -> bool:
    return False


@dataclass(frozen=True)
class Action:
    """A registered action. One that writes to the client is not done when it is long overdue."""

    code: str
    label: Any
    run: Callable[[Context], Outcome | None]
    needs: tuple[str, ...] = ()
    is_late_ok: bool = True
    # Tells by an event's data alone that there is nothing to do.
    is_idle: Callable[[Mapping[str, Any]], bool] = _never


ACTIONS: dict[str, Action] = {}


def action(
    code: str,
    label: Any,
    *,
    needs: tuple[str, ...] = (),
    is_late_ok: bool = True,
    is_idle: Callable[[Mapping[str, Any]], bool] = _never,
) -> Callable[[Callable[[Context], Outcome | None]], Callable[[Context], Outcome | None]]:
    """Register an action; `needs` are the parameters that a rule must give."""

    def register(function: Callable[[Context], Outcome | None]) -> Callable[[Context], Outcome | None]:
        ACTIONS[code] = Action(code, label, function, needs, is_late_ok, is_idle)
        return function

    return register


def _entries(record_type: str, pk: int) -> Any:
    rows = StageHistory.objects.filter(record_type=record_type, record_id=pk).order_by("-at", "-id")
    return rows.values_list("pk")[:1]


_ENTRY: Prepared[Any] = Prepared(_entries, TEXT, NUMBER)


def entry_of(record: StagedRecord) -> int | None:
    """The row of the stage history by which the record stands where it stands."""
    return next((pk for (pk,) in _ENTRY.raw(record.RECORD_TYPE, record.pk)), None)


def person_for(record: StagedRecord) -> User:
    """Who gets a robot's task: the responsible, or a sales head where there is none at work."""
    person = record.responsible
    if person is not None and person.is_active:
        return person
    for role in (Role.SALES_HEAD, Role.ADMINISTRATOR):
        if (head := User.objects.filter(role=role, is_active=True).order_by("pk").first()) is not None:
            return head
    raise DomainError(_("There is nobody to give the task to."))


def _text(params: Mapping[str, Any], name: str, reader: User) -> str:
    return str(params.get(f"{name}_{reader.language}") or params.get(f"{name}_ru") or "")


def _task(context: Context, *, key: str, kind: str, text: str = "") -> Activity | None:
    """Make the rule's task once; None when it is there already."""
    if Activity.objects.filter(key=key).exists():
        return None
    person = person_for(context.record)
    days = int(context.params.get("due_days", 1))
    return activity_create(
        context.record,
        title=_text(context.params, "title", person)[:255],
        text=text,
        due_at=working_moment(clock.now() + timedelta(days=days)),
        responsible=person,
        by=context.actor,
        kind=kind,
        key=key,
    )


@action("create_task", gettext_lazy("Give the responsible a task"), needs=("title_ru",))
def create_task(context: Context) -> Outcome | None:
    """One task per entry into the stage; rules with the same `once` word share it (DEAL-7)."""
    key = _once(context)
    made = _task(context, key=key, kind=str(context.params.get("kind", Activity.Kind.TASK)))
    return Outcome("task_made", {"title": made.title, "id": made.pk}, is_told=True) if made else None


def _once(context: Context) -> str:
    if word := context.params.get("once"):
        return f"{word}:{context.record.RECORD_TYPE}:{context.record.pk}:{entry_of(context.record)}"
    return f"task:{context.key}"


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
    made = _task(context, key=_once(context), kind=str(context.params.get("kind", Activity.Kind.TASK)))
    return Outcome("moved", {"to": context.record.stage, "task": made.pk if made else None}, is_told=True)


@action(
    "send_message",
    gettext_lazy("Send the client a message, or give a task where that cannot be"),
    needs=("template", "title_ru"),
    is_late_ok=False,
)
def send_message(context: Context) -> Outcome | None:
    """By the client's channel, else the next one that reaches them; no consent or no channel makes a task (DEAL-5)."""
    way = message_way(context.record)
    if not way.address:
        return _instead(context, way.why)
    try:
        message = message_queue(
            record=context.record,
            contact=way.contact,
            channel=way.channel,
            template=str(context.params["template"]),
            by=context.actor,
            key=f"auto:{context.key}",
        )
    except MissingValue as error:
        return _instead(context, error.message)
    return Outcome("letter_queued", {"address": message.address, "id": message.pk}, is_told=True)


@action(
    "send_letter",
    gettext_lazy("Answer the request by a letter, or give a task where that cannot be"),
    needs=("template", "title_ru"),
    is_late_ok=False,
)
def send_letter(context: Context) -> Outcome | None:
    """To the contact's address, else the lead's own; an answer to a request needs no consent (LEAD-9).

    It waits a little in the outbox: whoever moved the record by mistake takes the letter back with the move.
    """
    way = letter_way(context.record)
    if way.held:
        return Outcome("letter_held", {"address": way.held})
    if not way.address:
        return _instead(context, way.why)
    try:
        message = message_queue(
            record=context.record,
            contact=way.contact,
            channel=way.channel,
            address=way.address,
            template=str(context.params["template"]),
            by=context.actor,
            key=f"auto:{context.key}",
            wait=TIME_TO_UNDO,
        )
    except MissingValue as error:
        return _instead(context, error.message)
    return Outcome("letter_queued", {"address": message.address, "id": message.pk}, is_told=True)


@dataclass(frozen=True)
class Way:
    """How a client is written to; without an address `why` says what a task is given for instead.

    `held` is an address that is known but stands on the exclusion list.
    """

    contact: Contact | None
    channel: str = ""
    address: str = ""
    why: str = ""
    held: str = ""


def message_way(record: Any) -> Way:
    """By the client's channel, else the next one that reaches them; to nobody without consent."""
    contact = recipient_of(record)
    if contact is None:
        return Way(None, why=_("The client has no contact person to write to."))
    reachable = message_channels.reachable(contact)
    channel = choose_channel(contact.preferred_channel, reachable, contact.messages_consent)
    if channel is None:
        why = _("They can be reached by no connected channel.") if contact.messages_consent else _("No consent.")
        return Way(contact, why=f"{contact}. {why}")
    return Way(contact, channel, reachable[channel])


def letter_way(record: Any) -> Way:
    """By e-mail to the contact's address, else the record's own."""
    contact = recipient_of(record)
    held, address = _answer_address(record, contact)
    return Way(contact, ContactPoint.Kind.EMAIL, address, "" if address else _("No e-mail is known."), held)


def _answer_address(record: Any, contact: Contact | None) -> tuple[str, str]:
    """An address on the exclusion list, if there is nothing else, and the address to answer to."""
    known = [getattr(contact, "email", ""), getattr(record, "email", "")]
    if contact is not None and contact.stage_row.is_failure:
        return contact.email or str(contact), ""
    given = [address for address in known if address]
    free = [address for address in given if not is_excluded(address)]
    return (given[0] if given and not free else ""), (free[0] if free else "")


def recipient_of(record: Any) -> Contact | None:
    """Who is written to: the record's contact, else a person of its company, those who agreed first."""
    if record.contact_id is not None:
        return record.contact
    if record.company_id is None:
        return None
    people = Contact.objects.alive().filter(company=record.company_id)
    return people.order_by("-messages_consent", "pk").first()


def _instead(context: Context, why: str) -> Outcome | None:
    made = _task(context, key=f"task:{context.key}", kind=Activity.Kind.TASK, text=why)
    return Outcome("task_instead", {"title": made.title, "why": why}) if made else None


@action("remind_responsible", gettext_lazy("Remind the responsible"), needs=("title_ru",))
def remind_responsible(context: Context) -> Outcome | None:
    """A line in the bell and a task: the record stands still (LEAD-18)."""
    person = person_for(context.record)
    with events.silence():
        # Told once: the line about the silence says more than the one about a new task.
        made = _task(context, key=f"task:{context.key}", kind=str(context.params.get("kind", Activity.Kind.TASK)))
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


@action("qualify_lead", gettext_lazy("Qualify the lead"))
def qualify_lead(context: Context) -> Outcome | None:
    """Whose is the lead and how far is it known (LEAD-6)?"""
    from leads import qualification

    qualification.qualify_new(context.record, context.actor, is_held=True)
    return Outcome("qualified", is_told=True)


@action("complete_lead", gettext_lazy("Let the lead go on whose data are all there now"))
def complete_lead(context: Context) -> Outcome | None:
    """From «Не хватает данных» to «Данные заполнены», when nothing of the minimum is missing any more (LEAD-6)."""
    from leads import qualification

    return Outcome("completed", is_told=True) if qualification.complete(context.record, context.actor) else None


@action("register_object", gettext_lazy("Put the construction object into the registry"))
def register_object(context: Context) -> Outcome | None:
    """Make the object, or show the one there is (LEAD-7)."""
    from leads import qualification

    qualification.register_object(context.record, context.actor, is_held=True)
    return Outcome("registered", is_told=True)


@action("route_lead", gettext_lazy("Share the lead out by the routing table"))
def route_lead(context: Context) -> Outcome | None:
    """Give the lead to whom the first matching row says (LEAD-8); an empty table does nothing.

    With `quiet` a lead that no row takes is not told of: it stays where it was.
    """
    from leads import routing

    is_quiet = bool(context.params.get("quiet"))
    decision = routing.lead_route(context.record, by=context.actor, is_quiet=is_quiet)
    if decision is None or (is_quiet and decision.rule is None):
        return None
    return Outcome("routed", {"name": str(decision.choice.to or "")}, is_told=True)


def _moves_no_object(data: Mapping[str, Any]) -> bool:
    """There is no object, or the record stays open: whose it is by its open records is then as before."""
    if "object" in data and data["object"] is None:
        return True
    return bool(data.get("from")) and all(pipelines.stage(str(data[side])).is_open for side in ("from", "to"))


@action("object_responsible", gettext_lazy("The object follows the responsible"), is_idle=_moves_no_object)
def object_responsible(context: Context) -> Outcome | None:
    """The object's responsible is that of its newest open deal, else lead (OBJ-5)."""
    from objects_registry.services import object_follow_responsible

    found: Any = row(record_model(RecordType.OBJECT), context.record.object_id)
    if found is None:
        return None
    before = found.responsible_id
    obj = object_follow_responsible(found, by=context.actor)
    if obj.responsible_id == before:
        return None
    return Outcome("object_follows", {"object": str(obj), "name": str(obj.responsible or "")})
