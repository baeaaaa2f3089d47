"""A quote as PDF: drawn in the process from what was kept of it, with embedded fonts; no network, no other program."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

from django.utils.translation import override
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.units import mm
from reportlab.platypus import KeepTogether, Paragraph, Spacer, Table, TableStyle

from crm.templatetags.ui import number
from deals.pdf import WIDE, grid, paper, roubles, seller_head, style, text

WIDTHS = (8, 55, 21.5, 26, 18, 17, 30)


def quote_pdf(content: Mapping[str, Any]) -> bytes:
    """The file of a quote; `content` is what deals.quotes keeps of it. In Russian, whatever the reader's language."""
    with override("ru"):
        parts = [
            *seller_head(content["seller"]),
            *_subject(content),
            _table(content),
            *_below(content),
            _signature(content),
        ]
        return paper(parts, title=content["title"], author=content["seller"]["name"])


def _subject(content: Mapping[str, Any]) -> list[Any]:
    parts = [text(content["title"], 14, bold=True), Spacer(0, 3 * mm)]
    for label, value in (
        ("Кому", content["client"]),
        ("Предмет", content["subject"]),
        ("Объект", content["building"]),
    ):
        if value:
            parts.append(Paragraph(f"<b>{escape(label)}:</b> {escape(value)}", style(9.5)))
    return [*parts, Spacer(0, 4 * mm)]


def _table(content: Mapping[str, Any]) -> Table:
    rows = []
    for place, line in enumerate(content["lines"], 1):
        amount = f"{number(Decimal(line['quantity']))} {line['unit']}".strip()
        discount = f"{number(Decimal(line['discount']))} %" if Decimal(line["discount"]) else ""
        money = (roubles(line["price"]), discount, line["vat"], roubles(line["total"]))
        rows.append([place, line["name"], amount, *money])
    head = ["№", "Наименование", "Кол-во", "Цена, ₽", "Скидка", "НДС", "Сумма, ₽"]
    return grid(head, rows, WIDTHS)


def _below(content: Mapping[str, Any]) -> list[Any]:
    rows = [("Скидка", content["discount"])] if Decimal(content["discount"]) else []
    rows += [(f"в том числе НДС {number(Decimal(rate))} %", vat) for rate, vat in content["vat"]]
    if not content["vat"]:
        rows.append(("НДС", ""))
    cells = [[text(label, 9, alignment=TA_RIGHT), text(roubles(value) if value else "без НДС", 9, alignment=TA_RIGHT)]
             for label, value in rows]  # fmt: skip
    total = [text("Итого, ₽", 10.5, bold=True, alignment=TA_RIGHT)]
    total.append(text(roubles(content["total"]), 10.5, bold=True, alignment=TA_RIGHT))
    table = Table([*cells, total], colWidths=[(WIDE - 40) * mm, 40 * mm])
    table.setStyle(TableStyle([("TOPPADDING", (0, 0), (-1, -1), 1), ("BOTTOMPADDING", (0, 0), (-1, -1), 1)]))
    parts: list[Any] = [Spacer(0, 2 * mm), KeepTogether(table), Spacer(0, 5 * mm)]
    if content["terms"]:
        parts += [text("Условия", 9.5, bold=True), text(content["terms"], 9.5), Spacer(0, 3 * mm)]
    return [
        *parts,
        text(f"Предложение действительно до {content['valid_until']} включительно.", 9.5),
        Spacer(0, 9 * mm),
    ]


def _signature(content: Mapping[str, Any]) -> KeepTogether:
    person = content["person"]
    lines = [person["position"] or "Менеджер", *(person[name] for name in ("phone", "email") if person[name])]
    sign = Table(
        [[[text(line, 9) for line in lines], text("____________________", 9), text(person["name"], 9)]],
        colWidths=[65 * mm, 50 * mm, (WIDE - 115) * mm],
    )
    sign.setStyle(TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (0, 0), 0)]))
    return KeepTogether(sign)
