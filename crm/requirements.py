"""What a stage can require of a record: plain fields by name, and requirements that several fields can meet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from crm import clock
from crm.normalize import is_placeholder_number, looks_like_placeholder

# A contract is dated some days ahead at times; further ahead the year is mistyped.
DAYS_AHEAD = 7


@dataclass(frozen=True)
class Objection:
    """Why a value that is there does not do: a code for programs, a sentence for people."""

    code: str
    message: str


@dataclass(frozen=True)
class Requirement:
    """One thing a stage may require: its code, label, the fields a dialog asks for, and when it is met."""

    code: str
    label: Any
    fields: tuple[str, ...]
    is_met: Callable[[Any], bool]
    ask: Callable[[Any], tuple[str, ...]] | None = None
    object_to: Callable[[Any], Objection | None] | None = None

    def lacks(self, record: Any) -> tuple[bool, Objection | None]:
        """Whether the requirement is not met, and what is wrong with the value when it is not that there is none."""
        objection = self.object_to(record) if self.object_to else None
        return objection is not None or not self.is_met(record), objection

    def asked(self, record: Any) -> tuple[str, ...]:
        """The fields a dialog asks for, which may depend on what the record already has."""
        return self.ask(record) if self.ask else self.fields


REQUIREMENTS: dict[str, dict[str, Requirement]] = {}


def is_filled(value: Any) -> bool:
    """Zero and False are values; None, an empty text and an empty list are not."""
    return value is not None and value not in ("", [])


def plain(name: str, label: Any, *, sane: Callable[[Any], Objection | None] | None = None) -> Requirement:
    """The requirement that one field is filled, with no placeholder and with what `sane` finds nothing wrong in."""
    attname = name

    def is_met(record: Any) -> bool:
        field = record._meta.get_field(attname)
        return is_filled(getattr(record, field.attname))

    def object_to(record: Any) -> Objection | None:
        field = record._meta.get_field(attname)
        value = getattr(record, field.attname)
        if not is_filled(value):
            return None
        if isinstance(field, models.CharField | models.TextField) and not field.choices:
            return placeholder(value, is_number=attname.endswith("_number"))
        return sane(field.to_python(value)) if sane else None

    return Requirement(name, label, (name,), is_met, object_to=object_to)


def placeholder(text: str, *, is_number: bool = False) -> Objection | None:
    """The objection to an answer given only to get past the question: "-", ".", "test"."""
    if not (is_placeholder_number(text) if is_number else looks_like_placeholder(text)):
        return None
    return Objection("placeholder", gettext("“%(text)s” is a placeholder: give the real value.") % {"text": text[:40]})


def not_past(day: date) -> Objection | None:
    """What is planned cannot lie in the past."""
    if day >= clock.today():
        return None
    return Objection("in_past", gettext("%(day)s is in the past: give the new date.") % {"day": f"{day:%d.%m.%Y}"})


def not_ahead(day: date) -> Objection | None:
    """What is signed cannot be dated further ahead than some days."""
    if day <= clock.today() + timedelta(days=DAYS_AHEAD):
        return None
    text = gettext("%(day)s is too far in the future: check the date.") % {"day": f"{day:%d.%m.%Y}"}
    return Objection("in_future", text)


def has_size(record: Any) -> bool:
    """Length and width, or the area."""
    return bool(record.area or (record.length and record.width))


def has_place(record: Any) -> bool:
    """Any of address, city and region."""
    return any(text and not looks_like_placeholder(text) for text in (record.address, record.city, record.region))


def _no_place(record: Any) -> Objection | None:
    given = record.address or record.city or record.region
    return placeholder(given) if given and not has_place(record) else None


CONTACT_POINT = Requirement(
    "contact_point",
    _("Phone or e-mail"),
    ("phone", "email"),
    lambda record: bool(record.phone or record.email),
)
SIZE = Requirement("size", _("Length and width, or area"), ("length", "width", "area"), has_size)
PLACE = Requirement("place", _("Place"), ("address",), has_place, object_to=_no_place)
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
