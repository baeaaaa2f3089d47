"""What partners made of the records they received in a period (PART-7, ANA-7): by partner, each figure opens its list.

All figures are about the same records: those that came into the partner pipeline within the period.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Avg, Count, Q, Sum
from django.utils.translation import gettext as _

from accounts.models import Partner
from analytics.funnel import AMOUNT, Figure, share
from analytics.partners.sql import first_contacts, furthest_steps_by_partner
from analytics.query import ReportQuery, stage_keys
from analytics.refusals import ReasonRow, reason_rows
from communications.contact_proof import unrecorded
from crm import pipelines
from crm.models import RecordType, Stage
from partners.models import CommissionEntry


@dataclass
class PartnerRow:
    """One partner, or all together. Shares 0..1, times in seconds, money in roubles, scores 1..5."""

    label: str
    received: Figure
    accepted: Figure
    untouched: Figure
    unrecorded: Figure
    first_contact_seconds: float | None
    steps: dict[str, Figure]
    refused: Figure
    refused_at: dict[str, Figure]
    recalled: Figure
    won: Figure
    conversion: float | None
    won_amount: Decimal
    commission: Decimal
    partner_score: float | None
    product_score: float | None

    def passed(self, stage: Stage) -> float | None:
        """Which share of the received got to the stage."""
        return share(self.steps[stage.key].value, self.received.value)


@dataclass
class PartnersReport:
    """The partners who received something in the period, who received most first."""

    query: ReportQuery
    path: list[Stage]
    failures: list[Stage]
    rows: list[PartnerRow]
    total: PartnerRow
    reasons: list[ReasonRow]


def partners(query: ReportQuery) -> PartnersReport:
    """The report; a fixed number of queries whatever the number of partners and records."""
    rows = query.rows(**query.created())
    maker = _Maker(query, rows)
    groups = list(rows.values("partner").annotate(**maker.columns()).order_by("-received", "partner"))
    names = dict(Partner.objects.filter(pk__in=[row["partner"] for row in groups]).values_list("pk", "name"))
    total = rows.aggregate(**maker.columns())
    span = {**query.created(), "kind": "failure"}
    lost = list(
        query.rows(**span).values("stage", "refusal_reason")
        .annotate(count=Count("pk"), money=Sum(AMOUNT)).order_by("-count", "stage")
    )  # fmt: skip
    refusals, money = sum(group["count"] for group in lost), sum((g["money"] or Decimal(0) for g in lost), Decimal(0))
    return PartnersReport(
        query=query,
        path=maker.path,
        failures=[stage for stage in maker.failures if total[f"at_{stage.pk}"]],
        rows=[maker.row(group, names[group["partner"]], group["partner"]) for group in groups],
        total=maker.row(total, _("All"), 0),
        reasons=reason_rows(query, lost, refusals, money, span),
    )


class _Maker:
    """Makes the rows out of aggregates; the key 0 stands for all partners together."""

    def __init__(self, query: ReportQuery, rows: Any) -> None:
        self.query = query
        code = query.pipeline.code
        self.path = pipelines.main_path(code)
        self.failures = [s for s in pipelines.stages_of(code, hidden=True) if s.kind == Stage.Kind.FAILURE]
        counted = pipelines.path_from(self.path[0].key)
        ordered = sorted(counted, key=lambda stage: (stage.kind == Stage.Kind.SUCCESS, stage.order))
        ranks = {stage.key: place for place, stage in enumerate(ordered)}
        self.floors = {
            stage.key: min(ranks[proof.key] for proof in pipelines.path_from(stage.key)) for stage in self.path
        }
        self.reach = furthest_steps_by_partner(rows, query.record_type, ranks)
        contacted = [key for key, place in ranks.items() if place >= self.floors[self.path[1].key]]
        asked = (rows, query.record_type, self.path[0].key, contacted)
        self.contacts = first_contacts(*asked) | first_contacts(*asked, together=True)
        self.commissions = self._commissions(rows)

    def _commissions(self, rows: Any) -> dict[int, Decimal]:
        """What the partners are due of these deals, corrections and reversals included."""
        if self.query.record_type != RecordType.DEAL:
            return {}
        entries = CommissionEntry.objects.visible_to(self.query.user).filter(deal__in=rows.values("pk"))
        sums = entries.exclude(kind=CommissionEntry.Kind.PAYMENT).order_by().values("partner")
        found = {row["partner"]: row["due"] for row in sums.annotate(due=Sum("amount"))}
        return {**found, 0: sum(found.values(), Decimal(0))}

    def columns(self) -> dict[str, Any]:
        """Aggregates of one GROUP BY."""
        code = self.query.pipeline.code
        # An empty IN makes Django take the whole aggregate for empty, hence the key that no stage has.
        keys = {kind: stage_keys(code, kind) or [""] for kind in ("success", "failure", "neutral")}
        won = Q(stage__in=keys["success"])
        columns: dict[str, Any] = {
            "received": Count("pk"),
            "untouched": Count("pk", filter=Q(stage=self.path[0].key)),
            "unrecorded": Count("pk", filter=unrecorded(self.query.record_type)),
            "won": Count("pk", filter=won),
            "lost": Count("pk", filter=Q(stage__in=keys["failure"])),
            "neutral": Count("pk", filter=Q(stage__in=keys["neutral"])),
            "won_amount": Sum(AMOUNT, filter=won),
            **{f"at_{stage.pk}": Count("pk", filter=Q(stage=stage.key)) for stage in self.failures},
        }
        if self.query.record_type == RecordType.DEAL:
            columns["partner_score"] = Avg("feedback_partner", filter=won)
            columns["product_score"] = Avg("feedback_product", filter=won)
        return columns

    def row(self, group: dict[str, Any], label: str, key: int) -> PartnerRow:
        """One partner's figures; a partner's own link does not name it: its lists are its own."""
        cut = {"partner": key} if key and not self.query.user.is_partner else {}

        def figure(value: int, **extra: Any) -> Figure:
            return Figure(value, self.query.link(**self.query.created(), **cut, **extra))

        steps = {stage.key: figure(self._got_to(stage, key), got_to=stage.key) for stage in self.path}
        return PartnerRow(
            label=label,
            received=figure(group["received"]),
            accepted=steps[self.path[1].key],
            untouched=figure(group["untouched"], stage=self.path[0].key),
            unrecorded=figure(group["unrecorded"], unrecorded="true"),
            first_contact_seconds=self.contacts.get(key),
            steps=steps,
            refused=figure(group["lost"], kind="failure"),
            refused_at={s.key: figure(group[f"at_{s.pk}"], stage=s.key) for s in self.failures},
            recalled=figure(group["neutral"], kind="neutral"),
            won=figure(group["won"], kind="success"),
            conversion=share(group["won"], group["received"] - group["neutral"]),
            won_amount=group["won_amount"] or Decimal(0),
            commission=self.commissions.get(key, Decimal(0)),
            partner_score=group.get("partner_score"),
            product_score=group.get("product_score"),
        )

    def _got_to(self, stage: Stage, key: int) -> int:
        floor = self.floors[stage.key]
        lines = self.reach.values() if key == 0 else [self.reach.get(key, {})]
        return sum(count for line in lines for rank, count in line.items() if rank >= floor)
