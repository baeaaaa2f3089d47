"""Quotes (КП), contracts and invoices: numbered by kind and year, kept as they were and never written over (DEAL-11).

A document is a row and a file on the deal, made together in one transaction: a number is used up only where both are
there. What has changed since is a new version of the same number, or a document of its own.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.core.files.base import ContentFile
from django.db import transaction
from django.utils.translation import gettext as _

from crm import clock
from crm.actors import Actor
from crm.errors import DomainError, InvalidInput
from crm.rows import locked_for
from crm.services import attachment_add
from deals.document_content import WHOLE, Wish, content_of
from deals.document_pdf import document_pdf
from deals.document_texts import printed_number, usual_days
from deals.models import Deal, Document, NumberSeries, document_label

Kind = Document.Kind
DRAFT = {"ru": "(черновик)", "en": "(draft)"}
FILE_NAMES = {Kind.QUOTE: "КП", Kind.CONTRACT: "Договор", Kind.INVOICE: "Счёт"}


class NoDocument(DomainError):
    """A document that cannot be made, sent or changed, with the reason."""

    code = "no_document"


@transaction.atomic
def document_create(deal: Deal, *, by: Any, wish: Wish, is_new: bool | None = None) -> Document:
    """Make a document of the deal's lines: a new version of the latest of its kind, or with `is_new` a new number.

    Not told, an invoice is new, the others are the next version. NoDocument for a deal without lines, one whose stage
    has nothing to do with it and a partner's, and for a new version of what is signed or paid; InvalidInput for a day
    gone by or a share that is none.
    """
    actor = Actor.of(by)
    deal = locked_for(Deal, deal.pk, actor)
    require_makeable(deal, wish.kind)
    today = clock.today()
    wish = _settled(wish, today)
    last = latest_of(deal, wish.kind)
    if is_new is None:
        is_new = wish.kind == Kind.INVOICE
    if last is not None and not is_new:
        _require_replaceable(last)
        year, number, printed, version = last.year, last.number, last.printed, last.version + 1
        Document.objects.filter(kind=wish.kind, year=year, number=number).update(is_latest=False)
    else:
        year, number, version = today.year, number_next(wish.kind, today.year), 1
        printed = printed_number(wish.kind, number, year)
    label = document_label(printed, version)
    content = content_of(deal, wish, label=f"№ {label}", day=today)
    upload = ContentFile(document_pdf(content), name=file_name(wish.kind, printed, version))
    # A partner who has the deal's twin sees none of the manufacturer's prices.
    kept = attachment_add(deal, upload=upload, by=actor, internal=True)
    return Document.objects.create(
        deal=deal, kind=wish.kind, year=year, number=number, printed=printed, version=version, date=today,
        until=wish.until, language=wish.language, content=content, total=Decimal(content["total"]), attachment=kept,
        created_by=actor.user, created_at=clock.now(),
    )  # fmt: skip


def latest_of(deal: Deal, kind: str) -> Document | None:
    """The latest document of a kind that is not void."""
    return deal.documents.filter(kind=kind, voided_at=None).first()


def number_next(kind: str, year: int) -> int:
    """The next number of a series; within the caller's transaction, which gives it back where it fails."""
    NumberSeries.objects.get_or_create(kind=kind, year=year)
    series = NumberSeries.objects.select_for_update().get(kind=kind, year=year)
    series.last += 1
    series.save(update_fields=["last"])
    return series.last


def file_name(kind: str, printed: str, version: int) -> str:
    """The name of the file: "КП-12-2026-в2.pdf", "Счёт 5.pdf"."""
    said = FILE_NAMES[Kind(kind)]
    name = re.sub(r"[^\w.-]+", "-", printed).strip("-.") or "1"
    return (name if name.startswith(said) else f"{said} {name}") + (f"-в{version}" if version > 1 else "") + ".pdf"


def document_preview(deal: Deal, *, wish: Wish) -> bytes:
    """The file as it would be, without a number; nothing is kept. Raises as `document_create` does."""
    require_makeable(deal, wish.kind)
    today = clock.today()
    return document_pdf(content_of(deal, _settled(wish, today), label=DRAFT[wish.language], day=today))


def _settled(wish: Wish, today: date) -> Wish:
    """The wish with the day until when it stands; InvalidInput for a day gone by, or no share of anything."""
    if not 0 < wish.share <= WHOLE or (wish.share != WHOLE and wish.kind != Kind.INVOICE):
        raise InvalidInput.at("share", _("How much of the sum is asked for? From 1 to 100 %, of an invoice only."))
    days = usual_days(wish.kind)
    until = None if days is None else wish.until or today + timedelta(days=days)
    if until is not None and until < today:
        raise InvalidInput.at("until", _("This day has gone by."))
    return Wish(wish.kind, wish.terms, until, wish.language, wish.share)


def is_makeable(deal: Deal, kind: str) -> bool:
    """Can such a document be made of the deal now?"""
    try:
        require_makeable(deal, kind)
    except NoDocument:
        return False
    return True


def has_stage_for(deal: Deal, kind: str) -> bool:
    """Does the deal's stage have anything to do with such a document?"""
    try:
        require_stage(deal, kind)
    except NoDocument:
        return False
    return True


def require_stage(deal: Deal, kind: str) -> None:
    """Raise NoDocument for a partner's deal and for one whose stage has nothing to do with such a document."""
    if deal.partner_id is not None:
        raise NoDocument(_("A partner makes documents of its own: this one would have the manufacturer's details."))
    stage = deal.stage_row
    # What was won is still billed, and its contract put in order.
    if not (stage.is_open or (stage.kind == "success" and kind != Kind.QUOTE)):
        raise NoDocument(_("«%(stage)s» is a finished stage: reopen the deal first.") % {"stage": stage.name})


def require_makeable(deal: Deal, kind: str) -> None:
    """Raise NoDocument with the reason why no such document can be made of a deal."""
    require_stage(deal, kind)
    if deal.currency != "RUB":
        raise NoDocument(_("Documents are made in roubles; the deal is in %(currency)s.") % {"currency": deal.currency})
    if not deal.lines.all():
        raise NoDocument(_("There is nothing to offer yet: fill in the products and services."))


def _require_replaceable(last: Document) -> None:
    if last.paid:
        raise NoDocument(_("%(document)s is paid already: make one with a new number.") % {"document": last.label})
    if last.signed_on:
        raise NoDocument(_("%(document)s is signed already: make one with a new number.") % {"document": last.label})
