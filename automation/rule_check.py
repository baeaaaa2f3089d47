"""Can a rule be kept so? What is wrong is said at the field: by the editor, the API and a file of settings alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.utils.translation import gettext as _

from automation.actions import ACTIONS
from automation.actions.params import ParamsForm
from automation.models import Rule
from automation.schedule import PLANS
from crm import conditions
from crm.errors import InvalidInput
from crm.models import RecordType

Problem = tuple[str, str]
LONGEST_DAYS = 3650
LONGEST_HOURS = 24 * 90
# These have a moment of their own.
UNDELAYED = (Rule.Trigger.NORM_EXCEEDED, Rule.Trigger.DATE_REACHED, Rule.Trigger.SCHEDULE)
DELAYS = ("delay_hours", "delay_days", "delay_working_days", "delay_plan")


def rule_check(rule: Rule) -> None:
    """Bring an unsaved state of a rule into order (its parameters typed); InvalidInput names everything wrong."""
    problems = [
        *_wrong_stage(rule), *_wrong_fields(rule), *_wrong_ways(rule), *_wrong_delay(rule), *_wrong_date(rule),
        *_wrong_clock(rule),
    ]  # fmt: skip
    try:
        conditions.check(rule.conditions, rule.pipeline.record_type)
        conditions.check_rows(rule.conditions, rule.pipeline.record_type)
    except InvalidInput as error:
        problems.append(("conditions", error.message))
    problems += _wrong_action(rule)
    if problems:
        errors = [{"pointer": f"/{name}", "code": "invalid", "message": text} for name, text in problems]
        raise InvalidInput(problems[0][1], errors=errors)


def _wrong_stage(rule: Rule) -> Iterator[Problem]:
    if rule.stage is not None and rule.stage.pipeline_id != rule.pipeline_id:
        yield "stage", _("The stage is of another pipeline.")
    if rule.trigger not in Rule.Trigger.values:
        yield "trigger", _("Say when the robot starts.")
    if rule.trigger == Rule.Trigger.INVOICE_OVERDUE and rule.pipeline.record_type != RecordType.DEAL:
        yield "trigger", _("Only deals have invoices.")


def _wrong_fields(rule: Rule) -> Iterator[Problem]:
    if rule.trigger != Rule.Trigger.FIELD_CHANGED:
        rule.fields = []
        return
    if not rule.fields:
        yield "fields", _("Say which fields are watched.")
    for name in rule.fields:
        try:
            conditions.column(rule.pipeline.record_type, str(name))
        except FieldDoesNotExist:
            yield "fields", _("There is no field «%(field)s».") % {"field": str(name)[:60]}


def _wrong_ways(rule: Rule) -> Iterator[Problem]:
    """Ways of contact go with their trigger; all of them are as good as none."""
    if rule.trigger != Rule.Trigger.CLIENT_CONTACT:
        rule.ways = []
    elif not isinstance(rule.ways, list) or not {*map(str, rule.ways)} <= {*Rule.Way.values}:
        yield "ways", _("Say how the client makes contact: %(ways)s.") % {"ways": ", ".join(Rule.Way.values)}
    else:
        asked = [way for way in Rule.Way.values if way in rule.ways]
        rule.ways = [] if asked == Rule.Way.values else asked


def _wrong_delay(rule: Rule) -> Iterator[Problem]:
    given = [name for name in DELAYS if getattr(rule, name)]
    if rule.trigger == Rule.Trigger.INACTIVE and given != ["delay_days"]:
        yield "delay_days", _("Say after how many days of silence.")
    elif rule.trigger == Rule.Trigger.INVOICE_OVERDUE and set(given) - {"delay_days"}:
        yield given[0], _("An overdue invoice is counted in days.")
    elif given and rule.trigger in UNDELAYED:
        yield given[0], _("A robot that starts so has no other delay.")
    elif len(given) > 1:
        yield given[1], _("Give one delay: hours, days or working days.")
    if rule.delay_plan and rule.delay_plan not in PLANS:
        yield "delay_plan", _("There is no plan «%(name)s».") % {"name": rule.delay_plan}
    for name, most in (
        ("delay_days", LONGEST_DAYS),
        ("delay_working_days", LONGEST_DAYS),
        ("delay_hours", LONGEST_HOURS),
    ):
        value = getattr(rule, name)
        if not isinstance(value, int) or not 0 <= value <= most:
            yield name, _("A number from 0 to %(most)s is wanted.") % {"most": most}


def _wrong_date(rule: Rule) -> Iterator[Problem]:
    """A rule of a date has one; others have none."""
    if rule.trigger != Rule.Trigger.DATE_REACHED:
        rule.date_field, rule.date_offset = "", 0
    elif rule.date_field not in dict(date_columns(rule.pipeline.record_type)):
        yield "date_field", _("Choose a date of the record.")
    elif not isinstance(rule.date_offset, int) or abs(rule.date_offset) > LONGEST_DAYS:
        yield "date_offset", _("A number from 0 to %(most)s is wanted.") % {"most": LONGEST_DAYS}


def date_columns(record_type: str) -> list[tuple[str, str]]:
    """The dates of a kind of record, with their names."""
    known = conditions.columns(record_type)
    return [row for row in known if isinstance(conditions.column(record_type, row[0]), models.DateField)]


def _wrong_clock(rule: Rule) -> Iterator[Problem]:
    """A rule by the clock has its hour; others have none."""
    if rule.trigger != Rule.Trigger.SCHEDULE:
        rule.at_hour, rule.weekdays = None, []
        return
    if rule.at_hour is None or not 0 <= rule.at_hour <= 23:
        yield "at_hour", _("Say at which hour, from 0 to 23.")
    if not all(isinstance(day, int) and 1 <= day <= 7 for day in rule.weekdays):
        yield "weekdays", _("Days of the week are numbers from 1 (Monday) to 7.")
    rule.weekdays = sorted({*rule.weekdays})


def _wrong_action(rule: Rule) -> Iterator[Problem]:
    action = ACTIONS.get(rule.action)
    if action is None or not action.fits(rule.pipeline):
        name = str(action.label) if action else str(rule.action)[:60]
        text = (
            _("Robots of this pipeline cannot do this: «%(name)s».") if action else _("There is no action «%(name)s».")
        )
        yield "action", text % {"name": name}
        return
    if wrong := [name for name, value in rule.params.items() if not _is_plain(value)]:
        yield f"params/{wrong[0]}", _("«%(name)s» is not what it should be.") % {"name": wrong[0]}
        return
    form = ParamsForm(rule.params, makers=action.params, pipeline=rule.pipeline, params=rule.params)
    if not form.is_valid():
        yield from ((f"params/{name}", str(text)) for name, texts in form.errors.items() for text in texts)
        return
    rule.params = form.plain()
    if objection := action.objection(rule, rule.params):
        yield f"params/{objection[0]}", objection[1]


def _is_plain(value: Any) -> bool:
    """A parameter is a value or a list of values, no tree."""
    plain = str | int | float | bool | None
    return isinstance(value, plain) or (isinstance(value, list) and all(isinstance(item, plain) for item in value))
