"""Who may be the same client: by phone, e-mail, INN and name, with the reasons in words (LEAD-14)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, IntegerField, Q, Value, When
from django.utils.translation import gettext as _

from accounts import identity
from crm import normalize
from crm.contact_points import Point, read_points
from crm.models import ContactPoint, RecordType, StagedRecord, record_model
from crm.names import split_full_name
from crm.normalize.sameness import company_key, name_words, person_key
from crm.not_duplicates import found_different

MATCHED_TYPES = (RecordType.CONTACT, RecordType.COMPANY, RecordType.LEAD)
Texts = str | Iterable[str]
Owners = Mapping[str, Mapping[int, list[str]]]


@dataclass(frozen=True)
class ClientMatch:
    """A record that may be the same client, with the reasons in words; a name alone is a hint, not `is_sure`.

    `record` is None where the asker may know only that there is one (a partner's user).
    """

    record: StagedRecord | None
    reasons: tuple[str, ...]
    is_sure: bool = True


@dataclass(frozen=True)
class _Asked:
    """What is known of the client, in the forms that columns hold."""

    points: list[Point]
    inn: str
    person: str
    company: str
    name: str

    def by_name(self, record_type: str) -> Q | None:
        """Records of a kind that are called alike; nothing for a name that says nothing."""
        if record_type == RecordType.CONTACT:
            return Q(name_key=self.person) if self.person else None
        if record_type == RecordType.LEAD:
            found = Q(name_key=self.person) if self.person else Q(pk__in=[])
            return found | Q(company_key=self.company) if self.company else found
        if not self.company:
            return None
        words = Q()
        for word in self.company.split():
            words &= Q(search_text__contains=word)
        return Q(name_key=self.company) | words


def client_matches(
    *,
    phones: Texts = "",
    emails: Texts = "",
    inn: str = "",
    name: str = "",
    company_name: str = "",
    user: Any,
    exclude: StagedRecord | None = None,
    record_types: Iterable[str] = MATCHED_TYPES,
    limit: int = 10,
) -> list[ClientMatch]:
    """Living contacts, companies and open leads that may be the same client, the surest first.

    Only what `user` may see; a partner's user is told that a hidden one exists, and nothing else (ACC-1). What
    somebody found to be different from `exclude` is left out.
    """
    said = "" if normalize.is_dummy_name(name) else name
    asked = _Asked(
        read_points(phones, emails), normalize.inn(inn) or "", person_key(said), company_key(company_name or said), said
    )
    with identity.as_system():  # That there is one is told (LEAD-14); which one, `visible_to` decides below.
        owners = _owners(asked.points)
    found: list[ClientMatch] = []
    is_hidden = False
    for record_type in record_types:
        rows = _living(record_type)
        sure = Q(pk__in=list(owners.get(record_type, {})))
        if asked.inn and record_type != RecordType.CONTACT:
            sure |= Q(inn=asked.inn)
        has_sure = bool(owners.get(record_type)) or (asked.inn and record_type != RecordType.CONTACT)
        alike = asked.by_name(record_type)
        if has_sure or alike is not None:
            first = Case(When(sure, then=Value(0)), default=Value(1), output_field=IntegerField())
            wanted = rows.visible_to(user).filter(sure | alike if alike is not None else sure)
            found += _matches(wanted.order_by(first, "-last_activity_at", "-id")[:limit], asked, owners, exclude)
        if has_sure and user.is_partner:
            seen = rows.visible_to(user).filter(sure).values("pk")
            with identity.as_system():  # As above: one of the manufacturer's or another partner's.
                is_hidden = is_hidden or rows.filter(sure).exclude(pk__in=seen).exists()
    found.sort(key=lambda match: not match.is_sure)
    if is_hidden:
        found.insert(0, ClientMatch(None, (_("Such a client exists already: ask the manufacturer."),)))
    return found[:limit]


def duplicates_of(record: Any, user: Any, *, record_types: Iterable[str] = MATCHED_TYPES) -> list[ClientMatch]:
    """Who may be the same as a record that is there; by all its phones and e-mails."""
    points = ContactPoint.objects.filter(record_type=record.RECORD_TYPE, record_id=record.pk)
    values = list(points.values_list("kind", "value"))
    is_company = record.RECORD_TYPE == RecordType.COMPANY
    return client_matches(
        phones=[value for kind, value in values if kind == "phone"],
        emails=[value for kind, value in values if kind == "email"],
        inn=getattr(record, "inn", ""),
        name="" if is_company else record.name,
        company_name=record.name if is_company else getattr(record, "company_name", ""),
        user=user,
        exclude=record,
        record_types=record_types,
    )


def _matches(rows: Iterable[Any], asked: _Asked, owners: Owners, exclude: StagedRecord | None) -> Iterable[ClientMatch]:
    different: set[int] | None = None
    for row in rows:
        if exclude is not None:
            if different is None:
                different = found_different(exclude, row.RECORD_TYPE)
            if row == exclude or row.pk in different:
                continue
        sure = _sure_reasons(row, owners, asked.inn)
        called = _name_reason(row, asked)
        if sure or called:
            yield ClientMatch(row, (*sure, *called), is_sure=bool(sure))


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


def _sure_reasons(record: Any, owners: Owners, inn: str) -> list[str]:
    values = owners.get(record.RECORD_TYPE, {}).get(record.pk, [])
    reasons = [
        _("same e-mail %(value)s") % {"value": value}
        if "@" in value
        else _("same phone %(value)s") % {"value": normalize.format_phone(value)}
        for value in values
    ]
    if inn and getattr(record, "inn", "") == inn:
        reasons.append(_("same INN %(value)s") % {"value": inn})
    return reasons


def _name_reason(record: Any, asked: _Asked) -> list[str]:
    """Same or similar name; people whose patronymics differ are namesakes and not alike."""
    if record.RECORD_TYPE == RecordType.COMPANY:
        if not asked.company:
            return []
        if record.name_key == asked.company:
            return [_("same name")]
        return [_("similar name")] if set(asked.company.split()) <= set(record.name_key.split()) else []
    if record.RECORD_TYPE == RecordType.LEAD and asked.company and record.company_key == asked.company:
        return [_("same name of the company")]
    if not asked.person or record.name_key != asked.person:
        return []
    mine, theirs = split_full_name(asked.name).patronymic, split_full_name(record.name).patronymic
    if mine and theirs and name_words(mine) != name_words(theirs):
        return []
    words = (set(name_words(text)) - set(name_words(p)) for text, p in ((asked.name, mine), (record.name, theirs)))
    return [_("same name")] if len({frozenset(item) for item in words}) == 1 else [_("similar name")]


# -- columns that follow from names: given to crm.services.derive ------------------------------------------------------


def derive_keys(record: Any, changed: set[str]) -> set[str]:
    """The columns by which names are found equal."""
    wanted: dict[str, str] = {}
    match record.RECORD_TYPE:
        case RecordType.CONTACT if changed & {"last_name", "first_name", "patronymic", "__new__"}:
            wanted["name_key"] = person_key(record.full_name)
        case RecordType.COMPANY if changed & {"name", "__new__"}:
            wanted["name_key"] = company_key(record.name)
        case RecordType.LEAD if changed & {"name", "company_name", "__new__"}:
            wanted["name_key"] = "" if normalize.is_dummy_name(record.name) else person_key(record.name)
            wanted["company_key"] = company_key(record.company_name)
    changed_keys = {name for name, value in wanted.items() if getattr(record, name) != value}
    for name in changed_keys:
        setattr(record, name, wanted[name])
    return changed_keys
