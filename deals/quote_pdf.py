"""A quote as PDF: drawn in the process from what was kept of it, with embedded fonts; no network, no other program."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from django.utils.translation import override
from reportlab.lib import colors
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from crm.templatetags.ui import number

FONTS = Path(__file__).parent / "fonts"
PLAIN, BOLD = "DejaVuSans", "DejaVuSans-Bold"
LINE = colors.HexColor("#b9b9b9")
QUIET = colors.HexColor("#444444")
HEAD = colors.HexColor("#f0f0ee")
WIDTHS = (8, 55, 21.5, 26, 18, 17, 30)
WIDE = sum(WIDTHS)


def quote_pdf(content: Mapping[str, Any]) -> bytes:
    """The file of a quote; `content` is what deals.quotes keeps of it. In Russian, whatever the reader's language."""
    _fonts()
    made = BytesIO()
    page = SimpleDocTemplate(
        made, pagesize=A4, leftMargin=16 * mm, rightMargin=14 * mm, topMargin=14 * mm, bottomMargin=18 * mm,
        title=content["title"], author=content["seller"]["name"], invariant=1,
    )  # fmt: skip
    with override("ru"):
        parts = [*_head(content), *_subject(content), _table(content), *_below(content), _signature(content)]
        footer = _footer(content)
    page.build(parts, onFirstPage=footer, onLaterPages=footer)
    return made.getvalue()


@cache
def _fonts() -> None:
    for name in (PLAIN, BOLD):
        pdfmetrics.registerFont(TTFont(name, str(FONTS / f"{name}.ttf")))
    pdfmetrics.registerFontFamily(PLAIN, normal=PLAIN, bold=BOLD, italic=PLAIN, boldItalic=BOLD)


def _style(size: float = 9, **more: Any) -> ParagraphStyle:
    return ParagraphStyle("p", fontName=PLAIN, fontSize=size, leading=size * 1.35, **more)


def _text(text: Any, size: float = 9, *, bold: bool = False, **more: Any) -> Paragraph:
    """A paragraph of plain text; what people typed is no mark-up."""
    safe = escape(str(text)).replace("\n", "<br/>")
    return Paragraph(f"<b>{safe}</b>" if bold else safe, _style(size, **more))


def _head(content: Mapping[str, Any]) -> list[Any]:
    seller = content["seller"]
    lines = [seller["name"], *(seller[name] for name in ("inn", "address", "bank", "contacts") if seller[name])]
    told = [
        _text(lines[0], 13, bold=True),
        *(_text(line, 8, textColor=QUIET) for line in lines[1:]),
    ]
    rule = Table([[""]], colWidths=[WIDE * mm], rowHeights=[2 * mm])
    rule.setStyle(TableStyle([("LINEBELOW", (0, 0), (-1, -1), 0.8, LINE)]))
    return [*told, rule, Spacer(0, 5 * mm)]


def _subject(content: Mapping[str, Any]) -> list[Any]:
    parts = [_text(content["title"], 14, bold=True), Spacer(0, 3 * mm)]
    for label, value in (
        ("Кому", content["client"]),
        ("Предмет", content["subject"]),
        ("Объект", content["building"]),
    ):
        if value:
            parts.append(Paragraph(f"<b>{escape(label)}:</b> {escape(value)}", _style(9.5)))
    return [*parts, Spacer(0, 4 * mm)]


def _table(content: Mapping[str, Any]) -> Table:
    right = {"alignment": TA_RIGHT}
    head = ["№", "Наименование", "Кол-во", "Цена, ₽", "Скидка", "НДС", "Сумма, ₽"]
    rows = [[_text(item, 8, bold=True, **(right if place > 1 else {})) for place, item in enumerate(head)]]
    for place, line in enumerate(content["lines"], 1):
        amount = f"{number(Decimal(line['quantity']))} {line['unit']}".strip()
        discount = f"{number(Decimal(line['discount']))} %" if Decimal(line["discount"]) else ""
        cells = [amount, _sum(line["price"]), discount, line["vat"], _sum(line["total"])]
        rows.append([_text(place, 8.5), _text(line["name"], 8.5), *(_text(cell, 8.5, **right) for cell in cells)])
    table = Table(rows, colWidths=[width * mm for width in WIDTHS], repeatRows=1)
    table.setStyle(
        TableStyle(
            [
                ("GRID", (0, 0), (-1, -1), 0.5, LINE),
                ("BACKGROUND", (0, 0), (-1, 0), HEAD),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("TOPPADDING", (0, 0), (-1, -1), 3),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
            ]
        )
    )
    return table


def _below(content: Mapping[str, Any]) -> list[Any]:
    rows = [("Скидка", content["discount"])] if Decimal(content["discount"]) else []
    rows += [(f"в том числе НДС {number(Decimal(rate))} %", vat) for rate, vat in content["vat"]]
    if not content["vat"]:
        rows.append(("НДС", ""))
    cells = [[_text(label, 9, alignment=TA_RIGHT), _text(_sum(value) if value else "без НДС", 9, alignment=TA_RIGHT)]
             for label, value in rows]  # fmt: skip
    total = [_text("Итого, ₽", 10.5, bold=True, alignment=TA_RIGHT)]
    total.append(_text(_sum(content["total"]), 10.5, bold=True, alignment=TA_RIGHT))
    table = Table([*cells, total], colWidths=[(WIDE - 40) * mm, 40 * mm])
    table.setStyle(TableStyle([("TOPPADDING", (0, 0), (-1, -1), 1), ("BOTTOMPADDING", (0, 0), (-1, -1), 1)]))
    parts: list[Any] = [Spacer(0, 2 * mm), KeepTogether(table), Spacer(0, 5 * mm)]
    if content["terms"]:
        parts += [_text("Условия", 9.5, bold=True), _text(content["terms"], 9.5), Spacer(0, 3 * mm)]
    return [
        *parts,
        _text(f"Предложение действительно до {content['valid_until']} включительно.", 9.5),
        Spacer(0, 9 * mm),
    ]


def _signature(content: Mapping[str, Any]) -> KeepTogether:
    person = content["person"]
    lines = [person["position"] or "Менеджер", *(person[name] for name in ("phone", "email") if person[name])]
    sign = Table(
        [[[_text(line, 9) for line in lines], _text("____________________", 9), _text(person["name"], 9)]],
        colWidths=[65 * mm, 50 * mm, (WIDE - 115) * mm],
    )
    sign.setStyle(TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (0, 0), 0)]))
    return KeepTogether(sign)


def _footer(content: Mapping[str, Any]) -> Any:
    def draw(canvas: Any, page: Any) -> None:
        canvas.saveState()
        canvas.setFont(PLAIN, 7.5)
        canvas.setFillColor(colors.HexColor("#666666"))
        canvas.drawString(16 * mm, 10 * mm, content["title"][:110])
        canvas.drawRightString(A4[0] - 14 * mm, 10 * mm, f"стр. {page.page}")
        canvas.restoreState()

    return draw


def _sum(value: Any) -> str:
    """1 234 567,80: always with kopecks, without the sign, which stands in the heading."""
    return f"{Decimal(str(value)):,.2f}".replace(",", "\u00a0").replace(".", ",")
