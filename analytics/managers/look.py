"""The report of the managers as it is shown."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from analytics.managers import report as managers
from analytics.managers.report import ManagerReport, ManagerRow, PlanMonth
from analytics.reports.report import Look, Notice, Part, Report
from analytics.tables import Column

SMALL = 10


def _columns() -> list[Column]:
    return [
        Column(_("Open leads"), lambda row: row.open_leads),
        Column(_("Open deals"), lambda row: row.open_deals),
        Column(_("Tasks overdue now"), lambda row: row.overdue),
        Column(_("Tasks done"), lambda row: row.done),
        Column(_("First reaction"), lambda row: row.reaction_seconds, "seconds", is_small=lambda r: r.reacted < SMALL),
        Column(_("Deals came in"), lambda row: row.came),
        Column(_("Conversion"), lambda row: row.conversion, "share", is_small=lambda row: row.came.value < SMALL),
    ]


def _money_columns(report: ManagerReport) -> list[Column]:
    has_plan = any(row.plan_amount or row.plan_contracts for row in report.rows)
    plan = [
        Column(pgettext("report", "Plan"), lambda row: row.plan_amount, "money"),
        Column(_("Fact"), lambda row: row.fact_amount, "money"),
        Column(_("Of the plan"), lambda row: row.plan_share, "share"),
    ]
    bonus = [Column(_("Bonus"), lambda row: row.bonus, "money")]
    return [
        Column(_("Contracts"), lambda row: row.won),
        Column(_("Amount won"), lambda row: row.won_amount, "money", lambda row: row.won),
        Column(_("Upsells made"), lambda row: row.upsells),
        Column(_("Upsells won"), lambda row: row.upsells_won),
        *(plan if has_plan else []),
        *(bonus if report.rules else []),
    ]


def _month_columns() -> list[Column]:
    return [
        Column(pgettext("report", "Plan"), lambda row: row.plan_amount, "money"),
        Column(_("Plan, contracts"), lambda row: row.plan_contracts),
        Column(_("Contracts"), lambda row: row.won),
        Column(_("Fact"), lambda row: row.fact_amount, "money", lambda row: row.won),
        Column(_("Of the plan"), lambda row: row.plan_share, "share"),
    ]


def _name(row: ManagerRow) -> str:
    return row.label


def _month(row: PlanMonth) -> str:
    return f"{row.month:%m.%Y}"


def _chart(report: ManagerReport) -> dict[str, Any]:
    return {
        "type": "bar",
        "format": "money",
        "labels": [_month(row) for row in report.months],
        "series": [
            {
                "label": pgettext("report", "Plan"),
                "values": [float(row.plan_amount) for row in report.months],
                "colour": "gray",
            },
            {"label": _("Fact"), "values": [float(row.fact_amount) for row in report.months], "colour": "green"},
        ],
        "urls": [row.won.url for row in report.months],
    }


def look(report: ManagerReport) -> Look:
    """What the page, the workbook and the printed sheet show."""
    notices = []
    if report.query.user.is_head:
        pages = [(reverse("analytics:plans"), _("Plans")), (reverse("settings-bonus"), _("Bonus rules"))]
        notices.append(Notice(_("Plan and bonus are set by the head:"), "", pages))
    return Look(
        intro=_(
            "Load and overdue tasks as they are now, the rest for the period. First reaction: working time from the "
            "coming of a lead to the first thing a person did about it, half are faster. Grey: of fewer than ten."
        ),
        notices=notices,
        parts=[
            Part("work", _("Work"), _columns(), report.rows, _name),
            Part("money", _("Contracts, upsells, plan"), _money_columns(report), report.rows, _name),
            Part("months", _("Plan and fact by month"), _month_columns(), report.months, _month, _chart(report)),
        ],
    )


MANAGERS = Report(
    code="managers",
    name=gettext_lazy("Managers"),
    icon="trophy",
    build=managers.managers,
    look=look,
    cuts=("responsible", "team"),
    preset="this_month",
)
