"""What documents say: a text with placeholders per kind and language, kept in the settings and filled from the deal.

A line of the text is a paragraph. "# " makes it a heading; {lines}, {terms} and {parties} alone on a line are the
table, the terms of this document and the details of both sides. A heading with nothing below it is left out, so is a
line whose placeholders are all empty; where only some are, a line to be filled by hand is printed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from crm import preferences
from crm.preferences import Setting
from deals.models import Document

Kind = Document.Kind
BLOCKS = ("lines", "terms", "parties")
BLANK = "____________"
PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
PLACEHOLDERS: dict[str, Any] = {
    "number": _("number of the document"),
    "date": _("date of the document"),
    "until": _("valid, or to be paid, until"),
    "city": _("our town"),
    "seller": _("our full name"),
    "seller_signatory": _("who signs for us"),
    "client": _("the client's name"),
    "client_signatory": _("who signs for the client"),
    "client_inn": _("the client's INN"),
    "client_address": _("the client's legal address"),
    "client_person": _("the client's contact person"),
    "contract": _("number and date of the contract"),
    "subject": _("title of the deal"),
    "building": _("what is to be built"),
    "total": _("total"),
    "total_in_words": _("total in words"),
    "vat": _("VAT within the total"),
    "responsible": _("responsible"),
    "responsible_phone": _("phone of the responsible"),
    "responsible_email": _("e-mail of the responsible"),
    "lines": _("the table (on a line of its own)"),
    "terms": _("the terms (on a line of their own)"),
    "parties": _("details and signatures of both sides (on a line of their own)"),
}

QUOTE_RU = """{lines}
# Условия
{terms}
Предложение действительно до {until} включительно."""
QUOTE_EN = """{lines}
# Terms
{terms}
The offer is valid until {until} inclusive."""
CONTRACT_RU = """{seller}, именуемое далее «Поставщик», в лице {seller_signatory}, с одной стороны, и {client}, \
именуемое далее «Заказчик», в лице {client_signatory}, с другой стороны, заключили настоящий договор о нижеследующем.
# 1. Предмет договора
1.1. Поставщик обязуется изготовить, поставить и, если это указано в спецификации, смонтировать металлоконструкции, \
а Заказчик обязуется принять их и оплатить.
1.2. Что поставляется, в каком количестве и по какой цене, указано в спецификации (раздел 2).
1.3. Объект: {building}.
# 2. Спецификация и цена
{lines}
2.1. Цена договора: {total} ₽ ({total_in_words}), {vat}.
2.2. Цена меняется только по письменному соглашению сторон.
# 3. Сроки и порядок оплаты
{terms}
# 4. Приёмка и гарантия
4.1. Заказчик принимает продукцию по количеству и качеству в день поставки и подписывает накладную или акт.
4.2. Гарантия на конструкции: 24 месяца со дня приёмки, если они эксплуатируются по назначению.
# 5. Ответственность и споры
5.1. За просрочку поставки или оплаты виновная сторона платит 0,1 % от суммы просроченного за каждый день, но не \
более 10 %.
5.2. Споры решаются переговорами, а если согласие не достигнуто за 30 дней – в арбитражном суде по месту нахождения \
ответчика.
# 6. Прочее
6.1. Договор вступает в силу со дня подписания и действует до исполнения обязательств.
6.2. Договор составлен в двух экземплярах, по одному для каждой стороны.
# 7. Реквизиты и подписи сторон
{parties}"""
CONTRACT_EN = """{seller} (the “Supplier”), represented by {seller_signatory}, and {client} (the “Customer”), \
represented by {client_signatory}, have agreed as follows.
# 1. Subject
1.1. The Supplier makes, delivers and, where the specification says so, erects the steel structures; the Customer \
accepts and pays for them.
1.2. The specification (section 2) says what is delivered, how much of it and at what price.
1.3. Site: {building}.
# 2. Specification and price
{lines}
2.1. The price is {total} RUB ({total_in_words}), {vat}.
2.2. The price changes only by written agreement.
# 3. Time and payment
{terms}
# 4. Acceptance and warranty
4.1. The Customer accepts the goods by quantity and quality on the day of delivery and signs for them.
4.2. The warranty is 24 months from acceptance, provided the structures are used as intended.
# 5. Liability and disputes
5.1. For late delivery or payment the party at fault pays 0.1 % of what is late per day, at most 10 %.
5.2. Disputes are settled by negotiation or, failing agreement within 30 days, by the court at the defendant's seat.
# 6. Final provisions
6.1. The contract takes effect on signature and stands until it is fulfilled.
6.2. It is made in two copies, one for each party.
# 7. Details and signatures
{parties}"""
INVOICE_RU = """{lines}
Всего к оплате: {total} ₽, {vat}.
# {total_in_words}
Оплатить до {until}.
Основание: {contract}.
{terms}"""
INVOICE_EN = """{lines}
To be paid: {total} RUB, {vat}.
# {total_in_words}
Payable until {until}.
Under {contract}.
{terms}"""
TEXTS = {
    Kind.QUOTE: (QUOTE_RU, QUOTE_EN),
    Kind.CONTRACT: (CONTRACT_RU, CONTRACT_EN),
    Kind.INVOICE: (INVOICE_RU, INVOICE_EN),
}
NUMBERING = {Kind.QUOTE: "КП-{number}/{year}", Kind.CONTRACT: "Д-{number}/{year}", Kind.INVOICE: "{number}"}
# For how many days the document stands by itself; a contract has no such day.
DAYS = {
    Kind.QUOTE: (14, _("A quote is valid for so many days")),
    Kind.INVOICE: (5, _("An invoice is to be paid within so many days")),
}


def declare_settings() -> None:
    """A page of settings per kind: numbering, days, usual terms, text in both languages; called from AppConfig."""
    for kind in Kind:
        made = {
            f"{kind}_numbering": Setting(
                NUMBERING[kind], "numbering", _("Number"),
                _("{number} counts from 1 each year, {year} and {yy} are the year."), ("number", "year", "yy"),
            )
        }  # fmt: skip
        if kind in DAYS:
            days, label = DAYS[kind]
            made[f"{kind}_valid_days" if kind == Kind.QUOTE else f"{kind}_due_days"] = Setting(days, "int", label)
        usual = _("Put into each new document, where it can be changed.")
        made[f"{kind}_terms"] = Setting("", "lines", _("Usual terms: payment, dates, delivery"), usual)
        made[f"{kind}_terms_en"] = Setting("", "lines", _("Usual terms in English"))
        for language, label, text in zip(("ru", "en"), (_("Text"), _("Text in English")), TEXTS[kind], strict=True):
            made[f"{kind}_text_{language}"] = Setting(text, "document", label, names=PLACEHOLDERS)
        preferences.declare(kind, kind.label, made)


def usual_terms(kind: str, language: str = "ru") -> str:
    """The terms that a new document of the kind begins with."""
    return str(preferences.get(f"{kind}_terms" if language == "ru" else f"{kind}_terms_en"))


def usual_days(kind: str) -> int | None:
    """For how many days a new document stands; None for a contract."""
    if kind == Kind.CONTRACT:
        return None
    return int(preferences.get("quote_valid_days" if kind == Kind.QUOTE else "invoice_due_days"))


def printed_number(kind: str, number: int, year: int) -> str:
    """A document's number as the template of its kind makes it."""
    text = str(preferences.get(f"{kind}_numbering"))
    values = {"number": str(number), "year": str(year), "yy": f"{year % 100:02}"}
    return PLACEHOLDER.sub(lambda match: values.get(match.group(1), ""), text)


