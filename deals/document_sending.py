"""Sending a document to the client: a letter with the file, the mark on it, and the deal's move (DEAL-11)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from communications import templates_render
from communications.addressees import chosen_addressee
from communications.client_letters import just_written
from communications.models import MessageTemplate
from communications.services import message_queue
from crm import clock, pipelines
from crm.actors import Actor
from crm.errors import InvalidInput
from crm.models import Contact, ContactPoint, Stage, StagedRecord
from crm.stages import move, why_not
from crm.templatetags.ui import money
from deals.document_content import Wish
from deals.document_states import locked_document, require_standing
from deals.documents import NoDocument, document_create, latest_of, require_stage
from deals.models import Deal, Document
from deals.stages import COSTING, PROPOSAL_SENT, SIGNING

Kind = Document.Kind


@transaction.atomic
def document_send(
    document: Document, *, address: str, subject: str, text: str, by: Any, data: Mapping[str, Any] | None = None
) -> Document:
    """Queue the letter with the document to the client, mark it as sent, and move the deal on (see `stage_after`).

    `address` is one of `addressees`; `data` fills what that move asks for and is not looked at where there is none.
    The same document to the same address twice within a minute is one letter.
    NoDocument says why it cannot be sent, InvalidInput what is wrong with address, subject or text; whatever
    `crm.stages.move` raises undoes all of it.
    """
    actor = Actor.of(by)
    document = locked_document(document, actor)
    deal = document.deal
    to = chosen_addressee(deal, address)
    if just_written(attachment=document.attachment_id, address=to.address).exists():
        return document
    require_sendable(document, deal)
    _require(subject, "subject", _("A letter needs a subject."))
    _require(text, "text", _("Write something first."))
    letter = message_queue(
        record=deal,
        contact=to.client if isinstance(to.client, Contact) else None,
        channel=ContactPoint.Kind.EMAIL,
        address=to.address,
        subject=subject,
        text=text,
        attachment=document.attachment,
        by=by,
    )
    document.sent_at, document.sent_to, document.sent_by, document.letter = clock.now(), to.address, actor.user, letter
    document.save(update_fields=["sent_at", "sent_to", "sent_by", "letter"])
    if (target := stage_after(deal, document.kind, by)) is not None:
        move(deal, target.code, by=by, data=data)
    return document


@transaction.atomic
def document_make_and_send(
    deal: Deal,
    *,
    wish: Wish,
    address: str,
    by: Any,
    is_new: bool | None = None,
    data: Mapping[str, Any] | None = None,
) -> Document:
    """Make a document and send it at once with the letter of its template; either both happen or neither.

    Raises what `document_create`, `letter_of` and `document_send` raise.
    """
    made = document_create(deal, by=by, wish=wish, is_new=is_new)
    letter = letter_of(made)
    return document_send(made, address=address, subject=letter.subject, text=letter.text, by=by, data=data)


def letter_of(document: Document) -> templates_render.Letter:
    """Subject and text that are proposed, of the shipped template; empty where the company has deleted it.

    MissingValue names what the template asks for and the deal does not have.
    """
    template = MessageTemplate.objects.filter(code=document.kind).first()
    if template is None:
        return templates_render.Letter("", "")
    # An English document goes with an English letter; a Russian one with the client's.
    language = "en" if document.language == "en" else ""
    return templates_render.render(
        template, document.deal, document.deal.contact, given=_values(document), language=language
    )


def stage_after(deal: Deal, kind: str, by: Any) -> Stage | None:
    """The stage that sending such a document moves the deal to; None where it stays.

    A quote moves a deal at costing only; a contract any that the machine lets go on to its signing.
    """
    if kind == Kind.QUOTE:
        wanted = PROPOSAL_SENT if deal.stage_row.code == COSTING else ""
    else:
        wanted = SIGNING if kind == Kind.CONTRACT and deal.stage_row.is_open else ""
    if not wanted:
        return None
    try:
        target = pipelines.find_stage(deal.pipeline_id, wanted)
    except KeyError:
        return None
    return target if kind == Kind.QUOTE or not why_not(deal, target, by) else None


def require_sendable(document: Document, deal: Deal) -> None:
    """Raise NoDocument with the reason why a document cannot be sent."""
    require_stage(deal, document.kind)
    require_standing(document)
    if document.kind == Kind.QUOTE and document.until is not None and document.until < clock.today():
        raise NoDocument(
            _("%(quote)s was valid until %(day)s: make a new version of it.")
            % {"quote": document.label, "day": f"{document.until:%d.%m.%Y}"}
        )


def declare_placeholders() -> None:
    """What templates may say of a deal's documents; a letter of robots means the latest one of the kind."""
    latest = {
        "quote": gettext_lazy("number of the quote"),
        "quote_valid_until": gettext_lazy("until when the quote is valid"),
        "contract": gettext_lazy("number of the contract"),
        "invoice": gettext_lazy("number of the invoice"),
        "invoice_total": gettext_lazy("total of the invoice"),
        "invoice_until": gettext_lazy("until when the invoice is to be paid"),
    }
    for name, label in latest.items():
        templates_render.declare(name, label, _of_latest(name))


def templates_used() -> Mapping[str, list[str]]:
    """That letters with documents are written by the templates, for the list of templates."""
    return {kind: [_("sending documents from the card")] for kind in Kind}


def _of_latest(name: str) -> Any:
    kind = name.partition("_")[0]

    def value(record: StagedRecord, contact: Contact | None) -> str:
        last = latest_of(record, kind) if isinstance(record, Deal) else None
        return _values(last)[name] if last is not None else ""

    return value


def _values(document: Document) -> dict[str, str]:
    until = f"{document.until:%d.%m.%Y}" if document.until else ""
    match document.kind:
        case Kind.QUOTE:
            return {"quote": document.label, "quote_valid_until": until}
        case Kind.CONTRACT:
            return {"contract": document.label}
    return {"invoice": document.label, "invoice_total": money(document.total), "invoice_until": until}


def _require(value: str, name: str, message: str) -> None:
    if not value.strip():
        raise InvalidInput.at(name, message)
