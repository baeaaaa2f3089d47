"""Contacts and companies: making and changing them, and the warnings of duplicates (LEAD-11, 13, 14)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from crm import normalize
from crm.contact_points import Point, add_points, checked_points
from crm.errors import InvalidInput
from crm.models import Company, Contact, ContactPoint, RecordType, StagedRecord, record_model
from crm.names import split_full_name
from crm.services import record_assign, record_create, record_update

NAME_FIELDS = ("last_name", "first_name", "patronymic")
MATCHED_TYPES = (RecordType.CONTACT, RecordType.COMPANY, RecordType.LEAD)
Texts = str | Iterable[str]


@dataclass(frozen=True)
class ClientMatch:
    """A record that may be the same client, with the reasons in words.

    `record` is None where the asker may know only that there is one (a partner's user).
    """

    record: StagedRecord | None
    reasons: tuple[str, ...]


@transaction.atomic
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


@transaction.atomic
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


@transaction.atomic
def company_create(
    *, by: Any, data: Mapping[str, Any], phones: Texts = "", emails: Texts = "", **columns: Any
) -> Company:
    """Create a company with its phones and e-mails; InvalidInput for a wrong INN or an unreadable phone."""
    points = checked_points(phones, emails)
    company = record_create(Company, data=data, by=by, pipeline="company", **columns)
    add_points(company, points)
    return company


@transaction.atomic
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
    """Change fields; a new responsible takes the open tasks along and is told on the timeline."""
    values = {name: value for name, value in data.items() if name != "responsible"}
    record_update(client, data=values, by=by, expected_version=expected_version)
    if "responsible" in data:
        record_assign(client, responsible=data["responsible"], by=by)


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


# -- duplicates --------------------------------------------------------------------------------------------------------


def client_matches(
    *,
    phones: Texts = "",
    emails: Texts = "",
    inn: str = "",
    name: str = "",
    user: Any,
    exclude: StagedRecord | None = None,
    record_types: Iterable[str] = MATCHED_TYPES,
    limit: int = 10,
) -> list[ClientMatch]:
    """Living contacts, companies and open leads that may be the same client, the surest first (LEAD-14).

    Only what `user` may see; a partner's user is told that a hidden one exists, and nothing else (ACC-1).
    """
    from crm.contact_points import read_points

    points = read_points(phones, emails)
    owners = _owners(points)
    number = normalize.inn(inn) or ""
    words = "" if normalize.is_dummy_name(name) or len(normalize.one_line(name)) < 4 else name
    found: list[ClientMatch] = []
    hidden = False
    for record_type in record_types:
        rows = _living(record_type)
        sure = Q(pk__in=list(owners.get(record_type, {})))
        if number and record_type != RecordType.CONTACT:
            sure |= Q(inn=number)
        visible = rows.visible_to(user)
        if points or number:
            known = list(visible.filter(sure)[:limit])
            found += [ClientMatch(row, _reasons(row, owners, number)) for row in known]
            hidden = hidden or (user.is_partner and rows.filter(sure).exclude(pk__in=[r.pk for r in known]).exists())
        if words and record_type != RecordType.LEAD:
            seen = {(match.record.RECORD_TYPE, match.record.pk) for match in found if match.record}
            alike = [row for row in visible.search(words)[:limit] if (row.RECORD_TYPE, row.pk) not in seen]
            found += [ClientMatch(row, (_("similar name"),)) for row in alike]
    if exclude is not None:
        found = [match for match in found if match.record != exclude]
    found.sort(key=lambda match: match.reasons == (_("similar name"),))
    if hidden:
        found.insert(0, ClientMatch(None, (_("Such a client exists already: ask the manufacturer."),)))
    return found[:limit]


def _living(record_type: str) -> Any:
    rows = record_model(record_type)._default_manager.alive().select_related("responsible")
    return rows.open() if record_type == RecordType.LEAD else rows


def _owners(points: list[Point]) -> dict[str, dict[int, list[str]]]:
    """Which phones and addresses each record has of those given: one indexed query."""
    wanted: dict[str, list[str]] = {}
    for point in points:
        wanted.setdefault(point.kind, []).append(point.value)
    owners: dict[str, dict[int, list[str]]] = {}
    condition = Q()
    for kind, values in wanted.items():
        condition |= Q(kind=kind, value__in=values)
    rows = ContactPoint.objects.filter(condition) if wanted else ContactPoint.objects.none()
    for record_type, record_id, value in rows.order_by("id").values_list("record_type", "record_id", "value"):
        owners.setdefault(record_type, {}).setdefault(record_id, []).append(value)
    return owners


def _reasons(record: Any, owners: Mapping[str, Mapping[int, list[str]]], number: str) -> tuple[str, ...]:
    values = owners.get(record.RECORD_TYPE, {}).get(record.pk, [])
    reasons = [
        _("same e-mail %(value)s") % {"value": value}
        if "@" in value
        else _("same phone %(value)s") % {"value": normalize.format_phone(value)}
        for value in values
    ]
    if number and getattr(record, "inn", "") == number:
        reasons.append(_("same INN %(value)s") % {"value": number})
    return tuple(reasons)
