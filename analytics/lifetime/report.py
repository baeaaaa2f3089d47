"""The lifetime of clients (ANA-4): first came when and from where, orders, repeat rate, cohorts, the most valuable."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Min, Q
from django.utils.translation import gettext as _

from analytics.funnel import Figure, share
from analytics.lifetime import sql
from analytics.lifetime.sql import ClientCounts, Counts
from analytics.query import ReportQuery, last_day
from crm import clock, rows
from crm.models import Company, Contact, Source
from deals.models import Deal, DealLine
from deals.orders import ANY, FIRST, REPEAT, SECOND, Orders
from leads.models import Lead

# Months after the first order that stand in columns of their own; what came later stands in the last one.
MONTHS = 12
VALUABLE = 30
PRODUCTS = 20


@dataclass
class Life:
    """Sums over clients. Money in roubles; `gap_seconds` is the mean time between an order and the next one."""

    label: str
    clients: Figure
    orders: Figure
    repeat_clients: Figure
    repeats: Figure
    revenue: Decimal
    repeat_revenue: Decimal
    gap_seconds: float | None

    @property
    def repeat_rate(self) -> float | None:
        """Clients with a second order ÷ clients."""
        return share(self.repeat_clients.value, self.clients.value)

    @property
    def client_revenue(self) -> Decimal | None:
        """Revenue ÷ clients."""
        return _per(self.revenue, self.clients.value)

    @property
    def order_amount(self) -> Decimal | None:
        """Revenue ÷ orders."""
        return _per(self.revenue, self.orders.value)


@dataclass
class Later:
    """What the clients of a cohort ordered so many months after their first order."""

    orders: Figure
    revenue: Decimal


@dataclass
class Cohort:
    """The clients of one month of first orders; `later` has a place per month since, the last one for all after."""

    month: date
    life: Life
    later: list[Later | None]


@dataclass
class ClientLife:
    """One client: moments as days of the company's calendar, the source of the first touch, revenue in roubles.

    `page` is the client's card.
    """

    label: str
    came: date | None
    source: str
    first_order: date
    last_order: date
    orders: Figure
    revenue: Decimal
    gap_seconds: float | None
    products: str
    page: str = ""


@dataclass
class Product:
    """A product or service and in how many orders it stands."""

    label: str
    orders: Figure
    repeats: Figure


@dataclass
class LifetimeReport:
    """Clients whose first order was won in the period, with all that they have ordered until today."""

    query: ReportQuery
    total: Life
    cohorts: list[Cohort]
    sources: list[Life]
    products: list[Product]
    clients: list[ClientLife]


def _per(money: Decimal, count: int) -> Decimal | None:
    return (money / count).quantize(Decimal("0.01")) if count else None


def lifetime(query: ReportQuery) -> LifetimeReport:
    """The report; a fixed number of queries whatever the number of clients.

    A client is new by their first order among all that the reader sees; the cuts choose whose orders are counted.
    """
    query = query.sales("deal")
    span = Orders(query.period.start, query.period.end, ANY)
    counted = sql.by_cohort(query, span)
    maker = _Maker(query, span)
    sources = sorted(sql.by_source(query, span).items(), key=lambda row: (not row[0], -row[1].revenue, row[0]))
    return LifetimeReport(
        query=query,
        total=maker.life(_("Total"), _sum(counted.values()), span),
        cohorts=maker.cohorts(counted),
        sources=[maker.by_source(source, counts) for source, counts in sources],
        products=maker.products(),
        clients=maker.clients(),
    )


def _sum(found: Iterable[Counts]) -> Counts:
    return sum(found, Counts())


def _days_of(number: int) -> tuple[date, date]:
    """First and last day of a month that is counted as years × 12 + month."""
    year, month = (number - 1) // 12, (number - 1) % 12 + 1
    return date(year, month, 1), last_day(date(year, month, 1))


class _Maker:
    """Makes figures with their links out of the sums."""

    def __init__(self, query: ReportQuery, span: Orders) -> None:
        self.query, self.span = query, span

    def _figure(self, value: int, span: Orders, place: str = ANY, **extra: Any) -> Figure:
        wanted = Orders(span.start, span.end, place)
        return Figure(value, self.query.link(kind="success", orders=wanted.code, **extra))

    def life(self, label: str, counts: Counts, span: Orders, **extra: Any) -> Life:
        """Sums of a group; `extra` cuts the lists behind it to that group."""
        return Life(
            label=label,
            clients=self._figure(counts.clients, span, FIRST, **extra),
            orders=self._figure(counts.orders, span, **extra),
            repeat_clients=self._figure(counts.seconds, span, SECOND, **extra),
            repeats=self._figure(counts.repeats, span, REPEAT, **extra),
            revenue=counts.revenue,
            repeat_revenue=counts.repeat_revenue,
            gap_seconds=counts.gap_seconds / counts.repeats if counts.repeats else None,
        )

    def by_source(self, source: str, counts: Counts) -> Life:
        """Clients by what first brought them."""
        name = str(rows.catalogue(Source).get(source, source)) if source else _("source unknown")
        return self.life(name, counts, self.span, touched=f"first:{source}")

    def cohorts(self, counted: dict[tuple[int, int], Counts]) -> list[Cohort]:
        """A row per month that has first orders, the latest last; a month may be cut short by the period."""
        today = clock.today()
        now = today.year * 12 + today.month
        found = []
        for month in sorted({first for first, _since in counted}):
            first, last = _days_of(month)
            span = Orders(max(first, self.span.start), min(last, self.span.end), ANY)
            sums = {since: counts for (other, since), counts in counted.items() if other == month}
            later = [self._later(month, since, sums, span) if month + since <= now else None for since in range(MONTHS)]
            later.append(self._much_later(month, sums, span) if month + MONTHS <= now else None)
            found.append(Cohort(first, self.life(f"{first:%m.%Y}", _sum(sums.values()), span), later))
        return found

    def _later(self, month: int, since: int, sums: dict[int, Counts], span: Orders) -> Later:
        first, last = _days_of(month + since)
        counts, days = sums.get(since, Counts()), {"closed_from": first.isoformat(), "closed_to": last.isoformat()}
        return Later(self._figure(counts.orders, span, **days), counts.revenue)

    def _much_later(self, month: int, sums: dict[int, Counts], span: Orders) -> Later:
        counts = _sum(counts for since, counts in sums.items() if since >= MONTHS)
        first, _last = _days_of(month + MONTHS)
        return Later(self._figure(counts.orders, span, closed_from=first.isoformat()), counts.revenue)

    def products(self) -> list[Product]:
        """What is ordered most often, by the lines of the deals."""
        found = sql.by_product(self.query, self.span, PRODUCTS)
        return [self._product(*row) for row in found]

    def _product(self, name: str, count: int, repeats: int) -> Product:
        orders = self._figure(count, self.span, product=name)
        return Product(name, orders, self._figure(repeats, self.span, REPEAT, product=name))

    def clients(self) -> list[ClientLife]:
        """The most valuable ones."""
        found = sql.by_client(self.query, self.span, VALUABLE)
        known = _Known(self.query, found)
        return [self._client(row, known) for row in found]

    def _client(self, row: ClientCounts, known: _Known) -> ClientLife:
        who = {"company": row.company} if row.company else {"contact": row.contact, "no_company": "true"}
        counts, source = row.counts, known.sources.get(row.first_deal, "")
        return ClientLife(
            label=known.name(row),
            came=known.came(row),
            source=str(rows.catalogue(Source).get(source, source)) if source else _("source unknown"),
            first_order=row.first_at.date(),
            last_order=row.last_at.date(),
            orders=self._figure(counts.orders, self.span, **who),
            revenue=counts.revenue,
            gap_seconds=counts.gap_seconds / counts.repeats if counts.repeats else None,
            products=", ".join(known.products.get((row.company, row.contact), [])[:3]),
            page=known.page(row),
        )


class _Known:
    """What is told of the clients beside their sums: names, when they came, from where, what they order."""

    def __init__(self, query: ReportQuery, found: list[ClientCounts]) -> None:
        user = query.user
        companies = [row.company for row in found if row.company]
        people = [row.contact for row in found if row.contact]
        self.companies = Company.objects.visible_to(user).in_bulk(companies)
        self.people = Contact.objects.visible_to(user).in_bulk(people)
        self.sources = sql.first_sources(Deal.objects.filter(pk__in=[row.first_deal for row in found]))
        alone = Q(company__isnull=True, contact__in=people)
        self.requests: dict[tuple[int | None, int | None], Any] = {}
        for rows_of in (Lead.objects.visible_to(user).alive(), Deal.objects.visible_to(user).alive()):
            mine = rows_of.filter(Q(company__in=companies) | alone, partner__isnull=True).order_by()
            for company, contact, first in _by_client(mine).annotate(first=Min("created_at")):
                key = (company, None if company else contact)
                self.requests[key] = min(first, self.requests.get(key, first))
        self.products = self._products(user, companies, alone)

    @staticmethod
    def _products(user: Any, companies: list[int], alone: Q) -> dict[tuple[int | None, int | None], list[str]]:
        won = Deal.objects.visible_to(user).alive().in_stage_kind("success").filter(partner__isnull=True)
        lines = DealLine.objects.filter(deal__in=won.filter(Q(company__in=companies) | alone)).order_by("pk")
        found: dict[tuple[int | None, int | None], dict[str, None]] = {}
        for company, contact, name in lines.values_list("deal__company", "deal__contact", "name"):
            found.setdefault((company, None if company else contact), {})[name] = None
        return {key: list(names) for key, names in found.items()}

    def _client(self, row: ClientCounts) -> Company | Contact | None:
        return self.companies.get(row.company) if row.company else self.people.get(row.contact)  # type: ignore[arg-type]

    def name(self, row: ClientCounts) -> str:
        """The client's name; a client out of the reader's sight has none."""
        return str(self._client(row) or "—")

    def page(self, row: ClientCounts) -> str:
        """The client's card; an empty text where it does not open for the reader."""
        client = self._client(row)
        return client.get_absolute_url() if client is not None and client.deleted_at is None else ""

    def came(self, row: ClientCounts) -> date | None:
        """The day of the earliest of: the client's first request, the client's own record."""
        client = self._client(row)
        moments = [self.requests.get((row.company, row.contact)), client.created_at if client else None]
        known = [moment for moment in moments if moment is not None]
        return min(known).astimezone(clock.company_zone()).date() if known else None


def _by_client(found: Any) -> Any:
    """Rows by company, and by person where there is none."""
    return found.values_list("company", "contact")
