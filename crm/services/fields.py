"""Fields of a record as services write them: which may be set, what follows from them, their checks and wording."""

from __future__ import annotations

from collections.abc import Callable, Set
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models
from django.utils.translation import gettext as _

from crm.actors import Actor
from crm.errors import InvalidInput
from crm.models import StagedRecord

# Columns that no form, API call or import may set: they belong to services of their own.
PROTECTED = frozenset(
    {
        "stages_seen", "lost_from", "requested_at",
        "id", "pipeline", "stage", "stage_entered_at", "closed_at", "refusal_reason", "refusal_comment", "created_by",
        "created_at", "updated_at", "last_activity_at", "next_activity_at", "next_activity_title", "version",
        "search_text", "deleted_at", "merged_into", "partner", "origin", "mother", "mother_deal", "copy_set", "deal",
        "upsell_by", "missing_minimum", "duplicate_object", "duplicate_is_certain",
    }
)  # fmt: skip
# Columns that no kind of record is found by in a search.
NOT_SEARCHED = frozenset(
    {
        "responsible", "object", "deal", "is_repeat", "missing_minimum", "duplicate_object", "duplicate_is_certain",
        "amount", "construction_start", "expected_close_date", "source", "channel", "purpose", "messages_consent",
    }
)  # fmt: skip
DERIVED: dict[str, list[Callable[[Any, set[str]], set[str]]]] = {}
Follower = Callable[[Any, set[str], Actor], None]
FOLLOWERS: dict[str, list[Follower]] = {}


def derive(record_type: str, function: Callable[[Any, set[str]], set[str]]) -> None:
    """Register what follows from changed fields: gets the record and the changed names, answers names it changed."""
    DERIVED.setdefault(record_type, []).append(function)


def derived_fields(record: StagedRecord, changed: set[str]) -> set[str]:
    """Let follow what follows from the changed fields; answers the names that changed by it."""
    more: set[str] = set()
    for function in DERIVED.get(record.RECORD_TYPE, []):
        more |= function(record, changed | more)
    return more


def follow(record_type: str, function: Follower) -> None:
    """Register what other records do after a change of this one: gets it, the changed names and who changed them."""
    if function not in FOLLOWERS.setdefault(record_type, []):
        FOLLOWERS[record_type].append(function)


def let_follow(record: StagedRecord, changed: set[str], actor: Actor) -> None:
    """Let other records follow what has just been written, in the same transaction."""
    for function in FOLLOWERS.get(record.RECORD_TYPE, []):
        function(record, changed, actor)


def plain_value(value: Any) -> Any:
    """A value as JSON keeps it in the audit trail."""
    if isinstance(value, models.Model):
        return value.pk
    if isinstance(value, Decimal | date | datetime):
        return str(value)
    return value


def record_field(record: StagedRecord, name: str) -> Any:
    """One of the record's own columns; FieldDoesNotExist for a name that is none."""
    return record._meta.get_field(name)


def shown_value(record: StagedRecord, name: str, value: Any) -> str:
    """A value as a person reads it in the timeline."""
    field = record_field(record, name)
    if value is None or value in ("", {}, []):
        return ""
    if isinstance(value, dict):
        return ", ".join(f"{key}: {item}" for key, item in value.items())
    if isinstance(field, models.ForeignKey):
        row = (
            value if isinstance(value, models.Model) else field.related_model._default_manager.filter(pk=value).first()
        )
        return str(row or "")
    if isinstance(field, models.BooleanField):
        return _("yes") if value else _("no")
    if field.choices:
        return str(dict(field.flatchoices).get(value, value))
    if isinstance(value, date) and not isinstance(value, datetime):
        return f"{value:%d.%m.%Y}"
    if isinstance(field, models.DecimalField):
        whole, _dot, part = f"{Decimal(str(value)):,f}".partition(".")
        part = part.rstrip("0")
        return whole.replace(",", "\u00a0") + (f",{part}" if part else "")
    return str(value)


def assign_field(record: StagedRecord, name: str, value: Any) -> bool:
    """Set one field from a form, an API call or an import; True when it is a field that may be set."""
    if name in PROTECTED:
        raise InvalidInput(
            _("«%(field)s» cannot be set directly.") % {"field": name},
            errors=[{"pointer": f"/{name}", "code": "read_only", "message": _("This cannot be set directly.")}],
        )
    try:
        field = record_field(record, name)
    except FieldDoesNotExist as error:
        raise InvalidInput(
            _("There is no field «%(field)s».") % {"field": name},
            errors=[{"pointer": f"/{name}", "code": "unknown", "message": _("There is no such field.")}],
        ) from error
    if isinstance(field, models.ForeignKey) and not isinstance(value, models.Model | None):
        setattr(record, field.attname, value)
    else:
        if isinstance(value, str):
            value = value.replace("\x00", "")
        setattr(record, name, value)
    return True


def differs(record: StagedRecord, name: str, before: Any) -> bool:
    """Tell whether a field no longer holds what it held, however the value was written ("24" is 24.00)."""
    field = record_field(record, name)
    try:
        return bool(field.to_python(field.value_from_object(record)) != before)
    except ValidationError:
        return True


def validate_fields(record: StagedRecord, written: Set[str] | None = None) -> None:
    """Check the fields that were written (of a new record all); field errors become InvalidInput.

    Whether the row that a foreign key names exists is not asked where that very row is at hand.
    """
    known = {"pipeline", "stage", "refusal_reason", "merged_into", "created_by"}
    for field in record._meta.concrete_fields:
        if (written is not None and field.name not in written) or is_at_hand(record, field):
            known.add(field.name)
    try:
        record.clean_fields(exclude=known)
        record.clean()
        record.validate_constraints()
    except ValidationError as error:
        raise InvalidInput.from_validation(error) from error


def is_at_hand(record: StagedRecord, field: models.Field[Any, Any]) -> bool:
    """Has the row that a foreign key names been read already?"""
    if not isinstance(field, models.ForeignKey) or not field.is_cached(record):
        return False
    other = field.get_cached_value(record)
    return other is not None and not other._state.adding and other.pk == getattr(record, field.attname)
