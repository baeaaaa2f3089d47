"""The forecast as it is shown."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from analytics.forecast import goal as goals
from analytics.forecast.chances import PRIOR_DEALS, ChanceRow
from analytics.forecast.goal import GoalRow
from analytics.forecast.hindsight import PastRow
from analytics.forecast.months import ForecastRow
from analytics.forecast.report import ForecastReport, forecast
from analytics.reports.report import Look, Notice, Option, Part, Report, stat_text
from analytics.tables import Column
from crm.templatetags import ui

SMALL = 10


def _chance_columns() -> list[Column]:
    def few(row: ChanceRow) -> bool:
        return row.closed.value < SMALL

    return [
        Column(_("Closed deals"), lambda row: row.closed),
        Column(_("Won of them"), lambda row: row.won),
        Column(_("Share won"), lambda row: row.raw, "share", is_small=few),
        Column(_("In the settings"), lambda row: row.configured, "share"),
        Column(_("Probability"), lambda row: row.probability, "share", is_small=few),
        Column(_("95 %: from"), lambda row: row.low, "share", is_small=few),
        Column(_("95 %: to"), lambda row: row.high, "share", is_small=few),
        Column(_("Open now"), lambda row: row.open),
        Column(_("Amount"), lambda row: row.amount, "money", lambda row: row.open),
        Column(_("Weighted"), lambda row: row.weighted, "money", lambda row: row.open),
    ]


def _month_columns(report: ForecastReport) -> list[Column]:
    plan = [
        Column(pgettext("report", "Plan"), lambda row: row.plan, "money"),
        Column(_("Of the plan"), lambda row: row.plan_share, "share"),
    ]
    return [
        Column(_("Open deals"), lambda row: row.deals),
        Column(_("Amount"), lambda row: row.amount, "money", lambda row: row.deals),
        Column(_("Weighted"), lambda row: row.weighted, "money", lambda row: row.deals),
        Column(_("Contracts of them"), lambda row: row.contracts, "score"),
        Column(_("Contracts"), lambda row: row.won),
        Column(_("Fact"), lambda row: row.fact, "money", lambda row: row.won),
        Column(_("Fact and weighted"), lambda row: row.outlook, "money"),
        *(plan if report.total.plan else []),
    ]


def _past_columns() -> list[Column]:
    return [
        Column(_("Deals in the forecast"), lambda row: row.deals),
        Column(_("Their amount then"), lambda row: row.amount, "money", lambda row: row.deals),
        Column(_("Forecast"), lambda row: row.forecast, "money", lambda row: row.deals),
        Column(_("Contracts"), lambda row: row.won),
        Column(_("Fact"), lambda row: row.signed, "money", lambda row: row.won),
        Column(_("Error"), lambda row: row.error, "money"),
        Column(_("Error, %"), lambda row: row.error_share, "share", is_small=lambda row: row.won.value < SMALL),
    ]


def _goal_columns(report: ForecastReport) -> list[Column]:
    def few(_row: GoalRow) -> bool:
        return report.goal.rows[-1].had.value < SMALL

    return [
        Column(_("In the period"), lambda row: row.had),
        Column(_("For one contract"), lambda row: row.per_contract, "score", is_small=few),
        Column(_("Usual for such a time"), lambda row: row.usual),
        Column(_("Needed"), lambda row: row.needed, is_small=few),
        Column(_("More than usual"), lambda row: row.more, is_small=few),
        Column(_("Brings contracts"), lambda row: row.gives, "score", is_small=few),
        Column(_("Half sign within"), lambda row: row.median_seconds, "seconds", is_small=few),
        Column(_("Has to be there by"), lambda row: row.by, "day", is_small=few),
    ]


def _chance_name(row: ChanceRow) -> str:
    return row.label


def _month_name(row: ForecastRow) -> str:
    return row.label


def _past_name(row: PastRow) -> str:
    return row.label


def _goal_name(row: GoalRow) -> str:
    return row.label


def _month_chart(report: ForecastReport) -> dict[str, Any]:
    rows = [row for row in report.months if row.won is not None]
    series = [
        {"label": _("Fact"), "values": [float(row.fact or 0) for row in rows], "colour": "green"},
        {"label": _("Weighted"), "values": [float(row.weighted) for row in rows], "colour": "blue"},
    ]
    if report.total.plan:
        plan = [float(row.plan or 0) for row in rows]
        series.append({"label": pgettext("report", "Plan"), "values": plan, "colour": "gray"})
    labels, urls = [row.label for row in rows], [row.deals.url for row in rows]
    return {"type": "bar", "format": "money", "labels": labels, "series": series, "urls": urls}


def _chance_chart(report: ForecastReport) -> dict[str, Any]:
    rows = [row for row in report.chances if row.closed.value]
    return {
        "type": "hbar",
        "format": "percent",
        "labels": [row.label for row in rows],
        "series": [
            {"label": _("Probability"), "values": [row.probability for row in rows], "colour": "blue"},
            {"label": _("In the settings"), "values": [row.configured for row in rows], "colour": "gray"},
        ],
        "urls": [row.closed.url for row in rows],
    }


def _stats(report: ForecastReport) -> list[dict[str, Any]]:
    past, undated = report.quarter.total, report.months[-1]
    share = past.error_share
    error = "—" if share is None else f"{'+' if share > 0 else ''}{ui.percent(share)}"
    told = _("forecast %(forecast)s, signed %(signed)s") % {
        "forecast": ui.money_short(past.forecast), "signed": ui.money_short(past.signed),
    }  # fmt: skip
    total = stat_text(
        _("Open deals, weighted"), ui.money_short(report.total.weighted),
        _("of %(amount)s") % {"amount": ui.money_short(report.total.amount)},
    )  # fmt: skip
    total["url"] = report.total.deals.url if report.total.deals.value else ""
    dateless = stat_text(
        _("Without a date of closing"), ui.number(undated.deals.value),
        _("%(amount)s weighted stands in no month") % {"amount": ui.money_short(undated.weighted)},
        "warned" if undated.deals.value else "",
    )  # fmt: skip
    dateless["url"] = undated.deals.url if undated.deals.value else ""
    return [_quarter_stat(report), total, dateless, stat_text(_("Error of the last quarter"), error, told)]


def _quarter_stat(report: ForecastReport) -> dict[str, Any]:
    """What this quarter comes to; its months stand first among the months shown."""
    months = [row for row in report.months if row.won is not None][:3]
    fact, weighted = sum(row.fact or 0 for row in months), sum(row.weighted for row in months)
    plan = sum(row.plan or 0 for row in months)
    told = _("signed %(fact)s, weighted %(weighted)s") % {
        "fact": ui.money_short(fact), "weighted": ui.money_short(weighted),
    }  # fmt: skip
    if plan:
        told = _("%(told)s; plan %(plan)s") % {"told": told, "plan": ui.money_short(plan)}
    tone = "good" if plan and fact + weighted >= plan else "bad" if plan else ""
    return stat_text(_("This quarter"), ui.money_short(fact + weighted), told, tone)


def _notices(report: ForecastReport) -> list[Notice]:
    found = []
    if report.query.user.is_head and not report.total.plan and not report.query.cuts:
        page = [(reverse("analytics:plans"), _("Enter the plan"))]
        found.append(Notice(_("No plan is entered for these months."), "", page))
    return found


def goal_told(report: ForecastReport) -> str:
    """The goal and the answer in a sentence."""
    goal = report.goal
    days = {"first": f"{goal.span_first:%d.%m.%Y}", "last": f"{goal.span_last:%d.%m.%Y}"}
    if goal.contracts is None:
        return _("In the period no contract was signed: there is nothing to reckon with. Choose a longer period.")
    told = [
        _("From %(first)s to %(last)s: %(contracts)s contracts, usual for such a time are %(usual)s.")
        % {**days, "contracts": ui.number(goal.contracts), "usual": ui.number(goal.usual_contracts)}
    ]
    if goal.average:
        told.append(_("A contract is %(amount)s on average.") % {"amount": ui.money_short(goal.average)})
    promised = ui.number(report.promised)
    told.append(_("Open deals expected in that time come to %(count)s contracts already.") % {"count": promised})
    if goal.is_late:
        told.append(
            _("Requests that come in from now on are late for half of it: the rest has to come out of open deals.")
        )
    return " ".join(told)


def look(report: ForecastReport) -> Look:
    """What the page, the workbook and the printed sheet show."""
    past, goal = report.quarter, report.goal
    # A direction in which nothing has moved yet tells nothing about the way to a contract.
    shown = [row for row in goal.rows if row.had.value or row.needed]
    days = {"first": f"{report.query.period.start:%d.%m.%Y}", "last": f"{report.query.period.end:%d.%m.%Y}"}
    return Look(
        intro=_(
            "Open deals × probability of their stage × amount, by month of the expected close. The probabilities are "
            "learned from deals that were won or lost from %(first)s to %(last)s (the period above)."
        )
        % days,
        stats=_stats(report),
        notices=_notices(report),
        parts=[
            Part(
                "months", _("Forecast by month"), _month_columns(report), report.months, _month_name,
                _month_chart(report), total=report.total,
                note=_("Each weighted sum opens the deals it is made of. Overdue: the date has passed, in no month."),
            ),
            Part(
                "goal", _("What a goal takes"), _goal_columns(report), shown, _goal_name, note=goal_told(report),
                form="analytics/goal_form.html", form_data=goal,
            ),
            Part(
                "chances", _("Probabilities of the stages"), _chance_columns(), report.chances, _chance_name,
                _chance_chart(report),
                note=_(
                    "Probability = (won + %(prior)s × the share in the settings) ÷ (closed + %(prior)s), of deals that "
                    "ever stood in the stage. Grey: of fewer than ten."
                ) % {"prior": PRIOR_DEALS},
            ),
            Part(
                "quarter", _("Error of the last quarter"), _past_columns(), [past.aside, *past.rows], _past_name,
                total=past.total,
                note=_(
                    "What the forecast said on %(day)s, learned from %(first)s on: stage, amount and expected close as "
                    "they were then; who sees a deal, its region and whether it is deleted are as of now. Deals that "
                    "were overdue or had no date stood in no month and are not in the sum."
                ) % {"day": f"{past.at:%d.%m.%Y}", "first": f"{past.learned_from:%d.%m.%Y}"},
            ),
        ],
    )  # fmt: skip


FORECAST = Report(
    code="forecast",
    name=gettext_lazy("Forecast"),
    icon="trending-up",
    build=forecast,
    look=look,
    cuts=("responsible", "team", "source", "region", "purpose", "client_type"),
    options=(
        Option("goal_in", gettext_lazy("Goal in"), goals.KINDS, is_quiet=True),
        Option("goal_for", gettext_lazy("Goal for"), goals.SPANS, "quarter", is_quiet=True),
    ),
    numbers=("goal",),
    most=goals.MOST[goals.AMOUNT],
)
