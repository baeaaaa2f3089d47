"""Keeping rules: made, changed, copied, put in order, set back and deleted; every change is audited (ACC-5)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from automation.models import Rule, ScheduledRun
from automation.rule_check import DELAYS, rule_check
from automation.rulebook import RULES
from automation.services import replan
from automation.shipped import BLANK, SHIPPED
from crm import clock, scope
from crm.errors import InvalidInput
from crm.settings_audit import audit, require_head, save_audited

KIND = "rule"
STEP = 10
COLUMNS = (
    "name_ru", "name_en", "pipeline", "stage", "trigger", "fields", "ways", "conditions", "delay_hours", "delay_days",
    "delay_working_days", "delay_plan", "date_field", "date_offset", "at_hour", "weekdays", "stops_on_contact",
    "action", "params", "is_active",
)  # fmt: skip
# Where these change, what was planned is about something else.
OCCASION = ("pipeline_id", "stage_id", "trigger", "fields", "ways", "date_field")
MOMENT = (*DELAYS, "date_offset")
# What becomes of planned runs when the moment of their rule changes.
FOLLOW, CANCEL, KEEP = "follow", "cancel", "keep"
State = ScheduledRun.State


@transaction.atomic
def rule_save(rule: Rule, *, by: Any, data: Mapping[str, Any], planned: str = FOLLOW) -> Rule:
    """Make a rule, the last of its pipeline, or change one; InvalidInput names what is wrong.

    `planned`: what becomes of its planned runs when its moment changes: they move with it ("follow"), are called off
    ("cancel") or stay on their days ("keep"). What was planned for another occasion is called off in any case.
    """
    require_head(by)
    is_new = rule._state.adding
    if not is_new:
        rule = Rule.objects.select_for_update(of=("self",)).select_related("pipeline", "stage").get(pk=rule.pk)
    before = copy(rule)
    values = {name: data[name] for name in (*COLUMNS, "code", "order") if name in data}
    values = _completed(rule, values) if is_new else values
    _check(rule, values)
    if values.get("is_active") and (not before.is_active or values.get("trigger", before.trigger) != before.trigger):
        rule.switched_on_at = clock.now()
    save_audited(KIND, rule, values, by=by)
    scope.forget(RULES)
    if not is_new:
        _move_plans(before, rule, planned)
    return rule


def rule_take(rule: Rule, data: Mapping[str, Any], by: Any) -> None:
    """Bring a rule to what a file of settings says of it; InvalidInput where it cannot be so."""
    rule_save(rule, by=by, data=data)


def _completed(rule: Rule, values: dict[str, Any]) -> dict[str, Any]:
    """What a new rule is given of itself: a code, the last place, an English name."""
    if values.get("pipeline", getattr(rule, "pipeline_id", None)) is None:
        raise InvalidInput.at("pipeline", _("Choose a pipeline."))
    pipeline = values.get("pipeline") or rule.pipeline
    last = Rule.objects.filter(pipeline=pipeline).order_by("-order").values_list("order", flat=True).first()
    made = {"code": f"own_{secrets.token_hex(4)}", "order": (last or 0) + STEP, **values}
    made["name_en"] = made.get("name_en") or made.get("name_ru", "")
    return made


def _check(rule: Rule, values: dict[str, Any]) -> None:
    """Refuse a rule that cannot be; parameters become typed, watched fields go with their trigger."""
    wanted = copy(rule)
    for name, value in values.items():
        setattr(wanted, name, value)
    rule_check(wanted)
    for name in ("fields", "ways", "params", "date_field", "date_offset", "at_hour", "weekdays"):
        if name in values or getattr(wanted, name) != getattr(rule, name):
            values[name] = getattr(wanted, name)


def rule_draft(rule: Rule, data: Mapping[str, Any]) -> Rule:
    """The rule as it would be with the data, kept nowhere, for trying it; InvalidInput names what is wrong."""
    draft = copy(rule)
    for name in COLUMNS:
        if name in data:
            setattr(draft, name, data[name])
    rule_check(draft)
    return draft


def _move_plans(before: Rule, rule: Rule, planned: str) -> None:
    """Let what is planned follow a changed rule."""
    waiting = ScheduledRun.objects.filter(rule=rule, state=State.SCHEDULED)
    is_elsewhere = any(getattr(before, name) != getattr(rule, name) for name in OCCASION)
    is_other_moment = any(getattr(before, name) != getattr(rule, name) for name in MOMENT)
    if is_elsewhere or (is_other_moment and planned == CANCEL):
        waiting.update(state=State.CANCELLED, finished_at=clock.now(), note=_("The rule was changed."))
    elif is_other_moment and planned == KEEP:
        waiting.update(is_moved=True)
    elif is_other_moment:
        replan(rule)


def waiting_of(rule: Rule) -> int:
    """How many runs a rule has planned."""
    return ScheduledRun.objects.filter(rule=rule, state=State.SCHEDULED).count() if rule.pk else 0


@transaction.atomic
def rule_copy(rule: Rule, *, by: Any) -> Rule:
    """Make another rule like this one; it is off until somebody has looked at it."""
    values = {name: getattr(rule, name) for name in COLUMNS}
    values["name_ru"] = f"{rule.name_ru[:85]} (копия)"
    values["name_en"] = f"{rule.name_en[:85]} (copy)"
    # A copy that shared the word would make no task where the first has made one.
    values["params"] = {name: value for name, value in rule.params.items() if name != "once"}
    return rule_save(Rule(), by=by, data={**values, "is_active": False})


@transaction.atomic
def rule_delete(rule: Rule, *, by: Any) -> None:
    """Delete a rule of one's own with what it has planned; the timelines of records keep what it did."""
    require_head(by)
    if rule.is_shipped:
        raise InvalidInput.at("rule", _("This rule comes with the product: switch it off instead."))
    audit(KIND, rule, "deleted", str(rule), None, by)
    rule.delete()
    scope.forget(RULES)


