"""The report about partners as tables, a page and a file."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_safe

from analytics import export, forms, tables
from analytics.partners.report import PartnerRow, PartnersReport, parse_partners, partners
from analytics.query import ReportQuery, offered_pipelines
from analytics.tables import Column
from analytics.views import _page, _stat, names_what_is_wrong
from crm.http import HtmxHttpRequest, answers_errors
from crm.models import Stage
from crm.templatetags import ui

# Of no use here: partners do not know where a request came from, and the manufacturer's people do not work there.
LEFT_OUT = ("responsible", "team", "source", "client_type", "by")


def columns() -> list[Column]:
    """The partners in figures."""
    return [
        Column(pgettext("handed over to a partner", "Received"), lambda row: row.received),
        Column(_("Accepted"), lambda row: row.accepted),
        Column(_("Untouched"), lambda row: row.untouched),
        Column(_("Contacted without a record"), lambda row: row.unrecorded),
        Column(_("Half contacted within"), lambda row: row.first_contact_seconds, "seconds"),
        Column(_("Refused"), lambda row: row.refused),
        Column(_("Taken back"), lambda row: row.recalled),
        Column(_("Won"), lambda row: row.won),
        Column(_("Conversion"), lambda row: row.conversion, "share"),
        Column(_("Amount won"), lambda row: row.won_amount, "money", lambda row: row.won),
        Column(_("Commission"), lambda row: row.commission, "money", lambda row: row.won),
        Column(_("Score of the partner"), lambda row: _score(row.partner_score), "score", lambda row: row.won),
        Column(_("Score of the product"), lambda row: _score(row.product_score), "score", lambda row: row.won),
    ]


def _score(value: Any) -> float | None:
    return None if value is None else round(float(value), 2)


def step_columns(report: PartnersReport) -> list[Column]:
    """How many got to each stage and which share of the received that is."""
    found = []
    for stage in report.path:
        found.append(Column(stage.name, _step_reader(stage)))
        if stage is not report.path[0]:
            found.append(Column(_("of all"), _share_reader(stage), "share"))
    return found


def refusal_columns(report: PartnersReport) -> list[Column]:
    """The stages at which records were refused."""
    return [Column(stage.name, _refusal_reader(stage)) for stage in report.failures]


def _step_reader(stage: Stage) -> Any:
    return lambda row: row.steps[stage.key]


def _share_reader(stage: Stage) -> Any:
    return lambda row: row.passed(stage)


def _refusal_reader(stage: Stage) -> Any:
    return lambda row: row.refused_at[stage.key]


def label_of(row: PartnerRow) -> str:
    """The partner's name."""
    return row.label


def lines_of(report: PartnersReport) -> list[PartnerRow]:
    """The partners, with all together below them where there are several."""
    return [*report.rows, report.total] if len(report.rows) > 1 else report.rows


def partners_file(kind: str, report: PartnersReport) -> HttpResponseBase:
    """Every table of the page as a sheet."""
    lines = lines_of(report)
    sheets: list[export.Sheet] = [
        (_("Partners"), columns(), lines, label_of),
        (_("By stage"), step_columns(report), lines, label_of),
        (_("Refusals"), refusal_columns(report), lines, label_of),
        (_("By reason"), tables.reason_columns(), report.reasons, tables.reason_name),
    ]
    return export.report_file(kind, "partners", report.query, sheets, title=_("Report about partners"))


def _form(query: ReportQuery, data: Any) -> forms.ReportForm:
    """The question, of which only what makes sense about partners."""
    form = forms.bound(query, data)
    for name in LEFT_OUT:
        form.fields.pop(name, None)
    codes = {item.code for item in offered_pipelines(query.user) if item.is_partner}
    pipeline: Any = form.fields["pipeline"]
    pipeline.choices = [(code, label) for code, label in pipeline.choices if code in codes]
    return form


@require_safe
@login_required
@answers_errors
@names_what_is_wrong
def partners_page(request: HtmxHttpRequest) -> HttpResponseBase:
    """What partners made of what they received in the period; a partner sees its own line alone."""
    query = parse_partners(request.user, request.GET)
    report = partners(query)
    if (kind := request.GET.get("format", "")) in export.FILES:
        return partners_file(kind, report)
    lines, total = lines_of(report), report.total
    return _page(
        request, "analytics/partners.html", query, report=report, form=_form(query, request.GET),
        stats=[
            _stat(pgettext("handed over to a partner", "Received"), total.received),
            _stat(_("Accepted"), total.accepted),
            _stat(_("Refused"), total.refused, tone="bad" if total.refused.value else ""),
            _stat(_("Won"), total.won, ui.money_short(total.won_amount), "good"),
        ],
        table=tables.page_table(columns(), lines, label_of),
        steps=tables.page_table(step_columns(report), lines, label_of),
        refusals=tables.page_table(refusal_columns(report), lines, label_of),
        reasons=tables.page_table(tables.reason_columns(), report.reasons, tables.reason_name),
    )  # fmt: skip
