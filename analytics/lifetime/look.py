"""The report of the clients' lifetime as it is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.lifetime import report as lifetime
from analytics.lifetime.report import MONTHS, ClientLife, Cohort, Life, LifetimeReport, Product
from analytics.reports.report import Look, Part, Report, stat, stat_text
from analytics.tables import Column
from crm.templatetags import ui

SMALL = 10


def _columns(life: Callable[[Any], Life] = lambda row: row) -> list[Column]:
    """The sums of a group of clients; `life` finds them in a row."""

    def few(row: Any) -> bool:
        return life(row).clients.value < SMALL

    return [
        Column(_("Clients"), lambda row: life(row).clients),
        Column(_("Orders"), lambda row: life(row).orders),
        Column(_("Came again"), lambda row: life(row).repeat_clients),
        Column(_("Repeat rate"), lambda row: life(row).repeat_rate, "share", is_small=few),
        Column(_("Between orders"), lambda row: life(row).gap_seconds, "seconds", is_small=few),
        Column(_("Revenue"), lambda row: life(row).revenue, "money", lambda row: life(row).orders),
        Column(_("Of it repeat"), lambda row: life(row).repeat_revenue, "money", lambda row: life(row).repeats),
        Column(_("Revenue per client"), lambda row: life(row).client_revenue, "money", is_small=few),
    ]


def _later_columns(report: LifetimeReport) -> list[Column]:
    """Revenue by months since the first order, as many as any cohort has lived through."""
    lived = [
        number for number in range(MONTHS + 1) if any(row.later[number] is not None for row in report.cohorts)
    ]  # fmt: skip
    return [_later_column(number) for number in lived]


def _later_column(number: int) -> Column:
    label = _("month %(number)s") % {"number": number} if number < MONTHS else _("later")

    def revenue(row: Cohort) -> Any:
        later = row.later[number]
        return later.revenue if later is not None else None

    def behind(row: Cohort) -> Any:
        later = row.later[number]
        return later.orders if later is not None else None

    return Column(label, revenue, "money", behind)


def _client_columns() -> list[Column]:
    return [
        Column(_("Orders"), lambda row: row.orders),
        Column(_("Revenue"), lambda row: row.revenue, "money", lambda row: row.orders),
        Column(_("Between orders"), lambda row: row.gap_seconds, "seconds"),
        Column(_("First came"), lambda row: row.came, "day"),
        Column(_("First order"), lambda row: row.first_order, "day"),
        Column(_("Last order"), lambda row: row.last_order, "day"),
        Column(_("Source"), lambda row: row.source, "text"),
        Column(_("Products and services"), lambda row: row.products or None, "text"),
    ]


def _product_columns() -> list[Column]:
    return [
        Column(_("Orders"), lambda row: row.orders),
        Column(_("Repeat orders"), lambda row: row.repeats),
    ]


def _name(row: Life | ClientLife | Product) -> str:
    return row.label


def _month(row: Cohort) -> str:
    return row.life.label


def _cohort_chart(report: LifetimeReport) -> dict[str, Any]:
    lives = [row.life for row in report.cohorts]
    first = [float(life.revenue - life.repeat_revenue) for life in lives]
    repeat = [float(life.repeat_revenue) for life in lives]
    return {
        "type": "stacked",
        "format": "money",
        "labels": [life.label for life in lives],
        "series": [
            {"label": _("First orders"), "values": first, "colour": "blue"},
            {"label": _("Repeat orders"), "values": repeat, "colour": "green"},
        ],
        "urls": [life.orders.url for life in lives],
    }


def _stats(total: Life) -> list[dict[str, Any]]:
    rate = "—" if total.repeat_rate is None else ui.percent(total.repeat_rate)
    gap = (
        "—" if total.gap_seconds is None else Column("", lambda _row: total.gap_seconds, "seconds").cell(total)["value"]
    )
    revenue = "—" if total.client_revenue is None else ui.money_short(total.client_revenue)
    order = "—" if total.order_amount is None else ui.money_short(total.order_amount)
    return [
        stat(_("New clients"), total.clients, _("by their first order")),
        stat(_("Orders of theirs"), total.orders, ui.money_short(total.revenue), "good"),
        stat(_("Came again"), total.repeat_clients, _("repeat rate %(share)s") % {"share": rate}),
        stat_text(_("Between orders"), gap, _("on average")),
        stat_text(_("Revenue per client"), revenue, _("an order on average %(amount)s") % {"amount": order}),
    ]  # fmt: skip


def _product_part(report: LifetimeReport) -> Part:
    note = _("By the lines of the deals; the twenty most frequent.")
    return Part("products", _("What is ordered"), _product_columns(), report.products, _name, note=note)


def look(report: LifetimeReport) -> Look:
    """What the page, the workbook and the printed sheet show."""
    per_month = _(
        "Amounts of the orders won so many calendar months after the month of the first order (month 0); a dash is a "
        "month that has not come yet."
    )
    return Look(
        intro=_(
            "Clients whose first contract was signed in the period, with all that they have ordered until today, "
            "repeat copies too. A client is the company of the deal, or the contact where there is none. Clients open "
            "their first orders. Repeat rate: clients with a second order ÷ clients. Between orders: the mean time "
            "from one order to the next. Grey: of fewer than ten clients."
        ),
        stats=_stats(report.total),
        parts=[
            Part(
                "cohorts", _("Cohorts by month of the first order"), _columns(lambda row: row.life), report.cohorts,
                _month, _cohort_chart(report),
            ),
            Part(
                "months", _("Revenue by months since the first order"), _later_columns(report), report.cohorts, _month,
                note=per_month,
            ),
            Part(
                "sources", _("By the source that first brought the client"), _columns(), report.sources, _name,
                total=report.total, note=_("By the first touch, as in the report of the sources."),
            ),
            Part(
                "clients", _("The most valuable clients"), _client_columns(), report.clients, _name,
                note=_(
                    "The thirty that brought most; each opens its orders. First came: the first request, or the day "
                    "the client was entered."
                ),
            ),
            *([_product_part(report)] if report.products else []),
        ],
    )  # fmt: skip


LIFETIME = Report(
    code="lifetime",
    name=gettext_lazy("Client lifetime"),
    icon="users",
    build=lifetime.lifetime,
    look=look,
    cuts=("responsible", "team", "region", "purpose", "client_type"),
)
