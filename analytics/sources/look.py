"""The report of the sources as it is shown: stats, notices, one table with a chart."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.reports.report import Look, Notice, Option, Part, Report, stat, stat_text
from analytics.sources import report as sources
from analytics.sources.conversions import IDS
from analytics.sources.report import SourceReport, SourceRow
from analytics.tables import Column
from crm.templatetags import ui

SMALL = 10


def _columns(report: SourceReport) -> list[Column]:
    spent = [
        Column(_("Spend"), lambda row: row.spend, "money", lambda row: _Link(row.spend_url)),
        Column(_("Cost of a lead"), lambda row: row.lead_cost, "money", is_small=lambda row: row.leads.value < SMALL),
        Column(_("Cost of a deal"), lambda row: row.deal_cost, "money", is_small=lambda row: row.deals.value < SMALL),
        Column(_("Cost of a contract"), lambda row: row.contract_cost, "money", is_small=lambda r: r.won.value < SMALL),
        Column("ROMI", lambda row: row.romi, "share", is_small=lambda row: row.won.value < SMALL),
    ]
    return [
        Column(_("Leads"), lambda row: row.leads),
        Column(_("Deals"), lambda row: row.deals),
        Column(_("Contracts"), lambda row: row.won),
        Column(_("Revenue"), lambda row: row.revenue, "money", lambda row: row.won),
        *(spent if report.total.spend else []),
        Column(_("Repeat contracts"), lambda row: row.repeat_won),
        Column(_("Repeat revenue"), lambda row: row.repeat_revenue, "money", lambda row: row.repeat_won),
    ]


class _Link:
    """What stands behind an amount that is no sum over records."""

    def __init__(self, url: str) -> None:
        self.url = url


def _name(row: SourceRow) -> str:
    return row.label


def _chart(report: SourceReport) -> dict[str, Any]:
    shown = [row for row in report.rows if row.revenue or row.spend][:12]
    series = [{"label": _("Revenue"), "values": [float(row.revenue) for row in shown], "colour": "green"}]
    if report.total.spend:
        series.append({"label": _("Spend"), "values": [float(row.spend or 0) for row in shown], "colour": "orange"})
    return {
        "type": "hbar",
        "format": "money",
        "labels": [row.label for row in shown],
        "series": series,
        "urls": [row.won.url for row in shown],
    }


def _notices(report: SourceReport) -> list[Notice]:
    found = []
    if report.total.spend and not report.is_whole_months:
        text = _("Spend is kept by month: the whole months from %(first)s to %(last)s are counted.")
        months = {"first": f"{report.spend_first:%m.%Y}", "last": f"{report.spend_last:%m.%Y}"}
        found.append(Notice(text % months, "warn"))
    if report.query.user.is_head:
        told = "" if report.has_spend else _("Spend belongs to everybody: it is not shown for a part of the records.")
        told = told or ("" if report.total.spend else _("No spend is entered for these months yet."))
        span = {"from": report.query.period.start.isoformat(), "to": report.query.period.end.isoformat()}
        page = reverse("analytics:conversions")
        files = [(f"{page}?{urlencode({**span, 'ids': kind})}", name) for kind, (_head, _key, name) in IDS.items()]
        found.append(Notice(told, "", [(reverse("analytics:spend"), _("Enter the spend"))]))
        found.append(Notice(_("Conversions of the period for Yandex Metrica:"), "", files))
    return found


def look(report: SourceReport) -> Look:
    """What the page, the workbook and the printed sheet show."""
    total = report.total
    unknown = "—" if report.unknown_revenue is None else ui.percent(report.unknown_revenue)
    leads = "—" if report.unknown_leads is None else ui.percent(report.unknown_leads)
    stats = [
        stat(_("Leads"), total.leads),
        stat(_("Contracts"), total.won, ui.money_short(total.revenue), "good"),
        stat(_("Repeat contracts"), total.repeat_won, ui.money_short(total.repeat_revenue)),
        stat_text(_("Source unknown"), unknown, _("of the revenue; of the leads %(share)s") % {"share": leads}),
    ]
    if total.spend:
        romi = ui.percent(total.romi) if total.romi is not None else "—"
        stats.insert(2, stat_text(_("Spend"), ui.money_short(total.spend), _("ROMI %(share)s") % {"share": romi}))
    return Look(
        intro=_(
            "Leads and deals made in the period, contracts signed in it. A deal is counted to the touches of its "
            "client before it; the parts add up to the revenue to the kopeck. Repeat copies stand apart, with what "
            "first brought the client."
        ),
        stats=stats,
        notices=_notices(report),
        parts=[
            Part(
                "sources", _("Sources"), _columns(report), report.rows, _name, _chart(report), total=total,
                note=_("A deal touched by several sources is counted to each.") if report.model == "linear" else "",
            )
        ],
    )  # fmt: skip


SOURCES = Report(
    code="sources",
    name=gettext_lazy("Sources"),
    icon="ad-2",
    build=sources.sources,
    look=look,
    options=(
        Option("model", gettext_lazy("Attribution"), sources.MODELS, sources.LAST),
        Option("by", gettext_lazy("Rows"), sources.BY),
    ),
)
