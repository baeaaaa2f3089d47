"""Contacts and companies as the shared screens see them: columns, filters, facts, cards."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from crm.clients import company_update, contact_update
from crm.filters import CompanyFilter, ContactFilter
from crm.models import RecordType
from crm.screens.facts import ATTRIBUTION
from crm.screens.registry import Column, ExportColumn, Fact, FactGroup, Screen, register

DRAWER = (
    "stage", "kind", "client_type", "responsible", "mine", "team", "next_step", "source", "region", "city",
    "created_from", "created_to",
)  # fmt: skip


def _record(record: Any, name: str) -> dict[str, Any]:
    """A related record with its link."""
    other = getattr(record, name)
    return {"value": str(other), "url": other.get_absolute_url()} if other is not None else {"value": ""}


def contact_card(row: Any) -> dict[str, Any]:
    """A contact on a board or in a short list."""
    return {
        "client": str(row.company or row.position or ""),
        "phone": row.phone,
        "size": row.city,
        "source": row.source,
        "tags": [] if row.client_type == "client" else [(row.get_client_type_display(), "indigo")],
    }


def company_card(row: Any) -> dict[str, Any]:
    """A company on a board or in a short list."""
    return {
        "client": _("INN %(number)s") % {"number": row.inn} if row.inn else "",
        "phone": row.phone,
        "size": row.city,
        "source": row.source,
        "tags": [] if row.client_type == "client" else [(row.get_client_type_display(), "indigo")],
    }


CONTACT = register(
    Screen(
        record_type=RecordType.CONTACT,
        filter_class=ContactFilter,
        drawer=DRAWER,
        columns=(
            Column("name", _("Contact"), ("last_name", "first_name")),
            Column("company", _("Company"), ("company__name",)),
            Column("phone", _("Phone")),
            Column("email", _("E-mail")),
            Column("stage", _("Stage"), ("stage__order",)),
            Column("city", _("City"), ("city",)),
            Column("responsible", _("Responsible"), ("responsible__last_name",)),
            Column("created", _("Created"), ("created_at",), numeric=True),
        ),
        export=(
            ExportColumn(_("Number"), lambda row: row.pk, "number"),
            ExportColumn(_("Last name"), lambda row: row.last_name),
            ExportColumn(_("First name"), lambda row: row.first_name),
            ExportColumn(_("Patronymic"), lambda row: row.patronymic),
            ExportColumn(_("Company"), lambda row: str(row.company or "")),
            ExportColumn(_("Position"), lambda row: row.position),
            ExportColumn(_("Type"), lambda row: str(row.get_client_type_display())),
            ExportColumn(_("Phone"), lambda row: row.phone),
            ExportColumn(_("E-mail"), lambda row: row.email),
            ExportColumn(_("City"), lambda row: row.city),
            ExportColumn(_("Stage"), lambda row: row.stage_row.name),
            ExportColumn(_("Source"), lambda row: str(row.source or "")),
            ExportColumn(_("Responsible"), lambda row: str(row.responsible or "")),
            ExportColumn(_("Created"), lambda row: row.created_at, "moment"),
        ),
        facts=(
            FactGroup(
                _("About the person"),
                (
                    Fact("name", _("Full name"), ("last_name", "first_name", "patronymic"), lambda row: row.full_name),
                    Fact("company", _("Company"), ("company",), lambda row: _record(row, "company")),
                    Fact("position", _("Position"), ("position",)),
                    Fact("client_type", _("Type"), ("client_type",)),
                    Fact("responsible", _("Responsible"), ("responsible",)),
                    Fact("address", _("Address"), ("address",), wide=True),
                    Fact("comment", _("Comment"), ("comment",), wide=True),
                ),
            ),
            FactGroup(
                _("Messages"),
                (
                    Fact("preferred_channel", _("Preferred channel"), ("preferred_channel",)),
                    Fact("consent", _("Agrees to messages"), ("messages_consent", "consent_note"), lambda row: {
                        "value": _("yes") if row.messages_consent else _("no"), "note": row.consent_note}),
                ),
            ),
            ATTRIBUTION,
        ),
        related=("responsible", "company", "source"),
        folder="crm/clients",
        board_card=contact_card,
        update=contact_update,
    )
)  # fmt: skip

COMPANY = register(
    Screen(
        record_type=RecordType.COMPANY,
        filter_class=CompanyFilter,
        drawer=DRAWER,
        columns=(
            Column("name", _("Company"), ("name",)),
            Column("inn", _("INN"), ("inn",)),
            Column("phone", _("Phone")),
            Column("type", _("Type"), ("client_type",)),
            Column("stage", _("Stage"), ("stage__order",)),
            Column("city", _("City"), ("city",)),
            Column("responsible", _("Responsible"), ("responsible__last_name",)),
            Column("created", _("Created"), ("created_at",), numeric=True),
        ),
        export=(
            ExportColumn(_("Number"), lambda row: row.pk, "number"),
            ExportColumn(_("Name"), lambda row: row.name),
            ExportColumn(_("INN"), lambda row: row.inn),
            ExportColumn(_("KPP"), lambda row: row.kpp),
            ExportColumn(_("Type"), lambda row: str(row.get_client_type_display())),
            ExportColumn(_("Phone"), lambda row: row.phone),
            ExportColumn(_("E-mail"), lambda row: row.email),
            ExportColumn(_("City"), lambda row: row.city),
            ExportColumn(_("Stage"), lambda row: row.stage_row.name),
            ExportColumn(_("Source"), lambda row: str(row.source or "")),
            ExportColumn(_("Responsible"), lambda row: str(row.responsible or "")),
            ExportColumn(_("Created"), lambda row: row.created_at, "moment"),
        ),
        facts=(
            FactGroup(
                _("About the company"),
                (
                    Fact("name", _("Name"), ("name",), wide=True),
                    Fact("inn", _("INN"), ("inn",)),
                    Fact("kpp", _("KPP"), ("kpp",)),
                    Fact("client_type", _("Type"), ("client_type",)),
                    Fact("responsible", _("Responsible"), ("responsible",)),
                    Fact("site", _("Site"), ("site",)),
                    Fact("address", _("Address"), ("address",), wide=True),
                    Fact("legal_address", _("Legal address"), ("legal_address",), wide=True),
                    Fact("comment", _("Comment"), ("comment",), wide=True),
                ),
            ),
            ATTRIBUTION,
        ),
        related=("responsible", "source"),
        folder="crm/clients",
        board_card=company_card,
        update=company_update,
    )
)
