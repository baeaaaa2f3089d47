"""What becomes of a document: void, signed, paid; and how it stands, for card, list and filter (DEAL-11)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import clock, stages, timeline
from crm.actors import Actor
from crm.errors import InvalidInput, MissingField
from crm.models import Stage
from crm.normalize import looks_like_placeholder
from crm.pipelines import find_stage
from crm.rows import locked_for
from crm.services import attachment_add
from crm.stages import move
from deals.documents import NoDocument
from deals.models import Deal, Document
from deals.services import deal_update
from deals.stages import SIGNING, WON

Kind = Document.Kind
STATES: dict[str, tuple[Any, str]] = {
    "made": (gettext_lazy("Not sent"), "gray"),
    "sent": (gettext_lazy("Sent"), "blue"),
    "expired": (gettext_lazy("Out of date"), "orange"),
    "signed": (gettext_lazy("Signed"), "green"),
    "unpaid": (gettext_lazy("Unpaid"), "yellow"),
    "partly": (gettext_lazy("Partly paid"), "yellow"),
    "overdue": (gettext_lazy("Overdue"), "red"),
    "paid": (gettext_lazy("Paid"), "green"),
    "replaced": (gettext_lazy("Replaced by a later version"), "gray"),
    "void": (gettext_lazy("Void"), "gray"),
}
# All invoices that money is still awaited for, whatever their day.
AWAITED = "awaited"


def state_of(document: Document, today: date | None = None) -> str:
    """How a document stands: one of STATES; the same that `in_state` finds."""
    today = today or clock.today()
    is_late = document.until is not None and document.until < today
    if document.voided_at is not None:
        return "void"
    if not document.is_latest:
        return "replaced"
    if document.kind == Kind.INVOICE:
        if document.paid >= document.total:
            return "paid"
        return "overdue" if is_late else "partly" if document.paid else "unpaid"
    if document.signed_on:
        return "signed"
    if document.kind == Kind.QUOTE and is_late:
        return "expired"
    return "sent" if document.sent_at else "made"


def in_state(state: str, today: date | None = None) -> Q:
    """The documents that stand so, as a condition of the database; KeyError for a state that is none."""
    today = today or clock.today()
    current = Q(voided_at=None, is_latest=True)
    invoice, other = current & Q(kind=Kind.INVOICE), current & ~Q(kind=Kind.INVOICE) & Q(signed_on=None)
    owed = invoice & Q(paid__lt=F("total"))
    late = Q(until__lt=today)
    in_time = Q(until=None) | Q(until__gte=today)
    stands = other & ~(Q(kind=Kind.QUOTE) & late)
    return {
        "made": stands & Q(sent_at=None),
        "sent": stands & Q(sent_at__isnull=False),
        "expired": other & Q(kind=Kind.QUOTE) & late,
        "signed": current & ~Q(kind=Kind.INVOICE) & Q(signed_on__isnull=False),
        "unpaid": owed & Q(paid=0) & in_time,
        "partly": owed & Q(paid__gt=0) & in_time,
        "overdue": owed & late,
        "paid": invoice & Q(paid__gte=F("total")),
        "replaced": Q(voided_at=None, is_latest=False),
        "void": Q(voided_at__isnull=False),
        AWAITED: owed,
    }[state]


@transaction.atomic
def document_void(document: Document, *, reason: str, by: Any) -> Document:
    """Declare a number void, in all its versions, and keep why; the files stay. A void one stays as it is.

    InvalidInput for a reason that is none, NoDocument for an invoice on which money was received.
    """
    actor = Actor.of(by)
    document = locked_document(document, actor)
    if document.voided_at is not None:
        return document
    if looks_like_placeholder(reason):
        raise InvalidInput.at("reason", _("Write the reason in your own words."))
    if document.paid:
        raise NoDocument(_("Money was received for %(document)s: take the payment back first.") % _named(document))
    document.voided_at, document.voided_by, document.void_reason = clock.now(), actor.user, reason.strip()[:500]
    Document.objects.filter(kind=document.kind, year=document.year, number=document.number).update(
        voided_at=document.voided_at, voided_by=actor.user, void_reason=document.void_reason
    )
    _tell(document, "document_void", by, reason=document.void_reason)
    return document


@transaction.atomic
def document_pay(document: Document, *, paid: Decimal, paid_on: date | None, by: Any) -> Document:
    """Keep how much of an invoice is paid in all, and when the last of it came; nothing paid takes it back.

    NoDocument for what is no invoice, void or replaced; InvalidInput for more than its total or a day to come.
    """
    actor = Actor.of(by)
    document = locked_document(document, actor)
    if document.kind != Kind.INVOICE:
        raise NoDocument(_("Only invoices are paid."))
    require_standing(document)
    if not 0 <= paid <= document.total:
        raise InvalidInput.at("paid", _("From nothing to the total of the invoice."))
    day = (paid_on or clock.today()) if paid else None
    if day is not None and day > clock.today():
        raise InvalidInput.at("paid_on", _("This day is still to come."))
    if (document.paid, document.paid_on) == (paid, day):
        return document
    old, document.paid, document.paid_on = document.paid, paid, day
    document.save(update_fields=["paid", "paid_on"])
    _tell(document, "document_paid", by, old=str(old), paid=str(paid), total=str(document.total))
    return document


@transaction.atomic
def document_sign(
    document: Document,
    *,
    signed_on: date,
    by: Any,
    number: str = "",
    scan: Any = None,
    data: Mapping[str, Any] | None = None,
) -> Document:
    """Mark a contract as signed: the deal takes its number and day, and goes on to "contract signed" where it may.

    `scan` is the file of what was signed; `data` fills what the stages on the way ask for. NoDocument for what is no
    contract, void or replaced; InvalidInput for a day to come; whatever `crm.stages.move` raises undoes all of it.
    """
    actor = Actor.of(by)
    document = locked_document(document, actor)
    if document.kind != Kind.CONTRACT:
        raise NoDocument(_("Only contracts are signed."))
    require_standing(document)
    if signed_on > clock.today():
        raise InvalidInput.at("signed_on", _("This day is still to come."))
    deal = document.deal
    document.signed_on = signed_on
    if scan is not None:
        document.signed_file = attachment_add(deal, upload=scan, by=actor, internal=True)
    document.save(update_fields=["signed_on", "signed_file"])
    named = {"contract_number": number.strip() or document.printed, "contract_date": signed_on}
    document.deal = deal = deal_update(deal, by=by, data=named)
    _tell(document, "document_signed", by, signed_on=f"{signed_on:%d.%m.%Y}")
    for stage in way_to_win(deal, by):
        document.deal = deal = move(deal, stage.code, by=by, data=data)
        data = None
    return document


def way_to_win(deal: Deal, by: Any) -> list[Stage]:
    """The stages by which a signed contract takes the deal to its success; none where the machine has no such way."""
    try:
        won, signing = find_stage(deal.pipeline_id, WON), find_stage(deal.pipeline_id, SIGNING)
    except KeyError:
        return []
    if not deal.stage_row.is_open:
        return []
    if not stages.why_not(deal, won, by):
        return [won]
    is_way = signing.can_win and not signing.is_hidden and not stages.why_not(deal, signing, by)
    return [signing, won] if is_way else []


def asked_on_the_way(deal: Deal, by: Any) -> list[MissingField]:
    """What these stages ask for beyond the number and day that signing brings."""
    found: dict[str, MissingField] = {}
    for stage in way_to_win(deal, by):
        found |= {item.code: item for item in stages.missing_fields(deal, stage, by)}
    return [item for code, item in found.items() if code not in {"contract_number", "contract_date"}]


def locked_document(document: Document, actor: Actor) -> Document:
    """A document with its deal locked for changing; DoesNotExist where the deal is out of reach."""
    deal = locked_for(Deal, document.deal_id, actor)
    found = deal.documents.select_related("attachment").get(pk=document.pk)
    found.deal = deal
    return found


def require_standing(document: Document) -> None:
    """Raise NoDocument for a document that is void or was replaced by a later version."""
    if document.voided_at is not None:
        raise NoDocument(_("%(document)s is void.") % _named(document))
    if not document.is_latest:
        raise NoDocument(_("%(document)s was replaced by a later version.") % _named(document))


def _named(document: Document) -> dict[str, str]:
    return {"document": document.label}


def _tell(document: Document, action: str, by: Any, **data: Any) -> None:
    """A line of the timeline that partners do not read."""
    told = {"kind": document.kind, "label": document.label, "id": document.pk, **data}
    timeline.record(document.deal, action, by, told, internal=True)
