"""What a document prints, as JSON keeps it: later changes of deal, client and settings do not reach it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import override

from crm import preferences
from crm.models import Company
from crm.templatetags.ui import number, phone
from deals import document_texts, money
from deals.models import Deal, Document, Vat
from deals.pdf import roubles
from deals.words import money_in_words

WHOLE = Decimal(100)
TITLES = {
    ("quote", "ru"): "Коммерческое предложение",
    ("contract", "ru"): "Договор",
    ("invoice", "ru"): "Счёт на оплату",
    ("quote", "en"): "Quotation",
    ("contract", "en"): "Contract",
    ("invoice", "en"): "Invoice",
}
OF_CLIENT = ("inn", "kpp", "ogrn", "bank", "bik", "account", "corr_account")


@dataclass(frozen=True)
class Wish:
    """What a document says beside the deal's lines; `share` is the percent of them that an invoice asks for."""

    kind: str
    terms: str = ""
    until: date | None = None
    language: str = "ru"
    share: Decimal = WHOLE


@dataclass(frozen=True)
class Line:
    """A line of a document that is none of the deal: a part of all those with one rate of VAT."""

    name: str
    total: Decimal
    vat: str

    quantity = Decimal(1)
    unit = ""
    discount = Decimal(0)

    @property
    def price(self) -> Decimal:
        return self.total

    @property
    def full(self) -> Decimal:
        return self.total

    @property
    def vat_rate(self) -> Decimal | None:
        return Vat(self.vat).rate

    @property
    def vat_amount(self) -> Decimal:
        return money.vat_within(self.total, self.vat_rate)

    def get_vat_display(self) -> str:
        return str(Vat(self.vat).label)


def lines_of(deal: Deal, wish: Wish) -> Sequence[Any]:
    """The deal's lines; of a share of them, one line per rate of VAT, so that the VAT stays exact."""
    lines = list(deal.lines.all())
    if wish.share == WHOLE:
        return lines
    by_rate: dict[str, Decimal] = {}
    for line in lines:
        by_rate[line.vat] = by_rate.get(line.vat, Decimal(0)) + line.total
    prepaid = {"ru": "Предоплата %s %%: %s", "en": "Prepayment %s %%: %s"}[wish.language]
    name = prepaid % (number(wish.share), _building(deal, wish.language) or deal.title)
    return [Line(name[:255], money.kopecks(total * wish.share / WHOLE), vat) for vat, total in by_rate.items()]


def content_of(deal: Deal, wish: Wish, *, label: str, day: date) -> dict[str, Any]:
    """Everything that is printed; `label` is the number, or what stands in its place on a draft."""
    with override(wish.language):
        lines, person = lines_of(deal, wish), deal.responsible
        totals = money.totals_of(lines)
        sides = {"seller": preferences.seller(), "client": client_of(deal)}
        values = values_of(deal, wish, totals, sides, label=label, day=day)
        return {
            "kind": wish.kind,
            "language": wish.language,
            "title": title_of(wish.kind, wish.language, label, day),
            **sides,
            "subject": deal.title,
            "building": values["building"],
            "lines": [
                {
                    "name": _name(line, wish.language), "quantity": str(line.quantity), "unit": line.unit,
                    "price": str(line.price), "discount": str(line.discount), "vat": str(line.get_vat_display()),
                    "total": str(line.total),
                }
                for line in lines
            ],
            "discount": str(totals.discount),
            "vat": [[str(rate), str(vat)] for rate, vat in totals.vat.items()],
            "total": str(totals.total),
            "text": document_texts.filled(
                document_texts.text_of(wish.kind, wish.language), values, has_terms=bool(wish.terms.strip())
            ),
            "terms": wish.terms.strip(),
            "until": f"{wish.until:%d.%m.%Y}" if wish.until else "",
            "person": {
                "name": person.full_name if person else "", "position": person.position if person else "",
                "phone": phone(person.phone) if person else "", "email": person.email if person else "",
            },
        }  # fmt: skip


def title_of(kind: str, language: str, label: str, day: date) -> str:
    """The heading: what it is, its number and day."""
    between = {"ru": "от", "en": "of"}[language]
    return f"{TITLES[kind, language]} {label} {between} {day:%d.%m.%Y}"


