"""Leads as the shared screens see them: columns, facts, cards of the board, what an export holds."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Role
from crm.models import RecordType
from crm.screens.columns import (
    CLOSED_COLUMNS,
    NEXT_STEP,
    RESPONSIBLE,
    TAGS,
    TIME_COLUMNS,
    UTM_COLUMNS,
    stage_name,
    tag_chips,
)
from crm.screens.facts import ATTRIBUTION
from crm.screens.registry import Column, Fact, FactGroup, Screen, register
from crm.templatetags.ui import unit
from leads.filters import LeadFilter
from leads.services import lead_update
from objects_registry.showing import BUILDING, BUILDING_COLUMNS, short_size


def client_name(lead: Any) -> str:
    """Who asks: the person and, where given, the company."""
    return ", ".join(part for part in (lead.name, lead.company_name) if part)


def board_card(lead: Any) -> dict[str, Any]:
    """What a lead's card shows beyond every record's."""
    return {
        "client": client_name(lead),
        "phone": lead.phone,
        "size": short_size(lead),
        "source": lead.source or "",
        "repeat": lead.is_repeat,
        "tags": tag_chips(lead),
    }


def row_notes(lead: Any) -> list[str]:
    """What stands under a lead's title in the list: who asks, as far as the title does not say it."""
    notes = [text for text in (lead.name, lead.company_name) if text and text not in lead.title]
    return [*notes, _now("repeat")] if lead.is_repeat else notes


def building_text(lead: Any) -> str:
    """Purpose and area in one cell."""
    return " ".join(part for part in (str(lead.purpose or ""), unit(lead.area, "м²")) if part)


def _yes(value: bool) -> str:
    return _now("yes") if value else ""


def may_create(user: Any) -> bool:
    """Those who only control the partners make no leads."""
    return bool(user.role != Role.PARTNER_CONTROL)


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
            "client_type",
            "tag",
        ),
        columns=(
            Column("title", _("Lead"), ("title",), shown=True),
            Column("stage", _("Stage"), ("stage__order",), "stage", stage_name, shown=True),
            Column("phone", _("Phone"), (), "phone", shown=True, fact="phone"),
            Column(
                "size",
                _("Building"),
                value=building_text,
                related=("purpose",),
                shown=True,
                fact="size",
                only_list=True,
            ),
            Column("source", _("Source"), ("source",), related=("source",), shown=True, fact="source"),
            NEXT_STEP,
            RESPONSIBLE,
            Column("name", pgettext_lazy("person", "Name"), ("name",), fact="name"),
            Column("company_name", _("Company name"), ("company_name",), fact="company_name"),
            Column("inn", _("INN"), fact="inn"),
            Column("email", _("E-mail"), (), "mail", fact="email"),
            *BUILDING_COLUMNS,
            TAGS,
            Column("is_repeat", _("Repeat"), value=lambda row: _yes(row.is_repeat)),
            Column("channel", _("Channel"), ("channel",), value=lambda row: row.get_channel_display()),
            *UTM_COLUMNS,
            *CLOSED_COLUMNS,
            *TIME_COLUMNS,
        ),
        row_notes=row_notes,
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
                    Fact("tags", _("Tags"), ("tags",)),
                ),
            ),
            BUILDING,
            ATTRIBUTION,
        ),
        related=("responsible", "source"),
        reads=("title", "name", "company_name", "phone", "is_repeat", "length", "width", "area"),
        card_related=("contact", "company", "object"),
        board_card=board_card,
        update=lead_update,
        may_create=may_create,
        stage_dialogs={"converted": "lead-convert", "contact_saved": "lead-convert"},
    )
)
