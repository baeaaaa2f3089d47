"""The report of delayed demand as it is shown."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.delayed import report as delayed
from analytics.delayed.report import DelayedReport, StepRow, WayRow
from analytics.reports.report import Look, Part, Report, stat, stat_text
from analytics.tables import Column
from crm.templatetags import ui

SMALL = 10


def _way_columns() -> list[Column]:
    def few(row: WayRow) -> bool:
        return row.deals.value < SMALL

    return [
        Column(_("Came back"), lambda row: row.deals),
        Column(_("Half came back within"), lambda row: row.median_seconds, "seconds", is_small=few),
        Column(_("Won"), lambda row: row.won),
        Column(_("Share won"), lambda row: row.won_share, "share", is_small=few),
        Column(_("Amount won"), lambda row: row.won_amount, "money", lambda row: row.won),
        Column(_("In work"), lambda row: row.open),
        Column(_("Lost"), lambda row: row.lost),
    ]


def _step_columns() -> list[Column]:
    return [
        Column(_("Deals"), lambda row: row.deals),
        Column(_("Amount"), lambda row: row.amount, "money", lambda row: row.deals),
        Column(_("The nearest on"), lambda row: row.next_day, "day"),
    ]


def _name(row: WayRow | StepRow) -> str:
    return row.label


def _chart(report: DelayedReport) -> dict[str, Any]:
    parts = (("green", _("Won"), "won"), ("blue", _("In work"), "open"), ("red", _("Lost"), "lost"))
    return {
        "type": "stacked",
        "format": "number",
        "labels": [row.label for row in report.ways],
        "series": [
            {"label": label, "values": [getattr(row, name).value for row in report.ways], "colour": colour}
            for colour, label, name in parts
        ],
        "urls": [row.deals.url for row in report.ways],
    }


def look(report: DelayedReport) -> Look:
    """What the page, the workbook and the printed sheet show."""
    back, waiting = report.back, report.waiting
    part = "—" if report.back_share is None else ui.percent(report.back_share)
    median = Column("", lambda row: row.median_seconds, "seconds").cell(back)["value"]
    day = f"{waiting.next_day:%d.%m.%Y}" if waiting.next_day else "—"
    closed = "bad" if report.lost.value else ""
    return Look(
        intro=_(
            "Deals that entered delayed demand in the period, each by its last entry. By a reminder: the client made "
            "contact after it. The call at the end: the task on the last day, with which the deal goes back to work. "
            "What was taken back within its minute does not count. Grey: of fewer than ten."
        ),
        stats=[
            stat(_("Entered delayed demand"), report.entered),
            stat(_("Came back"), back.deals, _("%(share)s of those that entered") % {"share": part}),
            stat(_("Won after it"), back.won, ui.money_short(back.won_amount), "good"),
            stat_text(_("Half came back within"), median),
            stat(_("Still waiting"), waiting.deals, _("the nearest step on %(day)s") % {"day": day}),
            stat(_("Closed while waiting"), report.lost, ui.money_short(report.lost_amount), closed),
        ],
        parts=[
            Part(
                "ways", _("What brought them back"), _way_columns(), report.ways, _name, _chart(report), total=back,
                note=_("Won, in work, lost: where these deals stand today."),
            ),
            Part("waiting", _("Still waiting, by the next step"), _step_columns(), report.steps, _name, total=waiting),
        ],
    )  # fmt: skip


DELAYED = Report(
    code="delayed",
    name=gettext_lazy("Delayed demand"),
    icon="hourglass",
    build=delayed.delayed,
    look=look,
    cuts=("responsible", "team", "source", "region", "purpose", "client_type"),
)