@transaction.atomic
def rule_reset(rule: Rule, *, by: Any) -> Rule:
    """Bring a shipped rule back to how it came, but for whether it is on."""
    if rule.code not in SHIPPED:
        raise InvalidInput.at("rule", _("Only rules that came with the product can be set back."))
    values: dict[str, Any] = {**BLANK, **SHIPPED[rule.code]}
    wanted = Rule(pipeline_id=values.pop("pipeline"), stage_id=values.pop("stage"))
    return rule_save(rule, by=by, data={**values, "pipeline": wanted.pipeline, "stage": wanted.stage})


def is_as_shipped(rule: Rule) -> bool:
    """Is a shipped rule what it was when it came, whether on or off?"""
    if rule.code not in SHIPPED:
        return True
    shipped = {**BLANK, **SHIPPED[rule.code]}
    names = {"pipeline": "pipeline_id", "stage": "stage_id"}
    return all(getattr(rule, names.get(name, name)) == value for name, value in shipped.items())


@transaction.atomic
def rule_order_set(pipeline_id: str, ids: Sequence[int], *, by: Any) -> list[Rule]:
    """Bring the rules of a pipeline into the order of `ids`; those added meanwhile stay behind them.

    InvalidInput where a number is given twice or is no rule's of the pipeline.
    """
    require_head(by)
    rows = list(Rule.objects.select_for_update().filter(pipeline=pipeline_id).order_by("order", "id"))
    known = {rule.pk: rule for rule in rows}
    if len(set(ids)) != len(ids) or not set(ids) <= known.keys():
        raise InvalidInput.at("ids", _("The rules were changed meanwhile. Reload the page and try again."))
    wanted = [known[pk] for pk in ids] + [rule for rule in rows if rule.pk not in set(ids)]
    if [rule.pk for rule in wanted] == [rule.pk for rule in rows]:
        return rows
    old, new = " → ".join(map(str, rows)), " → ".join(map(str, wanted))
    for number, rule in enumerate(wanted, 1):
        rule.order = number * STEP
    Rule.objects.bulk_update(wanted, ["order"])
    audit(KIND, _("order of the robots"), "order", old, new, by)
    scope.forget(RULES)
    return wanted


@transaction.atomic
def rule_shift(rule: Rule, *, step: int, by: Any) -> None:
    """Move a rule one place up (-1) or down (+1) within its pipeline."""
    rows = Rule.objects.select_for_update().filter(pipeline=rule.pipeline_id).order_by("order", "id")
    ids = list(rows.values_list("pk", flat=True))
    at = ids.index(rule.pk)
    other = at + (1 if step > 0 else -1)
    if 0 <= other < len(ids):
        ids[at], ids[other] = ids[other], ids[at]
        rule_order_set(rule.pipeline_id, ids, by=by)
