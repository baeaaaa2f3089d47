"""Documents as PDF: drawn in the process from what was kept of them, with embedded fonts; no network, no program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

from django.utils.translation import override
from reportlab.lib import colors
from reportlab.lib.enums import TA_CENTER, TA_JUSTIFY, TA_RIGHT
from reportlab.lib.units import mm
from reportlab.platypus import KeepTogether, Paragraph, Spacer, Table, TableStyle

from crm.templatetags.ui import number
from deals.pdf import DETAILS, QUIET, WIDE, details_of, grid, paper, roubles, rule, style, text

WIDTHS = (8, 55, 21.5, 26, 18, 17, 30)


LABELS = {
    "ru": {
        "to": "Кому", "subject": "Предмет", "building": "Объект", "name": "Наименование", "quantity": "Кол-во",
        "price": "Цена, ₽", "discount": "Скидка", "vat": "НДС", "sum": "Сумма, ₽", "total": "Итого, ₽",
        "including": "в том числе НДС %s %%", "no_vat": "без НДС", "page": "стр. %s", "manager": "Менеджер",
        **DETAILS,
        "payee": "Получатель", "payee_bank": "Банк получателя", "account_long": "Сч. №", "seller": "Поставщик",
        "buyer": "Покупатель", "customer": "Заказчик", "head": "Руководитель", "accountant": "Главный бухгалтер",
        "stamp": "М. П.",
    },
    "en": {
        "to": "To", "subject": "Subject", "building": "Building", "name": "Description", "quantity": "Quantity",
        "price": "Price, RUB", "discount": "Disc.", "vat": "VAT", "sum": "Sum, RUB", "total": "Total, RUB",
        "including": "including VAT %s %%", "no_vat": "no VAT", "page": "page %s", "manager": "Manager",
        "inn": "INN", "kpp": "KPP", "ogrn": "OGRN", "bik": "BIK", "account": "Account",
        "corr_account": "Corr. account", "payee": "Payee", "payee_bank": "Payee's bank", "account_long": "Account",
        "seller": "Supplier", "buyer": "Buyer", "customer": "Customer", "head": "Head", "accountant": "Accountant",
        "stamp": "Seal",
    },
}  # fmt: skip
Content = Mapping[str, Any]


def document_pdf(content: Content) -> bytes:
    """The file of a document; `content` is what deals.document_content keeps of it, in its language."""
    labels = _labels(content)
    with override(content["language"]):
        parts = [*HEADS[content["kind"]](content), *_text_blocks(content)]
        return paper(parts, title=content["title"], author=content["seller"]["name"], page_label=labels["page"])


def _labels(content: Content) -> dict[str, str]:
    return LABELS[content["language"]]


def _title(content: Content, size: float = 14, **more: Any) -> Paragraph:
    return text(content["title"], size, bold=True, **more)


# -- heads by kind ----------------------------------------------------------------------------------------------------


def _quote_head(content: Content) -> list[Any]:
    """Who offers, on a letterhead; then to whom and what."""
    labels, seller = _labels(content), content["seller"]
    told = [text(line, 8, textColor=QUIET) for line in (*details_of(seller, labels), seller["contacts"]) if line]
    parts = [
        text(seller["name"], 13, bold=True),
        *told,
        rule(),
        Spacer(0, 5 * mm),
        _title(content),
        Spacer(0, 3 * mm),
    ]
    for label, value in (
        (labels["to"], _with_person(content["client"], labels)),
        (labels["subject"], content["subject"]),
        (labels["building"], content["building"]),
    ):  # fmt: skip
        if value:
            parts.append(_labelled(label, value))
    return [*parts, Spacer(0, 4 * mm)]


def _contract_head(content: Content) -> list[Any]:
    """The title in the middle, the town on the left and the day on the right."""
    number, _space, day = content["title"].rpartition(" ")
    row = Table(
        [[text(content["seller"]["city"], 9.5), text(day, 9.5, alignment=TA_RIGHT)]],
        colWidths=[WIDE / 2 * mm, WIDE / 2 * mm],
    )
    heading = number.removesuffix(" от").removesuffix(" of")
    return [text(heading, 14, bold=True, alignment=TA_CENTER), Spacer(0, 2 * mm), row, Spacer(0, 3 * mm)]


def _invoice_head(content: Content) -> list[Any]:
    """The payee's block as on a payment order, the title, and both sides."""
    labels, seller = _labels(content), content["seller"]
    parts = [_payee(seller, labels), Spacer(0, 6 * mm), _title(content), rule(), Spacer(0, 3 * mm)]
    for label, side in ((labels["seller"], seller), (labels["buyer"], content["client"])):
        parts += [_labelled(label, _named(side, labels)), Spacer(0, 1.5 * mm)]
    return [*parts, Spacer(0, 3 * mm)]


