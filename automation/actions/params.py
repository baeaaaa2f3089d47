"""What a rule must tell its action: each parameter knows the form field that asks for it, and so how it is checked.

A maker is given what is asked about (the pipeline, and what was chosen so far) and answers the field, or None where
there is nothing to ask.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.db import models
from django.utils.translation import gettext as _

from accounts.models import Role, User
from communications.models import MessageTemplate, WebhookEndpoint
from crm import conditions, pipelines
from crm.formfields import field_for
from crm.models import Activity, Pipeline, RefusalReason, Stage, StagedRecord, record_model
from crm.services.fields import PROTECTED


@dataclass(frozen=True)
class Asked:
    """About what is asked: the pipeline of the rule, and the parameters as far as they are known."""

    pipeline: Pipeline
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def model(self) -> type[StagedRecord]:
        return record_model(self.pipeline.record_type)


Maker = Callable[[Asked], forms.Field | None]


def kind(_asked: Asked) -> forms.Field:
    """Task, call or meeting."""
    choices, initial = Activity.Kind.choices, Activity.Kind.TASK
    return forms.ChoiceField(label=_("Kind of task"), required=False, choices=choices, initial=initial)


def line(label: Any, *, required: bool = False, help_text: Any = "") -> Maker:
    """A line of text."""
    return lambda _asked: forms.CharField(label=label, required=required, max_length=255, help_text=help_text)


def words(label: Any, *, required: bool = False) -> Maker:
    """Some lines of text."""
    widget = forms.Textarea(attrs={"rows": 3})
    return lambda _asked: forms.CharField(label=label, required=required, max_length=5000, widget=widget)


def number(label: Any, *, low: int, high: int, initial: int | None = None) -> Maker:
    """A whole number."""
    return lambda _asked: forms.IntegerField(
        label=label, required=False, min_value=low, max_value=high, initial=initial,
        widget=forms.NumberInput(attrs={"class": "num", "inputmode": "numeric"}),
    )  # fmt: skip


def stage(label: Any, *kinds: str) -> Maker:
    """A stage of the pipeline, of these kinds, by its code."""

    def make(asked: Asked) -> forms.Field:
        rows = [row for row in pipelines.stages_of(asked.pipeline.pk) if row.kind in kinds]
        return forms.ChoiceField(label=label, choices=[("", "—"), *((row.code, row.name) for row in rows)])

    return make


def template(asked: Asked) -> forms.Field:
    """A text of the templates, by its code."""
    return forms.ModelChoiceField(MessageTemplate.objects.all(), label=_("Template"), empty_label="—")


def _staff() -> Any:
    return User.objects.filter(is_active=True, partner__isnull=True).order_by("last_name", "first_name", "pk")


def person(label: Any, empty: Any = "—") -> Maker:
    """One of the company's people; nobody is allowed."""
    return lambda _asked: forms.ModelChoiceField(_staff(), label=label, required=False, empty_label=str(empty))


def people(label: Any) -> Maker:
    """Some of the company's people."""

    def make(_asked: Asked) -> forms.Field:
        made = forms.ModelMultipleChoiceField(_staff(), label=label, required=False)
        made.widget.attrs |= {"data-choose": ""}
        return made

    return make


def role(label: Any) -> Maker:
    """A role, for the first active person who has it."""
    choices = [("", "—"), *((value, text) for value, text in Role.choices if value != Role.PARTNER)]
    return lambda _asked: forms.ChoiceField(label=label, required=False, choices=choices)


def flag(label: Any) -> Maker:
    """Yes or no."""
    return lambda _asked: forms.BooleanField(label=label, required=False)


def reason(asked: Asked) -> forms.Field | None:
    """A refusal reason of the pipeline by its name; the first of the stage without one."""
    ends = {row.key: row.name for row in pipelines.stages_of(asked.pipeline.pk) if row.kind == Stage.Kind.FAILURE}
    groups: dict[str, list[tuple[str, str]]] = {}
    for row in RefusalReason.objects.filter(stage__in=ends, is_active=True).order_by("stage__order", "order", "id"):
        groups.setdefault(ends[row.stage_id], []).append((row.name_ru, row.name))
    choices: list[Any] = [("", _("the first reason of the stage")), *groups.items()]
    return forms.ChoiceField(label=_("Reason"), required=False, choices=choices)


def settable(record_type: str) -> list[tuple[str, str]]:
    """The fields that a rule may set: what people fill in by hand, but for who is responsible and links to records."""
    model: Any = record_model(record_type)

    def fits(name: str) -> bool:
        column = model._meta.get_field(name)
        is_record = isinstance(column, models.ForeignKey) and issubclass(column.related_model, StagedRecord)
        return name not in PROTECTED and name != "responsible" and not is_record

    return [(name, text) for name, text in conditions.columns(record_type) if fits(name)]


def field_name(asked: Asked) -> forms.Field:
    """Which field is set; the value is asked for in its own type."""
    choices = [("", "—"), *settable(asked.pipeline.record_type)]
    return forms.ChoiceField(label=_("Field"), choices=choices, widget=forms.Select(attrs={"data-refresh": ""}))


def field_value(asked: Asked) -> forms.Field | None:
    """The value, as the field takes it; of a date how many days from the day on which it is set."""
    name = str(asked.given.get("field") or "")
    if name not in dict(settable(asked.pipeline.record_type)):
        return None
    if isinstance(asked.model._meta.get_field(name), models.DateField):
        return forms.IntegerField(
            label=_("Days from that day on"), min_value=0, max_value=3650, help_text=_("0 is the day itself.")
        )
    made = field_for(asked.model, name, None)
    made.label, made.help_text = _("Value"), _("Left empty, the field is cleared.")
    return made


def plain(value: Any) -> Any:
    """A value of a form as JSON keeps it."""
    if isinstance(value, WebhookEndpoint):
        return value.key
    if isinstance(value, models.Model):
        return value.pk
    if isinstance(value, models.QuerySet | list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, date | datetime) else value


class ParamsForm(forms.Form):
    """The parameters of an action of a rule; those that no field asks for (`kept`) stay as they are."""

    def __init__(
        self, data: Any = None, *, makers: Mapping[str, Maker], pipeline: Pipeline, params: Mapping[str, Any],
        prefix: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(data, initial=dict(params), prefix=prefix)
        chosen = {} if data is None else {"field": data.get(self.add_prefix("field"))}
        asked = Asked(pipeline, {**params, **chosen})
        made = {name: make(asked) for name, make in makers.items()}
        for name, one in made.items():
            if one is not None:
                self.fields[name] = one
        self.kept = {name: value for name, value in params.items() if name not in makers}

    def plain(self) -> dict[str, Any]:
        """What the rule keeps: empty ones are left out, but for a value that clears its field."""
        given = {name: plain(value) for name, value in self.cleaned_data.items()}
        filled = {name: value for name, value in given.items() if value not in (None, "", [], False)}
        return {**self.kept, **filled, **({"value": given["value"]} if "value" in given else {})}
