"""Money spent on advertising by month, source and campaign: pasted from a spreadsheet, from a CSV file, by the API."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from io import StringIO
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from analytics.models import AdSpend
from analytics.query import Period, last_day
from crm import clock, normalize
from crm.actors import Actor
from crm.errors import InvalidInput
from crm.formfields import read_full_day
from crm.models import Source
from crm.settings_audit import audit, require_head

MAX_ROWS = 2000
MAX_BYTES = 1_000_000
MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "янв jan", "фев feb", "мар mar", "апр apr", "май мая may", "июн jun",
            "июл jul", "авг aug", "сен sep", "окт oct", "ноя nov", "дек dec",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
HEADS = frozenset({"месяц", "month", "дата", "date", "период"})


@dataclass(frozen=True)
class SpendRow:
    """One line as it was given: where it stood, and what it says."""

    line: int
    month: date
    source: str
    campaign: str
    amount: Decimal


@dataclass(frozen=True)
class SpendKept:
    """What became of the rows."""

    added: int
    changed: int
    removed: int
    same: int


# -- reading ----------------------------------------------------------------------------------------------------------


def read_month(text: str) -> date | None:
    """The first day of a month: "2026-03", "03.2026", "март 2026", "Mar 2026", or any day of it; None for no month."""
    text = " ".join(text.lower().split())
    if found := re.fullmatch(r"(\d{4})[-./](\d{1,2})|(\d{1,2})[-./](\d{4})", text):
        year, month = int(found[1] or found[4]), int(found[2] or found[3])
    elif found := re.fullmatch(r"([а-яёa-z]{3,})[., ]+((?:20)?\d{2})(?: г\.?)?", text):
        year, month = 2000 + int(found[2]) % 100, MONTHS.get(found[1][:3], 0)
    elif day := read_full_day(text):
        year, month = day.year, day.month
    else:
        return None
    return date(year, month, 1) if 1 <= month <= 12 and 2000 <= year <= 2100 else None


def text_of(content: bytes) -> str:
    """A CSV file as text, whatever a Russian Excel saved it in; InvalidInput for one that is too large or no text."""
    if len(content) > MAX_BYTES:
        raise _refused([(0, "file", _("The file is larger than a megabyte."))])
    for encoding in ("utf-8-sig", "cp1251"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _refused([(0, "file", _("The file is no text."))])


def read_table(text: str) -> list[SpendRow]:
    """Lines of month, source, campaign and amount (or of three, without campaign), parted by tabs, `;` or commas.

    A line of headings is passed over. InvalidInput names every line that cannot be read, by its number.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    mark = next((mark for mark in "\t;" if mark in text), ",")
    try:
        lines = list(csv.reader(StringIO(text), delimiter=mark))
    except csv.Error as error:  # a quotation mark that nobody closes takes in all that follows
        raise _refused([(0, "rows", _("The table cannot be read: is a quotation mark left open?"))]) from error
    cells = [
        (number, [cell.strip() for cell in row])
        for number, row in enumerate(lines, start=1)
        if any(cell.strip() for cell in row)
    ]
    if cells and cells[0][1][0].lower() in HEADS:
        cells = cells[1:]
    return read_rows((number, _named(row)) for number, row in cells)


def _named(cells: Sequence[str]) -> dict[str, str]:
    filled = [*cells, "", "", "", ""]
    if len([cell for cell in cells if cell]) <= 3 and not filled[3]:
        return {"month": filled[0], "source": filled[1], "campaign": "", "amount": filled[2]}
    return {"month": filled[0], "source": filled[1], "campaign": filled[2], "amount": filled[3]}


def read_rows(given: Iterable[tuple[int, Mapping[str, Any]]]) -> list[SpendRow]:
    """Check rows of {month, source, campaign, amount}; InvalidInput names every wrong one."""
    known = _sources()
    found: list[SpendRow] = []
    wrong: list[tuple[int, str, str]] = []
    for number, row in given:
        if len(found) + len(wrong) >= MAX_ROWS:
            raise _refused([(number, "rows", _("At most %(most)s rows at a time.") % {"most": MAX_ROWS})])
        month = read_month(str(row.get("month", "")))
        source = known.get(_folded(str(row.get("source", ""))))
        amount = _amount(row.get("amount"))
        checks = (
            (month, "month", _("«%(text)s» is no month: write 03.2026.")),
            (source, "source", _("There is no source «%(text)s».")),
            (amount, "amount", _("«%(text)s» is no amount.")),
        )
        problems = [
            (number, name, text % {"text": str(row.get(name, ""))[:60]}) for ok, name, text in checks if ok is None
        ]
        wrong += problems
        if month is not None and source is not None and amount is not None:
            campaign = normalize.one_line(str(row.get("campaign") or ""), 255)
            found.append(SpendRow(number, month, source, campaign, amount))
    wrong += _twice(found)
    if wrong:
        raise _refused(wrong)
    if not found:
        raise _refused([(0, "rows", _("There are no rows."))])
    return found


