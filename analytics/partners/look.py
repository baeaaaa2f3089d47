"""The report about partners as it is shown."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from accounts.models import Role, User
from analytics import tables
from analytics.partners.report import PartnerRow, PartnersReport, partners
from analytics.reports.report import HEADS, Look, Part, Report, stat
from analytics.tables import Column
from crm.models import Pipeline, Stage
from crm.templatetags import ui
from partners.stages import PARTNER_DEAL


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


def look(report: PartnersReport) -> Look:
    """What the page, the workbook and the printed sheet show; all together stand below several partners."""
    total = report.total
    below = total if len(report.rows) > 1 else None
    period = report.query.period
    return Look(
        intro=_(
            "What became of the records received from %(start)s to %(end)s. Accepted: the client was contacted. "
            "Conversion leaves out what was taken back. Scores are those of won deals."
        )
        % {"start": ui.day(period.start), "end": ui.day(period.end)},
        empty="" if report.rows else _("Nothing was received in this period"),
        stats=[
            stat(pgettext("handed over to a partner", "Received"), total.received),
            stat(_("Accepted"), total.accepted),
            stat(_("Refused"), total.refused, tone="bad" if total.refused.value else ""),
            stat(_("Won"), total.won, ui.money_short(total.won_amount), "good"),
        ],
        parts=[
            Part("partners", _("Partners"), columns(), report.rows, label_of, total=below),
            Part("steps", _("How far they got"), step_columns(report), report.rows, label_of, total=below),
            Part("refusals", _("Refusals"), refusal_columns(report), report.rows if report.reasons else [], label_of,
                 total=below if report.reasons else None),
            Part("reasons", _("By reason"), tables.reason_columns(), report.reasons, tables.reason_name),
        ],
    )  # fmt: skip


def _is_partners(pipeline: Pipeline) -> bool:
    return pipeline.is_partner


def _title(user: User) -> Any:
    """A partner reads of itself alone."""
    return _("My figures") if user.is_partner else _("Report about partners")


# Fields of no use here, though the parameters are known: partners do not know where a request came from, and the
# manufacturer's people do not work there.
PARTNERS = Report(
    code="partners",
    name=gettext_lazy("Report about partners"),
    icon="report",
    build=partners,
    look=look,
    roles=frozenset({*HEADS, Role.PARTNER_CONTROL, Role.PARTNER}),
    cuts=("region", "purpose", "partner"),
    unnamed=("responsible", "team", "source", "client_type"),
    is_about=_is_partners,
    pipeline=PARTNER_DEAL,
    title=_title,
)