HEADS: dict[str, Callable[[Content], list[Any]]] = {
    "quote": _quote_head,
    "contract": _contract_head,
    "invoice": _invoice_head,
}


def _payee(seller: Mapping[str, str], labels: Mapping[str, str]) -> Table:
    """Bank, BIK, accounts, INN, KPP and name where a bank's clerk looks for them."""
    quiet = {"textColor": QUIET}
    inn = "    ".join(f"{labels[name].upper()} {seller[name]}" for name in ("inn", "kpp") if seller[name])
    rows = [
        [[text(seller["bank"], 9), text(labels["payee_bank"], 7, **quiet)], text(labels["bik"], 9),
         text(seller["bik"], 9)],
        ["", text(labels["account_long"], 9), text(seller["corr_account"], 9)],
        [text(inn, 9), text(labels["account_long"], 9), text(seller["account"], 9)],
        [[text(seller["name"], 9), text(labels["payee"], 7, **quiet)], "", ""],
    ]  # fmt: skip
    table = Table(rows, colWidths=[(WIDE - 75) * mm, 18 * mm, 57 * mm])
    table.setStyle(
        TableStyle(
            [
                ("BOX", (0, 0), (-1, -1), 0.6, colors.black),
                ("SPAN", (0, 0), (0, 1)),
                ("SPAN", (1, 2), (1, 3)),
                ("SPAN", (2, 2), (2, 3)),
                ("LINEAFTER", (0, 0), (1, -1), 0.6, colors.black),
                ("LINEBELOW", (0, 1), (-1, 1), 0.6, colors.black),
                ("LINEBELOW", (1, 0), (1, 0), 0.6, colors.black),
                ("LINEBELOW", (0, 2), (0, 2), 0.6, colors.black),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("TOPPADDING", (0, 0), (-1, -1), 2),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
            ]
        )
    )
    return table


def _labelled(label: str, value: str) -> Paragraph:
    return Paragraph(f"<b>{escape(label)}:</b> {escape(value)}", style(9.5))


def _named(side: Mapping[str, str], labels: Mapping[str, str]) -> str:
    """A side in one line: name, INN, KPP, address."""
    numbers = [f"{labels[name]} {side[name]}" for name in ("inn", "kpp") if side[name]]
    return ", ".join(part for part in (side["name"], *numbers, side["address"]) if part)


def _with_person(client: Mapping[str, str], labels: Mapping[str, str]) -> str:
    """A client in one line, with the person it is dealt with through."""
    named = _named(client, labels)
    return named if client["person"] in {"", client["name"]} else f"{named}, {client['person']}"


# -- the text and its blocks ------------------------------------------------------------------------------------------


def _text_blocks(content: Content) -> list[Any]:
    """The paragraphs of the text, with table, terms and details where it has them; then who signs."""
    parts: list[Any] = []
    justified = {"alignment": TA_JUSTIFY} if content["kind"] == "contract" else {}
    for block in content["text"]:
        match block["type"]:
            case "lines":
                parts += [_table(content), *_below(content), Spacer(0, 4 * mm)]
            case "terms":
                parts += [text(content["terms"], 9.5, **justified), Spacer(0, 2 * mm)]
            case "parties":
                parts += [Spacer(0, 2 * mm), _parties(content)]
            case "heading":
                parts += [Spacer(0, 2 * mm), text(block["text"], 10, bold=True, keepWithNext=1), Spacer(0, 1 * mm)]
            case _:
                parts += [text(block["text"], 9.5, **justified), Spacer(0, 1.5 * mm)]
    if content["kind"] == "quote":
        parts += [Spacer(0, 8 * mm), _signature(content)]
    if content["kind"] == "invoice":
        parts += [Spacer(0, 8 * mm), _seals(content)]
    return parts


