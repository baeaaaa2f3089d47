"""What every PDF of the company is drawn with: embedded fonts, the seller's head, tables, page numbers; no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

FONTS = Path(__file__).parent / "fonts"
PLAIN, BOLD = "DejaVuSans", "DejaVuSans-Bold"
LINE = colors.HexColor("#b9b9b9")
QUIET = colors.HexColor("#444444")
HEAD = colors.HexColor("#f0f0ee")
WIDE = 175.5  # millimetres between the margins
# How a company's details are called on paper.
DETAILS = {
    "inn": "ИНН", "kpp": "КПП", "ogrn": "ОГРН", "bik": "БИК", "account": "Р/с", "corr_account": "К/с",
}  # fmt: skip


@cache
def _fonts() -> None:
    for name in (PLAIN, BOLD):
        pdfmetrics.registerFont(TTFont(name, str(FONTS / f"{name}.ttf")))
    pdfmetrics.registerFontFamily(PLAIN, normal=PLAIN, bold=BOLD, italic=PLAIN, boldItalic=BOLD)


def style(size: float = 9, **more: Any) -> ParagraphStyle:
    """The style of a paragraph; the fonts are there once somebody asks for it."""
    _fonts()
    return ParagraphStyle("p", fontName=PLAIN, fontSize=size, leading=size * 1.35, **more)


def text(said: Any, size: float = 9, *, bold: bool = False, **more: Any) -> Paragraph:
    """A paragraph of plain text; what people typed is no mark-up."""
    safe = escape(str(said)).replace("\n", "<br/>")
    return Paragraph(f"<b>{safe}</b>" if bold else safe, style(size, **more))


def seller_head(seller: Mapping[str, str], labels: Mapping[str, str] = DETAILS) -> list[Any]:
    """Whose paper it is: name, then the details that are there, over a rule."""
    lines = [*details_of(seller, labels), seller["contacts"]]
    told = [text(seller["name"], 13, bold=True), *(text(line, 8, textColor=QUIET) for line in lines if line)]
    return [*told, rule(), Spacer(0, 5 * mm)]


def details_of(side: Mapping[str, str], labels: Mapping[str, str] = DETAILS) -> list[str]:
    """A side's numbers, address and bank, a line each."""
    numbers = ", ".join(f"{labels[name]} {side[name]}" for name in ("inn", "kpp", "ogrn") if side[name])
    accounts = [f"{labels[name]} {side[name]}" for name in ("account", "corr_account") if side[name]]
    bank = ", ".join(part for part in (side["bank"], f"{labels['bik']} {side['bik']}" if side["bik"] else "") if part)
    return [line for line in (numbers, side["address"], bank, ", ".join(accounts)) if line]


def rule() -> Table:
    """A line across the page."""
    drawn = Table([[""]], colWidths=[WIDE * mm], rowHeights=[2 * mm])
    drawn.setStyle(TableStyle([("LINEBELOW", (0, 0), (-1, -1), 0.8, LINE)]))
    return drawn


def grid(
    head: Sequence[str], rows: Sequence[Sequence[Any]], widths: Sequence[float], *, numbers_from: int = 2
) -> Table:
    """A table with a head repeated on every page; columns from `numbers_from` on stand to the right. Widths in mm."""

    def line(cells: Sequence[Any], size: float, *, bold: bool) -> list[Paragraph]:
        right: dict[str, Any] = {"alignment": TA_RIGHT}
        return [text(c, size, bold=bold, **(right if n >= numbers_from else {})) for n, c in enumerate(cells)]

    drawn = [line(head, 8, bold=True), *(line(row, 8.5, bold=False) for row in rows)]
    table = Table(drawn, colWidths=[width * mm for width in widths], repeatRows=1)
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


def roubles(value: Any, language: str = "ru") -> str:
    """1 234 567,80: always with kopecks, without the sign, which stands in the heading."""
    said = f"{Decimal(str(value)):,.2f}"
    return said if language == "en" else said.replace(",", "\u00a0").replace(".", ",")


def paper(parts: list[Any], *, title: str, author: str, page_label: str = "стр. %s") -> bytes:
    """The file: A4, the title and the number of the page at the foot; the same parts make the same bytes."""
    made = BytesIO()
    page = SimpleDocTemplate(
        made, pagesize=A4, leftMargin=16 * mm, rightMargin=14 * mm, topMargin=14 * mm, bottomMargin=18 * mm,
        title=title, author=author, invariant=1,
    )  # fmt: skip
    foot = _footer(title, page_label)
    page.build(parts, onFirstPage=foot, onLaterPages=foot)
    return made.getvalue()


def _footer(title: str, page_label: str) -> Any:
    def draw(canvas: Any, page: Any) -> None:
        canvas.saveState()
        canvas.setFont(PLAIN, 7.5)
        canvas.setFillColor(colors.HexColor("#666666"))
        canvas.drawString(16 * mm, 10 * mm, title[:110])
        canvas.drawRightString(A4[0] - 14 * mm, 10 * mm, page_label % page.page)
        canvas.restoreState()

    return draw
