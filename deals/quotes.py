"""Quotes (КП): what a deal offers, numbered by year, kept as it was and never written over (DEAL-11).

A quote is a row and a file on the deal, made together in one transaction: a number is used up only where both are
there. What has changed since is a new version of the same number, or a quote of its own.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.core.files.base import ContentFile
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import override

from crm import clock, preferences
from crm.actors import Actor
from crm.errors import DomainError, InvalidInput
from crm.rows import locked_for
from crm.services import attachment_add
from crm.templatetags.ui import number, phone
from deals.models import Deal, NumberSeries, Quote, quote_label
from deals.money import totals_of
from deals.pdf import seller_details
from deals.quote_pdf import quote_pdf

KIND = "quote"
DRAFT = "(черновик)"


class NoQuote(DomainError):
    """A deal of which no quote can be made, with the reason."""

    code = "no_quote"


@transaction.atomic
def quote_create(
    deal: Deal, *, by: Any, terms: str = "", valid_until: date | None = None, is_new: bool = False
) -> Quote:
    """Make a quote of the deal's lines: a new version of its latest one, or with `is_new` one with a new number.

    NoQuote for a deal without lines, a finished one and a partner's; InvalidInput for a day gone by.
    """
    actor = Actor.of(by)
    deal = locked_for(Deal, deal.pk, actor)
    require_quotable(deal)
    today = clock.today()
    until = _until(valid_until, today)
    last = None if is_new else deal.quotes.first()
    year = last.year if last else today.year
    taken = last.number if last else number_next(KIND, year)
    version = last.version + 1 if last else 1
    content = content_of(deal, label=f"№ {quote_label(taken, year, version)}", day=today, until=until, terms=terms)
    name = f"КП-{taken}-{year}" + (f"-в{version}" if version > 1 else "") + ".pdf"
    # A partner who has the deal's twin sees none of the manufacturer's prices.
    kept = attachment_add(deal, upload=ContentFile(quote_pdf(content), name=name), by=actor, internal=True)
    return Quote.objects.create(
        deal=deal, year=year, number=taken, version=version, date=today, valid_until=until, content=content,
        total=totals_of(deal.lines.all()).total, attachment=kept, created_by=actor.user, created_at=clock.now(),
    )  # fmt: skip


def number_next(kind: str, year: int) -> int:
    """The next number of a series; within the caller's transaction, which gives it back where it fails."""
    NumberSeries.objects.get_or_create(kind=kind, year=year)
    series = NumberSeries.objects.select_for_update().get(kind=kind, year=year)
    series.last += 1
    series.save(update_fields=["last"])
    return series.last


def quote_preview(deal: Deal, *, terms: str = "", valid_until: date | None = None) -> bytes:
    """The file as it would be, without a number; nothing is kept. NoQuote and InvalidInput as in `quote_create`."""
    require_quotable(deal)
    today = clock.today()
    until = _until(valid_until, today)
    return quote_pdf(content_of(deal, label=DRAFT, day=today, until=until, terms=terms))


def _until(wish: date | None, today: date) -> date:
    """How long the offer stands; InvalidInput for a day gone by."""
    until = wish or today + timedelta(days=preferences.get("quote_valid_days"))
    if until < today:
        message = _("A day gone by: until when is the offer valid?")
        raise InvalidInput.at("valid_until", message)
    return until


def is_quotable(deal: Deal) -> bool:
    """Can a quote be made of the deal now?"""
    try:
        require_quotable(deal)
    except NoQuote:
        return False
    return True


def require_own_open(deal: Deal) -> None:
    """Raise NoQuote for a partner's deal and a finished one: neither is offered anything."""
    if deal.partner_id is not None:
        raise NoQuote(_("A partner makes quotes of its own: this one would have the manufacturer's details."))
    if not deal.is_open:
        raise NoQuote(_("«%(stage)s» is a finished stage: reopen the deal first.") % {"stage": deal.stage_row.name})


def require_quotable(deal: Deal) -> None:
    """Raise NoQuote with the reason why no quote can be made of a deal."""
    require_own_open(deal)
    if deal.currency != "RUB":
        raise NoQuote(_("Quotes are made in roubles; the deal is in %(currency)s.") % {"currency": deal.currency})
    if not deal.lines.all():
        raise NoQuote(_("There is nothing to offer yet: fill in the products and services."))


def content_of(deal: Deal, *, label: str, day: date, until: date, terms: str) -> dict[str, Any]:
    """What is printed, as JSON keeps it: later changes of deal, client and settings do not reach it."""
    lines, person = list(deal.lines.all()), deal.responsible
    totals = totals_of(lines)
    with override("ru"):
        return {
            "title": f"Коммерческое предложение {label} от {day:%d.%m.%Y}",
            "seller": seller_details(),
            "client": _client(deal),
            "subject": deal.title,
            "building": _building(deal),
            "lines": [
                {
                    "name": line.name, "quantity": str(line.quantity), "unit": line.unit, "price": str(line.price),
                    "discount": str(line.discount), "vat": str(line.get_vat_display()), "total": str(line.total),
                }
                for line in lines
            ],
            "discount": str(totals.discount),
            "vat": [[str(rate), str(vat)] for rate, vat in totals.vat.items()],
            "total": str(totals.total),
            "terms": terms.strip(),
            "valid_until": f"{until:%d.%m.%Y}",
            "person": {
                "name": person.full_name if person else "", "position": person.position if person else "",
                "phone": phone(person.phone) if person else "", "email": person.email if person else "",
            },
        }  # fmt: skip


def _client(deal: Deal) -> str:
    company, contact = deal.company, deal.contact
    parts = [str(company)] if company else []
    if company and company.inn:
        parts.append(f"ИНН {company.inn}" + (f" / КПП {company.kpp}" if company.kpp else ""))
    if company and company.legal_address:
        parts.append(company.legal_address)
    if contact:
        parts.append(str(contact))
    return ", ".join(parts)


def _building(deal: Deal) -> str:
    sides = "×".join(number(side) for side in (deal.length, deal.width, deal.height) if side)
    parts = [str(deal.purpose or ""), f"{sides} м" if sides else "", deal.address or deal.city]
    parts += [f"{number(deal.area)} м²" if deal.area else "", f"{number(deal.tonnage)} т" if deal.tonnage else ""]
    return ", ".join(part for part in parts if part)