def _amount(value: Any) -> Decimal | None:
    number = value if isinstance(value, Decimal) else normalize.decimal_number(str(value if value is not None else ""))
    if number is None or not number.is_finite() or not 0 <= number < Decimal(10) ** 13:
        return None
    return number.quantize(Decimal("0.01"))


def _twice(found: list[SpendRow]) -> list[tuple[int, str, str]]:
    """The same month, source and campaign on two lines: which of them is meant?"""
    seen: dict[tuple[date, str, str], int] = {}
    wrong = []
    for row in found:
        key = (row.month, row.source, row.campaign)
        if key in seen:
            wrong.append((row.line, "rows", _("The same as line %(line)s.") % {"line": seen[key]}))
        seen.setdefault(key, row.line)
    return wrong


def _folded(text: str) -> str:
    return " ".join(text.lower().replace("ё", "е").split())


def _sources() -> dict[str, str]:
    """Codes and both names of the sources."""
    found: dict[str, str] = {}
    for source in Source.objects.all():
        found |= {_folded(name): source.pk for name in (source.name_ru, source.name_en, source.code) if name}
    return found


def _refused(wrong: list[tuple[int, str, str]]) -> InvalidInput:
    told = [(f"{_('Line %(line)s') % {'line': line}}: {text}" if line else text) for line, _name, text in wrong[:20]]
    errors = [
        {"pointer": f"/rows/{line - 1}/{name}" if line else f"/{name}", "code": "invalid", "message": text}
        for line, name, text in wrong[:100]
    ]
    return InvalidInput("\n".join(told), errors=errors)


# -- writing ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def spend_set(rows: Iterable[SpendRow], *, by: Any) -> SpendKept:
    """Keep what was spent: a row of the same month, source and campaign takes the new amount, zero takes it away.

    Given twice it changes nothing the second time. PermissionDenied for whoever is not a head.
    """
    require_head(by)
    counts = {"added": 0, "changed": 0, "removed": 0, "same": 0}
    # In one order, so that two who enter the same months wait for each other and never crosswise.
    for row in sorted(rows, key=lambda row: (row.month, row.source, row.campaign)):
        key = {"month": row.month, "source_id": row.source, "campaign": row.campaign}
        counts[_set_one(key, row.amount, by)] += 1
    return SpendKept(**counts)


def _set_one(key: dict[str, Any], amount: Decimal, by: Any) -> str:
    known = AdSpend.objects.select_for_update().filter(**key).first()
    if known is None:
        if not amount:
            return "same"
        try:
            with transaction.atomic():
                made = AdSpend.objects.create(
                    **key, amount=amount, changed_by=Actor.of(by).user, changed_at=clock.now()
                )
        except IntegrityError:  # another person entered it at this moment: theirs is there now and takes this amount
            return _set_one(key, amount, by)
        audit("spend", made, "created", None, amount, by)
        return "added"
    if known.amount == amount:
        return "same"
    audit("spend", known, "amount", known.amount, amount or None, by)
    if not amount:
        known.delete()
        return "removed"
    known.amount, known.changed_by, known.changed_at = amount, Actor.of(by).user, clock.now()
    known.save(update_fields=["amount", "changed_by", "changed_at"])
    return "changed"


# -- reading back -----------------------------------------------------------------------------------------------------


def span_of(period: Period) -> dict[str, Any]:
    """The whole months that a period touches: spend is kept by month."""
    last = last_day(period.end)
    whole = period.start.day == 1 and period.end in {last, clock.today()}
    return {
        "spend_first": period.start.replace(day=1),
        "spend_last": period.end.replace(day=1),
        "is_whole_months": whole,
    }


def by_key(period: Period, by: str) -> dict[tuple[str, str], Decimal]:
    """{(source, campaign): roubles} spent in the months of the period; the campaign is empty where rows are sources."""
    months = span_of(period)
    rows = AdSpend.objects.filter(month__gte=months["spend_first"], month__lte=months["spend_last"]).order_by()
    columns = ["source"] if by == "source" else ["source", "campaign"]
    groups = rows.values(*columns).annotate(money=Sum("amount"))
    return {(row["source"], row.get("campaign", "")): row["money"].quantize(Decimal("0.01")) for row in groups}
