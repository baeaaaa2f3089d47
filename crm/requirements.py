"""What a stage can require of a record: plain fields by name, and requirements that several fields can meet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Requirement:
    """One thing a stage may require: its code, label, the fields a dialog asks for, and when it is met."""

    code: str
    label: Any
    fields: tuple[str, ...]
    is_met: Callable[[Any], bool]
    ask: Callable[[Any], tuple[str, ...]] | None = None

    def asked(self, record: Any) -> tuple[str, ...]:
        """The fields a dialog asks for, which may depend on what the record already has."""
        return self.ask(record) if self.ask else self.fields


REQUIREMENTS: dict[str, dict[str, Requirement]] = {}


def is_filled(value: Any) -> bool:
    """Zero and False are values; None, an empty text and an empty list are not."""
    return value is not None and value not in ("", [])


def plain(name: str, label: Any) -> Requirement:
    """The requirement that one field is filled."""
    attname = name

    def is_met(record: Any) -> bool:
        field = record._meta.get_field(attname)
        return is_filled(getattr(record, field.attname))

    return Requirement(name, label, (name,), is_met)


def has_size(record: Any) -> bool:
    """Length and width, or the area."""
    return bool(record.area or (record.length and record.width))


def has_place(record: Any) -> bool:
    """Any of address, city and region."""
    return bool(record.address or record.city or record.region)


CONTACT_POINT = Requirement(
    "contact_point",
    _("Phone or e-mail"),
    ("phone", "email"),
    lambda record: bool(record.phone or record.email),
)
SIZE = Requirement("size", _("Length and width, or area"), ("length", "width", "area"), has_size)
PLACE = Requirement("place", _("Place"), ("address",), has_place)
CLIENT = Requirement(
    "client",
    _("Client: contact or company"),
    ("contact", "company"),
    lambda r: bool(r.contact_id or r.company_id),
)


def declare(record_type: str, *requirements: Requirement) -> None:
    """Say what stages of a kind of record can require; called from AppConfig.ready."""
    REQUIREMENTS.setdefault(record_type, {}).update({item.code: item for item in requirements})


def requirements_of(record_type: str) -> dict[str, Requirement]:
    """Everything that stages of that kind of record can require, by code."""
    return REQUIREMENTS.get(record_type, {})


def client_details_met(record: Any) -> bool:
    """A company with its INN, or a person who can be reached (DEAL-13)."""
    if record.company_id:
        return bool(record.company.inn)
    return bool(record.contact_id and (record.contact.phone or record.contact.email))


def client_details_asked(record: Any) -> tuple[str, ...]:
    """What is lacking of the client: the company's INN, the person's phone, or the client at all."""
    if record.company_id:
        return ("company__inn",)
    return ("contact__phone",) if record.contact_id else ("contact", "company")


CLIENT_DETAILS = Requirement(
    "client_details",
    _("Client's details: INN of the company"),
    ("company__inn",),
    client_details_met,
    client_details_asked,
)
