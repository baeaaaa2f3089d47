"""The tiles there are. A new one is a line here: its code, its name, who may have it and what it is taken from."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Role, User
from analytics.dashboard import charts, numbers
from analytics.dashboard.tile import Tile, part_of
from analytics.lifetime.look import LIFETIME
from analytics.managers.look import MANAGERS
from analytics.reports.report import HEADS, SALES
from analytics.sources.look import SOURCES

CONTROL = frozenset({Role.PARTNER_CONTROL})
PARTNER = frozenset({Role.PARTNER})
OPERATOR = frozenset({Role.CALL_CENTER})
WITH_PARTNERS = HEADS | CONTROL | PARTNER
LEADS = SALES | OPERATOR
# Leads of partners are of their own pipeline: who sees no other leads reads them in the report about partners.
DEALS = SALES | PARTNER

TILES: tuple[Tile, ...] = (
    Tile("leads_came", _("Leads came in"), LEADS, numbers.came("lead"), "funnel", "pipeline=lead"),
    Tile("deals_came", _("Deals came in"), SALES, numbers.came("deal"), "funnel"),
    Tile("contracts", _("Contracts"), DEALS, numbers.contracts, "managers"),
    Tile("won_amount", _("Amount won"), DEALS, numbers.won_amount, "managers"),
    Tile("lead_conversion", _("Conversion of leads"), SALES, numbers.conversion("lead"), "funnel", "pipeline=lead"),
    Tile("deal_conversion", _("Conversion of deals"), SALES, numbers.conversion("deal"), "funnel"),
    Tile("open_leads", _("Open leads"), LEADS, numbers.standing("lead"), "funnel", "mode=snapshot&pipeline=lead"),
    Tile("open_deals", _("Open deals"), DEALS, numbers.standing("deal"), "funnel", "mode=snapshot"),
    Tile("late_leads", _("Leads over the norm"), LEADS, numbers.over_norm("lead"), "funnel",
        "mode=snapshot&pipeline=lead"),
    Tile("late_deals", _("Deals over the norm"), DEALS, numbers.over_norm("deal"), "funnel", "mode=snapshot"),
    Tile("lead_refusals", _("Refusals of leads"), SALES, numbers.refused("lead"), "refusals", "pipeline=lead"),
    Tile("deal_refusals", _("Refusals of deals"), DEALS, numbers.refused("deal"), "refusals"),
    Tile("price_share", _("Price in refusals"), SALES, numbers.price_share, "refusals"),
    Tile("partners_received", pgettext_lazy("handed over to a partner", "Received by partners"), WITH_PARTNERS,
        numbers.partners_figure(lambda total: total.received), "partners"),
    Tile("partners_accepted", _("Accepted by partners"), WITH_PARTNERS,
        numbers.partners_figure(lambda total: total.accepted), "partners"),
    Tile("partners_untouched", _("Untouched by partners"), WITH_PARTNERS,
        numbers.partners_figure(lambda total: total.untouched, "bad"), "partners"),
    Tile("partners_refused", _("Refused by partners"), WITH_PARTNERS,
        numbers.partners_figure(lambda total: total.refused), "partners"),
    Tile("partners_won", _("Won by partners"), WITH_PARTNERS, numbers.partners_won, "partners"),
    Tile("partners_commission", _("Commission of partners"), WITH_PARTNERS, numbers.partners_commission, "partners"),
    Tile("funnel", _("Funnel of deals"), SALES, charts.funnel, "funnel", is_wide=True),
    Tile("deal_stages", _("Deals by stage now"), DEALS, charts.standing("deal"), "funnel", "mode=snapshot",
        is_wide=True),
    Tile("lead_stages", _("Leads by stage now"), LEADS, charts.standing("lead"), "funnel",
        "mode=snapshot&pipeline=lead", is_wide=True),
    Tile("refusal_stages", _("Refusals of deals by reason"), DEALS, charts.refusal_stages("deal"), "refusals",
        is_wide=True),
    Tile("lead_refusal_stages", _("Refusals of leads by reason"), SALES, charts.refusal_stages("lead"), "refusals",
        "pipeline=lead", is_wide=True),
    Tile("refusal_months", _("Refusals by month"), DEALS, charts.refusal_months, "refusals", is_wide=True),
    Tile("sources", _("Sources"), SALES, part_of(SOURCES, "sources"), "sources", is_wide=True),
    Tile("lifetime", LIFETIME.name, LIFETIME.roles, part_of(LIFETIME, "cohorts"), "lifetime", is_wide=True),
    Tile("plan_and_fact", _("Plan and fact"), SALES, part_of(MANAGERS, "months"), "managers", is_wide=True),
    Tile("work", _("Work of the managers"), SALES, part_of(MANAGERS, "work"), "managers", is_wide=True),
    Tile("by_partner", _("Partners"), HEADS | CONTROL, charts.by_partner, "partners", is_wide=True),
    Tile("partner_steps", _("How far partners got"), WITH_PARTNERS, charts.partner_steps, "partners", is_wide=True),
)  # fmt: skip
BY_CODE = {tile.code: tile for tile in TILES}

_HEAD = (
    "leads_came", "deals_came", "contracts", "won_amount", "deal_conversion", "open_deals", "late_deals",
    "price_share", "funnel", "refusal_stages", "sources", "plan_and_fact",
)  # fmt: skip
# What a person has who has chosen nothing yet.
DEFAULTS: dict[str, tuple[str, ...]] = {
    Role.ADMINISTRATOR: _HEAD,
    Role.SALES_HEAD: _HEAD,
    Role.SALES_MANAGER: (
        "leads_came", "deals_came", "contracts", "won_amount", "deal_conversion", "open_deals", "late_deals",
        "deal_refusals", "plan_and_fact", "funnel", "refusal_stages",
    ),
    Role.CALL_CENTER: ("leads_came", "open_leads", "late_leads", "lead_stages"),
    Role.PARTNER_CONTROL: (
        "partners_received", "partners_accepted", "partners_untouched", "partners_refused", "partners_won",
        "partners_commission", "by_partner", "partner_steps",
    ),
    Role.PARTNER: (
        "partners_received", "partners_accepted", "partners_won", "partners_commission", "open_deals", "late_deals",
        "partner_steps", "refusal_stages",
    ),
}  # fmt: skip


def tiles_for(user: User) -> list[Tile]:
    """The tiles that a person of this role may have."""
    return [tile for tile in TILES if user.role in tile.roles]
