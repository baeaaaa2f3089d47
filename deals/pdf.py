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

from crm import preferences

FONTS = Path(__file__).parent / "fonts"
PLAIN, BOLD = "DejaVuSans", "DejaVuSans-Bold"
LINE = colors.HexColor("#b9b9b9")
QUIET = colors.HexColor("#444444")
HEAD = colors.HexColor("#f0f0ee")
WIDE = 175.5  # millimetres between the margins


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


def seller_details() -> dict[str, str]:
    """What the settings say of the company, for its papers."""
    found = {name: str(preferences.get(f"seller_{name}")) for name in ("name", "inn", "address", "bank", "contacts")}
    return found | {"name": found["name"] or str(preferences.get("company_name"))}


def seller_head(seller: Mapping[str, Any]) -> list[Any]:
    """Whose paper it is: name, then the details that are there, over a rule."""
    lines = [seller["name"], *(seller[name] for name in ("inn", "address", "bank", "contacts") if seller[name])]
    told = [text(lines[0], 13, bold=True), *(text(line, 8, textColor=QUIET) for line in lines[1:])]
    rule = Table([[""]], colWidths=[WIDE * mm], rowHeights=[2 * mm])
    rule.setStyle(TableStyle([("LINEBELOW", (0, 0), (-1, -1), 0.8, LINE)]))
    return [*told, rule, Spacer(0, 5 * mm)]


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


def roubles(value: Any) -> str:
    """1 234 567,80: always with kopecks, without the sign, which stands in the heading."""
    return f"{Decimal(str(value)):,.2f}".replace(",", "\u00a0").replace(".", ",")


def paper(parts: list[Any], *, title: str, author: str) -> bytes:
    """The file: A4, the title and the number of the page at the foot; the same parts make the same bytes."""
    made = BytesIO()
    page = SimpleDocTemplate(
        made, pagesize=A4, leftMargin=16 * mm, rightMargin=14 * mm, topMargin=14 * mm, bottomMargin=18 * mm,
        title=title, author=author, invariant=1,
    )  # fmt: skip
    foot = _footer(title)
    page.build(parts, onFirstPage=foot, onLaterPages=foot)
    return made.getvalue()


def _footer(title: str) -> Any:
    def draw(canvas: Any, page: Any) -> None:
        canvas.saveState()
        canvas.setFont(PLAIN, 7.5)
        canvas.setFillColor(colors.HexColor("#666666"))
        canvas.drawString(16 * mm, 10 * mm, title[:110])
        canvas.drawRightString(A4[0] - 14 * mm, 10 * mm, f"стр. {page.page}")
        canvas.restoreState()

    return draw
