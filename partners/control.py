"""What partners have in hand, in figures: for the page of control and its call in the API (PART-4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q

from accounts.models import Partner, User
from communications.contact_proof import unrecorded
from crm import norms, pipelines
from crm.models import RecordType
from deals.models import Deal
from leads.models import Lead
from partners.selectors import partners_for
from partners.stages import BY_KIND, WON

_ACTIVE_USERS = Count("users", filter=Q(users__is_active=True))


@dataclass(frozen=True)
class Figures:
    """Records of one kind at one partner: open, of these untouched, over the norm of their stage; and won.

    `unrecorded` were moved on as contacted, and neither a call nor a message says so.
    """

    open: int = 0
    fresh: int = 0
    late: int = 0
    unrecorded: int = 0
    won: int = 0


@dataclass(frozen=True)
class Line:
    """One partner's leads and deals."""

    partner: Partner
    leads: Figures
    deals: Figures

    @property
    def open(self) -> int:
        return self.leads.open + self.deals.open

    @property
    def late(self) -> int:
        return self.leads.late + self.deals.late


def control_lines(user: User) -> list[Line]:
    """The partners with records and all active ones, who has most over the norm first; a query per kind of record."""
    found = {kind: _figures(kind, user) for kind in BY_KIND}
    nothing = Figures()
    lines = [
        Line(partner, found[RecordType.LEAD].get(partner.pk, nothing), found[RecordType.DEAL].get(partner.pk, nothing))
        for partner in partners_for(user).annotate(active_users=_ACTIVE_USERS).order_by("name")
    ]
    lines.sort(key=lambda line: (-line.late, -line.open, line.partner.name))
    return [line for line in lines if line.open or line.deals.won or line.partner.state == Partner.State.ACTIVE]


def _figures(record_type: RecordType, user: User) -> dict[int, Figures]:
    """By partner: one GROUP BY."""
    pipeline = BY_KIND[record_type]
    rows: Any = Deal.objects.visible_to(user) if record_type == RecordType.DEAL else Lead.objects.visible_to(user)
    stages = [stage for stage in pipelines.all_stages() if stage.pipeline_id == pipeline]
    grouped = (
        rows.alive().filter(pipeline=pipeline).order_by().values("partner")
        .annotate(
            open=Count("pk", filter=Q(stage__in=[s.key for s in stages if s.is_open])),
            fresh=Count("pk", filter=Q(stage__in=[s.key for s in stages if s.is_start])),
            late=Count("pk", filter=norms.over_norm(stages)),
            unrecorded=Count("pk", filter=unrecorded(record_type)),
            won=Count("pk", filter=Q(stage=f"{pipeline}:{WON}")),
        )
    )  # fmt: skip
    return {row.pop("partner"): Figures(**row) for row in grouped}
