"""The statement of commission as a paper: for the partner's bookkeeper and the manufacturer's, in Russian."""

from __future__ import annotations

from typing import Any

from django.utils.translation import override
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.units import mm
from reportlab.platypus import KeepTogether, Spacer, Table, TableStyle

from crm import preferences
from crm.templatetags.ui import day
from deals.pdf import WIDE, grid, paper, roubles, seller_head, text
from partners.statement import Statement, basis_text

WIDTHS = (19, 24, 58, 44.5, 30)
MOST = 1000


def statement_pdf(found: Statement) -> bytes:
    """The file; the same statement makes the same bytes. At most MOST lines are drawn: ask before."""
    seller = preferences.seller()
    with override("ru"):
        title = f"Отчёт о вознаграждении: {found.partner.name}, {day(found.start)} – {day(found.end)}"
        parts = [
            *seller_head(seller),
            text("Отчёт о вознаграждении партнёра", 14, bold=True),
            Spacer(0, 2 * mm),
            text(f"Партнёр: {found.partner.name}", 9.5),
            text(f"Период: с {day(found.start)} по {day(found.end)} включительно", 9.5),
            Spacer(0, 4 * mm),
            _lines(found),
            Spacer(0, 3 * mm),
            KeepTogether(_sums(found)),
            Spacer(0, 10 * mm),
            KeepTogether(_signatures(seller["name"], found.partner.name)),
        ]
        return paper(parts, title=title, author=seller["name"])


def _lines(found: Statement) -> Table:
    rows: list[list[Any]] = [["", "", "На начало периода", "", roubles(found.opening)]]
    for entry in found.entries[:MOST]:
        deal = f"{entry.deal.title} (№ {entry.deal_id})" if entry.deal is not None else ""
        contract = str(entry.basis.get("contract") or "")
        what = f"{deal}\nДоговор {contract}" if contract else deal
        rows.append([day(entry.day), entry.get_kind_display(), what, basis_text(entry), roubles(entry.amount)])
    rows.append(["", "", "На конец периода", "", roubles(found.closing)])
    return grid(("Дата", "Операция", "Сделка", "Основание", "Сумма, ₽"), rows, WIDTHS, numbers_from=4)


def _sums(found: Statement) -> Table:
    said = (
        ("Выиграно за период", found.won), ("Начислено", found.accrued), ("Сторнировано", found.reversed),
        ("Корректировки", found.corrected), ("Выплачено", found.paid), ("К выплате на конец периода", found.closing),
    )  # fmt: skip
    cells = [
        [text(label, 9.5, bold=last, alignment=TA_RIGHT), text(roubles(value), 9.5, bold=last, alignment=TA_RIGHT)]
        for label, value, last in ((*pair, pair is said[-1]) for pair in said)
    ]
    table = Table(cells, colWidths=[(WIDE - 40) * mm, 40 * mm])
    table.setStyle(TableStyle([("TOPPADDING", (0, 0), (-1, -1), 1), ("BOTTOMPADDING", (0, 0), (-1, -1), 1)]))
    return table


def _signatures(seller: str, partner: str) -> Table:
    half = WIDE / 2
    cells = [[text(name, 9), text(name2, 9)] for name, name2 in ((seller, partner), ("____________________",) * 2)]
    table = Table(cells, colWidths=[half * mm, half * mm], rowHeights=[None, 14 * mm])
    table.setStyle(TableStyle([("LEFTPADDING", (0, 0), (0, -1), 0), ("VALIGN", (0, 0), (-1, -1), "BOTTOM")]))
    return table
