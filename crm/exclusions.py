"""The exclusion list (LEAD-15): whom we make no leads of and write no letters to. Nothing is deleted by it.

A row that is taken out stays, switched off: what it had held back still names it, and it can be put back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from crm import clock, normalize
from crm.actors import Actor
from crm.contact_points import Point
from crm.errors import DomainError, InvalidInput
from crm.models import Exclusion
from crm.normalize.mailboxes import FREE_PROVIDERS
from crm.prepared import TEXT, Prepared
from crm.settings_audit import audit, require_head
from crm.together import apart

KIND = "exclusion"
USUAL = 12
Kinds = Exclusion.Kind
_DOMAIN = re.compile(r"(?:[\w](?:[\w-]{0,61}[\w])?\.)+[\w-]{2,63}")
_TELEGRAM = re.compile(r"@?[a-z][a-z0-9_]{3,31}|-?[0-9]{3,20}", re.IGNORECASE)


class HeldBack(DomainError):
    """A request of somebody on the list: whoever stored it marks it with the row, and no lead is made."""

    def __init__(self, exclusion: Exclusion) -> None:
        super().__init__(_("«%(value)s» is on the exclusion list.") % {"value": exclusion.value})
        self.exclusion = exclusion


def excluding(points: Iterable[Point]) -> Exclusion | None:
    """The row of the list that one of the phones, addresses or messenger ids falls under: one query."""
    wanted: set[str] = set()
    for point in points:
        wanted.add(point.value)
        if point.kind == Kinds.EMAIL:
            wanted.update(_domains(point.value))
    if not wanted:
        return None
    kinds = {str(point.kind) for point in points} | {str(Kinds.DOMAIN)}
    values = sorted(wanted)
    # A hostile post may bring thousands: only usual numbers of values are worth a statement that is kept.
    if len(values) > USUAL:
        return _first(kinds, values).first()
    return _kept_first(tuple(sorted(kinds)), len(values)).first(*values)


def _first(kinds: Iterable[str], values: Iterable[str]) -> QuerySet[Exclusion]:
    return Exclusion.objects.filter(kind__in=kinds, value__in=values).order_by("pk")[:1]


@cache
def _kept_first(kinds: tuple[str, ...], count: int) -> Prepared[Exclusion]:
    return Prepared(lambda *values: _first(kinds, values), *[TEXT] * count)


def _domains(address: str) -> list[str]:
    """The address's domain and those above it: "mail.spam.example" falls under "spam.example"."""
    parts = normalize.email_domain(address).split(".")
    return [".".join(parts[number:]) for number in range(len(parts) - 1)]


def is_excluded(address: str) -> bool:
    """Is the address (or its mail domain), the phone or the messenger id on the list?"""
    kinds = [Kinds.EMAIL] if "@" in address.lstrip("@") else [Kinds.PHONE, Kinds.WHATSAPP, Kinds.TELEGRAM]
    return excluding([Point(kind, address) for kind in kinds]) is not None


def excluded_among(addresses: Iterable[str]) -> set[str]:
    """Those of many addresses, phones and messenger ids that are on the list: one query for all."""
    parts = {address: {address, *(_domains(address) if "@" in address.lstrip("@") else ())} for address in addresses}
    values = set().union(*parts.values())
    rows = Exclusion.objects.filter(kind__in=Kinds.values, value__in=values)
    listed = set(rows.values_list("value", flat=True)) if values else set()
    return {address for address, own in parts.items() if own & listed}


@apart
def exclusion_add(*, kind: str, value: str, reason: str, by: Any) -> tuple[Exclusion, bool]:
    """Put a phone, address, domain or messenger id on the list; answers the row and whether it is new.

    Whoever marks a lead as spam may do it; the list itself is kept by the head (exclusions_keep). InvalidInput
    names what is none.
    """
    clean = clean_value(kind, value)
    why = normalize.one_line(reason, 255)
    if not why:
        raise InvalidInput.at("reason", _("Write why."))
    known = Exclusion.objects.filter(kind=kind, value=clean).first()
    if known is not None:
        return known, False
    try:
        with transaction.atomic():
            row = Exclusion.objects.create(
                kind=kind, value=clean, reason=why, added_by=Actor.of(by).user, added_at=clock.now()
            )
    except IntegrityError:
        return Exclusion.objects.get(kind=kind, value=clean), False
    audit(KIND, row, "created", None, str(row), by)
    return row, True


