"""Deals as the shared screens see them: columns, facts, cards of the board, what an export holds."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Role
from crm.models import RecordType
from crm.screens.columns import (
    CLOSED_COLUMNS,
    NEXT_STEP,
    RESPONSIBLE,
    SOURCE,
    TAGS,
    TIME_COLUMNS,
    UTM_COLUMNS,
    stage_name,
    tag_chips,
)
from crm.screens.facts import ATTRIBUTION, computed_or_own
from crm.screens.registry import Column, Fact, FactGroup, Screen, register
from crm.task_rows import phone_of
from crm.templatetags.ui import day, money
from deals.derived import lines_total
from deals.filters import DealFilter
from deals.services import deal_update
from objects_registry.showing import BUILDING, BUILDING_COLUMNS, short_size


def board_card(deal: Any) -> dict[str, Any]:
    """What a deal's card shows beyond every record's; a deal that waits shows when its construction starts."""
    waits = deal.construction_start if deal.stage.endswith(":delayed_demand") else None
    return {
        "client": str(deal.client or ""),
        "phone": phone_of(deal),
        "size": short_size(deal),
        "amount": deal.amount,
        "source": deal.source or "",
        "repeat": deal.copy_set_id is not None,
        "tags": [*([(_("Start %(date)s") % {"date": day(waits)}, "yellow")] if waits else []), *tag_chips(deal)],
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


def row_notes(deal: Any) -> list[str]:
    """What stands under a deal's title in the list."""
    return [gettext("copy")] if deal.copy_set_id else []


def may_create(user: Any) -> bool:
    """Those who only control the partners or answer the phone make no deals."""
    return user.role not in {Role.PARTNER_CONTROL, Role.CALL_CENTER}


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
            "client_type",
            "tag",
        ),
        columns=(
            Column("title", _("Deal"), ("title",), shown=True),
            Column("stage", _("Stage"), ("stage__order",), "stage", stage_name, shown=True),
            Column("client", _("Client"), related=("company", "contact"), shown=True, only_list=True),
            Column("amount", _("Amount"), ("amount",), "money", shown=True, fact="amount"),
            Column(
                "close",
                _("Expected close"),
                ("expected_close_date",),
                "day",
                lambda row: row.expected_close_date,
                shown=True,
                fact="expected_close_date",
            ),
            NEXT_STEP,
            RESPONSIBLE,
            Column("company", _("Company"), ("company__name",), "link", related=("company",), fact="company"),
            Column("inn", _("INN"), value=lambda row: row.company.inn if row.company_id else "", related=("company",)),
            Column("contact", _("Contact"), ("contact__last_name",), "link", related=("contact",), fact="contact"),
            Column(
                "phone",
                _("Phone"),
                (),
                "phone",
                lambda row: row.contact.phone if row.contact_id else "",
                related=("contact",),
            ),
            Column("currency", _("Currency")),
            Column("contract_number", _("Contract number"), ("contract_number",), fact="contract"),
            Column("contract_date", _("Contract date"), ("contract_date",), "day", fact="contract"),
            *BUILDING_COLUMNS,
            TAGS,
            SOURCE,
            *UTM_COLUMNS,
            *CLOSED_COLUMNS,
            Column("competitor", _("Competitor"), ("competitor",), fact="competitor"),
            Column("competitor_price", _("Competitor's price"), ("competitor_price",), "money", fact="competitor"),
            *TIME_COLUMNS,
        ),
        row_notes=row_notes,
        facts=(
            FactGroup(
                _("Deal"),
                (
                    Fact("amount", _("Amount"), ("amount",), show=amount_fact),
                    Fact("expected_close_date", _("Expected close"), ("expected_close_date",)),
                    Fact("company", _("Company"), ("company",)),
                    Fact("contact", _("Contact"), ("contact",)),
                    Fact("responsible", _("Responsible"), ("responsible",)),
                    Fact("tags", _("Tags"), ("tags",)),
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
                        action="score",
                    ),
                ),
            ),
            ATTRIBUTION,
        ),
        related=("responsible", "source", "company", "contact"),
        reads=("title", "amount", "currency", "copy_set", "construction_start", "length", "width", "area"),
        card_related=("object",),
        board_card=board_card,
        update=deal_update,
        may_create=may_create,
        stage_dialogs={"at_partner": "deal-hand-over"},
        # Scores without the client's own words tell little; who only sets them is not held up (PART-5).
        asked_along={"feedback_product": "feedback_text", "feedback_partner": "feedback_text"},
        has_amount=True,
    )
)