def text_of(kind: str, language: str) -> str:
    """The text of a kind of document in a language."""
    return str(preferences.get(f"{kind}_text_{language}"))


def filled(text: str, values: Mapping[str, str], *, has_terms: bool) -> list[dict[str, str]]:
    """The paragraphs of a text: {type: text, heading, lines, terms or parties; text}."""
    made: list[dict[str, str]] = []
    for line in text.splitlines():
        bare = line.strip()
        if bare in {f"{{{name}}}" for name in BLOCKS}:
            name = bare.strip("{}")
            if name != "terms" or has_terms:
                made.append({"type": name, "text": ""})
            continue
        is_heading = bare.startswith("# ")
        written = _line(bare.removeprefix("# "), values)
        if written:
            made.append({"type": "heading" if is_heading else "text", "text": written})
    if not any(block["type"] == "lines" for block in made):
        made.insert(0, {"type": "lines", "text": ""})
    return [block for place, block in enumerate(made) if not _is_bare_heading(block, made[place + 1 :])]


def _line(line: str, values: Mapping[str, str]) -> str:
    names = PLACEHOLDER.findall(line)
    known = [values.get(name, "") for name in names]
    if names and not any(known):
        return ""
    # One pass: braces within a value mean nothing.
    return PLACEHOLDER.sub(lambda match: values.get(match.group(1), "") or BLANK, line)


def _is_bare_heading(block: Mapping[str, str], after: list[dict[str, str]]) -> bool:
    """A heading that the next heading follows at once; one at the very end, as a sum in words, stays."""
    return block["type"] == "heading" and bool(after) and after[0]["type"] == "heading"


def gaps(text: str, values: Mapping[str, str]) -> Iterable[Any]:
    """What the text asks for and the deal does not know, by its label: it is left blank for a pen."""
    asked = dict.fromkeys(name for name in PLACEHOLDER.findall(text) if name not in BLOCKS)
    return [
        PLACEHOLDERS[name] for name in asked if name in PLACEHOLDERS and not values.get(name) and name != "contract"
    ]
