"""Keeping the routing table: rows, their order, their switches; every change is audited (ACC-5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from crm import conditions
from crm.errors import InvalidInput
from crm.models import RecordType
from crm.settings_audit import audit, require_head, save_audited
from leads.models import RoutingRule
from leads.routing import FIELDS, TARGETS

KIND = "routing"
STEP = 10
ROW_FIELDS = ("name", "is_active", "conditions", "target", "person", "team", "share", "partner")


@transaction.atomic
def routing_rule_save(rule: RoutingRule, *, by: Any, data: Mapping[str, Any]) -> RoutingRule:
    """Add a row at the end of the table, or change one; InvalidInput names what is wrong."""
    require_head(by)
    values = {name: data[name] for name in ROW_FIELDS if name in data}
    if rule._state.adding:
        last = RoutingRule.objects.order_by("-order").values_list("order", flat=True).first()
        values["order"] = (last or 0) + STEP
    else:
        rule = RoutingRule.objects.select_for_update().get(pk=rule.pk)
    if "conditions" in values:
        conditions.check(values["conditions"], RecordType.LEAD, fields=FIELDS)
        conditions.check_rows(values["conditions"], RecordType.LEAD)
    target = str(values.get("target", rule.target))
    if target not in TARGETS:
        raise InvalidInput.at("target", _("Say to whom the lead goes."))
    # A row has one target: what was chosen for another kind is let go.
    values |= {name: None for name in TARGETS if name != target}
    if values.get(target, getattr(rule, target)) is None:
        raise InvalidInput.at(target, _("Say to whom the lead goes."))
    save_audited(KIND, rule, values, by=by)
    return rule


def routing_rule_take(rule: RoutingRule, data: Mapping[str, Any], by: Any) -> None:
    """Bring a row of the table to what a file of settings says of it."""
    routing_rule_save(rule, data=data, by=by)
    rest = {name: data[name] for name in ("order", "is_active") if name in data}
    save_audited(KIND, RoutingRule.objects.get(pk=rule.pk), rest, by=by)


@transaction.atomic
def routing_rule_delete(rule: RoutingRule, *, by: Any) -> None:
    """Take a row out of the table; leads that it has given away stay where they are."""
    require_head(by)
    audit(KIND, rule, "deleted", str(rule), None, by)
    rule.delete()


@transaction.atomic
def routing_rule_switch(rule: RoutingRule, *, is_active: bool, by: Any) -> RoutingRule:
    """Switch a row on or off."""
    require_head(by)
    locked = RoutingRule.objects.select_for_update().get(pk=rule.pk)
    save_audited(KIND, locked, {"is_active": is_active}, by=by)
    return locked


@transaction.atomic
def routing_order_set(ids: Sequence[int], *, by: Any) -> list[RoutingRule]:
    """Bring the rows into the order of `ids`; rows that were added meanwhile stay behind them.

    InvalidInput where a number is given twice or is no row's.
    """
    require_head(by)
    rows = list(RoutingRule.objects.select_for_update().order_by("order", "id"))
    known = {rule.pk: rule for rule in rows}
    if len(set(ids)) != len(ids) or not set(ids) <= known.keys():
        raise InvalidInput.at("ids", _("The table was changed meanwhile. Reload it and try again."))
    wanted = [known[pk] for pk in ids] + [rule for rule in rows if rule.pk not in set(ids)]
    if [rule.pk for rule in wanted] == [rule.pk for rule in rows]:
        return rows
    old, new = " → ".join(map(str, rows)), " → ".join(map(str, wanted))
    for number, rule in enumerate(wanted, 1):
        rule.order = number * STEP
    RoutingRule.objects.bulk_update(wanted, ["order"])
    audit(KIND, _("routing table"), "order", old, new, by)
    return wanted


@transaction.atomic
def routing_rule_shift(rule: RoutingRule, *, step: int, by: Any) -> None:
    """Move a row one place up (-1) or down (+1)."""
    require_head(by)
    ids = list(RoutingRule.objects.select_for_update().order_by("order", "id").values_list("pk", flat=True))
    at = ids.index(rule.pk)
    other = at + (1 if step > 0 else -1)
    if 0 <= other < len(ids):
        ids[at], ids[other] = ids[other], ids[at]
        routing_order_set(ids, by=by)
