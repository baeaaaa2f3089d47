"""Deals as the shared screens see them: columns, facts, cards of the board, what an export holds."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from crm.models import RecordType
from crm.screens.facts import ATTRIBUTION, computed_or_own
from crm.screens.registry import Column, ExportColumn, Fact, FactGroup, Screen, register
from crm.templatetags.ui import day, money
from deals.derived import lines_total
from deals.filters import DealFilter
from deals.services import deal_update
from objects_registry.showing import BUILDING, EXPORTED, short_size


def board_card(deal: Any) -> dict[str, Any]:
    """What a deal's card shows beyond every record's; a deal that waits shows when its construction starts."""
    client = str(deal.client or "")
    waits = deal.construction_start if deal.stage.endswith(":delayed_demand") else None
    return {
        "client": client if client and client not in deal.title else "",
        "phone": deal.contact.phone if deal.contact_id else deal.company.phone if deal.company_id else "",
        "size": short_size(deal),
        "amount": deal.amount,
        "source": deal.source or "",
        "repeat": deal.copy_set_id is not None,
        "tags": [(_("Start %(date)s") % {"date": day(waits)}, "yellow")] if waits else [],
    }


def amount_fact(deal: Any) -> dict[str, Any]:
    """The amount in the deal's currency; one that disagrees with the sum of the lines is flagged."""
    total = lines_total(deal) if deal.amount_is_manual else None
    by_lines = gettext("by the lines %(amount)s") % {"amount": money(total, deal.currency)}
    return computed_or_own(money(deal.amount, deal.currency), deal.amount, total, by_lines)


def contract_fact(deal: Any) -> dict[str, Any]:
    """Number and date of the contract in one line."""
    date = day(deal.contract_date)
    parts = [f"№ {deal.contract_number}"] if deal.contract_number else []
    if date:
        parts.append(_("of %(date)s") % {"date": date})
    return {"value": " ".join(parts)}


def feedback_fact(deal: Any) -> dict[str, Any]:
    """What the client said at the end: two scores and a text."""
    scores = [
        f"{label}: {mark}/5"
        for label, mark in ((_("Product"), deal.feedback_product), (_("Partner"), deal.feedback_partner))
        if mark
    ]
    return {"value": ", ".join(scores), "note": deal.feedback_text}


def competitor_fact(deal: Any) -> dict[str, Any]:
    """To whom the deal was lost and for how much."""
    return {"value": deal.competitor, "note": money(deal.competitor_price)}


SCREEN = register(
    Screen(
        record_type=RecordType.DEAL,
        filter_class=DealFilter,
        drawer=(
            "stage",
            "kind",
            "responsible",
            "mine",
            "next_step",
            "norm_exceeded",
            "source",
            "purpose",
            "region",
            "created_from",
            "created_to",
            "closed_from",
            "closed_to",
            "amount_from",
            "amount_to",
            "copies",
        ),
        columns=(
            Column("title", _("Deal"), ("title",)),
            Column("stage", _("Stage"), ("stage__order",)),
            Column("client", _("Client")),
            Column("amount", _("Amount"), ("amount",), numeric=True),
            Column("close", _("Expected close"), ("expected_close_date",)),
            Column("next", _("Next step"), ("next_activity_at",)),
            Column("responsible", _("Responsible"), ("responsible__last_name", "responsible__first_name")),
        ),
        export=(
            ExportColumn(_("Number"), lambda row: row.pk, "number"),
            ExportColumn(_("Title"), lambda row: row.title),
            ExportColumn(_("Stage"), lambda row: row.stage_row.name),
            ExportColumn(_("Company"), lambda row: row.company),
            ExportColumn(_("INN"), lambda row: row.company.inn if row.company_id else ""),
            ExportColumn(_("Contact"), lambda row: row.contact),
            ExportColumn(_("Phone"), lambda row: row.contact.phone if row.contact_id else ""),
            ExportColumn(_("Amount"), lambda row: row.amount, "money"),
            ExportColumn(_("Currency"), lambda row: row.currency),
            ExportColumn(_("Expected close"), lambda row: row.expected_close_date, "day"),
            ExportColumn(_("Contract number"), lambda row: row.contract_number),
            ExportColumn(_("Contract date"), lambda row: row.contract_date, "day"),
            *EXPORTED,
            ExportColumn(_("Source"), lambda row: row.source),
            ExportColumn("utm_campaign", lambda row: row.utm_campaign),
            ExportColumn(_("Refusal reason"), lambda row: row.refusal_reason),
            ExportColumn(_("Refusal comment"), lambda row: row.refusal_comment),
            ExportColumn(_("Competitor"), lambda row: row.competitor),
            ExportColumn(_("Competitor's price"), lambda row: row.competitor_price, "money"),
            ExportColumn(_("Responsible"), lambda row: row.responsible),
            ExportColumn(_("Created"), lambda row: row.created_at, "moment"),
            ExportColumn(_("In stage since"), lambda row: row.stage_entered_at, "moment"),
            ExportColumn(_("Closed"), lambda row: row.closed_at, "moment"),
        ),
        facts=(
            FactGroup(
                _("Deal"),
                (
                    Fact("amount", _("Amount"), ("amount",), show=amount_fact),
                    Fact("expected_close_date", _("Expected close"), ("expected_close_date",)),
                    Fact("company", _("Company"), ("company",)),
                    Fact("contact", _("Contact"), ("contact",)),
                    Fact("responsible", _("Responsible"), ("responsible",)),
                    Fact("contract", _("Contract"), ("contract_number", "contract_date"), show=contract_fact),
                ),
            ),
            BUILDING,
            FactGroup(
                _("At the end"),
                (
                    Fact("competitor", _("Competitor"), ("competitor", "competitor_price"), show=competitor_fact),
                    Fact(
                        "feedback",
                        _("Client's feedback"),
                        ("feedback_product", "feedback_partner", "feedback_text"),
                        show=feedback_fact,
                    ),
                ),
            ),
            ATTRIBUTION,
        ),
        related=("responsible", "source", "purpose", "company", "contact", "refusal_reason"),
        card_related=("object",),
        board_card=board_card,
        update=deal_update,
        stage_dialogs={"at_partner": "deal-hand-over"},
        has_amount=True,
    )
)