def gaps_of(deal: Deal, kind: str) -> list[str]:
    """What the text of a kind asks for and the deal does not know: a pen fills it in."""
    wish = Wish(kind, until=date.max)
    sides = {"seller": preferences.seller(), "client": client_of(deal)}
    values = values_of(deal, wish, money.totals_of(deal.lines.all()), sides, label="№", day=date.max)
    return [str(label) for label in document_texts.gaps(document_texts.text_of(kind, "ru"), values)]


def values_of(
    deal: Deal, wish: Wish, totals: money.Totals, sides: dict[str, dict[str, str]], *, label: str, day: date
) -> dict[str, str]:
    """The values of the placeholders, as text in the document's language."""
    seller, client, person = sides["seller"], sides["client"], deal.responsible
    return {
        "number": label.removeprefix("№ "),
        "date": f"{day:%d.%m.%Y}",
        "until": f"{wish.until:%d.%m.%Y}" if wish.until else "",
        "city": seller["city"],
        "seller": seller["name"],
        "seller_signatory": seller["signatory"],
        "client": client["name"],
        "client_signatory": client["signatory"],
        "client_inn": client["inn"],
        "client_address": client["address"],
        "client_person": client["person"],
        "contract": contract_named(deal, wish.language),
        "subject": deal.title,
        "building": _building(deal, wish.language),
        "total": roubles(totals.total, wish.language),
        "total_in_words": money_in_words(totals.total, wish.language),
        "vat": _vat(totals, wish.language),
        "responsible": person.full_name if person else "",
        "responsible_phone": phone(person.phone) if person else "",
        "responsible_email": person.email if person else "",
    }


def contract_named(deal: Deal, language: str = "ru") -> str:
    """The deal's contract as an invoice names it: the one that is signed, else the latest that was made."""
    number, day = deal.contract_number, deal.contract_date
    if not number:
        made = deal.documents.filter(kind=Document.Kind.CONTRACT, voided_at=None).first()
        number, day = (made.printed, made.date) if made else ("", None)
    if not number:
        return ""
    named, of = {"ru": ("договор № ", " от "), "en": ("contract No. ", " of ")}[language]
    return named + number + (f"{of}{day:%d.%m.%Y}" if day else "")


def client_of(deal: Deal) -> dict[str, str]:
    """The buyer's details: the company's with the person it is dealt with through, or the private person's."""
    company, contact = deal.company, deal.contact
    if isinstance(company, Company):
        found = {name: getattr(company, name) for name in OF_CLIENT}
        person = str(contact) if contact else ""
        return found | {
            "name": company.name, "address": company.legal_address or company.address,
            "signatory": company.signatory, "person": person, "contacts": _contacts(company),
        }  # fmt: skip
    found = dict.fromkeys(OF_CLIENT, "")
    name = str(contact) if contact else ""
    return found | {
        "name": name, "address": contact.address if contact else "", "signatory": "", "person": name,
        "contacts": _contacts(contact) if contact else "",
    }  # fmt: skip


def _contacts(client: Any) -> str:
    return ", ".join(part for part in (phone(client.phone), client.email) if part)


def _name(line: Any, language: str) -> str:
    """A line's name; in English the catalogue's, where nobody has written another."""
    product = getattr(line, "product", None)
    if language == "en" and product is not None and line.name == product.name_ru and product.name_en:
        return str(product.name_en)
    return str(line.name)


def _vat(totals: money.Totals, language: str) -> str:
    if not totals.vat:
        return str(_("no VAT"))
    sums = {"ru": "в том числе НДС %s %%: %s ₽", "en": "including VAT %s %%: %s RUB"}[language]
    return ", ".join(sums % (number(rate), roubles(vat, language)) for rate, vat in totals.vat.items())


def _building(deal: Deal, language: str) -> str:
    metre, tonne = {"ru": ("м", "т"), "en": ("m", "t")}[language]
    sides = "×".join(number(side) for side in (deal.length, deal.width, deal.height) if side)
    parts = [str(deal.purpose or ""), f"{sides} {metre}" if sides else "", deal.address or deal.city]
    parts += [f"{number(deal.area)} {metre}²" if deal.area else ""]
    parts += [f"{number(deal.tonnage)} {tonne}" if deal.tonnage else ""]
    return ", ".join(part for part in parts if part)
