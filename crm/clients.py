"""Contacts and companies: making and changing them, and what is refused (LEAD-13)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from crm import normalize, requisites
from crm.contact_points import add_points, checked_points
from crm.errors import DomainError, InvalidInput
from crm.models import Company, Contact
from crm.names import split_full_name
from crm.services import record_assign, record_create, record_update
from crm.together import together

NAME_FIELDS = ("last_name", "first_name", "patronymic")
Texts = str | Iterable[str]


@together
def contact_create(
    *, by: Any, data: Mapping[str, Any], phones: Texts = "", emails: Texts = "", **columns: Any
) -> Contact:
    """Create a contact with its phones and e-mails; InvalidInput for a dummy name (LEAD-13) or an unreadable phone.

    `data` may hold `name`, the whole name in one field.
    """
    points = checked_points(phones, emails)
    contact = record_create(Contact, data=_split_name(data), by=by, pipeline="contact", **columns)
    add_points(contact, points)
    return contact


@together
def contact_update(
    contact: Contact,
    *,
    by: Any,
    data: Mapping[str, Any],
    phones: Texts = "",
    emails: Texts = "",
    expected_version: int | None = None,
) -> Contact:
    """Change a contact's fields; phones and e-mails given are added to those it has."""
    points = checked_points(phones, emails)
    _update(contact, _split_name(data), by, expected_version)
    add_points(contact, points)
    return contact


@together
def company_create(
    *, by: Any, data: Mapping[str, Any], phones: Texts = "", emails: Texts = "", **columns: Any
) -> Company:
    """Create a company with its phones and e-mails; InvalidInput for a dummy name, a wrong INN, an unreadable phone."""
    points = checked_points(phones, emails)
    company = record_create(Company, data=data, by=by, pipeline="company", **columns)
    add_points(company, points)
    return company


@together
def company_update(
    company: Company,
    *,
    by: Any,
    data: Mapping[str, Any],
    phones: Texts = "",
    emails: Texts = "",
    expected_version: int | None = None,
) -> Company:
    """Change a company's fields; phones and e-mails given are added to those it has."""
    points = checked_points(phones, emails)
    _update(company, data, by, expected_version)
    add_points(company, points)
    return company


def _update(client: Contact | Company, data: Mapping[str, Any], by: Any, expected_version: int | None) -> None:
    """Change fields; a new responsible takes the open tasks along and is told on the timeline.

    A form sends all its fields: a person who is named as before is nobody's wish. A new company decides itself.
    """
    former, company = client.responsible_id, getattr(client, "company_id", None)
    values = {name: value for name, value in data.items() if name != "responsible"}
    record_update(client, data=values, by=by, expected_version=expected_version)
    is_other = "responsible" in data and getattr(data["responsible"], "pk", None) != former
    if is_other and not takes_person_of_company(client, company):
        record_assign(client, responsible=data["responsible"], by=by)


def takes_person_of_company(client: Any, former_company: int | None) -> bool:
    """Has a contact just been put into another company, whose person is now theirs too (DEAL-12)?"""
    company = client.company if isinstance(client, Contact) else None
    return company is not None and company.pk != former_company and company.responsible_id is not None


def _split_name(data: Mapping[str, Any]) -> dict[str, Any]:
    """Put a name given as a whole into its three fields."""
    rest = {key: value for key, value in data.items() if key != "name"}
    if "name" not in data:
        return rest
    _check_name(data["name"])
    return dict(zip(NAME_FIELDS, split_full_name(data["name"]), strict=True)) | rest


# -- what follows from fields: given to crm.services.derive -----------------------------------------------------------


def require_person_name(contact: Contact, changed: set[str]) -> set[str]:
    """Refuse a contact that has only a phone, or a name that is none: however it is made or changed (LEAD-13)."""
    if changed & {*NAME_FIELDS, "__new__"}:
        _check_name(contact.full_name)
        # "Без имени" in two fields reads "имени Без" in the order of full names.
        _check_name(f"{contact.first_name} {contact.patronymic} {contact.last_name}")
    return set()


@together
def contact_follow_company(contact: Contact, *, by: Any) -> Contact:
    """Give a contact to whoever is responsible for its company; DomainError where there is no such person."""
    if contact.company is None or contact.company.responsible is None:
        raise DomainError(_("The contact has no company with a responsible."))
    record_assign(contact, responsible=contact.company.responsible, by=by, reason=_("As of the company"))
    return contact


def require_company_name(company: Company, changed: set[str]) -> set[str]:
    """Refuse a company whose name is none, however it is made or renamed (LEAD-13)."""
    if changed & {"name", "__new__"} and company.name and normalize.is_dummy_company(company.name):
        message = _("A company needs a real name. While only a phone or an e-mail is known, keep it as a lead.")
        raise InvalidInput(message, errors=[{"pointer": "/name", "code": "dummy_name", "message": message}])
    return set()


def _check_name(name: object) -> None:
    if normalize.is_dummy_name(name):
        message = _("A contact needs a real name. While only a phone or an e-mail is known, keep it as a lead.")
        raise InvalidInput(message, errors=[{"pointer": "/last_name", "code": "dummy_name", "message": message}])


def derive_inn(record: Any, changed: set[str]) -> set[str]:
    """Bring an INN into its one form; InvalidInput when its check digits are wrong."""
    if "inn" not in changed or not record.inn:
        return set()
    number = normalize.inn(record.inn)
    if number is None:
        message = _("«%(value)s» is not an INN: 10 or 12 digits, the last of which follow from the others.") % {
            "value": normalize.one_line(record.inn, 30)
        }
        raise InvalidInput(message, errors=[{"pointer": "/inn", "code": "invalid_inn", "message": message}])
    record.inn = number
    return set()


def derive_requisites(company: Company, changed: set[str]) -> set[str]:
    """Bring what documents say of a company into one form; InvalidInput names the field where digits do not check."""
    for name in changed & (requisites.CLEANERS.keys() - {"inn"}):
        try:
            setattr(company, name, requisites.CLEANERS[name](getattr(company, name)))
        except ValidationError as error:
            raise InvalidInput.at(name, error.messages[0]) from error
    if changed & {"bik", "account", "corr_account"}:
        for name, message in requisites.of_another_bank(vars(company)).items():
            raise InvalidInput.at(name, message)
    return set()
