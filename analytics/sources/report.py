"""Advertising end to end: spend, leads, deals, contracts and money by source and campaign (ANA-3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.db import connection
from django.db.models import Count, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.funnel import Figure, share
from analytics.query import ReportQuery
from analytics.sources import spend
from analytics.sql import nothing_of_nothing
from crm import rows
from crm.models import Source
from deals import touches

FIRST, LAST, LINEAR = "first", "last", "linear"
MODELS = (
    (FIRST, gettext_lazy("First touch")),
    (LAST, gettext_lazy("Last touch")),
    (LINEAR, gettext_lazy("All touches alike")),
)
BY = (("source", gettext_lazy("By source")), ("campaign", gettext_lazy("By campaign")))
# Which touch of a deal each way of attribution counts, and what part of its kopecks that touch earns.
_TOUCH = {FIRST: touches.FIRST, LAST: touches.LAST, LINEAR: touches.ANY}
_PART = {
    FIRST: "kopecks",
    LAST: "kopecks",
    # Whole kopecks: the parts of a deal add up to its amount, whatever the number of touches.
    LINEAR: "(kopecks * place) / touches - (kopecks * (place - 1)) / touches",
}
Key = tuple[str, str]


@dataclass
class SourceRow:
    """One source, or one campaign of it. Money in roubles; the spend and what follows from it only where it is known.

    An empty `source` is what nobody knows the source of; repeat copies stand apart, by what first brought the client.
    """

    source: str
    campaign: str
    label: str
    leads: Figure
    deals: Figure
    won: Figure
    revenue: Decimal
    repeat_won: Figure
    repeat_revenue: Decimal
    spend: Decimal | None = None
    spend_url: str = ""

    @property
    def lead_cost(self) -> Decimal | None:
        """CPL: spend ÷ leads."""
        return _per(self.spend, self.leads.value)

    @property
    def deal_cost(self) -> Decimal | None:
        """Spend ÷ deals."""
        return _per(self.spend, self.deals.value)

    @property
    def contract_cost(self) -> Decimal | None:
        """Spend ÷ contracts."""
        return _per(self.spend, self.won.value)

    @property
    def romi(self) -> float | None:
        """(Revenue − spend) ÷ spend; repeat copies are not in it."""
        return float((self.revenue - self.spend) / self.spend) if self.spend else None


@dataclass
class SourceReport:
    """The period by source or campaign, its sum, and how much of it nobody knows the source of (0..1)."""

    query: ReportQuery
    model: str
    by: str
    rows: list[SourceRow]
    total: SourceRow
    unknown_revenue: float | None
    unknown_leads: float | None
    has_spend: bool
    spend_first: Any = None
    spend_last: Any = None
    is_whole_months: bool = True
    notes: list[str] = field(default_factory=list)


def _per(money: Decimal | None, count: int) -> Decimal | None:
    return (money / count).quantize(Decimal("0.01")) if money and count else None


def sources(query: ReportQuery, model: str = LAST, by: str = "source") -> SourceReport:
    """Leads and deals made in the period, contracts signed in it, and the money spent in its months.

    `model` says to which touch of a deal it is counted, `by` whether rows are sources or campaigns.
    """
    leads, deals = query.sales("lead"), query.sales("deal")
    made, won = {**query.created(), "copies": "false"}, {**query.closed(), "kind": "success", "copies": "false"}
    repeat = {**won, "copies": "true"}
    counted = {
        "leads": _leads(leads.rows(**made), by),
        "deals": attributed(deals.rows(**made), model, by),
        "won": attributed(deals.rows(**won), model, by),
        "repeat": attributed(deals.rows(**repeat), FIRST, by),
    }
    spent = spend.by_key(query.period, by) if query.user.is_head and not query.cuts else None
    keys = {key for found in counted.values() for key in found} | set(spent or {}) | {("", "")}
    maker = _Maker(query, leads, deals, model, by, counted, spent, (made, won, repeat))
    made_rows = sorted((maker.row(key) for key in keys), key=_order)
    total = maker.total(made_rows)
    unknown = [row for row in made_rows if not row.source]
    return SourceReport(
        query=query,
        model=model,
        by=by,
        rows=made_rows,
        total=total,
        unknown_revenue=_part(sum((row.revenue for row in unknown), Decimal(0)), total.revenue),
        unknown_leads=share(sum(row.leads.value for row in unknown), total.leads.value),
        has_spend=spent is not None,
        **spend.span_of(query.period),
    )


def _part(part: Decimal, whole: Decimal) -> float | None:
    return float(part / whole) if whole else None


def _order(row: SourceRow) -> tuple[Any, ...]:
    """What brings most first; the unknown last, where it is looked for."""
    return (not row.source, -row.revenue, -row.leads.value, -(row.spend or 0), row.label)


def _leads(rows: QuerySet[Any], by: str) -> dict[Key, tuple[int, Decimal]]:
    columns = ["source"] if by == "source" else ["source", "utm_campaign"]
    groups = rows.values(*columns).annotate(count=Count("pk"))
    found: dict[Key, tuple[int, Decimal]] = {}
    for group in groups:
        key = _key(group["source"], group.get("utm_campaign", ""))
        found[key] = (found.get(key, (0, None))[0] + group["count"], Decimal(0))
    return found


def _key(source: str | None, campaign: str) -> Key:
    """Where the source is not known, a campaign alone names none."""
    return (source, campaign) if source else ("", "")


@nothing_of_nothing(dict)
def attributed(deals: QuerySet[Any], model: str, by: str) -> dict[Key, tuple[int, Decimal]]:
    """{(source, campaign): (deals, roubles)}: each deal counted to its touches; the roubles add up to the kopeck."""
    base, params = touches.base_of(deals)
    columns = "source, campaign" if by == "campaign" else "source, ''"
    where = {FIRST: "place = 1", LAST: "place = touches", LINEAR: "1 = 1"}[model]
    sql = f"""
        WITH {base}, {touches.TOUCHES}
        SELECT {columns}, COUNT(DISTINCT deal_id), SUM({_PART[model]}) FROM touch WHERE {where} GROUP BY 1, 2
    """  # noqa: S608 - only names of our own are put into the text
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return {
            _key(source, campaign): (count, Decimal(int(kopecks)) / 100)
            for source, campaign, count, kopecks in cursor.fetchall()
        }


@dataclass
class _Maker:
    """Makes rows with their links out of the counts."""

    query: ReportQuery
    leads: ReportQuery
    deals: ReportQuery
    model: str
    by: str
    counted: dict[str, dict[Key, tuple[int, Decimal]]]
    spent: dict[Key, Decimal] | None
    spans: tuple[dict[str, str], dict[str, str], dict[str, str]]

    def row(self, key: Key) -> SourceRow:
        """One source or campaign."""
        source, campaign = key
        made, won, repeat = self.spans
        lead_cut = {"source": source} if source else {"no_source": "true"}
        if source and self.by == "campaign":
            lead_cut |= {"utm_campaign": campaign} if campaign else {"no_campaign": "true"}
        touched = self._touched(_TOUCH[self.model], key)
        return SourceRow(
            source=source,
            campaign=campaign,
            label=self.label(key),
            leads=Figure(self._count("leads", key), self.leads.link(**made, **lead_cut)),
            deals=Figure(self._count("deals", key), self.deals.link(**made, touched=touched)),
            won=Figure(self._count("won", key), self.deals.link(**won, touched=touched)),
            revenue=self._money("won", key),
            repeat_won=Figure(
                self._count("repeat", key), self.deals.link(**repeat, touched=self._touched(touches.FIRST, key))
            ),
            repeat_revenue=self._money("repeat", key),
            spend=self.spent.get(key, Decimal(0)) if self.spent is not None else None,
            spend_url=self._spend_url(source),
        )

    def label(self, key: Key) -> str:
        """The name of a source, with the campaign behind it."""
        source, campaign = key
        if not source:
            return _("source unknown")
        name = str(rows.catalogue(Source).get(source, source))
        return name if self.by == "source" else f"{name} · {campaign or _('no campaign')}"

    def total(self, made_rows: list[SourceRow]) -> SourceRow:
        """The sum; deals and contracts are counted anew, for one deal may stand in several rows."""
        made, won, repeat = self.spans
        return SourceRow(
            source="",
            campaign="",
            label=_("Total"),
            leads=Figure(sum(row.leads.value for row in made_rows), self.leads.link(**made)),
            deals=Figure(self.deals.rows(**made).count(), self.deals.link(**made)),
            won=Figure(self.deals.rows(**won).count(), self.deals.link(**won)),
            revenue=sum((row.revenue for row in made_rows), Decimal(0)),
            repeat_won=Figure(sum(row.repeat_won.value for row in made_rows), self.deals.link(**repeat)),
            repeat_revenue=sum((row.repeat_revenue for row in made_rows), Decimal(0)),
            spend=sum(self.spent.values(), Decimal(0)) if self.spent is not None else None,
            spend_url=self._spend_url(""),
        )

    def _touched(self, place: str, key: Key) -> str:
        source, campaign = key
        with_campaign = bool(source) and self.by == "campaign"
        return touches.Touched(place, source, campaign if with_campaign else None).code

    def _count(self, what: str, key: Key) -> int:
        return self.counted[what].get(key, (0, Decimal(0)))[0]

    def _money(self, what: str, key: Key) -> Decimal:
        return self.counted[what].get(key, (0, Decimal(0)))[1]

    def _spend_url(self, source: str) -> str:
        if self.spent is None:
            return ""
        months = spend.span_of(self.query.period)
        asked = {"from": f"{months['spend_first']:%Y-%m}", "to": f"{months['spend_last']:%Y-%m}", "source": source}
        return f"{reverse('analytics:spend')}?{urlencode({k: v for k, v in asked.items() if v})}"
