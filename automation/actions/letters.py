"""What rules write to the client: letters and messages, and the task where that cannot be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from automation.actions import params
from automation.actions.registry import Context, Outcome, action
from automation.actions.tasks import make_task
from communications import message_channels
from communications.services import message_queue
from communications.templates_render import MissingValue
from crm.exclusions import is_excluded
from crm.models import Activity, Contact, ContactPoint, RecordType
from deals.delayed_demand import choose_channel

TIME_TO_UNDO = timedelta(minutes=2)
WRITING = {
    "template": params.template,
    "title_ru": params.line(
        gettext_lazy("Task instead, in Russian"), required=True,
        help_text=gettext_lazy("What the responsible is asked to do where nothing can be sent."),
    ),
    "title_en": params.line(gettext_lazy("Task instead, in English")),
}  # fmt: skip


@action(
    "send_message",
    gettext_lazy("Send the client a message, or give a task where that cannot be"),
    params=WRITING,
    types=(RecordType.LEAD, RecordType.DEAL),
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
    params=WRITING,
    types=(RecordType.LEAD, RecordType.DEAL),
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
    # A page of many records has asked for all of them at once (automation.planned).
    held: set[str] | None = record.__dict__.get("held_addresses")
    free = [address for address in given if not (is_excluded(address) if held is None else address in held)]
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
    made = make_task(context, key=f"task:{context.key}", kind=Activity.Kind.TASK, text=why)
    return Outcome("task_instead", {"title": made.title, "why": why}) if made else None
