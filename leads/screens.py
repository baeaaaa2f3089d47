"""Leads as the shared screens see them: columns, facts, cards of the board, what an export holds."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.models import RecordType
from crm.screens.facts import ATTRIBUTION
from crm.screens.registry import Column, ExportColumn, Fact, FactGroup, Screen, register
from leads.filters import LeadFilter
from leads.services import lead_update
from objects_registry.showing import BUILDING, EXPORTED, short_size


def client_name(lead: Any) -> str:
    """Who asks: the person and, where given, the company."""
    return ", ".join(part for part in (lead.name, lead.company_name) if part)


def board_card(lead: Any) -> dict[str, Any]:
    """What a lead's card shows beyond every record's."""
    client = client_name(lead)
    return {
        "client": client if client and client not in lead.title else "",
        "phone": lead.phone,
        "size": short_size(lead),
        "source": lead.source or "",
        "repeat": lead.is_repeat,
    }


SCREEN = register(
    Screen(
        record_type=RecordType.LEAD,
        filter_class=LeadFilter,
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
            "area_from",
            "area_to",
            "is_repeat",
        ),
        columns=(
            Column("title", _("Lead"), ("title",)),
            Column("stage", _("Stage"), ("stage__order",)),
            Column("phone", _("Phone")),
            Column("size", _("Building")),
            Column("source", _("Source"), ("source",)),
            Column("next", _("Next step"), ("next_activity_at",)),
            Column("responsible", _("Responsible"), ("responsible__last_name", "responsible__first_name")),
        ),
        export=(
            ExportColumn(_("Number"), lambda row: row.pk, "number"),
            ExportColumn(_("Title"), lambda row: row.title),
            ExportColumn(_("Stage"), lambda row: row.stage_row.name),
            ExportColumn(pgettext_lazy("person", "Name"), lambda row: row.name),
            ExportColumn(_("Company name"), lambda row: row.company_name),
            ExportColumn(_("INN"), lambda row: row.inn),
            ExportColumn(_("Phone"), lambda row: row.phone),
            ExportColumn(_("E-mail"), lambda row: row.email),
            *EXPORTED,
            ExportColumn(_("Source"), lambda row: row.source),
            ExportColumn(_("Channel"), lambda row: row.get_channel_display()),
            ExportColumn("utm_source", lambda row: row.utm_source),
            ExportColumn("utm_medium", lambda row: row.utm_medium),
            ExportColumn("utm_campaign", lambda row: row.utm_campaign),
            ExportColumn(_("Refusal reason"), lambda row: row.refusal_reason),
            ExportColumn(_("Refusal comment"), lambda row: row.refusal_comment),
            ExportColumn(_("Responsible"), lambda row: row.responsible),
            ExportColumn(_("Created"), lambda row: row.created_at, "moment"),
            ExportColumn(_("In stage since"), lambda row: row.stage_entered_at, "moment"),
            ExportColumn(_("Closed"), lambda row: row.closed_at, "moment"),
        ),
        facts=(
            FactGroup(
                _("Client"),
                (
                    Fact("name", pgettext_lazy("person", "Name"), ("name",)),
                    Fact("phone", _("Phone"), ("phone",)),
                    Fact("email", _("E-mail"), ("email",)),
                    Fact("company_name", _("Company"), ("company_name",)),
                    Fact("inn", _("INN"), ("inn",)),
                    Fact("responsible", _("Responsible"), ("responsible",)),
                ),
            ),
            BUILDING,
            ATTRIBUTION,
        ),
        related=("responsible", "source", "purpose", "refusal_reason"),
        card_related=("contact", "company", "object"),
        board_card=board_card,
        update=lead_update,
        stage_dialogs={"converted": "lead-convert", "contact_saved": "lead-convert"},
    )
)
