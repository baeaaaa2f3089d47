"""What rules write into a record: a field, a comment."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from automation.actions import params
from automation.actions.registry import Context, Outcome, action
from crm import clock
from crm.errors import DomainError
from crm.models import record_model
from crm.services import note_add, record_update
from crm.services.fields import shown_value


@action("set_field", gettext_lazy("Set a field"), params={"field": params.field_name, "value": params.field_value})
def set_field(context: Context) -> Outcome | None:
    """To the value of the rule; a date to so many days from today."""
    record, name = context.record, str(context.params["field"])
    column: Any = record._meta.get_field(name)
    value = _typed(column, context.params.get("value"))
    before = getattr(record, column.attname)
    record_update(record, data={name: value}, by=context.actor)
    if getattr(record, column.attname) == before:
        return None
    return Outcome(
        "field_set", {"field": name, "of": record.RECORD_TYPE, "value": shown_value(record, name, value)}, True
    )


def _typed(column: Any, value: Any) -> Any:
    """The value as the column holds it; DomainError where the row that it names is gone."""
    if isinstance(column, models.DateField):
        return clock.today() + timedelta(days=int(value or 0))
    if isinstance(column, models.ForeignKey):
        row = column.related_model._default_manager.filter(pk=value).first() if value not in (None, "") else None
        if row is None and value not in (None, ""):
            raise DomainError(_("What the rule sets is not there any more."))
        return row
    if value is None and not column.null:
        return "" if column.empty_strings_allowed else column.get_default()
    try:
        return column.to_python(value)
    except ValidationError as error:
        raise DomainError(" ".join(error.messages)) from error


@action(
    "write_comment", gettext_lazy("Write a comment"), params={"text": params.words(gettext_lazy("Text"), required=True)}
)
def write_comment(context: Context) -> Outcome | None:
    """A note on the record's timeline, in the robot's name; hidden from the partner."""
    note_add(context.record, text=str(context.params["text"]), by=context.actor, internal=True)
    return Outcome("commented", {"text": str(context.params["text"])[:200]}, is_told=True)


def field_label(record_type: str, name: str) -> str:
    """What a field is called, for sentences."""
    column: Any = record_model(record_type)._meta.get_field(name)
    return str(column.verbose_name)