def _parties(content: Content) -> KeepTogether:
    """Both sides beside each other, with a place for signature and seal."""
    labels = _labels(content)
    cells = []
    for label, side in ((labels["seller"], content["seller"]), (labels["customer"], content["client"])):
        lines = [text(label, 9.5, bold=True), text(side["name"], 9)]
        lines += [text(line, 8.5) for line in (*details_of(side, labels), side["contacts"]) if line]
        cells.append(lines)
    signs = [
        [Spacer(0, 8 * mm), text(f"____________________ / {name} /", 9), text(labels["stamp"], 8, textColor=QUIET)]
        for name in (content["seller"]["director"] or "____________________", "____________________")
    ]
    half = WIDE / 2 * mm
    table = Table([cells, signs], colWidths=[half, half])
    table.setStyle(TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0)]))
    return KeepTogether(table)


def _seals(content: Content) -> KeepTogether:
    """Who signs an invoice: the head and the accountant."""
    labels, seller = _labels(content), content["seller"]
    rows = [
        [text(labels[name], 9, bold=True), text("____________________", 9), text(seller[key], 9)]
        for name, key in (("head", "director"), ("accountant", "accountant"))
    ]
    table = Table(rows, colWidths=[45 * mm, 50 * mm, (WIDE - 95) * mm])
    table.setStyle(TableStyle([("LEFTPADDING", (0, 0), (0, -1), 0), ("BOTTOMPADDING", (0, 0), (-1, -1), 8)]))
    return KeepTogether(table)


def _table(content: Content) -> Table:
    labels, language = _labels(content), content["language"]
    rows = []
    for place, line in enumerate(content["lines"], 1):
        amount = f"{number(Decimal(line['quantity']))} {line['unit']}".strip()
        discount = f"{number(Decimal(line['discount']))} %" if Decimal(line["discount"]) else ""
        money = (roubles(line["price"], language), discount, line["vat"], roubles(line["total"], language))
        rows.append([place, line["name"], amount, *money])
    head = ["№", *(labels[name] for name in ("name", "quantity", "price", "discount", "vat", "sum"))]
    return grid(head, rows, WIDTHS)


def _below(content: Content) -> list[Any]:
    labels = _labels(content)
    rows = [(labels["discount"], content["discount"])] if Decimal(content["discount"]) else []
    rows += [(labels["including"] % number(Decimal(rate)), vat) for rate, vat in content["vat"]]
    if not content["vat"]:
        rows.append((labels["vat"], ""))
    cells = [
        [text(label, 9, alignment=TA_RIGHT),
         text(roubles(value, content["language"]) if value else labels["no_vat"], 9, alignment=TA_RIGHT)]
        for label, value in rows
    ]  # fmt: skip
    total = [text(labels["total"], 10.5, bold=True, alignment=TA_RIGHT)]
    total.append(text(roubles(content["total"], content["language"]), 10.5, bold=True, alignment=TA_RIGHT))
    table = Table([*cells, total], colWidths=[(WIDE - 40) * mm, 40 * mm])
    table.setStyle(TableStyle([("TOPPADDING", (0, 0), (-1, -1), 1), ("BOTTOMPADDING", (0, 0), (-1, -1), 1)]))
    return [Spacer(0, 2 * mm), KeepTogether(table)]


def _signature(content: Content) -> KeepTogether:
    person = content["person"]
    lines = [
        person["position"] or _labels(content)["manager"],
        *(person[name] for name in ("phone", "email") if person[name]),
    ]
    sign = Table(
        [[[text(line, 9) for line in lines], text("____________________", 9), text(person["name"], 9)]],
        colWidths=[65 * mm, 50 * mm, (WIDE - 115) * mm],
    )
    sign.setStyle(TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (0, 0), 0)]))
    return KeepTogether(sign)
