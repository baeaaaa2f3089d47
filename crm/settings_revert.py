"""Taking back single changes of settings: what was changed is set to what it was, unless somebody changed it since."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models, transaction
from django.db.models import ProtectedError, QuerySet
from django.utils.translation import gettext as _

from crm import pipelines, preferences
from crm.errors import InvalidInput, StageConflict
from crm.exclusions import exclusion_remove
from crm.models import Change, Exclusion, Stage
from crm.services import plain_value
from crm.settings_audit import audit, require_head, stored_value
from crm.settings_services import calendar_changed, preferences_set, stage_delete
from crm.settings_transfer import SECTIONS


def changes() -> QuerySet[Change]:
    """The audit lines of what can be taken back, the latest first."""
    kinds = ["preference", *SECTIONS]
    return Change.objects.filter(record_type__in=kinds).select_related("actor_user").order_by("-at", "-id")


def can_revert(change: Change) -> bool:
    """Whether the line tells of something that can be set back: a field, or a new row."""
    if change.record_type == "preference":
        return True
    if change.field == "created":
        return True
    try:
        SECTIONS[change.record_type].model._meta.get_field(change.field)
    except (KeyError, FieldDoesNotExist):
        return False
    return True


@transaction.atomic
def setting_revert(change: Change, *, by: Any) -> None:
    """Take one change back; StageConflict when it was changed since, InvalidInput when it cannot be."""
    require_head(by)
    if not can_revert(change):
        raise InvalidInput(_("This change cannot be taken back by itself."))
    old, new = (side["value"] if isinstance(side, dict) else None for side in (change.old, change.new))
    if change.record_type == "preference":
        _require_same(preferences.get(change.field), new)
        preferences_set({change.field: old}, by=by)
        return
    row = _row_of(change)
    if change.field == "created":
        _remove(change.record_type, row, by)
    else:
        _require_same(plain_value(stored_value(row, change.field)), new)
        _set_back(change, row, old, by)
    pipelines.changed()
    if change.record_type == "calendar":
        calendar_changed(by)


def _require_same(here: Any, there: Any) -> None:
    if here != there:
        raise StageConflict(_("It was changed again since: take the later change back first."))


def _row_of(change: Change) -> Any:
    model = SECTIONS[change.record_type].model
    side = change.new if isinstance(change.new, dict) else change.old
    key = change.record_id or (side or {}).get("of", "")
    try:
        row = model._default_manager.filter(pk=key).first()
    except (ValueError, TypeError):
        row = None
    if row is None:
        raise StageConflict(_("It does not exist any more."))
    return row


def _set_back(change: Change, row: Any, old: Any, by: Any) -> None:
    column = row._meta.get_field(change.field)
    value = old
    if isinstance(column, models.ForeignKey) and old is not None:
        value = column.related_model._default_manager.filter(pk=old).first()
        if value is None:
            raise StageConflict(_("It does not exist any more."))
    elif not isinstance(column, models.JSONField):
        value = column.to_python(old)
    try:
        SECTIONS[change.record_type].save(row, {change.field: value}, by)
    except ValidationError as error:
        raise InvalidInput.from_validation(error) from error


def _remove(kind: str, row: Any, by: Any) -> None:
    if isinstance(row, Stage):
        stage_delete(row, by=by)
        return
    if isinstance(row, Exclusion):  # it is kept as taken out, with those who put it there and took it out
        exclusion_remove(row, by=by)
        return
    try:
        with transaction.atomic():
            audit(kind, row, "deleted", str(row), None, by)
            row.delete()
    except ProtectedError as error:
        raise InvalidInput(_("It is in use already: switch it off instead.")) from error
