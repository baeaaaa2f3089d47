"""The editor of a rule: when, if, what; the fields that are asked for follow what is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.forms.utils import ErrorDict
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from automation.actions import ACTIONS
from automation.actions.content import field_label
from automation.actions.params import ParamsForm
from automation.models import Rule
from automation.rule_check import DELAYS, date_columns
from automation.rule_services import CANCEL, FOLLOW, KEEP, waiting_of
from automation.wording import WEEKDAYS
from crm import conditions, pipelines
from crm.condition_groups import ConditionGroups
from crm.errors import DomainError
from crm.models import Pipeline, RecordType

# The columns by which conditions may ask in the browser; the API takes any.
ASKED = {
    RecordType.LEAD: (
        "region", "purpose", "area", "amount", "source", "channel", "is_repeat", "responsible",
        "responsible__position",
    ),
    RecordType.DEAL: ("region", "purpose", "area", "tonnage", "amount", "source", "channel", "responsible"),
    RecordType.CONTACT: ("client_type", "region", "source", "responsible", "messages_consent"),
    RecordType.COMPANY: ("client_type", "region", "source", "responsible"),
    RecordType.OBJECT: ("region", "purpose", "area", "responsible"),
}  # fmt: skip
AT_ONCE, PLAN = "at_once", "plan"
BEFORE, AFTER = "before", "after"
UNITS = {
    AT_ONCE: gettext_lazy("at once"),
    "delay_hours": gettext_lazy("hours later"),
    "delay_days": gettext_lazy("days later"),
    "delay_working_days": gettext_lazy("working days later"),
    PLAN: gettext_lazy("on its day by the company settings"),
}
# A choice after which other fields are asked for: the form comes anew, with what was typed.
REFRESH = {
    "hx-post": "", "hx-trigger": "change", "hx-include": "closest form", "hx-target": "#rule-editor",
    "hx-select": "#rule-editor", "hx-swap": "outerHTML", "hx-vals": '{"refresh": "1"}',
}  # fmt: skip


# The buttons of the page after which the form comes anew too.
ASKS_ANEW = ("refresh", "add_group", "drop_group")


def _asking() -> forms.Select:
    return forms.Select(attrs=REFRESH)


class RuleForm(forms.Form):
    """All of a rule but its conditions and the parameters of its action."""

    name_ru = forms.CharField(label=gettext_lazy("Name in Russian"), max_length=100)
    name_en = forms.CharField(
        label=gettext_lazy("Name in English"), max_length=100, required=False,
        help_text=gettext_lazy("Left empty, it is the Russian one."),
    )  # fmt: skip
    pipeline = forms.ChoiceField(label=gettext_lazy("Pipeline"), widget=_asking())
    trigger = forms.ChoiceField(label=gettext_lazy("When"), choices=Rule.Trigger.choices, widget=_asking())
    stage = forms.ChoiceField(label=gettext_lazy("Stage"), required=False)
    fields_ = forms.MultipleChoiceField(label=gettext_lazy("Which fields"))
    ways = forms.MultipleChoiceField(
        label=gettext_lazy("How the client makes contact"), required=False, choices=Rule.Way.choices,
        widget=forms.CheckboxSelectMultiple, help_text=gettext_lazy("None means any way."),
    )  # fmt: skip
    unit = forms.ChoiceField(label=gettext_lazy("Act"), choices=list(UNITS.items()))
    delay = forms.IntegerField(
        label=gettext_lazy("How many"), required=False, min_value=0, max_value=3650,
        widget=forms.NumberInput(attrs={"class": "num", "inputmode": "numeric"}),
    )  # fmt: skip
    date_field = forms.ChoiceField(label=gettext_lazy("Which date"))
    date_side = forms.ChoiceField(
        label=gettext_lazy("Act"),
        choices=[(BEFORE, gettext_lazy("before the date")), (AFTER, gettext_lazy("on the date or after it"))],
    )  # fmt: skip
    weekdays = forms.TypedMultipleChoiceField(
        label=gettext_lazy("Days of the week"), required=False, coerce=int, choices=list(WEEKDAYS.items()),
        widget=forms.CheckboxSelectMultiple, help_text=gettext_lazy("None means every day."),
    )  # fmt: skip
    at_hour = forms.TypedChoiceField(
        label=gettext_lazy("Hour"), coerce=int, initial=9, choices=[(hour, f"{hour}:00") for hour in range(24)]
    )
    stops_on_contact = forms.BooleanField(label=gettext_lazy("The client's contact calls it off"), required=False)
    action = forms.ChoiceField(label=gettext_lazy("What to do"), widget=_asking())
    is_active = forms.BooleanField(label=gettext_lazy("Switched on"), required=False)
    planned = forms.ChoiceField(
        label=gettext_lazy("What becomes of it"), initial=FOLLOW, widget=forms.RadioSelect,
        choices=[
            (FOLLOW, gettext_lazy("moves to the new moment; what is overdue by it is done now")),
            (KEEP, gettext_lazy("stays on its day")),
            (CANCEL, gettext_lazy("is called off")),
        ],
    )  # fmt: skip

    def __init__(self, data: Any = None, *, rule: Rule) -> None:
        super().__init__(data, initial=_initial(rule))
        self.rule, self.waiting = rule, waiting_of(rule)
        self.chosen_pipeline = _chosen(self, "pipeline", _pipelines())
        self.chosen_trigger = Rule.Trigger(_chosen_value(self, "trigger", Rule.Trigger.values))
        known = {code: action for code, action in ACTIONS.items() if action.fits(self.chosen_pipeline)}
        self.chosen_action = known[_chosen_value(self, "action", list(known))]
        self._offer([(code, str(action.label)) for code, action in known.items()])
        self._drop()

    def _offer(self, actions: list[tuple[str, str]]) -> None:
        """The choices that depend on the pipeline."""
        fields: Any = self.fields
        fields["pipeline"].choices = [(row.pk, row.name) for row in _pipelines().values()]
        if self.chosen_pipeline.record_type != RecordType.DEAL:
            fields["trigger"].choices = [row for row in Rule.Trigger.choices if row[0] != Rule.Trigger.INVOICE_OVERDUE]
        fields["action"].choices = sorted(actions, key=lambda row: row[1].casefold())
        stages = [(row.key, row.name) for row in pipelines.stages_of(self.chosen_pipeline.pk)]
        fields["stage"].choices = [("", _("any stage")), *stages]
        known = conditions.columns(self.chosen_pipeline.record_type)
        fields["fields_"].choices = self._watchable(known)
        fields["fields_"].widget.attrs |= {"data-choose": ""}
        fields["date_field"].choices = date_columns(self.chosen_pipeline.record_type)
        if not self.rule.delay_plan:
            fields["unit"].choices = [row for row in UNITS.items() if row[0] != PLAN]

    def _watchable(self, known: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """The fields to choose from, with those that the robot watches although people do not fill them in."""
        watched = self.rule.fields if self.is_same_kind() else ()
        offered, kind = {name for name, _label in known}, self.chosen_pipeline.record_type
        return [*known, *((name, capfirst(field_label(kind, name))) for name in watched if name not in offered)]

    def is_same_kind(self) -> bool:
        """Does the chosen pipeline hold the kind of record that the rule has been about?"""
        return bool(self.rule.pipeline_id) and self.rule.pipeline.record_type == self.chosen_pipeline.record_type

    def _drop(self) -> None:
        """The fields that mean nothing with this trigger."""
        trigger = self.chosen_trigger
        if trigger != Rule.Trigger.DATE_REACHED:
            del self.fields["date_field"], self.fields["date_side"]
        else:
            self.fields["delay"].label = _("By how many days")
            del self.fields["unit"]
        if trigger != Rule.Trigger.SCHEDULE:
            del self.fields["weekdays"], self.fields["at_hour"]
        if trigger in {Rule.Trigger.SCHEDULE, Rule.Trigger.NORM_EXCEEDED}:
            del self.fields["unit"], self.fields["delay"], self.fields["stops_on_contact"]
        if trigger != Rule.Trigger.FIELD_CHANGED:
            del self.fields["fields_"]
        if trigger != Rule.Trigger.CLIENT_CONTACT:
            del self.fields["ways"]
        if trigger == Rule.Trigger.CREATED:
            del self.fields["stage"]
        if trigger == Rule.Trigger.INACTIVE:
            del self.fields["unit"], self.fields["stops_on_contact"]
            self.fields["delay"].label = _("Days of silence")
            self.fields["delay"].required = True
        if trigger == Rule.Trigger.INVOICE_OVERDUE:
            del self.fields["unit"], self.fields["stops_on_contact"]
            self.fields["delay"].label = _("Days overdue")
            self.fields["delay"].help_text = _("Empty: on the day after the one by which it was to be paid.")
        if not self.waiting:
            del self.fields["planned"]

    def clean(self) -> dict[str, Any]:
        """A delay says how long."""
        given = super().clean() or {}
        if given.get("unit", AT_ONCE) not in {AT_ONCE, PLAN} and not given.get("delay"):
            self.add_error("delay", _("Say how much later."))
        return given

    def values(self) -> dict[str, Any]:
        """The columns of the rule."""
        given = self.cleaned_data
        in_days = self.chosen_trigger in {Rule.Trigger.INACTIVE, Rule.Trigger.INVOICE_OVERDUE}
        unit = "delay_days" if in_days else given.get("unit", AT_ONCE)
        offset = (given.get("delay") or 0) * (-1 if given.get("date_side") == BEFORE else 1)
        delays = dict.fromkeys(("delay_hours", "delay_days", "delay_working_days"), 0)
        if unit in delays:
            delays[unit] = given["delay"] or 0
        return {
            "name_ru": given["name_ru"].strip(),
            "name_en": given["name_en"].strip() or given["name_ru"].strip(),
            "pipeline": self.chosen_pipeline,
            "stage": pipelines.catalogue().stages.get(given.get("stage") or ""),
            "trigger": self.chosen_trigger.value,
            "fields": given.get("fields_", []),
            "ways": given.get("ways", []),
            "delay_plan": self.rule.delay_plan if unit == PLAN else "",
            "stops_on_contact": given.get("stops_on_contact", False),
            "action": self.chosen_action.code,
            "is_active": given["is_active"],
            "date_field": given.get("date_field", ""),
            "date_offset": offset if "date_side" in given else 0,
            "at_hour": given.get("at_hour"),
            "weekdays": given.get("weekdays", []),
            **delays,
        }


def _pipelines() -> dict[str, Pipeline]:
    return {pk: row for pk, row in pipelines.catalogue().pipelines.items() if row.is_active}


def _initial(rule: Rule) -> dict[str, Any]:
    """The rule as the form shows it."""
    unit = next((name for name in UNITS if getattr(rule, name, 0)), PLAN if rule.delay_plan else AT_ONCE)
    names = (
        "name_ru",
        "name_en",
        "trigger",
        "stops_on_contact",
        "action",
        "is_active",
        "date_field",
        "weekdays",
        "ways",
    )
    values = {name: getattr(rule, name) for name in names}
    return {
        **values,
        "pipeline": rule.pipeline_id,
        "stage": rule.stage_id or "",
        "fields_": rule.fields,
        "unit": unit,
        "delay": getattr(rule, unit, 0) or abs(rule.date_offset) or None,
        "date_side": BEFORE if rule.date_offset < 0 else AFTER,
        "at_hour": 9 if rule.at_hour is None else rule.at_hour,
    }


def _chosen_value(form: forms.Form, name: str, known: list[str]) -> str:
    """What is chosen in a form at the moment, checked or not; the first that is known where it is nothing known."""
    value = form.data.get(name) if form.is_bound else form.initial.get(name)
    return str(value) if value in known else known[0]


def _chosen(form: forms.Form, name: str, known: Mapping[str, Any]) -> Any:
    return known[_chosen_value(form, name, list(known))]


class RuleEditor:
    """The forms of a rule as one: the rule, the groups of its conditions, the parameters of its action."""

    def __init__(self, data: Any = None, *, rule: Rule) -> None:
        self.form = RuleForm(data, rule=rule)
        pipeline, action = self.form.chosen_pipeline, self.form.chosen_action
        self.conditions = ConditionGroups(
            data, record_type=pipeline.record_type, columns=ASKED[RecordType(pipeline.record_type)],
            tree=rule.conditions if self.form.is_same_kind() else {}, prefix="if",
        )  # fmt: skip
        self.params = ParamsForm(
            data, makers=action.params, pipeline=pipeline, params=rule.params if rule.action == action.code else {},
            prefix="do",
        )  # fmt: skip
        for field in self.params.fields.values():
            if "data-refresh" in field.widget.attrs:
                field.widget.attrs |= REFRESH
        groups = self.conditions
        self.parts: tuple[forms.Form, ...] = (self.form, groups.joined, *groups.forms, self.params)

    def is_valid(self) -> bool:
        """All of them; each says its own errors."""
        return not [part for part in self.parts if not part.is_valid()]

    @property
    def refresh(self) -> Mapping[str, str]:
        """What a button says that brings the form anew."""
        return {**REFRESH, "hx-trigger": "click"}

    @property
    def narrows(self) -> bool:
        """Is any condition set?"""
        return self.conditions.is_set or len(self.conditions.forms) > 1

    def values(self) -> dict[str, Any]:
        """What the service keeps."""
        return {**self.form.values(), "conditions": self.conditions.tree(), "params": self.params.plain()}

    def forgive(self) -> None:
        """Show what was typed without judging it: a choice was changed and other fields are asked for."""
        parts: tuple[Any, ...] = self.parts
        for part in parts:
            part._errors = ErrorDict()
            part.data = part.data.copy()
            for name, field in part.fields.items():  # what was not asked for before begins as it is shipped
                if field.initial is not None:
                    part.data.setdefault(part.add_prefix(name), field.initial)

    def take(self, error: DomainError) -> None:
        """Put what the service refused at the fields it is about."""
        own = dict.fromkeys(DELAYS, "delay")
        own |= {"fields": "fields_", "date_offset": "delay"}
        for row in error.errors or [{"pointer": "", "message": error.message}]:
            path = str(row.get("pointer", "")).strip("/")
            text = str(row.get("message") or error.message)
            name = path.removeprefix("params/")
            part: forms.Form = self.params if path.startswith("params/") else self.form
            if path == "conditions":
                self.conditions.joined.add_error(None, text)
                continue
            name = own.get(name, name)
            part.add_error(name if name in part.fields else None, text)

    @property
    def errors(self) -> list[tuple[str, str, str]]:
        """(address, label, text) of everything that is wrong, for the summary above."""
        found = []
        for part in self.parts:
            found += [("", "", str(text)) for text in part.non_field_errors()]
            for field in part:
                found += [(field.id_for_label or field.auto_id, str(field.label), str(text)) for text in field.errors]
        return found


def blank_rule(query: Mapping[str, Any]) -> Rule:
    """A rule that is still to be made; the address may name the pipeline, the stage and the trigger."""
    known = _pipelines()
    pipeline = known.get(str(query.get("pipeline", ""))) or next(iter(known.values()))
    stage = pipelines.catalogue().stages.get(str(query.get("stage", "")))
    is_ours = stage is not None and stage.pipeline_id == pipeline.pk
    trigger = str(query.get("trigger", ""))
    return Rule(
        pipeline=pipeline,
        stage=stage if is_ours else None,
        trigger=trigger if trigger in Rule.Trigger.values else Rule.Trigger.STAGE_ENTERED,
        action="create_task",
    )