@apart
def exclusions_keep(*, kind: str, values: str, reason: str, by: Any) -> list[Exclusion]:
    """Add several at once, a line each (or by commas); all of them or none. Answers the rows that are new."""
    require_head(by)
    parts = [part.strip() for part in re.split(r"[\n,;]+", values.replace("\x00", "")) if part.strip()]
    if not parts:
        raise InvalidInput.at("value", _("Write at least one."))
    if len(parts) > 1000:
        raise InvalidInput.at("value", _("At most 1,000 at once."))
    added = [exclusion_add(kind=kind, value=part, reason=reason, by=by) for part in parts]
    return [row for row, is_new in added if is_new]


@apart
def exclusion_remove(exclusion: Exclusion, *, by: Any) -> None:
    """Take a row out of the list, as the head may, and who has put it there; doing it twice changes nothing."""
    actor = Actor.of(by)
    if actor.user is None or actor.user.pk != exclusion.added_by_id:
        require_head(by)
    if Exclusion.objects.filter(pk=exclusion.pk).update(removed_at=clock.now(), removed_by=actor.user):
        audit(KIND, exclusion, "deleted", str(exclusion), None, by)


def exclusion_take(row: Exclusion, data: Mapping[str, Any], by: Any) -> None:
    """Bring a row of the list to what a file of settings says of it; InvalidInput names what is none."""
    require_head(by)
    if row._state.adding:
        given = {name: str(data.get(name) or "") for name in ("kind", "value", "reason")}
        exclusion_add(**given, by=by)
        return
    reason = normalize.one_line(str(data.get("reason") or ""), 255)
    if not reason:
        raise InvalidInput.at("reason", _("Write why."))
    if reason != row.reason:
        Exclusion.objects.filter(pk=row.pk).update(reason=reason)
        audit(KIND, row, "reason", row.reason, reason, by)


@apart
def exclusion_restore(exclusion: Exclusion, *, by: Any) -> Exclusion:
    """Put a row back that was taken out; the one that came in its place meanwhile stays."""
    require_head(by)
    known = Exclusion.objects.filter(kind=exclusion.kind, value=exclusion.value).first()
    if known is not None:
        return known
    Exclusion.every.filter(pk=exclusion.pk).update(removed_at=None, removed_by=None)
    audit(KIND, exclusion, "created", None, str(exclusion), by)
    return Exclusion.objects.get(pk=exclusion.pk)


def clean_value(kind: str, value: str) -> str:
    """The form in which points are kept; InvalidInput where it is none of its kind."""
    text = normalize.one_line(value, 300)
    found: str | None = None
    message = _("Choose what it is.")
    if kind in {Kinds.PHONE, Kinds.WHATSAPP}:
        phone = normalize.phone(text)
        found, message = phone.e164 if phone is not None else None, _("«%(value)s» is not a phone number.")
    elif kind == Kinds.EMAIL:
        found, message = normalize.email(text), _("«%(value)s» is not an e-mail address.")
    elif kind == Kinds.DOMAIN:
        found, message = _clean_domain(text), _("«%(value)s» is not a mail domain.")
    elif kind == Kinds.TELEGRAM:
        found = text.lstrip("@").lower() if _TELEGRAM.fullmatch(text) else None
        message = _("«%(value)s» is no Telegram name or number.")
    if not found:
        raise InvalidInput.at("value", message % {"value": normalize.one_line(text, 60)})
    if kind == Kinds.DOMAIN and found in FREE_PROVIDERS:
        text = _("«%(value)s» is a mail service for everybody: all its users would be shut out. Add single addresses.")
        raise InvalidInput.at("value", text % {"value": found})
    return found


def _clean_domain(text: str) -> str | None:
    bare = text.rpartition("@")[2].lower().removeprefix("www.").rstrip(".")
    return bare if _DOMAIN.fullmatch(bare) and len(bare) <= 253 and not bare.replace(".", "").isdigit() else None
