"""Contacts and companies as the shared screens see them: columns, filters, facts, cards."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.utils.translation import gettext_lazy as _

from crm.clients import company_update, contact_update
from crm.filters import CompanyFilter, ContactFilter
from crm.models import RecordType
from crm.screens.columns import CREATED, NEXT_STEP, RESPONSIBLE, SOURCE, TIME_COLUMNS, stage_name
from crm.screens.facts import CLIENT_ATTRIBUTION
from crm.screens.registry import Column, Fact, FactGroup, Screen, register

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


def bank_fact(row: Any) -> dict[str, Any]:
    """The bank with its BIK in one line."""
    return {"value": ", ".join(part for part in (row.bank, _("BIK %(number)s") % {"number": row.bik}) if part)
            if row.bik else row.bank}  # fmt: skip


def contact_notes(row: Any) -> list[str]:
    """What stands under a contact's name in the list."""
    return [row.position, "" if row.client_type == "client" else row.get_client_type_display()]


TYPE = Column("type", _("Type"), ("client_type",), value=lambda row: row.get_client_type_display(), fact="client_type")

CONTACT = register(
    Screen(
        record_type=RecordType.CONTACT,
        filter_class=ContactFilter,
        drawer=(*DRAWER, "company_person"),
        columns=(
            Column("name", _("Contact"), ("last_name", "first_name"), value=str, shown=True),
            Column(
                "company", _("Company"), ("company__name",), "link", related=("company",), shown=True, fact="company"
            ),
            Column("phone", _("Phone"), (), "phone", shown=True),
            Column("email", _("E-mail"), (), "mail", shown=True),
            Column("stage", _("Stage"), ("stage__order",), "stage", stage_name, shown=True),
            Column("city", _("City"), ("city",), shown=True),
            replace(RESPONSIBLE, sort=("responsible__last_name",)),
            Column("last_name", _("Last name"), ("last_name",), fact="name"),
            Column("first_name", _("First name"), ("first_name",), fact="name"),
            Column("patronymic", _("Patronymic"), fact="name"),
            Column("position", _("Position"), ("position",), fact="position"),
            TYPE,
            Column("address", _("Address"), fact="address"),
            Column("region", _("Region"), ("region",)),
            replace(SOURCE, internal=True),
            replace(NEXT_STEP, shown=False),
            replace(CREATED, shown=True),
            *(column for column in TIME_COLUMNS if column.key != "created"),
        ),
        row_notes=contact_notes,
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
                    Fact("comment", _("Comment"), ("comment",), wide=True, internal=True),
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
            CLIENT_ATTRIBUTION,
        ),
        related=("responsible", "company", "source"),
        reads=("last_name", "first_name", "patronymic", "position", "client_type", "phone", "city"),
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
            Column("name", _("Company"), ("name",), shown=True),
            Column("inn", _("INN"), ("inn",), shown=True, fact="inn"),
            Column("phone", _("Phone"), (), "phone", shown=True),
            replace(TYPE, shown=True),
            Column("stage", _("Stage"), ("stage__order",), "stage", stage_name, shown=True),
            Column("city", _("City"), ("city",), shown=True),
            replace(RESPONSIBLE, sort=("responsible__last_name",)),
            Column("kpp", _("KPP"), fact="kpp"),
            Column("email", _("E-mail"), (), "mail"),
            Column("site", _("Site"), fact="site"),
            Column("address", _("Address"), fact="address"),
            Column("region", _("Region"), ("region",)),
            replace(SOURCE, internal=True),
            replace(NEXT_STEP, shown=False),
            replace(CREATED, shown=True),
            *(column for column in TIME_COLUMNS if column.key != "created"),
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
                    Fact("comment", _("Comment"), ("comment",), wide=True, internal=True),
                ),
            ),
            FactGroup(
                _("For documents"),
                (
                    Fact("signatory", _("Who signs for it"), ("signatory",), wide=True),
                    Fact("ogrn", _("OGRN"), ("ogrn",)),
                    Fact("bank", _("Bank"), ("bank", "bik"), show=bank_fact),
                    Fact("account", _("Settlement account"), ("account",), wide=True),
                    Fact("corr_account", _("Correspondent account"), ("corr_account",), wide=True),
                ),
            ),
            CLIENT_ATTRIBUTION,
        ),
        related=("responsible", "source"),
        reads=("name", "inn", "client_type", "phone", "city"),
        folder="crm/clients",
        board_card=company_card,
        update=company_update,
    )
)
