"""Sending a quote to the client: a letter with the file, the mark on the quote, and the deal's move (DEAL-11)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from communications import templates_render
from communications.models import Message, MessageTemplate
from communications.services import message_queue
from crm import clock, normalize, pipelines
from crm.actors import Actor
from crm.errors import InvalidInput
from crm.exclusions import excluded_among, is_excluded
from crm.models import Company, Contact, ContactPoint, Stage, StagedRecord
from crm.rows import locked_for
from crm.stages import move
from deals.models import Deal, Quote
from deals.quotes import NoQuote, require_own_open
from deals.stages import COSTING, PROPOSAL_SENT

TEMPLATE = "quote"
# Two presses of one button, or a call that was tried again because its answer was lost.
SAME_PRESS = timedelta(minutes=1)
ON_ITS_WAY = (Message.State.QUEUED, Message.State.SENDING, Message.State.SENT)


@dataclass(frozen=True)
class Addressee:
    """An e-mail address of a deal's client, and whose it is."""

    address: str
    client: Contact | Company


@transaction.atomic
def quote_send(
    quote: Quote, *, address: str, subject: str, text: str, by: Any, data: Mapping[str, Any] | None = None
) -> Quote:
    """Queue the letter with the quote to the client, mark the quote, and move a deal at costing to "proposal sent".

    `address` is one of `addressees`; `data` fills what that move asks for and is not looked at where the deal stands
    elsewhere. The same quote to the same address twice within a minute is one letter.
    NoQuote says why the quote cannot be sent, InvalidInput what is wrong with address, subject or text; whatever
    `crm.stages.move` raises undoes all of it.
    """
    actor = Actor.of(by)
    deal = locked_for(Deal, quote.deal_id, actor)
    quote = deal.quotes.select_related("attachment").get(pk=quote.pk)
    to = _addressee(deal, address)
    if _is_repeated(quote, to.address):
        return quote
    require_sendable(quote, deal)
    _require(subject, "subject", _("A letter needs a subject."))
    _require(text, "text", _("Write something first."))
    letter = message_queue(
        record=deal,
        contact=to.client if isinstance(to.client, Contact) else None,
        channel=ContactPoint.Kind.EMAIL,
        address=to.address,
        subject=subject,
        text=text,
        attachment=quote.attachment,
        by=by,
    )
    quote.sent_at, quote.sent_to, quote.sent_by, quote.letter = clock.now(), to.address, actor.user, letter
    quote.save(update_fields=["sent_at", "sent_to", "sent_by", "letter"])
    if stage_after(deal) is not None:
        move(deal, PROPOSAL_SENT, by=by, data=data)
    return quote


def quote_letter(quote: Quote) -> templates_render.Letter:
    """Subject and text that are proposed, of the shipped template; empty where the company has deleted it.

    MissingValue names what the template asks for and the deal does not have.
    """
    template = MessageTemplate.objects.filter(code=TEMPLATE).first()
    if template is None:
        return templates_render.Letter("", "")
    return templates_render.render(template, quote.deal, quote.deal.contact, given=_values(quote))


def addressees(deal: Deal) -> list[Addressee]:
    """The addresses that a quote may go to: the contact's, then the company's, main ones first, none excluded.

    A client who was closed as lost is not written to, as by robots.
    """
    clients: list[Contact | Company] = [
        client for client in (deal.contact, deal.company) if client is not None and not client.stage_row.is_failure
    ]
    found: dict[str, Addressee] = {}
    for client, address in _known(clients):
        found.setdefault(address, Addressee(address, client))
    excluded = excluded_among(found)
    return [item for address, item in found.items() if address not in excluded]


def stage_after(deal: Deal) -> Stage | None:
    """The stage that sending a quote moves the deal to; None where it stays."""
    if deal.stage_row.code != COSTING:
        return None
    try:
        return pipelines.find_stage(deal.pipeline_id, PROPOSAL_SENT)
    except KeyError:
        return None


def require_sendable(quote: Quote, deal: Deal) -> None:
    """Raise NoQuote with the reason why a quote cannot be sent."""
    require_own_open(deal)
    if quote.valid_until < clock.today():
        raise NoQuote(
            _("%(quote)s was valid until %(day)s: make a new version of it.")
            % {"quote": quote.label, "day": f"{quote.valid_until:%d.%m.%Y}"}
        )


def no_address(deal: Deal) -> str:
    """Why there is nobody to send to, for a person."""
    clients = [client for client in (deal.contact, deal.company) if client is not None]
    if any(address for _client, address in _known(clients)):
        return _("The client is not to be written to: the address is on the exclusion list, or the client was closed.")
    return _("There is no address to write to: add an e-mail to the contact or the company first.")


def declare_placeholders() -> None:
    """What templates may say of a deal's quote; a letter of robots means the latest one."""
    latest = {
        "quote": gettext_lazy("number of the quote"),
        "quote_valid_until": gettext_lazy("until when the quote is valid"),
    }
    for name, label in latest.items():
        templates_render.declare(name, label, _of_latest(name))


def templates_used() -> Mapping[str, list[str]]:
    """That letters with quotes are written by the template, for the list of templates."""
    return {TEMPLATE: [_("sending a quote from the card")]}


def _of_latest(name: str) -> Any:
    def value(record: StagedRecord, contact: Contact | None) -> str:
        last = record.quotes.first() if isinstance(record, Deal) else None
        return _values(last)[name] if last is not None else ""

    return value


def _values(quote: Quote) -> dict[str, str]:
    return {"quote": quote.label, "quote_valid_until": f"{quote.valid_until:%d.%m.%Y}"}


def _known(clients: list[Contact | Company]) -> list[tuple[Contact | Company, str]]:
    """All addresses of these clients, each client's main one first."""
    which = Q(pk__in=[])
    for client in clients:
        which |= Q(record_type=client.RECORD_TYPE, record_id=client.pk)
    points = list(ContactPoint.objects.filter(which, kind=ContactPoint.Kind.EMAIL).order_by("-is_primary", "id"))
    found = []
    for client in clients:
        own = [
            point.value for point in points if (point.record_type, point.record_id) == (client.RECORD_TYPE, client.pk)
        ]
        found += [(client, address) for address in [*own, client.email] if address]
    return found


def _addressee(deal: Deal, given: str) -> Addressee:
    offered = addressees(deal)
    if not offered:
        raise InvalidInput.at("address", no_address(deal))
    address = normalize.email(given) or given.strip()
    chosen = next((item for item in offered if item.address == address), None)
    if chosen is not None:
        return chosen
    if not address:
        raise InvalidInput.at("address", _("Choose the address."))
    if is_excluded(address):
        raise InvalidInput.at(
            "address", _("«%(address)s» is on the exclusion list: no letters go there.") % {"address": address}
        )
    text = _("«%(address)s» is no address of this client: add it to the contact or the company first.")
    raise InvalidInput.at("address", text % {"address": address[:254]})


def _is_repeated(quote: Quote, address: str) -> bool:
    """Has this very quote gone to this address a moment ago? A letter that failed does not count."""
    return Message.objects.filter(
        attachment=quote.attachment_id,
        address=address,
        state__in=ON_ITS_WAY,
        created_at__gt=clock.now() - SAME_PRESS,
    ).exists()


def _require(value: str, name: str, message: str) -> None:
    if not value.strip():
        raise InvalidInput.at(name, message)
